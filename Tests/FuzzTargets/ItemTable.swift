import BtrfsAccess
import SnapshotModel

/// Items of a btrfs tree in memory, which answers as the kernel does.
struct ItemTable: ItemSource {
    struct Item {
        var key: ItemKey
        /// Of the leaf that the item lies in.
        var generation: UInt64
        var contents: [UInt8]
    }

    /// In the order of their keys, each once.
    private let items: [Item]
    let nodeSize: Int

    /// - Parameter nodeSize: the least; where an item is longer, it is as long as that.
    init(_ items: [Item], nodeSize: Int) {
        var sorted: [Item] = []
        for item in items.sorted(by: { $0.key < $1.key }) where item.key != sorted.last?.key { sorted.append(item) }
        self.items = sorted
        self.nodeSize = sorted.reduce(nodeSize) { max($0, $1.contents.count) }
    }

    func fill(_ buffer: inout [UInt8], _ range: SearchRange) throws(SnapshotError) -> Int {
        var (position, found) = (ItemTable.head, 0)
        for item in items where item.key >= range.first && item.generation >= range.generation {
            let bytes = ItemTable.record(item)
            guard item.key <= range.last, bytes.count <= buffer.count - position else { break }
            buffer.replaceSubrange(position..<position + bytes.count, with: bytes)
            position += bytes.count
            found += 1
        }
        return found
    }

    /// An item behind its header, as a search gives it.
    static func record(_ item: Item) -> [UInt8] {
        let (key, contents) = (item.key, item.contents)
        return [item.generation, key.object, key.offset].flatMap { LittleEndian.bytes($0, 8) }
            + LittleEndian.bytes(UInt64(key.type), 4) + LittleEndian.bytes(UInt64(contents.count), 4) + contents
    }
}

/// A kernel that gives the same bytes whatever is asked: what says where items lie must not be trusted either.
struct StrangeItems: ItemSource {
    let bytes: [UInt8]
    let count: Int
    let nodeSize = 4096

    func fill(_ buffer: inout [UInt8], _ range: SearchRange) throws(SnapshotError) -> Int {
        let bytes = bytes.prefix(buffer.count - StrangeItems.head)
        buffer.replaceSubrange(StrangeItems.head..<StrangeItems.head + bytes.count, with: bytes)
        return count
    }
}
