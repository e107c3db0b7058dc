import SnapshotModel
import SystemCalls
import Workers

/// Regular files that were just made, whose contents and attributes are set on worker threads.
///
/// A file is made in its turn, so that names appear and clash in the order of the stream. What the stream says of
/// it next is gathered and done later through the open descriptor, by one job for a batch of files. It touches no
/// other inode and no directory, so it may come before or after any step about another path; whoever needs the file
/// by its name waits. Of a large file that much is gathered again and again, and one such part is in work while the
/// next is gathered.
///
/// Memory is the window of batches, each of at most twice ``maximumGathered``: 8 MiB, and the frames these lie in.
final class NewFiles {
    /// How many batches are in work at once.
    private static let window = 16
    /// How many files make a batch. Times the window, they are open at once.
    private static let batchSize = 16
    /// The bytes that make a batch, and the most that are gathered for a file at once.
    private static let maximumGathered = 256 << 10
    /// What a step takes beside its data, about.
    private static let stepLength = 128

    /// A file that was made, and what is to be done to it.
    private struct GatheredFile {
        let opened: SharedDescriptor
        let path: RelativePath
        let privileges: TargetFile.Privileges
        /// With which it was made, if these are its first steps.
        let madeWith: UInt32?
        let steps: [Instruction]
        /// Whether more will be gathered for it.
        let goesOn: Bool

        /// The open file, after these steps.
        ///
        /// - Parameter fail: what becomes of a step that fails.
        func replay(
            _ account: LossAccount, _ powers: (any FilePowers)?, _ fail: (any Error) throws -> Void
        ) throws -> TargetFile {
            let file = TargetFile(opened, path: path, privileges: privileges, account: account, powers: powers)
            file.mayHoldBase = false
            for step in steps {
                // Against copy-on-write, which only an empty file can be given.
                if case .setFlags(_, let flags) = step, flags & UInt64(FileFlags.noCopyOnWrite) != 0 {
                    try file.setFlags(flags)
                }
            }
            var permissions = madeWith
            for step in steps {
                if let permissions, step.sets(permissions) { continue }
                if step.mayChangePermissions { permissions = nil }
                do {
                    try file.apply(step)
                } catch {
                    try fail((error as? SystemCallError).map { SnapshotError.replaying($0, at: path) } ?? error)
                }
            }
            return file
        }
    }

    /// A file that is to be made, and what the stream says of it.
    private struct WantedFile {
        let directory: TargetDirectory
        let name: [UInt8]
        let path: RelativePath
        private(set) var steps: [Instruction] = []
        private(set) var length = 0

        init(directory: TargetDirectory, name: [UInt8], path: RelativePath) {
            (self.directory, self.name, self.path) = (directory, name, path)
        }

        /// Gathers a step about the file; false for one that cannot wait, or for which there is no room.
        mutating func take(_ step: Instruction) -> Bool {
            guard TargetFile.aspect(of: step) != nil else { return false }
            let length = length + NewFiles.stepLength + step.dataLength
            guard length <= NewFiles.maximumGathered else { return false }
            self.length = length
            steps.append(step)
            return true
        }

        /// The same file, with nothing gathered for it.
        var withoutSteps: WantedFile { WantedFile(directory: directory, name: name, path: path) }
    }

    private struct FinishedBatch: Sendable {
        /// The last of the files, if it has had all its steps.
        let last: (opened: SharedDescriptor, path: RelativePath)?
        /// The bytes that were gathered for all of them.
        let length: Int
        /// Of the files that have had all their steps.
        let paths: [RelativePath]
        /// Of a file that has not.
        let privileges: TargetFile.Privileges?
        let losses: ReplayLosses
        let failures: [any Error]
    }

    private let account: LossAccount
    private let powers: (any FilePowers)?
    private let earlySync: EarlySync?
    private let makers = MakersRights()
    private lazy var pipeline = OrderedPipeline<FinishedBatch>(pool: .shared, window: NewFiles.window) {
        [unowned self] in
        account.add($0.losses)
        inWork.subtract($0.paths)
        if let privileges = $0.privileges { filling?.privileges = privileges }
        for failure in $0.failures { try account.fail(failure) }
        try earlySync?.wrote($0.length, upTo: $0.last)
    }
    /// The batch that is being gathered.
    private var batch: [GatheredFile] = []
    /// The file that steps are taken for.
    private var last: WantedFile?
    /// That file, where it was made since it is filled in parts, after those that were done.
    private var filling: (opened: SharedDescriptor, privileges: TargetFile.Privileges)?
    private var batchLength = 0
    /// The files that may not have had all their steps.
    private var inWork: Set<RelativePath> = []

    init(account: LossAccount, powers: (any FilePowers)?, earlySync: EarlySync?) {
        self.account = account
        self.powers = powers
        self.earlySync = earlySync
    }

    /// Begins a file, which is made when its steps have been gathered, before anything else is done.
    func begin(_ path: RelativePath, _ name: [UInt8], in directory: TargetDirectory) throws {
        try makeLast()
        filling = nil
        last = WantedFile(directory: directory, name: name, path: path)
    }

    /// Gathers a step; false where it is not about the file begun last, or one that cannot wait.
    ///
    /// - Throws: where there is no room for it and what was gathered before cannot be begun.
    func take(_ instruction: Instruction) throws -> Bool {
        guard last?.path == instruction.path else { return false }
        if last?.take(instruction) == true { return true }
        guard TargetFile.aspect(of: instruction) != nil, last?.steps.isEmpty == false else { return false }
        try beginLast()
        return last?.take(instruction) ?? false
    }

