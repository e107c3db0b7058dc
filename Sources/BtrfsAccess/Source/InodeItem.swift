import SnapshotModel

/// Items that make up an inode and its names (Linux, include/uapi/linux/btrfs_tree.h; integers little-endian).
enum InodeItem {
    private static let length = 160

    /// - Throws: ``SnapshotError`` with ``SnapshotError/Code/corrupt``.
    static func parse(_ bytes: borrowing RawSpan, number: UInt64) throws(SnapshotError) -> Inode {
        guard bytes.byteCount >= length else { throw .shortItem }
        let mode: UInt32 = try bytes.number(at: 52)
        guard let kind = FileKind(mode: mode) else { throw .badItem("inode \(number) is of no known kind") }
        let size: UInt64 = try bytes.number(at: 16)
        guard size <= UInt64(Int64.max) else { throw .badItem("inode \(number) has an impossible size") }
        let hasSize = kind == .regular || kind == .symbolicLink
        let isDevice = kind == .characterDevice || kind == .blockDevice
        return Inode(
            number: InodeNumber(number), birthGeneration: try bytes.number(at: 0),
            changeGeneration: try bytes.number(at: 8), kind: kind, permissions: mode & 0o7777,
            owner: try bytes.number(at: 44), group: try bytes.number(at: 48),
            size: hasSize ? size : 0,
            linkCount: kind == .directory ? 1 : try bytes.number(at: 40),
            device: isDevice ? shownDevice(try bytes.number(at: 56)) : 0,
            times: FileTimes(
                accessed: try time(bytes, at: 112), modified: try time(bytes, at: 136),
                changed: try time(bytes, at: 124), born: try time(bytes, at: 148)),
            flags: BtrfsInodeFlags.shown(try bytes.number(at: 64)))
    }

    /// Whether the inode has a name: one that was unlinked while it was open has none.
    static func hasName(_ bytes: borrowing RawSpan) throws(SnapshotError) -> Bool {
        try bytes.number(at: 40, as: UInt32.self) != 0
    }

    /// What the item has for a size: of a directory, twice the lengths of all names in it.
    static func directorySize(_ bytes: borrowing RawSpan) throws(SnapshotError) -> UInt64 {
        try bytes.number(at: 16)
    }

    static func isDirectory(_ bytes: borrowing RawSpan) throws(SnapshotError) -> Bool {
        FileKind(mode: try bytes.number(at: 52)) == .directory
    }

    /// The transaction that made the inode.
    static func birthGeneration(_ bytes: borrowing RawSpan) throws(SnapshotError) -> UInt64 {
        try bytes.number(at: 0)
    }

    /// The transaction that last touched the inode.
    static func changeGeneration(_ bytes: borrowing RawSpan) throws(SnapshotError) -> UInt64 {
        try bytes.number(at: 8)
    }

    /// The kernel keeps 20 bits of minor number below the major number; stat(2) shows them apart.
    private static func shownDevice(_ kept: UInt64) -> UInt64 {
        let (major, minor) = (kept >> 20 & 0xFFF, kept & 0xFFFFF)
        return minor & 0xFF | major << 8 | (minor & ~0xFF) << 12
    }

    private static func time(_ bytes: borrowing RawSpan, at offset: Int) throws(SnapshotError) -> Timestamp {
        let nanoseconds: UInt32 = try bytes.number(at: offset + 8)
        return Timestamp(seconds: try bytes.number(at: offset), nanoseconds: min(nanoseconds, 999_999_999))
    }
}

/// Names of an inode, which share an item where their directory, or the hash of their name, is the same.
enum LinkItems {
    /// Appends the names that `INODE_REF` holds: index, length and name, one behind another.
    static func parse(
        _ bytes: borrowing RawSpan, directory: UInt64, into links: inout [InodeLink]
    ) throws(SnapshotError) {
        var position = 0
        while position < bytes.byteCount {
            let length = Int(try bytes.number(at: position + 8, as: UInt16.self))
            let name = try FileName(validating: try bytes.bytes(at: position + 10, count: length))
            links.append(InodeLink(directory: InodeNumber(directory), name: name))
            position += 10 + length
        }
    }

