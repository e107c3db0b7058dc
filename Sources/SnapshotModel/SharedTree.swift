/// A tree that stays as it is and can be asked by several threads at once.
package protocol SharedTree: SnapshotTree, Sendable {
    /// What the tree knows of an inode; nil where there is none with this number.
    func record(of number: InodeNumber) throws -> InodeRecord?
}

/// All that a tree knows of an inode, but the entries of a directory.
package struct InodeRecord: Sendable {
    package let inode: Inode
    /// As ``SnapshotTree/links(of:)`` has them.
    package let links: [InodeLink]
    /// By name in byte order.
    package let attributes: [ExtendedAttribute]
    /// Of a regular file, in order.
    package let extents: [FileExtent]
    /// Of a symbolic link; else empty.
    package let target: [UInt8]
    /// As ``SnapshotTree/directorySize(_:)`` has it.
    package let directorySize: UInt64?

    package init(
        inode: Inode, links: [InodeLink], attributes: [ExtendedAttribute] = [], extents: [FileExtent] = [],
        target: [UInt8] = [], directorySize: UInt64? = nil
    ) {
        (self.inode, self.links, self.attributes) = (inode, links, attributes)
        (self.extents, self.target, self.directorySize) = (extents, target, directorySize)
    }
}
