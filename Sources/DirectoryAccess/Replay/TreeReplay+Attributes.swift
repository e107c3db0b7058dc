import SnapshotModel
import SystemCalls

/// What changes an inode's attributes. Of the file being written they are set through its descriptor, of
/// anything else by its name in an open directory.
extension TreeReplay {
    func changeMode(_ path: RelativePath, permissions: UInt32) throws {
        guard permissions & ~0o7777 == 0 else {
            throw invalid("permissions have twelve bits", path)
        }
        do {
            if let file = current, file.path == path {
                file.wantedPermissions = permissions
                try file.descriptor.changeMode(permissions)
                try checkGroupBit(permissions, path) { try file.descriptor.status() }
            } else if path.isRoot {
                try root.descriptor.changeMode(kept(permissions, ofDirectory: path))
            } else {
                let (directory, name) = try parent(of: path)
                try separate(path, in: directory, name)
                var mode = permissions
                if isUnprivileged, try directory.descriptor.status(of: name).isDirectory {
                    mode = kept(permissions, ofDirectory: path)
                }
                try directory.descriptor.changeMode(of: name, mode)
                try checkGroupBit(permissions, path) { try directory.descriptor.status(of: name) }
            }
        } catch let error as SystemCallError where error.isForbidden || error.isUnsupported {
            try lose(.permissions, path, error)
        }
    }

    /// The permissions to give a directory for now: its owner must be able to work in it until the end.
    private func kept(_ permissions: UInt32, ofDirectory path: RelativePath) -> UInt32 {
        let needed: UInt32 = 0o700
        guard isUnprivileged, permissions & needed != needed else {
            deferred.modes[path] = nil
            return permissions
        }
        deferred.modes[path] = permissions
        return permissions | needed
    }

    /// The kernel drops setgid without a word where the process is not of the group (chmod(2)).
    private func checkGroupBit(
        _ permissions: UInt32, _ path: RelativePath, _ status: () throws -> FileStatus
    ) throws {
        guard isUnprivileged, permissions & 0o2000 != 0 else { return }
        if try status().permissions & 0o2000 == 0 { try lose(.permissions, path) }
    }

    func changeOwner(_ path: RelativePath, owner: UInt32, group: UInt32) throws {
        guard owner != .max, group != .max else {
            throw invalid("this is no user or group", path)
        }
        if let file = current, file.path == path {
            file.mayHaveLostPrivileges = true
            try changeOwner(path, owner, group) { try file.descriptor.changeOwner($0, group: $1) }
        } else if path.isRoot {
            try changeOwner(path, owner, group) { try root.descriptor.changeOwner($0, group: $1) }
        } else {
            let (directory, name) = try parent(of: path)
            try separate(path, in: directory, name)
            let status = try directory.descriptor.status(of: name)
            if status.isRegular {
                // Through the open file, which gets back what the change takes from it.
                let file = try self.file(path)
                file.mayHaveLostPrivileges = true
                try changeOwner(path, owner, group) { try file.descriptor.changeOwner($0, group: $1) }
            } else {
                try changeOwner(path, owner, group) {
                    try directory.descriptor.changeOwner(of: name, $0, group: $1)
                }
            }
        }
    }

    private func changeOwner(
        _ path: RelativePath, _ owner: UInt32, _ group: UInt32, _ change: (UInt32?, UInt32?) throws -> Void
    ) throws {
        do {
            try change(owner, group)
        } catch let error as SystemCallError where error.isForbidden || error.isInvalid {
            // The group alone can be one of the user's own.
            if error.isForbidden { try? change(nil, group) }
            try lose(.owner, path, error)
        }
    }

    func setTimes(_ path: RelativePath, _ times: FileTimes) throws {
        let limit: UInt32 = 1_000_000_000
        guard times.accessed.nanoseconds < limit, times.modified.nanoseconds < limit else {
            throw invalid("a time has less than a thousand million nanoseconds", path)
        }
        let accessed = FileStatus.Instant(times.accessed)
        let modified = FileStatus.Instant(times.modified)
        do {
            if let file = current, file.path == path {
                try file.descriptor.setTimes(accessed: accessed, modified: modified)
            } else if path.isRoot {
                try root.descriptor.setTimes(accessed: accessed, modified: modified)
            } else {
                let (directory, name) = try parent(of: path)
                try separate(path, in: directory, name)
                try directory.descriptor.setTimes(of: name, accessed: accessed, modified: modified)
            }
        } catch let error as SystemCallError where error.isForbidden || error.isInvalid {
            try lose(.times, path, error)
        }
    }