    /// Gathers steps that are about the file begun last and cannot fail before they are done; false where there is none.
    ///
    /// - Parameter done: raised by each that was gathered.
    func take(_ run: InstructionRun, done: inout Int) -> Bool {
        guard last?.path == run.steps[done].path, var wanted = last.take() else { return false }
        let (first, end) = (done, run.end(ofPathAt: done))
        while done < end {
            let step = run.steps[done]
            // They are noted elsewhere too.
            if case .setFlags = step { break }
            guard (try? step.check()) != nil, wanted.take(step) else { break }
            done += 1
        }
        last = wanted
        return done > first
    }

    /// Makes the file begun last, whose steps have all been seen or cannot be gathered further.
    func makeLast() throws {
        guard let wanted = last.take() else { return }
        if batch.count == NewFiles.batchSize || batchLength >= NewFiles.maximumGathered { try submitBatch() }
        batch.append(try gathered(wanted, goesOn: false))
        batchLength += wanted.length
        inWork.insert(wanted.path)
    }

    /// Has what was gathered for the file begun last done, and goes on with the rest of it.
    private func beginLast() throws {
        guard let wanted = last.take() else { return }
        let file = try gathered(wanted, goesOn: true)
        filling = (file.opened, file.privileges)
        try submit([file], length: wanted.length)
        inWork.insert(wanted.path)
        last = wanted.withoutSteps
    }

    /// What is to be done to a file, which is made if it was not.
    private func gathered(_ wanted: WantedFile, goesOn: Bool) throws -> GatheredFile {
        // What was gathered for it before comes first.
        if filling != nil { try pipeline.drain() }
        guard let (opened, privileges) = filling.take() else { return try make(wanted, goesOn: goesOn) }
        return GatheredFile(
            opened: opened, path: wanted.path, privileges: privileges, madeWith: nil, steps: wanted.steps,
            goesOn: goesOn)
    }

    private func make(_ wanted: WantedFile, goesOn: Bool) throws -> GatheredFile {
        let permissions =
            wanted.directory.hasDefaultACL
            ? 0o600
            : wanted.steps.finalPermissions(makers, inheritsGroup: wanted.directory.passesGroup) ?? 0o600
        do {
            let descriptor = try wanted.directory.descriptor.open(
                wanted.name, flags: OpenFlags.create, mode: permissions)
            if wanted.directory.hasDefaultACL {
                try descriptor.removeAttribute(PosixACL.access)
                try descriptor.changeMode(permissions)
            }
            if wanted.directory.handsOnCompression { try descriptor.removeAttribute(BtrfsProperty.compression) }
            return GatheredFile(
                opened: SharedDescriptor(descriptor), path: wanted.path,
                privileges: TargetFile.Privileges(permissions: permissions), madeWith: permissions,
                steps: wanted.steps, goesOn: goesOn)
        } catch {
            throw SnapshotError.replaying(error, at: wanted.path)
        }
    }

    /// The file begun last, if it is the one of this path, after the steps that were gathered for it.
    func reopenLast(_ path: RelativePath) throws -> TargetFile? {
        guard batch.last?.path == path, let file = batch.popLast() else { return nil }
        inWork.remove(path)
        return try file.replay(account, powers) { try account.fail($0) }
    }

    func isInWork(_ path: RelativePath) -> Bool { inWork.contains(path) }

    /// Waits until every file has had its steps.
    ///
    /// - Throws: the first error in the order of the files.
    func finish() throws {
        defer { inWork.removeAll() }
        try makeLast()
        try submitBatch()
        try pipeline.drain()
    }

    /// Waits for what is in work, whatever comes of it.
    func abandon() {
        last = nil
        filling = nil
        batch = []
        batchLength = 0
        pipeline.cancel()
        inWork.removeAll()
    }

    private func submitBatch() throws {
        let (files, length) = (batch, batchLength)
        batch = []
        batchLength = 0
        try submit(files, length: length)
    }

    private func submit(_ files: [GatheredFile], length: Int) throws {
        guard let last = files.last else { return }
        let (isStrict, powers) = (account.isStrict, powers)
        try pipeline.submit {
            let account = LossAccount(isStrict: isStrict)
            var failures: [any Error] = []
            var privileges: TargetFile.Privileges?
            for file in files {
                do {
                    let filled = try file.replay(account, powers) { failures.append($0) }
                    if file.goesOn { privileges = filled.privileges } else { try filled.close() }
                } catch {
                    failures.append(
                        (error as? SystemCallError).map { SnapshotError.replaying($0, at: file.path) } ?? error)
                }
            }
            return FinishedBatch(
                last: last.goesOn ? nil : (last.opened, last.path), length: length,
                paths: files.filter { !$0.goesOn }.map(\.path), privileges: privileges, losses: account.losses,
                failures: failures)
        }
    }
}

extension Instruction {
    /// How many bytes of data the step holds.
    fileprivate var dataLength: Int {
        switch self {
        case .write(_, _, let data): data.count
        case .writeEncoded(_, _, let extent): extent.bytes.count
        case .setExtendedAttribute(_, let attribute): attribute.name.count + attribute.value.count
        case .makeFile, .makeDirectory, .makeFIFO, .makeSocket, .makeNode, .makeSymbolicLink, .rename, .link, .unlink,
            .removeDirectory, .removeExtendedAttribute, .clone, .truncate, .changeMode, .changeOwner, .setTimes,
            .updateExtent, .allocate, .setFlags, .enableVerity:
            0
        }
    }
}
