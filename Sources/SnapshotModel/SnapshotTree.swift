/// A tree of inodes at one instant: the source of a diff, or its base.
///
/// All calls block and come from one thread at a time. A number that is not in the tree gives
/// ``SnapshotError/Code/notFound``, except where nil says so.
package protocol SnapshotTree: AnyObject {
    /// By what the snapshot is known.
    var identity: SnapshotIdentity { get }

    /// The store whose inode and extent identities this tree speaks of; nil where they mean nothing outside it.
    var domain: SnapshotUUID? { get }

    /// The root directory.
    var root: InodeNumber { get }

    /// Whether contents can be read. A bookmark has only extents without them.
    var holdsData: Bool { get }

    /// Whether extents have identities. A stored stream with data, read as a tree, has none.
    var identifiesExtents: Bool { get }

    /// How many inodes and bytes the tree has, where that is known without a walk.
    var totals: SnapshotTotals? { get }

    /// The inode with this number; nil where there is none.
    func inode(_ number: InodeNumber) throws -> Inode?

    /// The inode that `name` names in a directory; nil where there is none.
    func lookup(_ name: FileName, in directory: InodeNumber) throws -> DirectoryEntry?

    /// Visits the entries of a directory in byte order of their names.
    ///
    /// `body` may call the tree again.
    func forEachEntry(in directory: InodeNumber, _ body: (DirectoryEntry) throws -> Void) throws

    /// What the store keeps as the size of a directory, where that grows and shrinks with the names in it alone, those
    /// of other stores' trees included; nil where it is not known, or there is no such directory.
    func directorySize(_ number: InodeNumber) throws -> UInt64?

    /// All names of an inode, by directory number and then name; none for the root.
    func links(of number: InodeNumber) throws -> [InodeLink]

    /// Visits every inode that has a name, and the root, in the order of their numbers.
    func forEachInode(_ body: (Inode) throws -> Void) throws

    /// The extended attributes, by name in byte order.
    func extendedAttributes(of number: InodeNumber) throws -> [ExtendedAttribute]

    /// The target of a symbolic link.
    func symbolicLinkTarget(of number: InodeNumber) throws -> [UInt8]

    /// Visits what of a regular file is not a hole, in order and without overlap, from the extent that holds
    /// or follows `offset` on. Extents may reach beyond the size of the file.
    func forEachExtent(of number: InodeNumber, from offset: UInt64, _ body: (FileExtent) throws -> Void) throws

    /// Bytes of a regular file from `offset` on; at most `count`, fewer only at the end of the file. Holes read
    /// as zeros. `count` is at most 1 MiB.
    func read(_ number: InodeNumber, at offset: UInt64, count: Int) throws -> ArraySlice<UInt8>

    /// Says which files will be read next, in order, outside of a visit of their directory; only to have them at hand.
    func expectReads(of files: ArraySlice<InodeNumber>)

    /// Asked when the contents of a file have been read: the inode as it is now, where it changed meanwhile and
    /// is to be read once more; nil where what was read is of one state, or no better can be had.
    func inodeToReadAgain(_ number: InodeNumber) throws -> Inode?

    /// An extent of the file in the form in which it is stored, to be passed on untouched; nil where it is not
    /// stored encoded or cannot be had.
    func encodedExtent(_ extent: FileExtent, of number: InodeNumber) throws -> EncodedExtent?

    /// What stands for the contents of an inline extent in a bookmark: made from the bytes alone.
    func identity(ofInline extent: FileExtent, of number: InodeNumber) throws -> ExtentIdentity

    /// Whether `extent` may be found at another place than this, so that it is worth remembering or looking up; false
    /// only where the store knows that nothing else refers to it, but at most the same place of other trees.
    func isShared(_ extent: FileExtent) throws -> Bool

    /// Where this tree refers to the extent with an address, which can be told without a walk through it; nil where
    /// it cannot. Of a great many places only some are told of, and some may be of an extent that had the address
    /// before.
    func references(toExtentAt address: UInt64) throws -> [ExtentReference]?

    /// Whether the store has moved extents since this was last asked, as btrfs does to balance its disks: identities
    /// told before then mean nothing any more.
    func haveExtentsMoved() throws -> Bool

    /// The last generation in which this tree and `base` were still one: what was last changed in it or before is
    /// the same in both, whatever is read of it. 0 where they never were one tree, or that is not known.
    func generationShared(with base: any SnapshotTree) throws -> UInt64

    /// Whether the same inode of `base` holds the same bytes in the same places, which the tree can tell at one
    /// glance; false says nothing.
    func surelyHoldsSame(_ number: InodeNumber, as base: any SnapshotTree) throws -> Bool

    /// What is new of an inode that `base` has too, where the tree can tell without a closer look that nothing but its
    /// times is, and it has one name; nil says nothing. Asked in the order of numbers, after
    /// ``forEachDifference(from:_:)``; who asks of all once more begins with the lowest.
    func timesChange(of number: InodeNumber, from base: any SnapshotTree) -> TimesChange?

    /// Visits what differs from `base`, where history shared by both makes that cheaper than reading both; in
    /// any order. A difference may be visited that is none when looked at closely.
    ///
    /// - Returns: false, having visited nothing, where the trees share no history that helps.
    func forEachDifference(from base: any SnapshotTree, _ body: (TreeDifference) throws -> Void) throws -> Bool
}