    func setAttribute(_ path: RelativePath, _ attribute: ExtendedAttribute) throws {
        guard isValid(attribute.name), attribute.value.count <= ExtendedAttribute.maximumValueLength else {
            throw invalid("an extended attribute has a name of 1 to 255 bytes and at most 64 KiB", path)
        }
        if attribute.name == TargetFile.capability, let file = current, file.path == path {
            file.wantedCapability = attribute.value
        }
        do {
            try changeAttribute(path, attribute.name) { target, name in
                if let name {
                    try target.setAttribute(attribute.name, attribute.value, of: name)
                } else {
                    try target.setAttribute(attribute.name, attribute.value)
                }
            }
        } catch let error as SystemCallError
            where error.isForbidden || error.isUnsupported || error.isInvalid || error.isTooLarge || error.isNoSpace
        {
            if attribute.name == TargetFile.capability { current?.wantedCapability = nil }
            try lose(.extendedAttribute, path, error)
        }
    }

    func removeAttribute(_ path: RelativePath, name attribute: [UInt8]) throws {
        guard isValid(attribute) else { throw invalid("an extended attribute has a name of 1 to 255 bytes", path) }
        if attribute == TargetFile.capability, let file = current, file.path == path { file.wantedCapability = nil }
        do {
            try changeAttribute(path, attribute) { target, name in
                if let name {
                    try target.removeAttribute(attribute, of: name)
                } else {
                    try target.removeAttribute(attribute)
                }
            }
        } catch let error as SystemCallError where error.isForbidden || error.isUnsupported || error.isInvalid {
            // What could not be set is not there to be removed.
            try lose(.extendedAttribute, path, error)
        }
    }

    private func isValid(_ name: [UInt8]) -> Bool {
        !name.isEmpty && name.count <= ExtendedAttribute.maximumNameLength && !name.contains(0)
    }

    /// Lends the open inode, or the open directory and a name in it.
    private func changeAttribute(
        _ path: RelativePath, _ attribute: [UInt8], _ change: (borrowing Descriptor, [UInt8]?) throws -> Void
    ) throws {
        if let file = current, file.path == path {
            try change(file.descriptor, nil)
        } else if path.isRoot {
            try change(root.descriptor, nil)
        } else {
            let (directory, name) = try parent(of: path)
            try separate(path, in: directory, name)
            try change(directory.descriptor, name)
        }
        if attribute == PosixACL.defaults {
            directories.value(for: path)?.forgetDefaultACL()
            if let last = lastDirectory, last.path == path { last.directory.forgetDefaultACL() }
        }
    }

    func setFlags(_ path: RelativePath, flags: UInt64) throws {
        let forbidding = UInt32(truncatingIfNeeded: flags) & FileFlags.forbidding
        deferred.flags[path] = forbidding == 0 || path.isRoot ? nil : forbidding
        if forbidding != 0, path.isRoot { try lose(.flags, path) }
        let wanted = UInt32(truncatingIfNeeded: flags) & FileFlags.settable
        do {
            if let file = current, file.path == path {
                try apply(wanted, to: file.descriptor)
            } else if path.isRoot {
                try apply(wanted, to: root.descriptor)
            } else {
                let (directory, name) = try parent(of: path)
                let status = try directory.descriptor.status(of: name)
                guard status.isRegular || status.isDirectory else {
                    if wanted != 0 { try lose(.flags, path) }
                    return
                }
                try separate(path, in: directory, name)
                let held = try directory.descriptor.open(name, flags: OpenFlags.holdOnly)
                try apply(wanted, to: try held.reopen(flags: OpenFlags.read))
            }
        } catch let error as SystemCallError where error.isForbidden || error.isUnsupported || error.isInvalid {
            if wanted != 0 { try lose(.flags, path, error) }
        }
    }

    private func apply(_ wanted: UInt32, to descriptor: borrowing Descriptor) throws {
        let present = try descriptor.flags()
        let flags = present & ~(FileFlags.settable | FileFlags.forbidding) | wanted
        if flags != present { try descriptor.setFlags(flags) }
    }
}

/// File attribute flags (`FS_*_FL`, Linux `include/uapi/linux/fs.h`) that are replayed.
enum FileFlags {
    /// Compressed, synchronous, no dump, no access time, not compressed, synchronous directory, no copy-on-write.
    static let settable: UInt32 = 0x4 | 0x8 | 0x40 | 0x80 | 0x400 | 0x1_0000 | 0x80_0000
    /// Immutable and append-only, which come last of all.
    static let forbidding: UInt32 = 0x10 | 0x20
}
