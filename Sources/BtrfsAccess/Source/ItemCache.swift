import SnapshotModel

/// The items of one tree, read some at a time: who goes through neighbouring inodes reads the tree once.
///
/// Holds at most ``maximumBytes`` of items, with their keys about half as much again.
final class ItemCache {
    /// One item, which stays what it is while it is held.
    struct Item {
        fileprivate let window: ItemWindow
        fileprivate let place: ItemWindow.Place

        var key: ItemKey { place.key }
        var length: Int { place.length }

        /// Lends the item's bytes.
        func read<Result>(
            _ body: (borrowing RawSpan) throws(SnapshotError) -> Result
        ) throws(SnapshotError) -> Result {
            try window.withContents(place, body)
        }
    }

    private static let maximumBytes = 12 << 20
    /// What is read where nothing tells that the neighbours will be asked for too: the largest node there is
    /// (`BTRFS_MAX_METADATA_BLOCKSIZE`), and so eight of the usual ones, and the heads.
    private static let shortRead = 128 << 10
    private static let longRead = 512 << 10

    let search: TreeSearch
    /// In the order of their first keys, not overlapping.
    private var windows: [ItemWindow] = []
    private var byteCount = 0
    private var clock: UInt64 = 0
    private var lastIndex = 0
    /// How many searches were made: the cost of what was asked.
    private(set) var searches = 0

    init(_ search: TreeSearch) {
        self.search = search
    }

    /// The item with a key; nil where there is none.
    func item(_ key: ItemKey) throws(SnapshotError) -> Item? {
        let window = try window(for: key)
        let index = window.index(from: key)
        guard index < window.places.count, window.places[index].key == key else { return nil }
        return Item(window: window, place: window.places[index])
    }

    /// Visits items between two keys, both included, until `body` says false.
    func forEach(from first: ItemKey, through last: ItemKey, _ body: (Item) throws -> Bool) throws {
        var next: ItemKey? = first
        while let key = next, key <= last {
            let window = try window(for: key)
            // Windows are filled anew only when nobody holds them, and so while `body` asks for more.
            let places = window.places
            let end = window.last
            var index = window.index(from: key)
            while index < places.count, places[index].key <= last {
                guard try body(Item(window: window, place: places[index])) else { return }
                index += 1
            }
            guard index == places.count else { return }
            next = end.next
        }
    }

    /// The last item of a type at or before a key of one object, where it is at hand without a search.
    func itemAtHand(before key: ItemKey) -> Item? {
        guard let window = windowAtHand(for: key) else { return nil }
        let index = window.index(from: key)
        if index < window.places.count, window.places[index].key == key {
            return Item(window: window, place: window.places[index])
        }
        guard index > 0 else { return nil }
        return Item(window: window, place: window.places[index - 1])
    }

    private func windowAtHand(for key: ItemKey) -> ItemWindow? {
        if lastIndex < windows.count, windows[lastIndex].first <= key, key <= windows[lastIndex].last {
            return windows[lastIndex]
        }
        let index = windows.partition { $0.first <= key }
        guard index > 0, key <= windows[index - 1].last else { return nil }
        lastIndex = index - 1
        return windows[lastIndex]
    }

    private func window(for key: ItemKey) throws(SnapshotError) -> ItemWindow {
        clock += 1
        if let window = windowAtHand(for: key) {
            window.used = clock
            return window
        }
        let index = windows.partition { $0.first <= key }
        // Who comes from just before goes on: the nearer, the more is read at once.
        let before = index > 0 ? windows[index - 1] : nil
        let isNext = before.map { key.object - $0.last.object < 256 } ?? false
        let size = isNext ? min(ItemCache.longRead, 2 * (before?.size ?? 0)) : ItemCache.shortRead
        let window = free(size)
        // Up to where the next window begins, which has all from there on.
        var range = SearchRange(first: key, last: .last)
        let following = windows.partition { $0.first <= key }
        if following < windows.count, let end = windows[following].first.previous { range.last = end }
        try window.fill(search, range)
        searches += 1
        window.used = clock
        lastIndex = windows.partition { $0.first <= key }
        windows.insert(window, at: lastIndex)
        byteCount += window.size
        return window
    }

    /// A window to be filled; what was asked for longest ago goes to make room for it.
    private func free(_ size: Int) -> ItemWindow {
        while byteCount + size > ItemCache.maximumBytes,
            let oldest = windows.indices.min(by: { windows[$0].used < windows[$1].used })
        {
            byteCount -= windows[oldest].size
            var window = windows.remove(at: oldest)
            if window.size == size, isKnownUniquelyReferenced(&window) { return window }
        }
        return ItemWindow(size: size)
    }
}

extension ItemKey {
    /// The key before; nil for the first.
    fileprivate var previous: ItemKey? {
        if offset > 0 { return ItemKey(object, type, offset - 1) }
        if type > 0 { return ItemKey(object, type - 1, .max) }
        return object > 0 ? ItemKey(object - 1, .max, .max) : nil
    }
}

extension [ItemWindow] {
    /// How many windows, from the first on, a condition holds for.
    fileprivate func partition(_ isBefore: (ItemWindow) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if isBefore(self[middle]) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
