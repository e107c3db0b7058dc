package import SnapshotModel
import Synchronization
import Workers

/// A tree that another thread reads meanwhile; who asks for more than what it is waits until it is read.
package final class PendingTree: SharedTree {
    package let identity: SnapshotIdentity
    package let domain: SnapshotUUID?
    package let root: InodeNumber
    package let holdsData = false
    package let identifiesExtents: Bool

    private let pending: PendingResult<ReadTree>
    /// Looked at without a lock.
    private let known = AtomicLazyReference<ReadTree>()

    private final class ReadTree: Sendable {
        let tree: any SharedTree

        init(_ tree: any SharedTree) {
            self.tree = tree
        }
    }

    /// - Parameters:
    ///   - header: what is known of the tree already.
    ///   - read: reads it.
    init(_ header: SnapshotHeader, pool: WorkerPool, read: @escaping @Sendable () throws -> any SharedTree) {
        (identity, domain, root) = (SnapshotIdentity(toldBy: header), header.domain, StreamTree.rootNumber)
        identifiesExtents = header.isBookmark
        pending = pool.start { ReadTree(try read()) }
    }

    /// The tree itself.
    ///
    /// - Throws: what reading it threw.
    func tree() throws -> any SharedTree {
        if let known = known.load() { return known.tree }
        do {
            return try known.storeIfNil(pending.value()).tree
        } catch var error as SnapshotError {
            // It is told late, and beside another tree.
            error = error.placed("in the bookmark of \(EscapedBytes.describe(Array(identity.name.utf8)))")
            if error.code == .corrupt { error.remedy = StoredFrame.bookmarkRemedy }
            throw error
        }
    }

    package var totals: SnapshotTotals? { try? tree().totals }

    package func record(of number: InodeNumber) throws -> InodeRecord? { try tree().record(of: number) }

    package func records(with number: InodeNumber) throws -> (any InodeRecords)? {
        try tree().records(with: number)
    }

    package func inode(_ number: InodeNumber) throws -> Inode? { try tree().inode(number) }

    package func directorySize(_ number: InodeNumber) throws -> UInt64? { try tree().directorySize(number) }

    package func lookup(_ name: FileName, in directory: InodeNumber) throws -> DirectoryEntry? {
        try tree().lookup(name, in: directory)
    }

    package func forEachEntry(in directory: InodeNumber, _ body: (DirectoryEntry) throws -> Void) throws {
        try tree().forEachEntry(in: directory, body)
    }

    package func links(of number: InodeNumber) throws -> [InodeLink] { try tree().links(of: number) }

    package func forEachInode(_ body: (Inode) throws -> Void) throws { try tree().forEachInode(body) }

    package func extendedAttributes(of number: InodeNumber) throws -> [ExtendedAttribute] {
        try tree().extendedAttributes(of: number)
    }

    package func symbolicLinkTarget(of number: InodeNumber) throws -> [UInt8] {
        try tree().symbolicLinkTarget(of: number)
    }

    package func forEachExtent(
        of number: InodeNumber, from offset: UInt64, _ body: (FileExtent) throws -> Void
    ) throws {
        try tree().forEachExtent(of: number, from: offset, body)
    }

    package func read(_ number: InodeNumber, at offset: UInt64, count: Int) throws -> ArraySlice<UInt8> {
        try tree().read(number, at: offset, count: count)
    }

    package func identity(ofInline extent: FileExtent, of number: InodeNumber) throws -> ExtentIdentity {
        try tree().identity(ofInline: extent, of: number)
    }
}
