import Glibc
import SnapshotModel

/// A run of neighbouring items of a tree, as one search gave them.
struct ItemRun: Sendable {
    /// Where in the buffer the contents of an item lie.
    struct Place: Sendable {
        let key: ItemKey
        let position: Int
        let length: Int

        var range: Range<Int> { position..<position + length }
    }

    /// An inode has most often fewer items.
    private static let nearItems = 8
    /// Each item stands behind a header: generation, object, offset, type and length.
    private static let itemHead = 32

    /// The keys that the run has all items of.
    private(set) var first = ItemKey(0, 0, 0)
    private(set) var last = ItemKey(0, 0, 0)
    private(set) var places: [Place] = []
    fileprivate var buffer: [UInt8]
    /// Bytes of the buffer.
    var size: Int { buffer.count }

    /// - Parameter size: bytes of the buffer.
    init(size: Int) {
        buffer = [UInt8](repeating: 0, count: size)
    }

    /// The items from the first key of a range on, as many as have room.
    init(of search: any ItemSource, _ range: SearchRange, size: Int) throws(SnapshotError) {
        self.init(size: size)
        try fill(search, range)
    }

    /// Reads the items from the first key of a range on, as many as have room.
    ///
    /// - Throws: ``SnapshotError``, with `corrupt` for what no kernel gives.
    mutating func fill(_ search: any ItemSource, _ range: SearchRange) throws(SnapshotError) {
        let found = try search.fill(&buffer, range)
        (first, last) = (range.first, range.last)
        var places = self.places
        self.places = []
        let end = try ItemRun.parse(buffer, found, from: range.first, into: &places)
        self.places = places
        // Where another item would have had room, there is none.
        if let key = places.last?.key, buffer.count - end < ItemRun.itemHead + search.nodeSize { last = key }
    }

    /// The same items in a buffer of no more than they need.
    func trimmed() -> ItemRun {
        var copy = self
        copy.buffer = Array(buffer.prefix(places.last.map { $0.position + $0.length } ?? 0))
        copy.places = places.map { $0 }
        return copy
    }

    /// The index of the first item whose key is not before one.
    ///
    /// - Parameter guess: where it may be, or up to ``nearItems`` before it.
    func index(from key: ItemKey, near guess: Int = 0) -> Int {
        if guess == 0 || guess <= places.count && places[guess - 1].key < key {
            for index in guess..<min(guess + ItemRun.nearItems, places.count) where places[index].key >= key {
                return index
            }
        }
        var (low, high) = (0, places.count)
        while low < high {
            let middle = (low + high) / 2
            if places[middle].key < key { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Whether an item is the same as one of another run, key and contents.
    func holdsSame(_ place: Place, as other: Place, of run: ItemRun) -> Bool {
        guard place.key == other.key, place.length == other.length else { return false }
        return unsafe buffer[place.range].withUnsafeBytes { left in
            unsafe run.buffer[other.range].withUnsafeBytes { right in
                guard let left = left.baseAddress, let right = right.baseAddress else { return true }
                return unsafe memcmp(left, right, place.length) == 0
            }
        }
    }

    /// Lends the contents of an item.
    func withContents<Result>(
        _ place: Place, _ body: (borrowing RawSpan) throws(SnapshotError) -> Result
    ) throws(SnapshotError) -> Result {
        try ItemRun.lend(buffer, place, body)
    }

    fileprivate static func lend<Result>(
        _ buffer: [UInt8], _ place: Place, _ body: (borrowing RawSpan) throws(SnapshotError) -> Result
    ) throws(SnapshotError) -> Result {
        let bytes = unsafe buffer.span.bytes
        return try body(bytes.extracting(place.range))
    }

    /// Finds out where items lie: in order, each within the buffer.
    ///
    /// - Returns: where the last one ends.
    private static func parse(
        _ buffer: [UInt8], _ count: Int, from first: ItemKey, into places: inout [Place]
    ) throws(SnapshotError) -> Int {
        places.removeAll(keepingCapacity: true)
        let bytes = unsafe buffer.span.bytes
        var position = TreeSearch.head
        for _ in 0..<count {
            let type = try bytes.number(at: position + 24, as: UInt32.self)
            let length = Int(try bytes.number(at: position + 28, as: UInt32.self))
            let key = ItemKey(
                try bytes.number(at: position + 8), UInt8(truncatingIfNeeded: type),
                try bytes.number(at: position + 16))
            position += itemHead
            guard length <= bytes.byteCount - position, key >= first, places.last.map({ $0.key < key }) ?? true
            else { throw .badItem("the items of a btrfs tree are out of order") }
            places.append(Place(key: key, position: position, length: length))
            position += length
        }
        return position
    }
}

/// A run that is kept, or filled anew.
final class ItemWindow {
    private var run: ItemRun
    /// When it was asked last, by the clock of its cache.
    var used: UInt64 = 0
    private var lastIndex = 0

    init(size: Int) {
        run = ItemRun(size: size)
    }

    init(_ run: ItemRun) {
        self.run = run
    }

    var first: ItemKey { run.first }
    var last: ItemKey { run.last }
    var places: [ItemRun.Place] { run.places }
    /// Bytes of the buffer.
    var size: Int { run.size }

    func fill(_ search: any ItemSource, _ range: SearchRange) throws(SnapshotError) {
        try run.fill(search, range)
    }

    /// The index of the first item whose key is not before one. Who asked before goes on to its neighbours most often.
    func index(from key: ItemKey) -> Int {
        lastIndex = run.index(from: key, near: lastIndex)
        return lastIndex
    }

    /// Whether an item is the same as one of another window, key and contents.
    func holdsSame(_ place: ItemRun.Place, as other: ItemRun.Place, of window: ItemWindow) -> Bool {
        run.holdsSame(place, as: other, of: window.run)
    }

    /// Lends the contents of an item.
    func withContents<Result>(
        _ place: ItemRun.Place, _ body: (borrowing RawSpan) throws(SnapshotError) -> Result
    ) throws(SnapshotError) -> Result {
        // It may be filled anew meanwhile.
        let buffer = run.buffer
        return try ItemRun.lend(buffer, place, body)
    }
}
