package import SnapshotModel

/// A stored stream or a bookmark, read as a tree. Holds no contents.
///
/// Compact: about 150 bytes an inode with one name of 15 bytes and one extent (``byteCount`` measures it).
package final class StreamTree: SharedTree {
    /// The number of the root, as in btrfs (`BTRFS_FIRST_FREE_OBJECTID`) and the embedded volume.
    package static let rootNumber = InodeNumber(256)

    package let identity: SnapshotIdentity
    package let domain: SnapshotUUID?
    package let root = StreamTree.rootNumber
    package let holdsData = false
    /// Only a bookmark says where its extents lay.
    package let identifiesExtents: Bool

    /// Rows in the order of inode numbers.
    let table: InodeTable
    /// Rows in the order of directory and name.
    let names: NameTable
    /// Rows of `names` in the order of the inode that they name, then of directory and name.
    let namesByChild: [UInt32]
    let contents: ContentStore
    let attributeSets: [[ExtendedAttribute]]
    let rootSlot: Int

    init(
        identity: SnapshotIdentity, domain: SnapshotUUID?, identifiesExtents: Bool, table: InodeTable, names: NameTable,
        contents: ContentStore, attributeSets: [[ExtendedAttribute]], rootSlot: Int
    ) {
        self.identity = identity
        self.domain = domain
        self.identifiesExtents = identifiesExtents
        self.table = table
        self.names = names
        self.contents = contents
        self.attributeSets = attributeSets
        self.rootSlot = rootSlot
        var rows = [UInt32](0..<UInt32(names.rowCount))
        rows.sort { (names.children[Int($0)], $0) < (names.children[Int($1)], $1) }
        namesByChild = rows
    }

    /// How many bytes of memory the tree takes.
    package var byteCount: Int {
        let attributes = attributeSets.joined().reduce(0) { $0 + $1.name.count + $1.value.count + 96 }
        return table.byteCount + names.byteCount + 4 * namesByChild.count + contents.byteCount + attributes
    }

    package var totals: SnapshotTotals? {
        SnapshotTotals(inodes: UInt64(table.rowCount))
    }

    package func inode(_ number: InodeNumber) throws -> Inode? {
        slot(number).flatMap { table.inode($0) }
    }

    package func lookup(_ name: FileName, in directory: InodeNumber) throws -> DirectoryEntry? {
        let slot = try self.slot(of: directory)
        let row = firstRow { row in
            let other = Int(names.directories[row])
            return other < slot || other == slot && names.name(row).lexicographicallyPrecedes(name.bytes)
        }
        guard row < names.rowCount, Int(names.directories[row]) == slot, names.name(row).elementsEqual(name.bytes)
        else { return nil }
        return try entry(row)
    }

    package func forEachEntry(in directory: InodeNumber, _ body: (DirectoryEntry) throws -> Void) throws {
        let slot = try self.slot(of: directory)
        var row = firstRow { Int(names.directories[$0]) < slot }
        while row < names.rowCount, Int(names.directories[row]) == slot {
            try body(entry(row))
            row += 1
        }
    }

    package func links(of number: InodeNumber) throws -> [InodeLink] {
        let slot = try self.slot(of: number)
        let first = namesByChild.firstIndex(behind: { Int(names.children[Int($0)]) < slot })
        return namesByChild[first...].prefix { Int(names.children[Int($0)]) == slot }.map { row in
            let directory = InodeNumber(table.numbers[Int(names.directories[Int(row)])])
            return InodeLink(directory: directory, name: FileName(trusted: [UInt8](names.name(Int(row)))))
        }
    }

    package func forEachInode(_ body: (Inode) throws -> Void) throws {
        for slot in 0..<table.rowCount {
            if let inode = table.inode(slot) { try body(inode) }
        }
    }

    package func extendedAttributes(of number: InodeNumber) throws -> [ExtendedAttribute] {
        attributeSets[Int(table.attributes[try slot(of: number)])]
    }

    package func symbolicLinkTarget(of number: InodeNumber) throws -> [UInt8] {
        let slot = try self.slot(of: number)
        guard table.kind(slot) == .symbolicLink else {
            throw StreamTree.noLink(number, identity)
        }
        return try contents.target(at: table.contents[slot])
    }

    package func forEachExtent(
        of number: InodeNumber, from offset: UInt64, _ body: (FileExtent) throws -> Void
    ) throws {
        let slot = try self.slot(of: number)
        guard table.kind(slot) == .regular else { return }
        try contents.forEachExtent(at: table.contents[slot]) { extent in
            if extent.end > offset { try body(extent) }
        }
    }

    package func read(_ number: InodeNumber, at offset: UInt64, count: Int) throws -> ArraySlice<UInt8> {
        throw StreamTree.noContents(identity)
    }

    package func identity(ofInline extent: FileExtent, of number: InodeNumber) throws -> ExtentIdentity {
        throw StreamTree.noInlineContents(identity)
    }

    package func record(of number: InodeNumber) throws -> InodeRecord? {
        guard let slot = slot(number), let inode = table.inode(slot) else { return nil }
        let links = try links(of: number)
        guard links.count == 1 else { return nil }
        var extents: [FileExtent] = []
        try forEachExtent(of: number, from: 0) { extents.append($0) }
        return InodeRecord(
            inode: inode, directory: links[0].directory, name: links[0].name.bytes[...],
            attributes: attributeSets[Int(table.attributes[slot])], extents: extents[...],
            target: inode.kind == .symbolicLink ? try symbolicLinkTarget(of: number) : [])
    }

    private func entry(_ row: Int) throws -> DirectoryEntry {
        let slot = Int(names.children[row])
        guard let kind = table.kind(slot) else {
            throw SnapshotError(.corrupt, "an entry names no inode", place: identity.name)
        }
        return DirectoryEntry(
            name: FileName(trusted: [UInt8](names.name(row))), inode: InodeNumber(table.numbers[slot]), kind: kind)
    }

    private func slot(_ number: InodeNumber) -> Int? {
        let slot = table.numbers.firstIndex(behind: { $0 < number.rawValue })
        return slot < table.rowCount && table.numbers[slot] == number.rawValue ? slot : nil
    }

    private func slot(of number: InodeNumber) throws -> Int {
        guard let slot = slot(number) else {
            throw StreamTree.missing(number, identity)
        }
        return slot
    }

    private func firstRow(_ precedes: (Int) -> Bool) -> Int { (0..<names.rowCount).firstIndex(behind: precedes) }
}

/// What both kinds of tree that come from a stream say of a request that they cannot meet.
extension StreamTree {
    static func missing(_ number: InodeNumber, _ identity: SnapshotIdentity) -> SnapshotError {
        SnapshotError(.notFound, "there is no inode \(number.rawValue)", place: identity.name)
    }

    static func noLink(_ number: InodeNumber, _ identity: SnapshotIdentity) -> SnapshotError {
        SnapshotError(.invalidRequest, "inode \(number.rawValue) is no symbolic link", place: identity.name)
    }

    static func noContents(_ identity: SnapshotIdentity) -> SnapshotError {
        SnapshotError(.unsupported, "a bookmark or a stream read as a tree holds no contents", place: identity.name)
    }

    static func noInlineContents(_ identity: SnapshotIdentity) -> SnapshotError {
        SnapshotError(
            .unsupported, "an inline extent of a stream read as a tree has no contents", place: identity.name)
    }
}
