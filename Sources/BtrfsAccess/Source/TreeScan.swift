import SnapshotModel
import Workers

/// Reads all items of a tree, or what of it was written in a generation or later, by several threads: ranges of
/// objects at a time.
struct TreeScan: Sendable {
    /// Adds to values what it makes of an item.
    typealias Reader<Value> =
        @Sendable (ItemKey, borrowing RawSpan, inout [Value]) throws(SnapshotError) -> Void

    /// A range has at least this many objects: of inodes with all that the tree holds of them, some 3 MiB.
    static let shortestStep: UInt64 = 4096
    /// A range is longer where the tree would have more of them.
    static let mostSteps: UInt64 = 4096
    /// How much one search reads.
    private static let size = 256 << 10

    let search: any ItemSource
    let generation: UInt64
    private let runs = Spares<ItemRun>()

    init(search: any ItemSource, generation: UInt64) {
        self.search = search
        self.generation = generation
    }

    /// The highest object that has anything to be read; the first one where none has.
    func lastObject(from first: UInt64) throws(SnapshotError) -> UInt64 {
        var run = ItemRun(size: 2 * search.nodeSize)
        var (low, high) = (first, BtrfsTree.lastNumber)
        // From where many trees end on, doubled until it is too much.
        var middle = min(high, first + 16_384)
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

    /// What is made of the items of some objects that have one of some types, in the order of their keys.
    func values<Value>(
        of objects: ClosedRange<UInt64>, _ types: [UInt8], _ read: Reader<Value>
    ) throws(SnapshotError) -> [Value] {
        var values: [Value] = []
        try forEachRun(of: objects) { run throws(SnapshotError) in
            try TreeScan.read(run, types, read, into: &values)
        }
        return values
    }

    static func read<Value>(
        _ run: ItemRun, _ types: [UInt8], _ read: Reader<Value>, into values: inout [Value]
    ) throws(SnapshotError) {
        for place in run.places where types.contains(place.key.type) {
            try run.withContents(place) { bytes throws(SnapshotError) in
                try read(place.key, bytes, &values)
            }
        }
    }

    /// Visits all items of some objects, some at a time.
    func forEachRun(
        of objects: ClosedRange<UInt64>, _ body: (ItemRun) throws(SnapshotError) -> Void
    ) throws(SnapshotError) {
        var range = SearchRange(
            first: ItemKey(objects.lowerBound, 0), last: ItemKey(objects.upperBound, .max, .max),
            generation: generation)
        try runs.withOne(or: { ItemRun(size: TreeScan.size) }) { run throws(SnapshotError) in
            while true {
                try run.fill(search, range)
                try body(run)
                guard run.last < range.last, let next = run.last.next else { return }
                range.first = next
            }
        }
    }
}
