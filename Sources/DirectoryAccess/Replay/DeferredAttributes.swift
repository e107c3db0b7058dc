import SnapshotModel
import SystemCalls

/// Attributes that would be in the way of the replay, by path, to be set at its end.
struct DeferredAttributes {
    /// Permissions of directories that their own owner could not write to with them.
    var modes: [RelativePath: UInt32] = [:]
    /// Flags that forbid changes (`FS_IMMUTABLE_FL`, `FS_APPEND_FL`).
    var flags: [RelativePath: Flags] = [:]

    /// Flags of a file or directory, under one of its names.
    struct Flags {
        let flags: UInt32
        /// Which inode has them, once that was asked.
        var inode: UInt64?
    }

    /// Inodes with several names, of one of which flags were noted.
    var linkedInodes: Set<UInt64> = []
    /// Whether there may be others.
    var mayHaveUnknownLinks = false

    mutating func move(_ path: RelativePath, to newPath: RelativePath) {
        modes.movePaths(path, to: newPath)
        flags.movePaths(path, to: newPath)
    }

    mutating func remove(_ path: RelativePath) {
        modes[path] = nil
        flags[path] = nil
    }
}

extension Dictionary where Key == RelativePath {
    /// Renames the keys at and below a path.
    mutating func movePaths(_ path: RelativePath, to newPath: RelativePath) {
        guard !isEmpty else { return }
        for (key, value) in self where key.isWithin(path) {
            self[key] = nil
            self[key.moved(from: path, to: newPath)] = value
        }
    }
}

extension RelativePath {
    /// This path after a directory above it, or itself, was renamed.
    func moved(from path: RelativePath, to newPath: RelativePath) -> RelativePath {
        RelativePath(trusted: newPath.bytes + bytes.dropFirst(path.bytes.count))
    }
}

extension TreeReplay {
    /// Sets what was deferred, what lies deeper first, since a directory may then no longer be entered.
    func applyDeferred() throws {
        let flags = deferred.flags
        for path in flags.keys.sorted(by: >) { try applyFlags(flags[path]?.flags ?? 0, to: path) }
        let modes = deferred.modes
        for path in modes.keys.sorted(by: >) {
            let mode = modes[path] ?? 0
            guard !path.isRoot else {
                try root.descriptor.changeMode(mode)
                continue
            }
            let (directory, name) = try parent(of: path)
            try directory.descriptor.changeMode(of: name, mode)
        }
        deferred = DeferredAttributes()
    }

    private func applyFlags(_ flags: UInt32, to path: RelativePath) throws {
        do {
            let (directory, name) = try parent(of: path)
            try addFlags(flags, on: try directory.openForFlags(name))
        } catch let error as SystemCallError {
            try lose(.flags, path, error)
        }
    }

    private func addFlags(_ flags: UInt32, on descriptor: borrowing Descriptor) throws {
        let present = try descriptor.flags()
        try FileFlags.set(present | flags, in: present, on: descriptor)
    }

    /// Notes the flags that come last of all, which a root cannot get.
    func deferFlags(_ path: RelativePath, _ flags: UInt64) throws {
        let forbidding = UInt32(truncatingIfNeeded: flags) & FileFlags.forbidding
        deferred.flags[path] = forbidding == 0 || path.isRoot ? nil : DeferredAttributes.Flags(flags: forbidding)
        if forbidding != 0, path.isRoot { try lose(.flags, path) }
    }

    /// Forgets what was noted under the other names of an inode that gets its flags under this one.
    func forgetFlags(underOtherNamesOf path: RelativePath) throws {
        guard deferred.flags.contains(where: { $0.key != path }), !path.isRoot else { return }
        let (directory, name) = try parent(of: path)
        let status = try directory.descriptor.status(of: name)
        guard status.linkCount > 1, !status.isDirectory else { return }
        // Few are noted under two of their names: all others are not looked through.
        let isNew = deferred.linkedInodes.insert(status.inode).inserted
        guard !isNew || deferred.mayHaveUnknownLinks else { return }
        for (other, noted) in deferred.flags where other != path {
            let inode = try noted.inode ?? inode(of: other)
            deferred.flags[other]?.inode = inode
            if inode == status.inode { deferred.flags[other] = nil }
        }
    }

    private func inode(of path: RelativePath) throws -> UInt64 {
        let (directory, name) = try parent(of: path)
        return try directory.descriptor.status(of: name).inode
    }

    /// Removes a name. Flags that were noted under it go back to the file where it has others.
    func removeNameWithFlags(_ path: RelativePath, _ remove: () throws -> Void) throws {
        guard let noted = deferred.flags[path] else { return try remove() }
        let (directory, name) = try parent(of: path)
        let status = try directory.descriptor.status(of: name)
        guard status.isRegular, status.linkCount > 1, let file = try? directory.openForFlags(name) else {
            try remove()
            deferred.flags[path] = nil
            return
        }
        try remove()
        deferred.flags[path] = nil
        mayHoldForbidding = true
        do {
            try addFlags(noted.flags, on: file)
        } catch let error as SystemCallError {
            try lose(.flags, path, error)
        }
    }

    /// Takes the flags that forbid changes from what a step is about, and from the directories that hold it,
    /// until the end.
    func allowChanges(_ instruction: Instruction) throws {
        var paths = [instruction.path]
        switch instruction {
        case .rename(_, let other), .link(_, let other): paths.append(other)
        case .makeFile, .makeDirectory, .makeFIFO, .makeSocket, .makeNode, .makeSymbolicLink, .unlink,
            .removeDirectory, .setExtendedAttribute, .removeExtendedAttribute, .write, .writeEncoded, .clone,
            .truncate, .changeMode, .changeOwner, .setTimes, .updateExtent, .allocate, .setFlags, .enableVerity:
            break
        }
        for path in paths where current?.path != path && path != lastAllowed {
            if let (parent, _) = path.split {
                let directory = try directory(parent)
                if !directory.isChangeable { try allowChanges(parent) }
                directory.isChangeable = true
            }
            try allowChanges(path)
        }
        lastAllowed = instruction.path
    }

    private func allowChanges(_ path: RelativePath) throws {
        guard !path.isRoot else { return }
        let (directory, name) = try parent(of: path)
        guard let status = try? directory.descriptor.status(of: name), status.isRegular || status.isDirectory,
            status.flags & UInt64(FileFlags.forbidding) != 0
        else { return }
        let descriptor = try directory.openForFlags(name)
        let flags = try descriptor.flags()
        try FileFlags.set(flags & ~FileFlags.forbidding, in: flags, on: descriptor)
        deferred.flags[path] = DeferredAttributes.Flags(flags: flags & FileFlags.forbidding, inode: status.inode)
        if !status.isDirectory { deferred.linkedInodes.insert(status.inode) }
    }
}
