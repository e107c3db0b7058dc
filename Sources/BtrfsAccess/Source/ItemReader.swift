import SnapshotModel

/// Goes through items of one tree in order, some read at a time.
struct ItemReader {
    /// Nil where all are there.
    private let search: (any ItemSource)?
    /// What was read last.
    private(set) var run: ItemRun
    private var index = 0
    private var range = SearchRange(first: ItemKey(0, 0), last: ItemKey(0, 0))
    private var isRead = false

    /// - Parameter size: how many bytes are read at once, at least.
    init(_ search: any ItemSource, size: Int) {
        self.search = search
        run = ItemRun(size: max(size, 2 * search.nodeSize))
    }

    /// Goes through items that were read, in one go.
    init(_ run: ItemRun) {
        search = nil
        self.run = run
        range = SearchRange(first: run.first, last: run.last)
        isRead = true
    }

    /// Goes on with other items.
    mutating func begin(from first: ItemKey, through last: ItemKey) {
        guard search != nil else { return }
        range = SearchRange(first: first, last: last)
        isRead = false
    }

    /// The first item from one key on; nil where it is behind another.
    mutating func skip(to key: ItemKey, through last: ItemKey) throws(SnapshotError) -> ItemRun.Place? {
        // Not through all that a directory or a large file has.
        if !isRead || run.last < key {
            guard search != nil, key <= range.last else { return nil }
            range.first = max(range.first, key)
            try fill()
        }
        while index < run.places.count, run.places[index].key < key { index += 1 }
        return try place(through: last)
    }

    /// The item behind the last; nil where it is behind a key.
    mutating func next(through last: ItemKey) throws(SnapshotError) -> ItemRun.Place? {
        index += 1
        return try place(through: last)
    }

    private mutating func place(through last: ItemKey) throws(SnapshotError) -> ItemRun.Place? {
        if index == run.places.count {
            guard search != nil, run.last < min(last, range.last), let next = run.last.next else { return nil }
            range.first = next
            try fill()
            guard !run.places.isEmpty else { return nil }
        }
        let place = run.places[index]
        return place.key <= last ? place : nil
    }

    private mutating func fill() throws(SnapshotError) {
        if let search { try run.fill(search, range) }
        index = 0
        isRead = true
    }
}