    /// Appends the names that `INODE_EXTREF` holds: directory, index, length and name, one behind another.
    static func parseExtended(_ bytes: borrowing RawSpan, into links: inout [InodeLink]) throws(SnapshotError) {
        var position = 0
        while position < bytes.byteCount {
            let directory: UInt64 = try bytes.number(at: position)
            let length = Int(try bytes.number(at: position + 16, as: UInt16.self))
            let name = try FileName(validating: try bytes.bytes(at: position + 18, count: length))
            links.append(InodeLink(directory: InodeNumber(directory), name: name))
            position += 18 + length
        }
    }
}

/// Entries of directories and extended attributes, which have one form: the key of what is named, a generation,
/// the lengths of data and name, a type, and then name and data. Those whose names have one hash share an item.
enum EntryItems {
    private static let head = 30

    /// Appends the entries that name an inode of this tree. One that names a subvolume is passed over: what lies
    /// in another subvolume is no part of this one.
    static func parse(_ bytes: borrowing RawSpan, into entries: inout [DirectoryEntry]) throws(SnapshotError) {
        var position = 0
        while position < bytes.byteCount {
            let (name, next) = try extent(of: bytes, at: position)
            if try bytes.number(at: position + 8, as: UInt8.self) == ItemKey.Kind.inode {
                let type: UInt8 = try bytes.number(at: position + 29)
                guard let kind = FileKind(entryType: type) else { throw .badItem("an entry is of no known kind") }
                entries.append(
                    DirectoryEntry(
                        name: try FileName(validating: try bytes.bytes(at: name.lowerBound, count: name.count)),
                        inode: InodeNumber(try bytes.number(at: position)), kind: kind))
            }
            position = next
        }
    }

    /// The transaction that made the first entry of an item.
    static func generation(_ bytes: borrowing RawSpan) throws(SnapshotError) -> UInt64 {
        try bytes.number(at: 17)
    }

    /// Appends extended attributes.
    static func parseAttributes(
        _ bytes: borrowing RawSpan, into attributes: inout [ExtendedAttribute]
    ) throws(SnapshotError) {
        var position = 0
        while position < bytes.byteCount {
            let (name, next) = try extent(of: bytes, at: position)
            let text = try bytes.bytes(at: name.lowerBound, count: name.count)
            guard !text.isEmpty, text.count <= ExtendedAttribute.maximumNameLength, !text.contains(0) else {
                throw .badItem("an extended attribute has an impossible name")
            }
            var value = try bytes.bytes(at: name.upperBound, count: next - name.upperBound)
            if value.isEmpty, emptyLists.contains(text) { value = emptyList }
            attributes.append(ExtendedAttribute(name: text, value: value))
            position = next
        }
    }

    /// Where the name of an entry lies, and where the next entry begins.
    private static func extent(
        of bytes: borrowing RawSpan, at position: Int
    ) throws(SnapshotError) -> (name: Range<Int>, next: Int) {
        let dataLength = Int(try bytes.number(at: position + 25, as: UInt16.self))
        let nameLength = Int(try bytes.number(at: position + 27, as: UInt16.self))
        let start = position + head
        return (start..<start + nameLength, start + nameLength + dataLength)
    }

    /// An access control list without entries is kept as no bytes at all, but can be set only as the version that
    /// begins every list (Linux, include/uapi/linux/posix_acl_xattr.h).
    private static let emptyLists = [
        Array("system.posix_acl_access".utf8), Array("system.posix_acl_default".utf8),
    ]
    private static let emptyList: [UInt8] = [2, 0, 0, 0]
}

extension FileKind {
    /// The kind by the number that an entry has for it (`BTRFS_FT_*`).
    fileprivate init?(entryType: UInt8) {
        switch entryType {
        case 1: self = .regular
        case 2: self = .directory
        case 3: self = .characterDevice
        case 4: self = .blockDevice
        case 5: self = .fifo
        case 6: self = .socket
        case 7: self = .symbolicLink
        default: return nil
        }
    }
}