/// One difference between two trees of one domain.
package enum TreeDifference: Hashable, Sendable {
    /// A directory has an entry that its state in the base did not have; the directory may be new.
    case entryAdded(directory: InodeNumber, DirectoryEntry)
    /// A directory of the base has an entry that is no longer there; the directory may be gone.
    case entryRemoved(directory: InodeNumber, DirectoryEntry)
    /// Attributes, extended attributes or extents of an inode may differ, or the inode is in one tree only.
    case inode(InodeNumber)
    /// The same of an inode that the tree knows to be one and the same in both, if the base still has it.
    case commonInode(InodeNumber)
}

/// New times of an inode that is otherwise as it was.
package struct TimesChange: Sendable {
    package let kind: FileKind
    /// File attribute flags, as ``Inode/flags``.
    package let flags: UInt64
    package let times: FileTimes
    /// Whether it was modified at another time.
    package let isModified: Bool
    /// Whether its access or change time is another.
    package let isTouched: Bool
    /// Its only name.
    package let link: InodeLink

    /// - Parameters:
    ///   - inode: as it is now.
    ///   - former: the times that it had.
    package init(_ inode: Inode, former: FileTimes, link: InodeLink) {
        (kind, flags, times, self.link) = (inode.kind, inode.flags, inode.times, link)
        isModified = times.modified != former.modified
        isTouched = times.changed != former.changed || times.accessed != former.accessed
    }
}

extension SnapshotTree {
    package var totals: SnapshotTotals? { nil }

    package var identifiesExtents: Bool { domain != nil }

    package func directorySize(_ number: InodeNumber) throws -> UInt64? { nil }

    package func expectReads(of files: ArraySlice<InodeNumber>) {}

    package func inodeToReadAgain(_ number: InodeNumber) throws -> Inode? { nil }

    package func encodedExtent(_ extent: FileExtent, of number: InodeNumber) throws -> EncodedExtent? { nil }

    package func isShared(_ extent: FileExtent) throws -> Bool { true }

    package func references(toExtentAt address: UInt64) throws -> [ExtentReference]? { nil }

    package func haveExtentsMoved() throws -> Bool { false }

    package func generationShared(with base: any SnapshotTree) throws -> UInt64 { 0 }

    package func surelyHoldsSame(_ number: InodeNumber, as base: any SnapshotTree) throws -> Bool { false }

    package func timesChange(of number: InodeNumber, from base: any SnapshotTree) -> TimesChange? { nil }

    package func forEachDifference(
        from base: any SnapshotTree, _ body: (TreeDifference) throws -> Void
    ) throws -> Bool { false }

    /// The inode with this number, which must be there.
    package func existingInode(_ number: InodeNumber) throws -> Inode {
        guard let inode = try inode(number) else {
            throw SnapshotError(.notFound, "there is no inode \(number.rawValue)", place: identity.name)
        }
        return inode
    }

    /// The inode that a path names; nil where there is none.
    package func resolve(_ path: RelativePath) throws -> Inode? {
        var inode = try existingInode(root)
        for name in path.names {
            guard inode.kind == .directory, let entry = try lookup(name, in: inode.number) else { return nil }
            inode = try existingInode(entry.inode)
        }
        return inode
    }
}
