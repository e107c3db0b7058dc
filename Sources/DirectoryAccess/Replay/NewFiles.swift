import SnapshotModel
import SystemCalls
import Workers

/// Regular files that were just made, whose contents and attributes are set on worker threads.
///
/// A file is made in its turn, so that names appear and clash in the order of the stream. What the stream says of
/// it next is gathered and then done by one job through the open descriptor. It touches no other inode and no
/// directory, so it may come before or after any step about another path; whoever needs the file by its name waits.
///
/// Memory is the window times the most that is gathered for a file, 16 MiB, and the frames that these lie in.
final class NewFiles {
    /// How many files are in work, and so open, at once.
    private static let window = 64
    /// The most bytes that are gathered for one file. A larger one is written as its steps come.
    private static let maximumGathered = 256 << 10
    /// What a step takes beside its data, about.
    private static let stepLength = 128

    private struct Gathered: Sendable {
        let opened: SharedDescriptor
        let path: RelativePath
        var steps: [Instruction] = []
        var length = 0

        /// The open file, after all its steps.
        func replay(_ account: LossAccount) throws -> TargetFile {
            // With the mode that it was made with.
            let file = TargetFile(opened, path: path, permissions: 0o600, account: account)
            file.mayHoldBase = false
            for step in steps { try file.apply(step) }
            return file
        }
    }

    private struct Finished: Sendable {
        let path: RelativePath
        let losses: ReplayLosses
    }

    private let account: LossAccount
    private lazy var pipeline = OrderedPipeline<Finished>(pool: .shared, window: NewFiles.window) { [unowned self] in
        account.add($0.losses)
        inWork.remove($0.path)
    }
    private var inWork: Set<RelativePath> = []
    /// The file made last, whose steps are being gathered.
    private var last: Gathered?

    init(account: LossAccount) {
        self.account = account
    }

    /// Begins a file that was made with the mode 0600; the one before it goes into work.
    func begin(_ opened: SharedDescriptor, _ path: RelativePath) throws {
        try submitLast()
        last = Gathered(opened: opened, path: path)
    }

    /// Gathers a step; false where it is not about the file made last, or one that cannot wait.
    func take(_ instruction: Instruction) -> Bool {
        guard let path = last?.path, path == instruction.path, TargetFile.aspect(of: instruction) != nil else {
            return false
        }
        let length = (last?.length ?? 0) + NewFiles.stepLength + instruction.dataLength
        guard length <= NewFiles.maximumGathered else { return false }
        last?.steps.append(instruction)
        last?.length = length
        return true
    }

    /// The file made last, if it is the one of this path, after the steps that were gathered for it.
    func reopenLast(_ path: RelativePath) throws -> TargetFile? {
        guard let gathered = last, gathered.path == path else { return nil }
        last = nil
        return try gathered.replay(account)
    }

    /// Whether a file may not have had all its steps yet.
    func isInWork(_ path: RelativePath) -> Bool { inWork.contains(path) }

    /// Waits until every file has had its steps.
    ///
    /// - Throws: the first error in the order of the files.
    func finish() throws {
        defer { inWork.removeAll() }
        try submitLast()
        try pipeline.drain()
    }

    /// Waits for what is in work, whatever comes of it.
    func abandon() {
        last = nil
        pipeline.cancel()
        inWork.removeAll()
    }

    private func submitLast() throws {
        guard let gathered = last else { return }
        last = nil
        inWork.insert(gathered.path)
        let isStrict = account.isStrict
        try pipeline.submit {
            let account = LossAccount(isStrict: isStrict)
            do {
                try gathered.replay(account).close()
            } catch let error as SystemCallError {
                throw SnapshotError.replaying(error, at: gathered.path)
            }
            return Finished(path: gathered.path, losses: account.losses)
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
