import SnapshotModel
import SystemCalls
import Workers

/// Regular files that were just made, whose contents and attributes are set on worker threads.
///
/// A file is made in its turn, so that names appear and clash in the order of the stream. What the stream says of
/// it next is gathered and done later through the open descriptor, by one job for a batch of files. It touches no
/// other inode and no directory, so it may come before or after any step about another path; whoever needs the file
/// by its name waits.
///
/// Memory is the window of batches, each of at most twice ``maximumGathered``: 8 MiB, and the frames these lie in.
final class NewFiles {
    /// How many batches are in work at once.
    private static let window = 16
    /// How many files make a batch. Times the window, they are open at once.
    private static let batchSize = 16
    /// The bytes that make a batch, and the most that are gathered for a file: a larger one is written as its steps
    /// come.
    private static let maximumGathered = 256 << 10
    /// What a step takes beside its data, about.
    private static let stepLength = 128

    private struct GatheredFile {
        let opened: SharedDescriptor
        let path: RelativePath
        var steps: [Instruction] = []
        var length = 0

        /// The open file, after all its steps.
        func replay(_ account: LossAccount, _ powers: (any FilePowers)?) throws -> TargetFile {
            // With the mode that it was made with.
            let file = TargetFile(opened, path: path, permissions: 0o600, account: account, powers: powers)
            file.mayHoldBase = false
            for step in steps { try file.apply(step) }
            return file
        }
    }

    private struct FinishedBatch: Sendable {
        let paths: [RelativePath]
        let losses: ReplayLosses
    }

    private let account: LossAccount
    private let powers: (any FilePowers)?
    private lazy var pipeline = OrderedPipeline<FinishedBatch>(pool: .shared, window: NewFiles.window) {
        [unowned self] in
        account.add($0.losses)
        inWork.subtract($0.paths)
    }
    /// The batch that is being gathered; steps are taken for its last file.
    private var batch: [GatheredFile] = []
    private var batchLength = 0
    /// The files that may not have had all their steps.
    private var inWork: Set<RelativePath> = []

    init(account: LossAccount, powers: (any FilePowers)?) {
        self.account = account
        self.powers = powers
    }

    /// Begins a file that was made with the mode 0600.
    func begin(_ opened: SharedDescriptor, _ path: RelativePath) throws {
        batchLength += batch.last?.length ?? 0
        if batch.count == NewFiles.batchSize || batchLength >= NewFiles.maximumGathered { try submit() }
        batch.append(GatheredFile(opened: opened, path: path))
        inWork.insert(path)
    }

    /// Gathers a step; false where it is not about the file made last, or one that cannot wait.
    func take(_ instruction: Instruction) -> Bool {
        guard let last = batch.indices.last, batch[last].path == instruction.path,
            TargetFile.aspect(of: instruction) != nil
        else { return false }
        let length = batch[last].length + NewFiles.stepLength + instruction.dataLength
        guard length <= NewFiles.maximumGathered else { return false }
        batch[last].steps.append(instruction)
        batch[last].length = length
        return true
    }

    /// The file made last, if it is the one of this path, after the steps that were gathered for it.
    func reopenLast(_ path: RelativePath) throws -> TargetFile? {
        guard batch.last?.path == path, let file = batch.popLast() else { return nil }
        inWork.remove(path)
        return try file.replay(account, powers)
    }

    func isInWork(_ path: RelativePath) -> Bool { inWork.contains(path) }

    /// Waits until every file has had its steps.
    ///
    /// - Throws: the first error in the order of the files.
    func finish() throws {
        defer { inWork.removeAll() }
        try submit()
        try pipeline.drain()
    }

    /// Waits for what is in work, whatever comes of it.
    func abandon() {
        batch = []
        batchLength = 0
        pipeline.cancel()
        inWork.removeAll()
    }

    private func submit() throws {
        guard !batch.isEmpty else { return }
        let files = batch
        batch = []
        batchLength = 0
        let (isStrict, powers) = (account.isStrict, powers)
        try pipeline.submit {
            let account = LossAccount(isStrict: isStrict)
            for file in files {
                do {
                    try file.replay(account, powers).close()
                } catch let error as SystemCallError {
                    throw SnapshotError.replaying(error, at: file.path)
                }
            }
            return FinishedBatch(paths: files.map(\.path), losses: account.losses)
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
