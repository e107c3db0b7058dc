import SnapshotModel

/// A run of neighbouring items of a tree, as one search gave them.
final class ItemWindow {
    /// Where in the buffer the contents of an item lie.
    struct Place {
        let key: ItemKey
        let position: Int
        let length: Int
    }

    /// Each item stands behind a header: generation, object, offset, type and length.
    private static let itemHead = 32

    /// The keys that the window knows all items of.
    private(set) var first = ItemKey(0, 0, 0)
    private(set) var last = ItemKey(0, 0, 0)
    private(set) var places: [Place] = []
    /// When it was asked last, by the clock of its cache.
    var used: UInt64 = 0
    /// Bytes of the buffer.
    let size: Int
    private(set) var buffer: [UInt8]

    init(size: Int) {
        self.size = size
        buffer = [UInt8](repeating: 0, count: size)
    }

    /// Reads the items from the first key of a range on, as many as have room.
    ///
    /// - Throws: ``SnapshotError``, with `corrupt` for what no kernel gives.
    func fill(_ search: TreeSearch, _ range: SearchRange) throws(SnapshotError) {
        let found = try search.fill(&buffer, range)
        (first, last) = (range.first, range.last)
        places.removeAll(keepingCapacity: true)
        let buffer = buffer
        let bytes = unsafe buffer.span.bytes
        var position = TreeSearch.head
        for _ in 0..<found {
            let type = try bytes.number(at: position + 24, as: UInt32.self)
            let length = Int(try bytes.number(at: position + 28, as: UInt32.self))
            let key = ItemKey(
                try bytes.number(at: position + 8), UInt8(truncatingIfNeeded: type),
                try bytes.number(at: position + 16))
            position += ItemWindow.itemHead
            guard length <= bytes.byteCount - position, key >= range.first, places.last.map({ $0.key < key }) ?? true
            else { throw .badItem("the items of a btrfs tree are out of order") }
            places.append(Place(key: key, position: position, length: length))
            position += length
        }
        // Where another item would have had room, there is none.
        if let end = places.last?.key, bytes.byteCount - position < ItemWindow.itemHead + search.nodeSize { last = end }
    }

    /// The index of the first item whose key is not before one.
    func index(from key: ItemKey) -> Int {
        var (low, high) = (0, places.count)
        while low < high {
            let middle = (low + high) / 2
            if places[middle].key < key { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Lends the contents of an item.
    func withContents<Result>(
        _ place: Place, _ body: (borrowing RawSpan) throws(SnapshotError) -> Result
    ) throws(SnapshotError) -> Result {
        let buffer = buffer
        let bytes = unsafe buffer.span.bytes
        return try body(bytes.extracting(place.position..<place.position + place.length))
    }
}
