import SnapshotModel

/// Attributes of a directory that the target's file system hands on to what is made in it: taken off while something
/// is, so that new inodes have what the source says and no more.
extension Plan {
    /// Default access lists (acl(5)), and compression as a property of a btrfs directory (btrfs(5)).
    private static let handedOn = [Array("btrfs.compression".utf8), Array("system.posix_acl_default".utf8)]

    /// Takes them off a directory of the base in which something is about to be made.
    func liftAttributes(of directory: InodeNumber, at path: RelativePath, in comparison: TreeComparison) throws {
        guard moves.lifted[directory] == nil else { return }
        let lifted = try comparison.base.extendedAttributes(of: directory).filter { Plan.handedOn.contains($0.name) }
        moves.lifted[directory] = lifted
        if !lifted.isEmpty { try unlock(directory, at: path, in: comparison) }
        for attribute in lifted { try emit(.removeExtendedAttribute(path, name: attribute.name)) }
    }

    /// Gives directories back what they had in the base.
    func restoreLiftedAttributes(in comparison: TreeComparison) throws {
        for (directory, attributes) in moves.lifted.sorted(by: { $0.key < $1.key }) where !attributes.isEmpty {
            guard let number = try comparison.correspondence.source(of: directory),
                let path = try finalPath(of: number)
            else { continue }
            for attribute in attributes { try emit(.setExtendedAttribute(path, attribute)) }
        }
    }
}
