import SnapshotModel
import SystemCalls

/// Which regular file is open.
extension TreeReplay {
    /// A regular file, open to be changed.
    func file(_ path: RelativePath) throws -> TargetFile {
        if let current, current.path == path { return current }
        try closeCurrent()
        let (directory, name) = try parent(of: path)
        try separate(path, in: directory, name)
        let held = try directory.descriptor.open(name, flags: OpenFlags.holdOnly)
        let status = try held.status()
        guard status.isRegular else {
            throw SnapshotError.invalidStep(
                status.isSymbolicLink ? "a symbolic link stands in the way" : "this is not a regular file", path)
        }
        let descriptor = try openToChange(held, status, name, in: directory)
        let capability = try descriptor.attribute(TargetFile.capability)
        let file = TargetFile(
            SharedDescriptor(descriptor), path: path,
            privileges: TargetFile.Privileges(permissions: status.permissions, capability: capability),
            account: account, powers: powers)
        current = file
        return file
    }

    /// A regular file whose contents are about to change.
    func fileToFill(_ path: RelativePath) throws -> TargetFile {
        let file = try self.file(path)
        guard file.mayHoldBase else { return file }
        if let base {
            try base.keepContents(of: file.opened.descriptor)
            // They may be of this file, which is no longer what it was.
            cloneSources.removeAll()
        }
        if mayHoldForbidding { try FileFlags.renewCompression(of: file.opened.descriptor) }
        file.mayHoldBase = false
        return file
    }

    /// Opens a held file, which its owner may have made read-only.
    private func openToChange(
        _ held: borrowing Descriptor, _ status: FileStatus, _ name: [UInt8], in directory: TargetDirectory
    ) throws(SystemCallError) -> Descriptor {
        do throws(SystemCallError) {
            return try held.reopen(flags: OpenFlags.readWrite)
        } catch  where error.isForbidden && isUnprivileged && status.owner == user {
            try directory.descriptor.changeMode(of: name, status.permissions | 0o600)
            let opened = Result { () throws(SystemCallError) in try held.reopen(flags: OpenFlags.readWrite) }
            try directory.descriptor.changeMode(of: name, status.permissions)
            return try opened.get()
        }
    }

    /// Leaves the file that was written last.
    func closeCurrent() throws {
        guard let file = current else { return }
        current = nil
        try file.close()
    }
}
