import SnapshotModel
import SystemCalls

/// The regular file that is being written.
///
/// Writing to a file and giving it away take its setuid and setgid bits and its capabilities, whichever way
/// round the stream says it: they are put back when the file is left.
final class TargetFile {
    static let capability = Array("security.capability".utf8)

    let path: RelativePath
    let descriptor: Descriptor
    var wantedPermissions: UInt32
    var wantedCapability: [UInt8]?
    /// Whether something was done since that takes both away.
    var mayHaveLostPrivileges = false
    /// Whether it may hold contents of the base that a CLONE yet to come takes data from.
    var mayHoldBase = true

    init(_ descriptor: consuming Descriptor, path: RelativePath, permissions: UInt32, capability: [UInt8]? = nil) {
        self.descriptor = descriptor
        self.path = path
        wantedPermissions = permissions
        wantedCapability = capability
    }
}

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
            throw invalid(
                status.isSymbolicLink ? "a symbolic link stands in the way" : "this is not a regular file", path)
        }
        let descriptor = try openToChange(held, status, name, in: directory)
        let capability = try descriptor.attribute(TargetFile.capability)
        let file = TargetFile(descriptor, path: path, permissions: status.permissions, capability: capability)
        current = file
        return file
    }

    /// A regular file whose contents are about to change.
    func fileToFill(_ path: RelativePath) throws -> TargetFile {
        let file = try self.file(path)
        file.mayHaveLostPrivileges = true
        if let base, file.mayHoldBase {
            try base.keepContents(of: file.descriptor)
            file.mayHoldBase = false
            // They may be of this file, which is no longer what it was.
            cloneSources.removeAll()
        }
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
        guard file.mayHaveLostPrivileges else { return }
        if file.wantedPermissions & 0o6000 != 0 {
            do {
                try file.descriptor.changeMode(file.wantedPermissions)
            } catch {
                guard error.isForbidden else { throw error }
                try lose(.permissions, file.path, error)
            }
        }
        if let capability = file.wantedCapability {
            do {
                try file.descriptor.setAttribute(TargetFile.capability, capability)
            } catch {
                try lose(.extendedAttribute, file.path, error)
            }
        }
    }
}
