import SnapshotModel

/// File attribute flags that forbid changes: taken off before anything is changed, and put back at the end.
extension Plan {
    /// `FS_IMMUTABLE_FL` and `FS_APPEND_FL` (ioctl_iflags(2)).
    static let lockingFlags: UInt64 = 0x10 | 0x20

    /// What a device, a fifo or a link has of its directory's flags cannot be set.
    static func canHaveFlags(_ kind: FileKind) -> Bool { kind == .regular || kind == .directory }

    /// Takes the flags off an inode of the base that is about to be changed, renamed, linked or removed, or in
    /// which a name is.
    func unlock(_ number: InodeNumber, at path: RelativePath, in comparison: TreeComparison) throws {
        guard sink.accepts.contains(.flags), !moves.unlocked.contains(number),
            let flags = try comparison.base.inode(number)?.flags, flags & Plan.lockingFlags != 0
        else { return }
        moves.unlocked.insert(number)
        try emit(.setFlags(path, flags: flags & ~Plan.lockingFlags))
    }

    /// The same for the directory that holds a name.
    func unlockParent(_ directory: InodeNumber, of path: RelativePath, in comparison: TreeComparison) throws {
        guard sink.accepts.contains(.flags), let parent = path.split?.parent else { return }
        try unlock(directory, at: parent, in: comparison)
    }

    /// Sets those flags of a new file that forbid nothing.
    func emitFlags(beforeContents flags: UInt64, at path: RelativePath) throws {
        let flags = flags & ~Plan.lockingFlags
        if flags != 0, sink.accepts.contains(.flags) { try emit(.setFlags(path, flags: flags)) }
    }

    /// Sets the flags of a new inode that it does not have yet.
    func emitFlags(afterContents flags: UInt64, at path: RelativePath, of kind: FileKind) throws {
        if kind == .directory || kind == .regular && flags & Plan.lockingFlags != 0 { try emitFlags(flags, at: path) }
    }

    /// Sets flags at once, or at the end where they forbid what may still come: a further name, or times.
    func emitFlags(_ flags: UInt64, at path: RelativePath) throws {
        guard sink.accepts.contains(.flags) else { return }
        if flags & Plan.lockingFlags == 0 || header.isBookmark {
            try emit(.setFlags(path, flags: flags))
        } else {
            moves.lateFlags.append((path, flags))
        }
    }

    /// Sets the flags that had to wait.
    func emitLateFlags() throws {
        for (path, flags) in moves.lateFlags { try emit(.setFlags(path, flags: flags)) }
    }

    /// Gives what was unlocked, and is still there, the flags that it has in the source.
    func restoreFlags(in comparison: TreeComparison) throws {
        for number in moves.unlocked.sorted() {
            guard let match = try comparison.correspondence.source(of: number), let inode = try source.inode(match),
                let path = try finalPath(of: match)
            else { continue }
            try emit(.setFlags(path, flags: inode.flags))
        }
    }
}
