import SnapshotModel

/// What is left of the old tree and has no place in the new one.
extension Plan {
    func sendRemoved(in comparison: TreeComparison) throws {
        var left: [(path: RelativePath, removal: MoveState.Removal, directory: InodeNumber)] = []
        for (link, removal) in moves.removals where !removal.isDone {
            // What is in a directory that goes is met when that is emptied.
            guard try comparison.correspondence.source(of: link.directory) != nil else { continue }
            left.append((try path(of: .old(link), in: comparison), removal, link.directory))
        }
        left.sort { $0.path < $1.path }
        for (path, removal, directory) in left {
            try unlockParent(directory, of: path, in: comparison)
            try remove(removal.inode, removal.kind, at: path, in: comparison)
            try touch(old: directory, in: comparison)
        }
        for (number, name) in moves.temporaries.sorted(by: { $0.key < $1.key }) {
            let kind = try comparison.base.existingInode(number).kind
            try remove(number, kind, at: .root.appending(name), in: comparison)
        }
    }

    private func remove(
        _ number: InodeNumber, _ kind: FileKind, at path: RelativePath, in comparison: TreeComparison
    ) throws {
        if kind == .directory {
            try removeTree(number, at: path, in: comparison)
        } else {
            try unlink(number, at: path, in: comparison)
        }
    }

    func unlink(_ number: InodeNumber, at path: RelativePath, in comparison: TreeComparison) throws {
        try unlock(number, at: path, in: comparison)
        try emit(.unlink(path))
    }

    /// Removes a directory of the base after all that is still in it.
    private func removeTree(_ directory: InodeNumber, at path: RelativePath, in comparison: TreeComparison) throws {
        var frames = [(path: path, subdirectories: try empty(directory, at: path, in: comparison)[...])]
        while var frame = frames.popLast() {
            guard let entry = frame.subdirectories.popFirst() else {
                try emit(.removeDirectory(frame.path))
                continue
            }
            frames.append(frame)
            let path = try self.path(entry.name, in: frame.path)
            frames.append((path, try empty(entry.inode, at: path, in: comparison)[...]))
        }
    }

    /// Removes what is in a directory but its subdirectories, which are returned.
    private func empty(
        _ directory: InodeNumber, at path: RelativePath, in comparison: TreeComparison
    ) throws -> [DirectoryEntry] {
        try unlock(directory, at: path, in: comparison)
        var subdirectories: [DirectoryEntry] = []
        try comparison.base.forEachEntry(in: directory) { entry in
            let link = InodeLink(directory: directory, name: entry.name)
            if moves.removals[link]?.isDone == true { return }
            if entry.kind == .directory {
                subdirectories.append(entry)
            } else {
                try unlink(entry.inode, at: self.path(entry.name, in: path), in: comparison)
            }
        }
        return subdirectories
    }
}
