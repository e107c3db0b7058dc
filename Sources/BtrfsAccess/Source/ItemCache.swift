import SnapshotModel
import Workers

/// The items of one tree, read some at a time: who goes through neighbouring inodes reads the tree once.
///
/// Holds at most so many bytes of items, with their keys about half as much again. What is asked here and there, of
/// inodes that are no neighbours, is read for each inode alone.
final class ItemCache {
    /// One item, which stays what it is while it is held.
    struct Item {
        fileprivate let window: ItemWindow
        fileprivate let place: ItemRun.Place

        var key: ItemKey { place.key }
        var length: Int { place.length }

        /// Lends the item's bytes.
        func read<Result>(
            _ body: (borrowing RawSpan) throws(SnapshotError) -> Result
        ) throws(SnapshotError) -> Result {
            try window.withContents(place, body)
        }
    }

    private static let nearQuestions: UInt64 = 256
    /// The longest read, where an eighth of all that is held is no less.
    private static let longRead = 512 << 10
    /// Who asks for an inode so near behind another one will ask for more between them, or behind.
    static let neighbourInodes: UInt64 = 8
    /// Inodes of which the head is kept, and of which it is read ahead: some 700 bytes each with the places of its
    /// items, and 12 MiB where all are as long as they may be.
    private static let maximumHeads = 8192
    /// A longer head, of an inode with large attributes, is read whenever it is asked for.
    static let maximumHeadLength = 1024
    /// Who was given as much at once gets what follows read ahead.
    private static let shortestAhead = 128 << 10

    let search: any ItemSource
    private let maximumBytes: Int
    /// Whether this is the tree of a subvolume, of inodes.
    private let hasHeads: Bool
    /// Who asks for an object this near behind what was asked for just before goes on from there.
    private let nearObjects: UInt64
    /// In the order of their first keys, not overlapping.
    private var windows: [ItemWindow] = []
    /// Room for what is read alone.
    private var loneRun: ItemRun
    /// What was read of inodes alone: all items before those that are many, of contents and of entries.
    private var heads: [UInt64: ItemWindow] = [:]
    private var lastHead: UInt64 = 0
    private var headsAhead = HeadsAhead()
    private var byteCount = 0
    /// What a thread is reading, and its first key.
    private var ahead: (first: ItemKey, run: PendingResult<ItemRun>)?
    private var clock: UInt64 = 0
    private var lastIndex = 0

    init(_ search: any ItemSource, maximumBytes: Int, nearObjects: UInt64, hasHeads: Bool) {
        (self.search, self.maximumBytes) = (search, maximumBytes)
        (self.nearObjects, self.hasHeads) = (nearObjects, hasHeads)
        loneRun = ItemRun(size: 2 * search.nodeSize)
    }

    /// The item with a key; nil where there is none.
    func item(_ key: ItemKey) throws(SnapshotError) -> Item? {
        let window = try window(for: key)
        let index = window.index(from: key)
        guard index < window.places.count, window.places[index].key == key else { return nil }
        return Item(window: window, place: window.places[index])
    }

    /// Whether any leaf was written in a generation or later.
    func isWritten(since generation: UInt64) throws(SnapshotError) -> Bool {
        try loneRun.fill(search, SearchRange(first: ItemKey(0, 0), last: .last, generation: generation))
        return !loneRun.places.isEmpty
    }

