import SnapshotModel

/// Reads all items of a tree, or what of it was written in a generation or later, by several threads: ranges of
/// objects at a time.
struct TreeScan: Sendable {
    /// Adds to values what it makes of an item.
    typealias Reader<Value> =
        @Sendable (ItemKey, borrowing RawSpan, inout [Value]) throws(SnapshotError) -> Void

    /// A range has at least this many objects: of inodes with all that the tree holds of them, some 10 MiB.
    static let shortestStep: UInt64 = 16_384
    /// A range is longer where the tree would have more of them.
    static let mostSteps: UInt64 = 4096
    /// How much one search reads.
    private static let size = 512 << 10

    let search: any ItemSource
    let generation: UInt64
    /// Items of other types are passed over.
    let types: [UInt8]

    /// The highest object that has anything to be read; the first one where none has.
    func lastObject(from first: UInt64) throws(SnapshotError) -> UInt64 {
        var run = ItemRun(size: 2 * search.nodeSize)
        var (low, high) = (first, BtrfsTree.lastNumber)
        // From where most trees end on, doubled until it is too much.
        var middle = min(high, first + TreeScan.shortestStep)
        while low < high {
            try run.fill(
                search,
                SearchRange(
                    first: ItemKey(middle, 0), last: ItemKey(BtrfsTree.lastNumber, .max, .max), generation: generation,
                    mostItems: 1))
            if let found = run.places.first?.key.object { low = max(low, found) } else { high = middle - 1 }
            let isBounded = high < BtrfsTree.lastNumber
            middle = isBounded ? low + (high - low + 1) / 2 : low + min(high - low, low)
        }
        return low
    }

    /// What is made of the items of some objects, in the order of their keys.
    func values<Value>(
        of objects: ClosedRange<UInt64>, _ read: Reader<Value>
    ) throws(SnapshotError) -> [Value] {
        var values: [Value] = []
        var range = SearchRange(
            first: ItemKey(objects.lowerBound, 0), last: ItemKey(objects.upperBound, .max, .max),
            generation: generation)
        let window = ItemWindow(size: TreeScan.size)
        while true {
            try window.fill(search, range)
            for place in window.places where types.contains(place.key.type) {
                try window.withContents(place) { bytes throws(SnapshotError) in
                    try read(place.key, bytes, &values)
                }
            }
            guard window.last < range.last, let next = window.last.next else { return values }
            range.first = next
        }
    }
}
