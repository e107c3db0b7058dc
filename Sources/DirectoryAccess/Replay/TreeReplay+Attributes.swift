import SnapshotModel
import SystemCalls

/// What changes the attributes of an inode that is not open: by its name in an open directory.
extension TreeReplay {
    func changeMode(_ path: RelativePath, permissions: UInt32) throws {
        try account.attempt(.permissions, path) {
            guard !path.isRoot else {
                return try root.descriptor.changeMode(kept(permissions, ofDirectory: path))
            }
            let (directory, name) = try parent(of: path)
            try separate(path, in: directory, name)
            var mode = permissions
            if isUnprivileged, try directory.descriptor.status(of: name).isDirectory {
                mode = kept(permissions, ofDirectory: path)
            }
            try directory.descriptor.changeMode(of: name, mode)
            try account.checkGroupBit(permissions, path) { try directory.descriptor.status(of: name) }
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

    func changeOwner(_ path: RelativePath, owner: UInt32, group: UInt32) throws {
        guard !path.isRoot else {
            return try account.attemptOwner(path, owner, group) { try root.descriptor.changeOwner($0, group: $1) }
        }
        let (directory, name) = try parent(of: path)
        try separate(path, in: directory, name)
        if try directory.descriptor.status(of: name).isRegular {
            // Through the open file, which gets back what the change takes from it.
            try file(path).changeOwner(owner, group)
        } else {
            try account.attemptOwner(path, owner, group) {
                try directory.descriptor.changeOwner(of: name, $0, group: $1)
            }
        }
    }

    func setTimes(_ path: RelativePath, _ times: FileTimes) throws {
        let accessed = FileStatus.Instant(times.accessed)
        let modified = FileStatus.Instant(times.modified)
        try account.attempt(.times, path) {
            guard !path.isRoot else {
                try root.descriptor.setTimes(accessed: accessed, modified: modified)
                return rootTimes = (accessed, modified)
            }
            let (directory, name) = try parent(of: path)
            try separate(path, in: directory, name)
            try directory.descriptor.setTimes(of: name, accessed: accessed, modified: modified)
        }
    }

    func setAttribute(_ path: RelativePath, _ attribute: ExtendedAttribute) throws {
        try account.attempt(.extendedAttribute, path) {
            defer { forgetWhatIsHandedOn(attribute.name, by: path) }
            guard !path.isRoot else {
                return try root.descriptor.setAttribute(attribute.name, attribute.value)
            }
            let (directory, name) = try parent(of: path)
            try separate(path, in: directory, name)
            try directory.descriptor.setAttribute(attribute.name, attribute.value, of: name)
        }
    }

    func removeAttribute(_ path: RelativePath, name attribute: [UInt8]) throws {
        // What could not be set is not there to be removed.
        try account.attempt(.extendedAttribute, path) {
            defer { forgetWhatIsHandedOn(attribute, by: path) }
            guard !path.isRoot else { return try root.descriptor.removeAttribute(attribute) }
            let (directory, name) = try parent(of: path)
            try separate(path, in: directory, name)
            try directory.descriptor.removeAttribute(attribute, of: name)
        }
    }

    private func forgetWhatIsHandedOn(_ attribute: [UInt8], by path: RelativePath) {
        guard attribute == PosixACL.defaults || attribute == BtrfsProperty.compression else { return }
        directories.value(for: path)?.forgetWhatIsHandedOn()
        if let last = lastDirectory, last.path == path { last.directory.forgetWhatIsHandedOn() }
    }

    func setFlags(_ path: RelativePath, flags: UInt64) throws {
        try account.attemptFlags(path, flags) { wanted in
            guard !path.isRoot else { return try FileFlags.apply(wanted, to: root.descriptor) }
            let (directory, name) = try parent(of: path)
            let status = try directory.descriptor.status(of: name)
            guard status.isRegular || status.isDirectory else {
                if wanted != 0 { try lose(.flags, path) }
                return
            }
            try separate(path, in: directory, name)
            try FileFlags.apply(wanted, to: try directory.openForFlags(name))
        }
    }
}
