package import SnapshotModel
package import SystemCalls

/// Replays instructions onto a directory that is being built, whatever becomes of it afterwards.
///
/// Every path is resolved beneath the directory and never through a symbolic link. A regular file stays open
/// from one instruction to the next that is about another, and directories stay open in a bounded cache.
package final class TreeReplay {
    /// Where a snapshot lies from which CLONE may take data; nil where it is not at hand.
    package typealias SnapshotFinder = (SnapshotReference) throws -> SharedDescriptor?

    /// What could not be kept.
    package internal(set) var losses = ReplayLosses()

    /// Paths of inodes that could not be made, such as device nodes without the right to make them. What the
    /// stream says of them is passed over.
    package internal(set) var missing: Set<RelativePath>

    let root: SharedDescriptor
    let snapshot: SnapshotReference
    let isStrict: Bool
    let findSnapshot: SnapshotFinder
    /// Whether inodes that forbid changes may be here from an earlier replay: in a tree that is changed in place.
    package var mayHoldForbidding = false
    /// The base, where this tree is the base, changed in place.
    var base: BaseFiles?
    let user = CurrentProcess.effectiveUser
    /// Inodes that this tree shares with the one it was copied from.
    var shared = SharedInodes()
    var deferred = DeferredAttributes()
    var directories = BoundedCache<RelativePath, TargetDirectory>(capacity: 128)
    /// The directory that was used last, which most instructions use again.
    var lastDirectory: (path: RelativePath, directory: TargetDirectory)?
    var current: TargetFile?
    var cloneSources = BoundedCache<CloneFile, SharedDescriptor>(capacity: 16)

    /// - Parameter root: the directory, open for reading.
    /// - Parameter snapshot: by what the stream knows the snapshot, for CLONE from itself.
    /// - Parameter missing: what could not be made of the base.
    package init(
        root: SharedDescriptor, snapshot: SnapshotReference, isStrict: Bool, missing: Set<RelativePath> = [],
        findSnapshot: @escaping SnapshotFinder
    ) {
        self.root = root
        self.snapshot = snapshot
        self.isStrict = isStrict
        self.missing = missing
        self.findSnapshot = findSnapshot
    }

    /// Whether rights must be given before they can be used: root has them all.
    var isUnprivileged: Bool { user != 0 }

    /// Replays one step.
    package func apply(_ instruction: Instruction) throws {
        if !missing.isEmpty, try concernsMissing(instruction) { return }
        do {
            try replay(instruction)
        } catch let error as SystemCallError {
            throw failure(error, at: instruction.path)
        } catch let error as SnapshotError {
            throw error.placed(ifNeeded: "\(instruction.path)")
        }
    }

    private func replay(_ instruction: Instruction) throws {
        if mayHoldForbidding { try allowChanges(instruction) }
        switch instruction {
        case .makeFile(let path, _): try makeFile(path)
        case .makeDirectory(let path, _): try makeDirectory(path)
        case .makeFIFO(let path, _): try makeNode(path, mode: FileKind.fifo.modeBits, device: 0, loss: .fifo)
        case .makeSocket(let path, _): try makeNode(path, mode: FileKind.socket.modeBits, device: 0, loss: .socket)
        case .makeNode(let path, _, let mode, let device): try makeDevice(path, mode: mode, device: device)
        case .makeSymbolicLink(let path, _, let target): try makeSymbolicLink(path, target: target)
        case .rename(let path, let newPath): try rename(path, to: newPath)
        case .link(let path, let existing): try link(path, to: existing)
        case .unlink(let path): try unlink(path)
        case .removeDirectory(let path): try removeDirectory(path)
        case .setExtendedAttribute(let path, let attribute): try setAttribute(path, attribute)
        case .removeExtendedAttribute(let path, let name): try removeAttribute(path, name: name)
        case .write(let path, let offset, let data): try write(path, offset: offset, data)
        case .writeEncoded(let path, let offset, let extent): try writeEncoded(path, offset: offset, extent)
        case .clone(let path, let offset, let length, let source):
            try clone(path, offset: offset, length: length, from: source)
        case .truncate(let path, let size): try truncate(path, size: size)
        case .changeMode(let path, let permissions): try changeMode(path, permissions: permissions)
        case .changeOwner(let path, let owner, let group): try changeOwner(path, owner: owner, group: group)
        case .setTimes(let path, let times): try setTimes(path, times)
        case .updateExtent(let path, _, _, _): throw SnapshotHeader.lacksData(path.description)
        case .allocate(let path, let mode, let offset, let length):
            try allocate(path, mode: mode, offset: offset, length: length)
        case .setFlags(let path, let flags): try setFlags(path, flags: flags)
        case .enableVerity(let path, _): try lose(.verity, path)
        }
    }

    /// Gives everything its last attributes and makes the tree durable.
    package func finish() throws {
        do {
            try closeCurrent()
            try applyDeferred()
            lastDirectory = nil
            directories.removeAll()
            cloneSources.removeAll()
            // Before all is made durable; what cannot be removed now is removed by the next replay.
            try? base?.removeKept()
            try root.descriptor.syncFileSystem()
        } catch let error as SystemCallError {
            throw failure(error, at: .root)
        }
    }

    /// Counts what cannot be kept, or fails, as was asked for.
    func lose(_ kind: ReplayLosses.Kind, _ path: RelativePath, _ cause: SystemCallError? = nil) throws {
        guard !isStrict else {
            throw SnapshotError(
                .unsupported, "this target cannot keep this: \(kind.rawValue)", place: path.description,
                remedy: "receive as root, or without --strict", cause: cause)
        }
        losses.add(kind, path.description)
    }

    /// What a call that failed on a path says of the instruction.
    func failure(_ error: SystemCallError, at path: RelativePath) -> SnapshotError {
        let code: SnapshotError.Code
        let message: String
        if error.isSymbolicLink {
            (code, message) = (.invalidInstruction, "a symbolic link stands in the way")
        } else if error.isBeyond {
            (code, message) = (.invalidInstruction, "the path leaves the target")
        } else if error.isMissing || error.isNotADirectory || error.isNotEmpty {
            (code, message) = (.invalidInstruction, "the stream does not fit what is here")
        } else {
            (code, message) = (.system, "the target cannot be written")
        }
        return SnapshotError(code, message, place: path.description, cause: error)
    }

    func invalid(_ message: String, _ path: RelativePath) -> SnapshotError {
        SnapshotError(.invalidInstruction, message, place: path.description)
    }
}
