import SnapshotModel
import SystemCalls

/// A directory of the tree that is being built, held open.
final class TargetDirectory {
    let opened: SharedDescriptor
    private var knownDefaultACL: Bool?
    private var knownCompression: Bool?
    private var knownPassing: Bool?
    /// Whether it is known that no flag forbids changes.
    var isChangeable = false

    init(_ descriptor: consuming Descriptor) {
        opened = SharedDescriptor(descriptor)
    }

    var descriptor: Descriptor { _read { yield opened.descriptor } }

    /// Opens a regular file or a directory to read and set its flags.
    func openForFlags(_ name: [UInt8]) throws(SystemCallError) -> Descriptor {
        try descriptor.open(name, flags: OpenFlags.holdOnly).reopen(flags: OpenFlags.read)
    }

    /// Whether what is made here inherits an ACL, which no stream asked for.
    var hasDefaultACL: Bool {
        if let knownDefaultACL { return knownDefaultACL }
        let found = (try? descriptor.attribute(PosixACL.defaults, of: [UInt8(ascii: ".")])) ?? nil
        knownDefaultACL = found != nil
        return found != nil
    }

    /// Whether what is made here inherits how it is compressed, as a property (btrfs(5)), which no stream asked for.
    var handsOnCompression: Bool {
        if let knownCompression { return knownCompression }
        let found = (try? descriptor.attribute(BtrfsProperty.compression, of: [UInt8(ascii: ".")])) ?? nil
        knownCompression = found != nil
        return found != nil
    }

    /// Whether what is made here gets the group of the directory.
    var passesGroup: Bool {
        if let knownPassing { return knownPassing }
        let found = (try? descriptor.status().permissions & 0o2000 != 0) ?? true
        knownPassing = found
        return found
    }

    /// Forgets about what is handed on, which was set or removed.
    func forgetWhatIsHandedOn() {
        knownDefaultACL = nil
        knownCompression = nil
    }
}

/// The attributes that hold access control lists (acl(5)).
enum PosixACL {
    static let access = Array("system.posix_acl_access".utf8)
    static let defaults = Array("system.posix_acl_default".utf8)
}

/// Properties of btrfs that are kept as extended attributes.
enum BtrfsProperty {
    static let compression = Array("btrfs.compression".utf8)
}

extension TreeReplay {
    /// The directory that holds what a path names, and its name there.
    func parent(of path: RelativePath) throws -> (directory: TargetDirectory, name: [UInt8]) {
        guard let (parent, name) = path.split else {
            throw SnapshotError.invalidStep("this cannot be done with the root of a snapshot", path)
        }
        return (try directory(parent), name.bytes)
    }

    /// A directory by its path, from the cache or opened beneath the root.
    func directory(_ path: RelativePath) throws -> TargetDirectory {
        if let lastDirectory, lastDirectory.path == path { return lastDirectory.directory }
        let directory: TargetDirectory
        if let known = directories.value(for: path) {
            directory = known
        } else {
            directory = try isUnprivileged ? openLoosened(path) : open(path)
            directories.insert(directory, for: path)
        }
        lastDirectory = (path, directory)
        return directory
    }

    private func open(_ path: RelativePath) throws -> TargetDirectory {
        do {
            return TargetDirectory(
                try root.descriptor.openDirectory(beneath: path.bytes, flags: OpenFlags.passDirectory))
        } catch {
            throw SnapshotError.replaying(error, at: path)
        }
    }

    /// Opens a directory from its parent, and gives its owner for now the rights to change what is in it.
    private func openLoosened(_ path: RelativePath) throws -> TargetDirectory {
        guard let (parentPath, name) = path.split else {
            try loosen(path, try root.descriptor.status()) { try root.descriptor.changeMode($0) }
            return try open(path)
        }
        let parent = try directory(parentPath)
        let status = try parent.descriptor.status(of: name.bytes)
        if status.isDirectory {
            try loosen(path, status) { try parent.descriptor.changeMode(of: name.bytes, $0) }
        }
        return TargetDirectory(
            try parent.descriptor.openDirectory(beneath: name.bytes, flags: OpenFlags.passDirectory))
    }

    /// Adds the owner's rights to a directory that lacks them, and remembers what it had.
    func loosen(_ path: RelativePath, _ status: FileStatus, _ changeMode: (UInt32) throws -> Void) throws {
        let needed: UInt32 = 0o700
        guard status.owner == user, status.permissions & needed != needed else { return }
        try changeMode(status.permissions | needed)
        if deferred.modes[path] == nil { deferred.modes[path] = status.permissions }
    }

    /// Forgets open directories at and below a path whose meaning changes.
    func forgetDirectories(within path: RelativePath) {
        directories.removeAll { $0.isWithin(path) }
        if let last = lastDirectory, last.path.isWithin(path) { lastDirectory = nil }
    }
}
