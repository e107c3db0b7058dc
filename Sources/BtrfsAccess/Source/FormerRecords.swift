import SnapshotModel

/// Compares the items of inodes with what is remembered of them.
struct FormerRecords {
    let tree: any SharedTree
    /// Those among which the last inode was found, and where.
    private var recent: (any InodeRecords)?
    private var recentPlace = 0
    /// The extended attributes of the inode that is compared; kept for its room.
    private var attributes: [ExtendedAttribute] = []

    init(_ tree: any SharedTree) {
        self.tree = tree
    }

    /// What an inode is and was; nil where anything but its times is new, or it had several names. It may have lost the
    /// one that it had.
    ///
    /// - Parameter links: to which its names are appended.
    mutating func compare(
        _ inode: CommonInode, _ new: inout ItemReader, _ links: inout [InodeLink]
    ) throws -> TimesComparison.States? {
        guard let record = try record(of: inode) else { return nil }
        attributes.removeAll(keepingCapacity: true)
        var states: TimesComparison.States?
        // How many of the extents were seen, or whether the target was.
        var extentCount = 0
        let last = TimesComparison.last(of: inode)
        var next = try new.skip(to: ItemKey(inode.number, 0), through: last)
        while let place = next {
            switch place.key.type {
            case ItemKey.Kind.inode:
                states = try TimesComparison.compare(new.run, place, record.inode, size: record.directorySize, inode)
                guard states != nil else { return nil }
            case ItemKey.Kind.link:
                try new.run.withContents(place) { bytes throws(SnapshotError) in
                    try LinkItems.parse(bytes, directory: place.key.offset, into: &links)
                }
                guard links.count == 1, links[0].directory == record.directory,
                    links[0].name.bytes.elementsEqual(record.name)
                else { return nil }
            case ItemKey.Kind.attribute:
                try new.run.withContents(place) { bytes throws(SnapshotError) in
                    try EntryItems.parseAttributes(bytes, into: &attributes)
                }
                guard attributes.count <= record.attributes.count else { return nil }
            case ItemKey.Kind.extent:
                let isSame = try new.run.withContents(place) { bytes throws(SnapshotError) in
                    try FormerRecords.isSame(extent: bytes, at: place.key.offset, record, &extentCount)
                }
                guard isSame else { return nil }
            default: return nil
            }
            next = try new.next(through: last)
        }
        guard extentCount == (record.inode.kind == .symbolicLink ? 1 : record.extents.count), hasAttributes(of: record)
        else { return nil }
        return states
    }

    private mutating func record(of inode: CommonInode) throws -> InodeRecord? {
        let number = InodeNumber(inode.number)
        if inode.isDirectory { return try tree.record(of: number) }
        if let record = recent?.record(of: number, near: &recentPlace) { return record }
        guard let records = try tree.records(with: number) else { return try tree.record(of: number) }
        recent = records
        return records.record(of: number, near: &recentPlace)
    }

    private func hasAttributes(of record: InodeRecord) -> Bool {
        guard attributes.count == record.attributes.count else { return false }
        if attributes.isEmpty { return true }
        return attributes.sorted { $0.name.lexicographicallyPrecedes($1.name) } == record.attributes
    }

    /// Compares the next extent, of which it counts those that are no holes.
    private static func isSame(
        extent bytes: borrowing RawSpan, at offset: UInt64, _ record: InodeRecord, _ count: inout Int
    ) throws(SnapshotError) -> Bool {
        let item = try ExtentItem(parsing: bytes, start: offset)
        guard var content = item.content else { return true }
        defer { count += 1 }
        if record.inode.kind == .symbolicLink {
            guard count == 0, content == .inline else { return false }
            return try ExtentItem.inlineBytes(bytes) == record.target
        }
        guard count < record.extents.count else { return false }
        if content == .inline {
            guard let identity = try item.inlineIdentity(bytes) else { return false }
            content = .data(identity)
        }
        return record.extents[record.extents.startIndex + count]
            == FileExtent(offset: item.start, length: item.length, content: content)
    }
}
