import SnapshotModel

extension Node {
    /// The first byte of an encoded node.
    private static let formatVersion: UInt8 = 1
    /// The most bytes of an encoded node before compression: two of the largest items, with room to spare.
    static let maximumEncodedSize = 1 << 20

    /// The node in bytes: version, level, count, and for each item its key and its value or child. Of the key's
    /// inode number only the step from the key before is kept.
    func encoded() -> [UInt8] {
        var writer = ByteWriter()
        writer.bytes.reserveCapacity(size + size / 8)
        writer.bytes.append(Node.formatVersion)
        writer.bytes.append(level)
        writer.write(UInt64(items.count))
        var object: UInt64 = 0
        for index in items.indices {
            writer.write(items.object(at: index) &- object)
            object = items.object(at: index)
            writer.bytes.append(items.kind(at: index).rawValue)
            writer.write(items.offset(at: index))
            writer.write(counted: items.name(at: index))
            if isLeaf {
                writer.write(counted: items.value(at: index))
            } else {
                writer.write(children[index].rawValue)
            }
        }
        return writer.bytes
    }

    /// Reads an encoded node and checks that it can stand in a tree: keys ascend, and there are some.
    convenience init(parsing bytes: [UInt8], id: NodeID) throws(SnapshotError) {
        var reader = ByteReader(bytes[...])
        guard try reader.byte() == Node.formatVersion else {
            throw SnapshotError(.unsupported, "a node has an unknown format")
        }
        let level = try reader.byte()
        let count = try reader.integer()
        // Every item takes at least five bytes.
        guard level <= Node.maximumLevel, count > 0, count <= UInt64(bytes.count / 5) else {
            throw SnapshotError(.corrupt, "a node of level \(level) claims \(count) items")
        }
        var items = NodeItems(within: bytes, capacity: Int(count))
        var children: [NodeID] = []
        if level > 0 { children.reserveCapacity(Int(count)) }
        var object: UInt64 = 0
        for _ in 0..<count {
            let (next, overflow) = object.addingReportingOverflow(try reader.integer())
            guard !overflow, let kind = ItemKey.Kind(rawValue: try reader.byte()) else {
                throw SnapshotError(.corrupt, "a node has an impossible key")
            }
            object = next
            let offset = try reader.integer()
            let name = try reader.counted(atMost: FileName.maximumLength).indices
            var value = 0..<0
            if level == 0 {
                value = try reader.counted(atMost: Node.maximumEncodedSize).indices
            } else {
                children.append(NodeID(rawValue: try reader.integer()))
            }
            guard items.append(object, kind, offset: offset, name: name, value: value) else {
                throw SnapshotError(.corrupt, "the keys of a node are out of order")
            }
        }
        try reader.finish()
        self.init(id: id, level: level, items: items, children: children)
    }
}
