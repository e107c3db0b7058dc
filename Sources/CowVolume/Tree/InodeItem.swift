import SnapshotModel

/// An inode's attributes as they stand under ``ItemKey/Kind/inode``.
enum InodeItem {
    static func encode(_ inode: Inode) -> [UInt8] {
        var writer = ByteWriter()
        writer.bytes.reserveCapacity(64)
        writer.bytes.append(inode.kind.rawValue)
        writer.bytes.append(inode.times.born == nil ? 0 : 1)
        writer.write(inode.birthGeneration)
        writer.write(inode.changeGeneration)
        writer.write(UInt64(inode.permissions))
        writer.write(UInt64(inode.owner))
        writer.write(UInt64(inode.group))
        writer.write(inode.size)
        writer.write(UInt64(inode.linkCount))
        writer.write(inode.device)
        writer.write(inode.flags)
        writer.write(inode.origin.rawValue)
        let times = inode.times
        for time in [times.accessed, times.modified, times.changed] { write(time, &writer) }
        if let born = times.born { write(born, &writer) }
        return writer.bytes
    }

    static func parse(_ bytes: ArraySlice<UInt8>, number: UInt64) throws(SnapshotError) -> Inode {
        var reader = ByteReader(bytes)
        guard let kind = FileKind(rawValue: try reader.byte()) else {
            throw SnapshotError(.corrupt, "an inode has an unknown kind", place: "inode \(number)")
        }
        let hasBirthTime = try reader.byte() != 0
        var inode = Inode(number: InodeNumber(number), kind: kind, permissions: 0)
        inode.birthGeneration = try reader.integer()
        inode.changeGeneration = try reader.integer()
        inode.permissions = try reader.integer(as: UInt32.self)
        inode.owner = try reader.integer(as: UInt32.self)
        inode.group = try reader.integer(as: UInt32.self)
        inode.size = try reader.integer()
        inode.linkCount = try reader.integer(as: UInt32.self)
        inode.device = try reader.integer()
        inode.flags = try reader.integer()
        inode.origin = InodeNumber(try reader.integer())
        inode.times.accessed = try time(&reader)
        inode.times.modified = try time(&reader)
        inode.times.changed = try time(&reader)
        if hasBirthTime { inode.times.born = try time(&reader) }
        try reader.finish()
        guard inode.size <= FileLimits.maximumSize else {
            throw SnapshotError(.corrupt, "an inode is impossibly large", place: "inode \(number)")
        }
        return inode
    }

    private static func write(_ time: Timestamp, _ writer: inout ByteWriter) {
        writer.write(signed: time.seconds)
        writer.write(UInt64(time.nanoseconds))
    }

    private static func time(_ reader: inout ByteReader) throws(SnapshotError) -> Timestamp {
        Timestamp(seconds: try reader.signedInteger(), nanoseconds: try reader.integer(as: UInt32.self))
    }
}
