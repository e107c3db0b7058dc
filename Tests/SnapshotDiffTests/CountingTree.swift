import SnapshotModel
import SnapshotTesting

/// A tree that counts what is asked of it, and cannot read some of its files.
final class CountingTree: SnapshotTree {
    let tree: MemoryTree
    private(set) var calls = 0
    private(set) var bytesRead = 0
    private(set) var walks = 0
    /// Whether it can tell where an extent is referred to, as a file system can that keeps count of that.
    var knowsReferences = false
    /// What fails as in a living directory.
    var unreadable: Set<InodeNumber> = []

    init(_ tree: MemoryTree) { self.tree = tree }

    var identity: SnapshotIdentity { tree.identity }
    var domain: SnapshotUUID? { tree.domain }
    var root: InodeNumber { tree.root }
    var holdsData: Bool { tree.holdsData }

    private func counting(_ number: InodeNumber, _ isRead: Bool = false) throws {
        calls += 1
        guard isRead, unreadable.contains(number) else { return }
        throw SnapshotError(SnapshotError.Code(rawValue: "unreadable"), "permission denied")
    }

    func inode(_ number: InodeNumber) throws -> Inode? {
        try counting(number)
        return try tree.inode(number)
    }
    func lookup(_ name: FileName, in directory: InodeNumber) throws -> DirectoryEntry? {
        try counting(directory)
        return try tree.lookup(name, in: directory)
    }
    func forEachEntry(in directory: InodeNumber, _ body: (DirectoryEntry) throws -> Void) throws {
        try counting(directory, true)
        try tree.forEachEntry(in: directory) {
            calls += 1
            try body($0)
        }
    }
    func links(of number: InodeNumber) throws -> [InodeLink] {
        try counting(number)
        return try tree.links(of: number)
    }
    func forEachInode(_ body: (Inode) throws -> Void) throws {
        walks += 1
        try tree.forEachInode {
            calls += 1
            try body($0)
        }
    }
    func extendedAttributes(of number: InodeNumber) throws -> [ExtendedAttribute] {
        try counting(number, true)
        return try tree.extendedAttributes(of: number)
    }
    func symbolicLinkTarget(of number: InodeNumber) throws -> [UInt8] { try tree.symbolicLinkTarget(of: number) }
    func forEachExtent(of number: InodeNumber, from offset: UInt64, _ body: (FileExtent) throws -> Void) throws {
        try counting(number)
        try tree.forEachExtent(of: number, from: offset, body)
    }
    func read(_ number: InodeNumber, at offset: UInt64, count: Int) throws -> ArraySlice<UInt8> {
        bytesRead += count
        return try tree.read(number, at: offset, count: count)
    }
    func references(toExtentAt address: UInt64) throws -> [ExtentReference]? {
        guard knowsReferences else { return nil }
        var references: [ExtentReference] = []
        try tree.forEachInode { inode in
            guard inode.kind == .regular else { return }
            try tree.forEachExtent(of: inode.number, from: 0) { extent in
                guard case .data(let identity?) = extent.content, identity.address == address else { return }
                references.append(ExtentReference(inode: inode.number, offset: extent.offset))
            }
        }
        return references.reversed()
    }
    func identity(ofInline extent: FileExtent, of number: InodeNumber) throws -> ExtentIdentity {
        try tree.identity(ofInline: extent, of: number)
    }
    func forEachDifference(from base: any SnapshotTree, _ body: (TreeDifference) throws -> Void) throws -> Bool {
        try tree.forEachDifference(from: (base as? CountingTree)?.tree ?? base, body)
    }
}
