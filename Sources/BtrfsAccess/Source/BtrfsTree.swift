import Codecs
package import SnapshotModel
package import SystemCalls

/// A read-only subvolume of a mounted btrfs, read from the items of its tree; only for root.
///
/// Items are read in runs of neighbours (``ItemCache``), so that going through all inodes reads the tree about once,
/// with no path to resolve. Only the contents of files that are not in the tree go by way of an open file.
package final class BtrfsTree: SnapshotTree {
    /// Every subvolume's root directory (`BTRFS_FIRST_FREE_OBJECTID`).
    private static let rootNumber = InodeNumber(256)
    /// The tree of all extents (`BTRFS_EXTENT_TREE_OBJECTID`).
    private static let extentTree: UInt64 = 2
    /// The highest number of an inode (`BTRFS_LAST_FREE_OBJECTID`).
    static let lastNumber = UInt64.max - 255

    package let identity: SnapshotIdentity
    /// The file system.
    package let domain: SnapshotUUID?
    package var root: InodeNumber { BtrfsTree.rootNumber }
    package var holdsData: Bool { true }
    /// What the kernel tells of the subvolume, as it was when it was opened.
    package let subvolume: Subvolume

    let directory: SharedDescriptor
    let items: ItemCache
    /// What the file system keeps of extents, each under its address.
    let extentRecords: ItemCache
    let contents: FileContents
    let filesAhead: FilesAhead
    private var walkAhead = WalkAhead()
    /// The path by which it was opened, for messages.
    let place: String
    /// The last in which anything of the tree was written, as far as is known.
    private var generation: UInt64
    /// When the tree was last seen to be what it was.
    private var lastLook: ContinuousClock.Instant?
    /// A commit takes more: it waits for the disk twice.
    private static let shortestCommit = Duration.milliseconds(1)
    private var lastInode: Inode?
    /// New times since a base that was asked about last.
    var compared: ComparedTimes?
    /// Directories that were asked for: files are gone through in order, but to name one takes all above it.
    private var directories: [InodeNumber: (inode: Inode, links: [InodeLink]?)] = [:]
    /// Some 2 MiB.
    private static let maximumDirectories = 8192

    /// Opens the subvolume whose root is open, when what was written to it before has reached its tree.
    ///
    /// - Parameter place: the path of the root.
    /// - Throws: ``SnapshotError`` with ``SnapshotError/Code/invalidRequest`` for one that is writable.
    package convenience init(root shared: SharedDescriptor, place: String) throws {
        let subvolume: Subvolume
        let fileSystem: FileSystemInfo
        do throws(SystemCallError) {
            try shared.descriptor.syncFileSystem()
            subvolume = try Subvolume(of: shared.descriptor)
            fileSystem = try FileSystemInfo(of: shared.descriptor)
        } catch {
            throw SnapshotError(
                .system, "a btrfs subvolume cannot be opened", place: place, remedy: error.remedy, cause: error)
        }
        guard subvolume.isReadOnly else { throw BtrfsTree.writable(place) }
        let isReceived = subvolume.receivedUUID != nil
        var identity = SnapshotIdentity(
            name: BtrfsTree.name(of: place), uuid: subvolume.uuid, generation: subvolume.changeGeneration,
            receivedUUID: subvolume.receivedUUID, receivedGeneration: isReceived ? subvolume.sentGeneration : nil,
            created: subvolume.created)
        identity.lineage = subvolume.lineage(in: shared)
        let search = TreeSearch(root: shared, tree: 0, nodeSize: fileSystem.nodeSize)
        let records = TreeSearch(root: shared, tree: BtrfsTree.extentTree, nodeSize: fileSystem.nodeSize)
        self.init(
            items: search, extentRecords: records, identity: identity, subvolume: subvolume, domain: fileSystem.uuid,
            root: shared, place: place)
        // Says at once where the kernel refuses.
        do {
            _ = try items.item(ItemKey(BtrfsTree.rootNumber.rawValue, ItemKey.Kind.inode))
        } catch {
            throw error.placed(ifNeeded: place)
        }
    }

    /// A tree of the items that any source gives; who needs a kernel for more gets an error.
    ///
    /// - Parameters:
    ///   - records: the tree of extents.
    ///   - root: any directory. Contents that are not in the items are looked for in its file system.
    package init(
        items source: some ItemSource, extentRecords records: some ItemSource, identity: SnapshotIdentity,
        subvolume: Subvolume, domain: SnapshotUUID, root: SharedDescriptor, place: String
    ) {
        (self.identity, self.subvolume, self.domain, self.place) = (identity, subvolume, domain, place)
        directory = root
        generation = subvolume.generation
        items = ItemCache(source, maximumBytes: 8 << 20, nearObjects: 256, hasHeads: true)
        extentRecords = ItemCache(records, maximumBytes: 1 << 20, nearObjects: 16 << 20, hasHeads: false)
        let opener = FileOpener(root: root, subvolume: subvolume.id)
        contents = FileContents(opener: opener)
        filesAhead = FilesAhead(opener: opener)
    }

    /// What is said of a subvolume that can still change.
    package static func writable(_ place: String) -> SnapshotError {
        SnapshotError(
            .invalidRequest, "the subvolume is writable, and only a read-only one is a snapshot", place: place,
            remedy: "take a snapshot of it with 'cowpath snapshot', or make it read-only with "
                + "'btrfs property set -ts SUBVOLUME ro true'")
    }

    /// A balance writes the leaves of a read-only subvolume anew.
    ///
    /// Before an address can mean another extent, the transaction that frees it has to be committed: as long as nothing
    /// has moved, one look holds for as long as that takes at least.
    package func haveExtentsMoved() throws -> Bool {
        let now = ContinuousClock.now
        if let lastLook, now - lastLook < BtrfsTree.shortestCommit { return false }
        guard try located({ try items.isWritten(since: generation &+ 1) }) else {
            // Where something moved once, no look is spared.
            if generation == subvolume.generation { lastLook = now }
            return false
        }
        lastLook = nil
        do {
            generation = try Subvolume(of: directory.descriptor).generation
        } catch {
            throw SnapshotError(.notFound, "the subvolume was removed while it was read", place: place, cause: error)
        }
        items.removeAll()
        extentRecords.removeAll()
        return true
    }

    /// Sees to it that the subvolume is still there, and still what it was when it was opened.
    ///
    /// - Throws: ``SnapshotError`` with ``SnapshotError/Code/invalidRequest`` where it was made writable meanwhile.
    package func checkUnchanged() throws {
        do {
            let now = try Subvolume(of: directory.descriptor)
            if now.isReadOnly, now.changeGeneration == subvolume.changeGeneration { return }
        } catch {
            throw SnapshotError(.notFound, "the subvolume was removed while it was read", place: place, cause: error)
        }
        throw SnapshotError(
            .invalidRequest, "the subvolume changed while it was read", place: place,
            remedy: "leave it read-only until the end, and do the same again")
    }

    private static func name(of path: String) -> String {
        path.split(separator: "/").last.map(String.init) ?? "root"
    }

    package func inode(_ number: InodeNumber) throws -> Inode? {
        if let lastInode, lastInode.number == number { return lastInode }
        if let known = directories[number] { return known.inode }
        guard number.rawValue >= BtrfsTree.rootNumber.rawValue, number.rawValue <= BtrfsTree.lastNumber,
            let item = try items.item(ItemKey(number.rawValue, ItemKey.Kind.inode))
        else { return nil }
        let found = try located {
            try item.read { bytes throws(SnapshotError) in
                try InodeItem.hasName(bytes) ? try InodeItem.parse(bytes, number: number.rawValue) : nil
            }
        }
        if let found {
            lastInode = found
            if found.kind == .directory { remember(found) }
        }
        return found
    }

    func remember(_ directory: Inode, links: [InodeLink]? = nil) {
        if directories.count >= BtrfsTree.maximumDirectories { directories.removeAll(keepingCapacity: true) }
        directories[directory.number] = (directory, links)
    }

    package func lookup(_ name: FileName, in directory: InodeNumber) throws -> DirectoryEntry? {
        _ = try existingInode(directory)
        // btrfs_name_hash: CRC-32C that begins with all ones but the last, inverting nothing.
        let hash = UInt64(CRC32C.update(~1, name.bytes[...]))
        var entries: [DirectoryEntry] = []
        if let item = try items.item(ItemKey(directory.rawValue, ItemKey.Kind.nameHash, hash)) {
            try located { try item.read { bytes throws(SnapshotError) in try EntryItems.parse(bytes, into: &entries) } }
        }
        return entries.first { $0.name == name }
    }

    package func forEachEntry(in directory: InodeNumber, _ body: (DirectoryEntry) throws -> Void) throws {
        for entry in try entriesInWalk(directory) {
            try body(entry)
            filesAhead.leave(entry.inode)
        }
    }

    /// The entries of a directory that is visited; its files will be asked for next.
    private func entriesInWalk(_ directory: InodeNumber) throws -> [DirectoryEntry] {
        if filesAhead.hasGivenUp { walkAhead = WalkAhead() }
        let (isExpected, listed) = walkAhead.take(directory)
        let entries = try listed ?? entries(of: directory)
        if listed == nil { walkAhead.enter(entries) }
        if !isExpected { filesAhead.begin() }
        if listed == nil { filesAhead.append(entries) }
        return entries
    }

    package func expectReads(of files: ArraySlice<InodeNumber>) {
        // Some are no small files, and not read ahead.
        if !files.isEmpty, !filesAhead.expects(files.prefix(8)) {
            walkAhead = WalkAhead()
            filesAhead.begin(files)
        }
    }

    /// Reads the entries of the directory that comes behind all that were read, whose files are wanted too.
    func expectMoreFiles() -> Bool {
        guard let entries = walkAhead.next({ try entries(of: $0) }) else { return false }
        filesAhead.append(entries)
        return true
    }

    /// The entries of a directory by name.
    func entries(of directory: InodeNumber) throws -> [DirectoryEntry] {
        _ = try existingInode(directory)
        var entries: [DirectoryEntry] = []
        try forEachItem(of: directory, ItemKey.Kind.entry) { item in
            try item.read { bytes throws(SnapshotError) in try EntryItems.parse(bytes, into: &entries) }
        }
        entries.sort { $0.name < $1.name }
        return entries
    }

    package func links(of number: InodeNumber) throws -> [InodeLink] {
        guard try existingInode(number).kind == .directory else { return try readLinks(of: number) }
        if let links = directories[number]?.links { return links }
        let links = try readLinks(of: number)
        directories[number]?.links = links
        return links
    }

    private func readLinks(of number: InodeNumber) throws -> [InodeLink] {
        var links: [InodeLink] = []
        // The root's only reference is to itself.
        guard number != root else { return links }
        try forEachItem(of: number, ItemKey.Kind.link) { item in
            try item.read { bytes throws(SnapshotError) in
                try LinkItems.parse(bytes, directory: item.key.offset, into: &links)
            }
        }
        try forEachItem(of: number, ItemKey.Kind.extendedLink) { item in
            try item.read { bytes throws(SnapshotError) in try LinkItems.parseExtended(bytes, into: &links) }
        }
        guard links.count > 1 else { return links }
        return links.sorted()
    }

    package func extendedAttributes(of number: InodeNumber) throws -> [ExtendedAttribute] {
        _ = try existingInode(number)
        var attributes: [ExtendedAttribute] = []
        try forEachItem(of: number, ItemKey.Kind.attribute) { item in
            try item.read { bytes throws(SnapshotError) in
                try EntryItems.parseAttributes(bytes, into: &attributes)
            }
        }
        guard attributes.count > 1 else { return attributes }
        return attributes.sorted { $0.name.lexicographicallyPrecedes($1.name) }
    }

    /// Visits all items of one type that an inode has.
    private func forEachItem(
        of number: InodeNumber, _ type: UInt8, _ body: (ItemCache.Item) throws -> Void
    ) throws {
        let (first, last) = (ItemKey(number.rawValue, type), ItemKey(number.rawValue, type, .max))
        try located {
            try items.forEach(from: first, through: last) { item in
                try body(item)
                return true
            }
        }
    }

    /// Says in errors which subvolume they are about.
    func located<Value>(_ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let error as SnapshotError {
            throw error.placed(ifNeeded: place)
        }
    }
}