    /// Forgets everything.
    func removeAll() {
        windows.removeAll()
        heads.removeAll()
        headsAhead = HeadsAhead()
        byteCount = 0
        ahead = nil
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

    /// Whether another tree has the same items between two keys, byte for byte. False, too, where there are more
    /// than are at hand in one window of each.
    func hasSameItems(
        from first: ItemKey, through last: ItemKey, as other: ItemCache
    ) throws(SnapshotError) -> Bool {
        let (left, right) = (try window(for: first), try other.window(for: first))
        guard last <= left.last, last <= right.last else { return false }
        var (index, otherIndex) = (left.index(from: first), right.index(from: first))
        while index < left.places.count, left.places[index].key <= last {
            guard otherIndex < right.places.count,
                left.holdsSame(left.places[index], as: right.places[otherIndex], of: right)
            else { return false }
            index += 1
            otherIndex += 1
        }
        return otherIndex == right.places.count || right.places[otherIndex].key > last
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
        if let head = try head(for: key) { return head }
        let index = windows.partition { $0.first <= key }
        // A node and as much again, in which an item has room for certain; more and more for who goes on.
        var size = 2 * search.nodeSize
        if index > 0, case let before = windows[index - 1], key.object - before.last.object < nearObjects,
            clock - before.used < ItemCache.nearQuestions
        {
            size = max(size, min(ItemCache.longRead, maximumBytes / 8, 2 * before.size))
        }
        let window: ItemWindow
        if let found = try takeAhead(key) {
            makeRoom(found.size)
            window = found
        } else {
            window = free(size)
            try window.fill(search, range(from: key))
        }
        window.used = clock
        lastIndex = windows.partition { $0.first <= key }
        windows.insert(window, at: lastIndex)
        byteCount += window.size
        if window.size >= ItemCache.shortestAhead { readAhead(behind: window) }
        return window
    }

    /// Says which inodes will be asked for, in order: those that are no neighbours of others are read ahead, as many
    /// as are kept.
    ///
    /// - Parameter onlyHeads: whether nothing else will be asked of them, which all are then read ahead for.
    func expect(_ numbers: some Sequence<UInt64>, onlyHeads: Bool = false) {
        var lone: [UInt64] = []
        var before: UInt64 = 0
        for number in numbers where lone.count < ItemCache.maximumHeads {
            let isLone = onlyHeads || number &- before >= ItemCache.neighbourInodes
            if isLone, heads[number] == nil { lone.append(number) }
            before = number
        }
        headsAhead.begin(lone, through: ItemKey.Kind.lastOfHead, of: search)
    }

    /// The first items of an inode, where no neighbour of it was asked for before.
    private func head(for key: ItemKey) throws(SnapshotError) -> ItemWindow? {
        guard hasHeads, key.type <= ItemKey.Kind.lastOfHead else { return nil }
        if let known = heads[key.object] { return known }
        for (number, head) in headsAhead.take(key.object) { keep(ItemWindow(head), of: number) }
        if let known = heads[key.object] { return known }
        let index = windows.partition { $0.first <= key }
        let before = max(index > 0 ? windows[index - 1].last.object : 0, lastHead <= key.object ? lastHead : 0)
        guard key.object - before >= ItemCache.neighbourInodes else { return nil }
        guard let found = try loneRun.head(of: key.object, through: ItemKey.Kind.lastOfHead, search) else { return nil }
        let head = ItemWindow(found)
        if head.size <= ItemCache.maximumHeadLength { keep(head, of: key.object) }
        lastHead = key.object
        return head
    }

    private func keep(_ head: ItemWindow, of number: UInt64) {
        if heads.count >= ItemCache.maximumHeads { heads.removeAll(keepingCapacity: true) }
        heads[number] = head
    }

    /// All from a key up to where the next window begins, which has all from there on.
    private func range(from key: ItemKey) -> SearchRange {
        let following = windows.partition { $0.first <= key }
        let end = following < windows.count ? windows[following].first.previous : nil
        return SearchRange(first: key, last: end ?? .last)
    }

    /// Has a thread read what will be asked for next by who goes through the tree in order.
    private func readAhead(behind window: ItemWindow) {
        guard let first = window.last.next, windowAtHand(for: first) == nil else { return }
        let (search, size, range) = (search, window.size, range(from: first))
        ahead = (
            first,
            WorkerPool.shared.start { try ItemRun(of: search, range, size: size) }
        )
    }

    /// What was read ahead, where it has a key.
    private func takeAhead(_ key: ItemKey) throws(SnapshotError) -> ItemWindow? {
        guard let (first, pending) = ahead, first <= key else { return nil }
        ahead = nil
        // What failed there is tried again here, and fails again or not.
        guard let run = try? pending.value(), key <= run.last else { return nil }
        let window = ItemWindow(run)
        let next = windows.partition { $0.first <= first }
        if next > 0, windows[next - 1].last >= run.first { return nil }
        if next < windows.count, windows[next].first <= run.last { return nil }
        return window
    }

    /// A window to be filled; what was asked for longest ago goes to make room for it.
    private func free(_ size: Int) -> ItemWindow {
        var window = makeRoom(size)
        let isFit = window?.size == size && isKnownUniquelyReferenced(&window)
        return window.flatMap { isFit ? $0 : nil } ?? ItemWindow(size: size)
    }

    /// Drops windows until there is room for another.
    ///
    /// - Returns: the last of them.
    @discardableResult
    private func makeRoom(_ size: Int) -> ItemWindow? {
        var dropped: ItemWindow?
        while byteCount + size > maximumBytes,
            let oldest = windows.indices.min(by: { windows[$0].used < windows[$1].used })
        {
            let window = windows.remove(at: oldest)
            byteCount -= window.size
            dropped = window
        }
        return dropped
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
