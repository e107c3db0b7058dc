package import SnapshotModel
import SystemCalls

/// A plain directory, read as a tree of inodes.
///
/// The directory is not frozen while it is read: what vanishes or changes under the reader is no failure of the
/// whole. An entry that cannot be had throws ``SnapshotError/Code/vanished`` or
/// ``SnapshotError/Code/unreadable``, from ``inode(_:)`` or at the latest from ``extendedAttributes(of:)``,
/// which opens a regular file: before anything was said of its contents. A directory that cannot be listed throws
/// the same, so that nobody takes it for an empty one. What could only be had in part is counted in ``losses``.
///
/// Memory: a name and a parent for each directory that was visited, and the entries of the directories being
/// visited with a bounded number of recent ones. Only questions that have no other answer (``links(of:)`` of an
/// inode with several names, ``forEachInode(_:)``, an inode of which no listing is at hand) build a table of
/// all names, at some 24 bytes and the name for each.
package final class DirectoryTree: SnapshotTree {
    /// What of a directory is read, and as what.
    package struct Options: Sendable {
        /// What is left out.
        package var excludes = ExcludeRules()
        /// Whether a directory with a valid `CACHEDIR.TAG` keeps nothing but the tag.
        package var excludesCaches = false
        /// By what the tree is known; nil for the directory's name, a new UUID and this moment.
        package var identity: SnapshotIdentity?

        package init() {}
    }

    package let identity: SnapshotIdentity
    package let root: InodeNumber
    package var domain: SnapshotUUID? { nil }
    package var holdsData: Bool { true }

    /// What could be read only in part, or not at all.
    package internal(set) var losses = ReplayLosses()

    /// Mount points below the directory, which are shown as empty directories: the first few, as shown.
    package internal(set) var mountPoints: [String] = []

    let options: Options
    let rootDescriptor: SharedDescriptor
    let rootStatus: FileStatus
    /// Whether the inode numbers in listings are those that statx(2) gives.
    let trustsListedInodes: Bool
    /// Parent and name of every directory that was listed.
    var directories: [UInt64: Place] = [:]
    /// The numbers given to mount points.
    var mounted: Set<UInt64> = []
    var recent = RecentListings()
    var ahead = ListingsAhead()
    var descriptors = BoundedCache<UInt64, SharedDescriptor>(capacity: 64)
    var files = BoundedCache<UInt64, OpenSourceFile>(capacity: 4)
    /// What ``inode(_:)`` said last, by which a change before the first read is seen.
    var lastStatus: FileStatus?
    /// The same as an inode, until something else is listed: one is asked for again and again while it is compared.
    var lastInode: Inode?
    /// The file that is read, or was read last, for the second time.
    var readAgain: UInt64?
    private var cachedTable: InodeTable?

    /// Opens a directory.
    ///
    /// - Throws: ``SnapshotError`` where the path is no directory that can be read.
    package init(path: String, options: Options = Options()) throws {
        self.options = options
        do {
            rootDescriptor = SharedDescriptor(
                try Descriptor.open(path: Array(path.utf8), flags: OpenFlags.readDirectory))
            rootStatus = try rootDescriptor.descriptor.status()
            let kind = try rootDescriptor.descriptor.fileSystemKind()
            trustsListedInodes = DirectoryTree.kindsWithTrueListings.contains(kind)
        } catch {
            throw SnapshotError(
                error.isMissing || error.isNotADirectory ? .notFound : .system, "this directory cannot be opened",
                place: path, remedy: error.remedy, cause: error)
        }
        root = InodeNumber(rootStatus.inode)
        let name = path.utf8.split(separator: UInt8(ascii: "/")).last.map { String(Substring($0)) } ?? "root"
        identity =
            options.identity
            ?? SnapshotIdentity(name: name, uuid: .random(), generation: 1, created: DirectoryTree.now())
    }

    /// File systems of which readdir and stat speak of the same inodes: ext4, xfs, btrfs, tmpfs, f2fs, ZFS
    /// (`f_type`, statfs(2)). Overlays and file systems in user space do not always.
    private static let kindsWithTrueListings: Set<UInt64> = [
        0xEF53, 0x5846_5342, 0x9123_683E, 0x0102_1994, 0xF2F5_2010, 0x2FC1_2FC1,
    ]

    /// The table of all names, built when it is first asked for.
    func table() throws -> InodeTable {
        if let cachedTable { return cachedTable }
        let table = try InodeTable(of: self)
        cachedTable = table
        return table
    }

    package func inode(_ number: InodeNumber) throws -> Inode? {
        if number == root { return Inode(rootStatus, number: number) }
        if let lastInode, lastInode.number == number { return lastInode }
        let status: FileStatus
        if let known = recent.status(of: number.rawValue) {
            status = known
        } else {
            guard let place = try place(of: number.rawValue) else { return nil }
            status = try self.status(of: number.rawValue, at: place)
        }
        lastStatus = status
        lastInode = Inode(status, number: number, isMountPoint: mounted.contains(number.rawValue))
        return lastInode
    }

    package func lookup(_ name: FileName, in directory: InodeNumber) throws -> DirectoryEntry? {
        guard !mounted.contains(directory.rawValue) else { return nil }
        let descriptor = try self.descriptor(of: directory.rawValue)
        guard let entry = try entry(name.bytes, in: directory.rawValue, descriptor) else { return nil }
        if isExcluded(entry, in: try path(of: directory.rawValue)) { return nil }
        if options.excludesCaches, name.bytes != CacheTag.name, CacheTag.marks(descriptor) { return nil }
        recent.remember(entry, of: directory.rawValue)
        lastInode = nil
        return entry
    }

    package func links(of number: InodeNumber) throws -> [InodeLink] {
        if number == root { return [] }
        if let place = directories[number.rawValue] { return [place.link] }
        if let place = try place(of: number.rawValue),
            try status(of: number.rawValue, at: place).linkCount == 1
        {
            return [place.link]
        }
        return try table().links(of: number.rawValue)
    }

    package func forEachInode(_ body: (Inode) throws -> Void) throws {
        try table().forEachNumber(with: root.rawValue) { number in
            do {
                if let inode = try inode(InodeNumber(number)) { try body(inode) }
            } catch let error as SnapshotError where error.code == .vanished {
                losses.add(.changed, error.place ?? "")
            }
        }
    }

    /// This moment (clock_gettime(2)).
    static func now() -> Timestamp {
        let time = WallClock.now()
        return Timestamp(seconds: time.seconds, nanoseconds: time.nanoseconds)
    }
}
