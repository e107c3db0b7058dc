import SnapshotModel
import SystemCalls

/// What makes, moves and removes names.
extension TreeReplay {
    func makeFile(_ path: RelativePath) throws {
        try closeCurrent()
        let (directory, name) = try parent(of: path)
        try newFiles.begin(path, name, in: directory)
    }

    func makeDirectory(_ path: RelativePath) throws {
        let (directory, name) = try parent(of: path)
        try directory.descriptor.makeDirectory(name, mode: 0o700)
        if directory.hasDefaultACL {
            try directory.descriptor.removeAttribute(PosixACL.defaults, of: name)
            try dropInheritedACL(name, in: directory, permissions: 0o700)
        }
        if directory.handsOnCompression {
            try directory.descriptor.removeAttribute(BtrfsProperty.compression, of: name)
        }
    }

    func makeDevice(_ path: RelativePath, mode: UInt32, device: UInt64) throws {
        guard let kind = FileKind(mode: mode), [.characterDevice, .blockDevice, .fifo, .socket].contains(kind) else {
            throw SnapshotError.invalidStep("a node of mode \(String(mode, radix: 8)) cannot be made", path)
        }
        guard let number = UInt32(exactly: device) else {
            throw SnapshotError.invalidStep("a device number has 32 bits", path)
        }
        try makeNode(path, mode: kind.modeBits, device: number, loss: .device)
    }

    func makeNode(_ path: RelativePath, mode: UInt32, device: UInt32, loss: ReplayLosses.Kind) throws {
        let (directory, name) = try parent(of: path)
        do {
            try directory.descriptor.makeNode(name, mode: mode | 0o600, device: device)
        } catch {
            guard error.isForbidden || error.isUnsupported || error.isInvalid else { throw error }
            // Only where the node is what is refused: the rights to the directory are there, or were given.
            try lose(loss, path, error)
            missing.insert(path)
            return
        }
        if directory.hasDefaultACL { try dropInheritedACL(name, in: directory, permissions: 0o600) }
    }

    func makeSymbolicLink(_ path: RelativePath, target: [UInt8]) throws {
        let (directory, name) = try parent(of: path)
        try directory.descriptor.makeSymbolicLink(name, target: target)
    }

    private func dropInheritedACL(_ name: [UInt8], in directory: TargetDirectory, permissions: UInt32) throws {
        try directory.descriptor.removeAttribute(PosixACL.access, of: name)
        try directory.descriptor.changeMode(of: name, permissions)
    }

    func rename(_ path: RelativePath, to newPath: RelativePath) throws {
        guard path == newPath || !newPath.isWithin(path) else {
            throw SnapshotError.invalidStep("a directory cannot be moved below itself", path)
        }
        try closeCurrent()
        let (from, name) = try parent(of: path)
        let (to, newName) = try parent(of: newPath)
        do {
            try from.descriptor.renameWithoutReplacing(name, to: newName, in: to.descriptor)
        } catch {
            guard error.isForbidden, isUnprivileged else { throw error }
            // A directory that gets another parent must itself be writable, for its "..".
            let status = try from.descriptor.status(of: name)
            guard status.isDirectory else { throw error }
            try loosen(path, status) { try from.descriptor.changeMode(of: name, $0) }
            try from.descriptor.renameWithoutReplacing(name, to: newName, in: to.descriptor)
        }
        base?.move(path, to: newPath)
        forgetDirectories(within: path)
        deferred.move(path, to: newPath)
        moveMissing(path, to: newPath)
    }

    func link(_ path: RelativePath, to existing: RelativePath) throws {
        let (from, name) = try parent(of: existing)
        try separate(existing, in: from, name)
        let (to, newName) = try parent(of: path)
        do {
            try from.descriptor.link(name, to: newName, in: to.descriptor)
        } catch {
            guard error.isForbidden, try from.descriptor.status(of: name).isDirectory else { throw error }
            throw SnapshotError.invalidStep("a directory has one name only", existing)
        }
        if deferred.flags[existing] != nil { deferred.linkedInodes.insert(try to.descriptor.status(of: newName).inode) }
        if shared.isActive { shared.ownGroups.insert(try to.descriptor.status(of: newName).inode) }
    }

    func unlink(_ path: RelativePath) throws {
        try closeCurrent()
        let (directory, name) = try parent(of: path)
        try removeNameWithFlags(path) {
            if let base {
                try base.remove(path, name, in: directory.descriptor)
            } else {
                try directory.descriptor.unlink(name)
            }
        }
    }

    func removeDirectory(_ path: RelativePath) throws {
        let (directory, name) = try parent(of: path)
        try directory.descriptor.removeDirectory(name)
        forgetDirectories(within: path)
        deferred.remove(path)
    }

    /// Whether a step is about something that could not be made; if so, keeps account of its names.
    func concernsMissing(_ instruction: Instruction) throws -> Bool {
        if case .link(let path, let existing) = instruction, missing.contains(existing) {
            missing.insert(path)
            return true
        }
        guard missing.contains(instruction.path) else { return false }
        switch instruction {
        case .rename(let path, let newPath): moveMissing(path, to: newPath)
        case .unlink(let path): missing.remove(path)
        case .makeFile, .makeDirectory, .makeFIFO, .makeSocket, .makeNode, .makeSymbolicLink, .link:
            throw SnapshotError.invalidStep("there is something under this path already", instruction.path)
        case .removeDirectory, .setExtendedAttribute, .removeExtendedAttribute, .write, .writeEncoded, .clone,
            .truncate, .changeMode, .changeOwner, .setTimes, .updateExtent, .allocate, .setFlags, .enableVerity:
            break
        }
        return true
    }

    private func moveMissing(_ path: RelativePath, to newPath: RelativePath) {
        guard !missing.isEmpty else { return }
        for moving in missing.filter({ $0.isWithin(path) }) {
            missing.remove(moving)
            missing.insert(moving.moved(from: path, to: newPath))
        }
    }
}
