package import SnapshotModel
package import SystemCalls

/// Replays instructions onto a directory that is being built, whatever becomes of it afterwards.
///
/// Every path is resolved beneath the directory and never through a symbolic link. Names are made and moved in
/// the order of the stream; what follows about a small file that was made is done on other threads
/// (``NewFiles``). Any other regular file stays open from one instruction to the next that is about another, and
/// directories stay open in a bounded cache.
package final class TreeReplay {
    /// Where a snapshot lies from which CLONE may take data; nil where it is not at hand.
    package typealias SnapshotFinder = (SnapshotReference) throws -> SharedDescriptor?

    /// What could not be kept.
    package var losses: ReplayLosses { account.losses }

    /// Paths of inodes that could not be made, such as device nodes without the right to make them. What the
    /// stream says of them is passed over.
    package internal(set) var missing: Set<RelativePath>

    let root: SharedDescriptor
    let snapshot: SnapshotReference
    let account: LossAccount
    private let earlySync: EarlySync?
    let newFiles: NewFiles
    private lazy var times = TimesInWork { [unowned self] in try repeatWithCare($0) }
    let powers: (any FilePowers)?
    let findSnapshot: SnapshotFinder
    /// Whether inodes that forbid changes, or have other flags, may be here from an earlier replay: in a tree that is
    /// changed in place.
    var mayHoldForbidding = false
    /// What ``allowChanges(_:)`` looked at last.
    var lastAllowed: RelativePath?
    /// The times that the root is to have: those of the base, or what the stream said last. What is only made and
    /// moved on the way changes them.
    var rootTimes: (accessed: FileStatus.Instant, modified: FileStatus.Instant)?
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
    /// A new inode under a name that it may only have until the next step (``holdsBack(_:)``).
    private var heldBack: Instruction?
    /// Names in the root of the form of temporary ones that may be there; nil before they are asked for.
    var temporaryNames: Set<RelativePath>?
    var cloneSources = BoundedCache<CloneFile, SharedDescriptor>(capacity: 16)

    /// - Parameter root: the directory, open for reading.
    /// - Parameter snapshot: by what the stream knows the snapshot, for CLONE from itself.
    /// - Parameter missing: what could not be made of the base.
    /// - Parameter maximumFailures: how many steps may fail before the replay does; 0 for any number.
    /// - Parameter powers: what files can do here.
    /// - Parameter syncsEarly: whether the disk is to write what it was given before all is made durable in the end;
    ///   where a file is made durable by writing all of a journal, nothing is gained.
    package init(
        root: SharedDescriptor, snapshot: SnapshotReference, isStrict: Bool, missing: Set<RelativePath> = [],
        maximumFailures: UInt64 = 1, powers: (any FilePowers)? = nil, syncsEarly: Bool = false,
        findSnapshot: @escaping SnapshotFinder
    ) {
        self.root = root
        self.snapshot = snapshot
        account = LossAccount(isStrict: isStrict, maximumFailures: maximumFailures)
        self.powers = powers
        earlySync = syncsEarly ? EarlySync() : nil
        newFiles = NewFiles(account: account, powers: powers, earlySync: earlySync)
        self.missing = missing
        self.findSnapshot = findSnapshot
    }

    /// Whether rights must be given before they can be used: root has them all.
    var isUnprivileged: Bool { user != 0 }

    /// Replays one step. What goes wrong in a new file may come out at a later one, but before what is wrong there.
    package func apply(_ instruction: Instruction) throws {
        if let making = heldBack {
            heldBack = nil
            if case .rename(making.path, let newPath) = instruction, let made = making.made(at: newPath) {
                try require(isFree: making.path)
                return try perform(made)
            }
            try perform(making)
        }
        if holdsBack(instruction) { heldBack = instruction } else { try perform(instruction) }
    }

    /// Replays steps that follow each other.
    ///
    /// - Parameter done: raised by each that was replayed.
    package func apply(_ run: InstructionRun, done: inout Int) throws {
        while done < run.count {
            // What follows about a new file needs nothing else to be looked at.
            if heldBack == nil, missing.isEmpty, newFiles.take(run, done: &done) { continue }
            try apply(run.steps[done])
            done += 1
        }
    }

    private func perform(_ instruction: Instruction) throws {
        do {
            if temporaryNames != nil { noteNewName(instruction) }
            if !missing.isEmpty, try concernsMissing(instruction) { return }
            try instruction.check()
            if try newFiles.take(instruction) {
                if case .setFlags(let path, let flags) = instruction { try deferFlags(path, flags) }
                return
            }
            try newFiles.makeLast()
            if case .setTimes(let path, let times) = instruction, try setLater(path, times) { return }
            if mayHoldForbidding { try allowChanges(instruction) }
            try settle(instruction)
            if case .setFlags(let path, let flags) = instruction {
                // After the flags that it had were taken off, which are not to come back.
                try deferFlags(path, flags)
                try forgetFlags(underOtherNamesOf: path)
            }
            try replay(instruction)
        } catch {
            // What came before may have failed too, and is then what is to be told.
            try newFiles.finish()
            if let error = error as? SystemCallError {
                return try account.fail(SnapshotError.replaying(error, at: instruction.path))
            }
            try account.fail((error as? SnapshotError)?.placed(ifNeeded: "\(instruction.path)") ?? error)
        }
    }

    /// Waits for new files where a step may concern one of them by its name.
    private func settle(_ instruction: Instruction) throws {
        if let file = try newFiles.reopenLast(instruction.path) {
            try closeCurrent()
            current = file
        }
        switch instruction {
        case .rename, .link, .clone:
            try newFiles.finish()
            try times.finish()
        case .unlink, .removeDirectory, .makeFile, .makeDirectory, .makeFIFO, .makeSocket, .makeNode, .makeSymbolicLink,
            .setExtendedAttribute, .removeExtendedAttribute, .write, .writeEncoded, .truncate, .changeMode,
            .changeOwner, .setTimes, .updateExtent, .allocate, .setFlags, .enableVerity:
            if newFiles.isInWork(instruction.path) { try newFiles.finish() }
            if times.isInWork(instruction.path) { try times.finish() }
        }
    }

    private func replay(_ instruction: Instruction) throws {
        if let current, current.path == instruction.path, TargetFile.aspect(of: instruction) == .attributes {
            return try current.apply(instruction)
        }
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
        case .write(let path, _, _), .writeEncoded(let path, _, _), .truncate(let path, _),
            .allocate(let path, _, _, _):
            try fileToFill(path).apply(instruction)
        case .clone(let path, let offset, let length, let source):
            try clone(path, offset: offset, length: length, from: source)
        case .changeMode(let path, let permissions): try changeMode(path, permissions: permissions)
        case .changeOwner(let path, let owner, let group): try changeOwner(path, owner: owner, group: group)
        case .setTimes(let path, let times): try setTimes(path, times)
        case .updateExtent(let path, _, _, _): throw SnapshotHeader.lacksData(path.description)
        case .setFlags(let path, let flags): try setFlags(path, flags: flags)
        case .enableVerity(let path, _): try lose(.verity, path)
        }
    }

    /// Begins with a copy of another directory, before the first step.
    package func copy(_ parent: SharedDescriptor) throws {
        var copy = ParentCopy(of: parent, into: self)
        try copy.run()
        try keepRootTimes()
    }

    /// Notes that the directory holds the base, which is changed in place.
    package func startFromBase() throws {
        mayHoldForbidding = true
        try keepRootTimes()
    }

    private func keepRootTimes() throws {
        let status = try root.descriptor.status()
        rootTimes = (status.accessed, status.modified)
    }

    /// Has the times of an inode that was there before set on another thread, where nothing else needs to be done
    /// for it; false where that cannot be.
    private func setLater(_ path: RelativePath, _ times: FileTimes) throws -> Bool {
        guard !path.isRoot, !isUnprivileged, !shared.isActive, current?.path != path, !newFiles.isInWork(path),
            !self.times.isInWork(path)
        else { return false }
        let (directory, name) = try parent(of: path)
        try self.times.set(times, of: name, in: directory.opened, path)
        return true
    }

    /// Does a step that was refused when it was done in haste.
    private func repeatWithCare(_ instruction: Instruction) throws {
        do {
            if mayHoldForbidding { try allowChanges(instruction) }
            try replay(instruction)
        } catch let error as SystemCallError {
            throw SnapshotError.replaying(error, at: instruction.path)
        }
    }

    /// Gives everything its last attributes and makes the tree durable.
    package func finish() throws {
        if let making = heldBack {
            heldBack = nil
            try perform(making)
        }
        do {
            try newFiles.finish()
            try times.finish()
            try closeCurrent()
            try applyDeferred()
            if let rootTimes {
                try root.descriptor.setTimes(accessed: rootTimes.accessed, modified: rootTimes.modified)
            }
            lastDirectory = nil
            directories.removeAll()
            cloneSources.removeAll()
            // Before all is made durable; what cannot be removed now is removed by the next replay.
            try? base?.removeKept()
            try earlySync?.finish()
            try root.descriptor.syncFileSystem()
        } catch let error as SystemCallError {
            throw SnapshotError.replaying(error, at: .root)
        }
    }

    /// Lets go of everything that is in work.
    package func abandon() {
        newFiles.abandon()
        times.abandon()
        earlySync?.abandon()
        heldBack = nil
        current = nil
        // Who removes what was built needs descriptors, of which there may be too few.
        lastDirectory = nil
        directories.removeAll()
        cloneSources.removeAll()
    }

    /// Counts what cannot be kept, or fails, as was asked for.
    func lose(_ kind: ReplayLosses.Kind, _ path: RelativePath, _ cause: SystemCallError? = nil) throws {
        try account.lose(kind, path, cause)
    }
}
