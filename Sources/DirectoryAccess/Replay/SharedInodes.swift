import SnapshotModel
import SystemCalls

/// What a tree shares with the one it was copied from by hard links, where nothing better can be had.
///
/// Such an inode has exactly one name here: inodes with several names in the parent are copied and not shared,
/// and one that is to get a second name is separated first. So moving and removing a name never concerns the
/// parent, and every other change is preceded by ``TreeReplay/separate(_:in:_:)``.
struct SharedInodes {
    /// Whether anything is shared by hard links at all.
    var isActive = false
    /// Inodes of this tree alone that have several names.
    var ownGroups: Set<UInt64> = []

    func contains(_ status: FileStatus) -> Bool {
        isActive && !status.isDirectory && status.linkCount > 1 && !ownGroups.contains(status.inode)
    }
}

extension TreeReplay {
    /// Gives a name an inode of its own, should it share one with the parent.
    func separate(_ path: RelativePath, in directory: TargetDirectory, _ name: [UInt8]) throws {
        guard shared.isActive else { return }
        let status = try directory.descriptor.status(of: name)
        guard shared.contains(status) else { return }
        let before = try directory.opened.descriptor.status(of: [UInt8(ascii: ".")])
        let temporary = Array(".cowpath-copy-\(SnapshotUUID.random())".utf8)
        var copy = InodeCopy(status: status, path: path)
        do {
            try copy.copy(
                from: directory.opened.descriptor, name, to: directory.opened.descriptor, temporary, contents: .copied)
            try directory.opened.descriptor.rename(temporary, to: name, in: directory.opened.descriptor)
        } catch {
            try? directory.opened.descriptor.unlink(temporary)
            throw error
        }
        try add(copy.losses)
        // The directory was not changed as far as the stream knows, so its times must not be.
        try directory.opened.descriptor.setTimes(
            of: [UInt8(ascii: ".")], accessed: before.accessed, modified: before.modified)
    }

    /// Counts the losses of a copy, or fails, as was asked for.
    func add(_ losses: [InodeCopy.Loss]) throws {
        for loss in losses { try lose(loss.kind, loss.path, loss.cause) }
    }
}
