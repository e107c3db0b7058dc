/// A tree that stays as it is and can be asked by several threads at once.
package protocol SharedTree: SnapshotTree, Sendable {
    /// What the tree knows of an inode; nil where there is none with this number, or it has no name or several.
    func record(of number: InodeNumber) throws -> InodeRecord?

    /// What the tree keeps together of some inodes, among them this one if it is anywhere; nil where it keeps nothing so,
    /// or not of such an inode.
    func records(with number: InodeNumber) throws -> (any InodeRecords)?
}

extension SharedTree {
    package func records(with number: InodeNumber) throws -> (any InodeRecords)? { nil }
}

/// What a tree knows of some inodes.
package protocol InodeRecords: Sendable {
    /// What is known of an inode; nil where that is not here, or has several names.
    ///
    /// - Parameter place: where the last one was found, behind which this one is looked for first; changed to where it
    ///   was found. Any number will do.
    func record(of number: InodeNumber, near place: inout Int) -> InodeRecord?
}

/// All that a tree knows of an inode with one name, but the entries of a directory. Shares what it has with the tree.
package struct InodeRecord: Sendable {
    package let inode: Inode
    /// The directory that holds the name.
    package let directory: InodeNumber
    package let name: ArraySlice<UInt8>
    /// By name in byte order.
    package let attributes: [ExtendedAttribute]
    /// Of a regular file, in order.
    package let extents: ArraySlice<FileExtent>
    /// Of a symbolic link; else empty.
    package let target: [UInt8]
    /// As ``SnapshotTree/directorySize(_:)`` has it.
    package let directorySize: UInt64?

    package init(
        inode: Inode, directory: InodeNumber, name: ArraySlice<UInt8>, attributes: [ExtendedAttribute] = [],
        extents: ArraySlice<FileExtent> = [], target: [UInt8] = [], directorySize: UInt64? = nil
    ) {
        (self.inode, self.directory, self.name, self.attributes) = (inode, directory, name, attributes)
        (self.extents, self.target, self.directorySize) = (extents, target, directorySize)
    }
}
