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
        writer.write(UInt64(keys.count))
        var object: UInt64 = 0
        for (index, key) in keys.enumerated() {
            writer.write(key.object &- object)
            object = key.object
            writer.bytes.append(key.kind.rawValue)
            writer.write(key.offset)
            writer.write(counted: key.name)
            if isLeaf {
                writer.write(counted: values[index])
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
        var keys: [ItemKey] = []
        var values: [ArraySlice<UInt8>] = []
        var children: [NodeID] = []
        keys.reserveCapacity(Int(count))
        if level == 0 { values.reserveCapacity(Int(count)) } else { children.reserveCapacity(Int(count)) }
        var object: UInt64 = 0
        var previous: (object: UInt64, kind: UInt8) = (0, 0)
        for _ in 0..<count {
            let (next, overflow) = object.addingReportingOverflow(try reader.integer())
            guard !overflow, let kind = ItemKey.Kind(rawValue: try reader.byte()) else {
                throw SnapshotError(.corrupt, "a node has an impossible key")
            }
            object = next
            let offset = try reader.integer()
            let name = Array(try reader.counted(atMost: FileName.maximumLength))
            let key = ItemKey(object, kind, offset: offset, name: name)
            // Most keys ascend by their first parts, which takes no look at names.
            if !keys.isEmpty, next == previous.object, kind.rawValue <= previous.kind, !(keys[keys.count - 1] < key) {
                throw SnapshotError(.corrupt, "the keys of a node are out of order")
            }
            previous = (object, kind.rawValue)
            keys.append(key)
            if level == 0 {
                values.append(try reader.counted(atMost: Node.maximumEncodedSize))
            } else {
                children.append(NodeID(rawValue: try reader.integer()))
            }
        }
        try reader.finish()
        self.init(id: id, level: level, keys: keys, values: values, children: children)
    }
}
