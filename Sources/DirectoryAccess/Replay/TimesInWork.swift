import SnapshotModel
import SystemCalls
import Workers

/// Times of inodes that were there before, set on another thread: in an incremental stream often the only change
/// there is to most of them. On one thread beside the one that asks: more wait for each other in a kernel that keeps
/// inodes in one tree.
///
/// It touches nothing but the inode, so it may come before or after any step about another path; whoever needs the
/// inode by its name waits. What is refused comes back, to be done with more care.
///
/// Memory is the window of batches, each of ``batchSize`` steps: less than a mebibyte, and nine where every path is as
/// long as it may be. As many directories are open at most.
final class TimesInWork {
    private static let window = 16
    private static let batchSize = 128

    private struct Wanted {
        let directory: SharedDescriptor
        let name: [UInt8]
        let path: RelativePath
        let times: FileTimes
    }

    private struct Outcome: Sendable {
        let done: [RelativePath]
        let refused: [Instruction]
    }

    private let redo: (Instruction) throws -> Void
    private lazy var pipeline = OrderedPipeline<Outcome>(pool: WorkerPool(threads: 1), window: TimesInWork.window) {
        [unowned self] in
        inWork.subtract($0.done)
        for step in $0.refused { try redo(step) }
    }
    private var batch: [Wanted] = []
    private var inWork: Set<RelativePath> = []

    /// - Parameter redo: does a step that was refused.
    init(redo: @escaping (Instruction) throws -> Void) {
        self.redo = redo
    }

    func isInWork(_ path: RelativePath) -> Bool { inWork.contains(path) }

    /// Has the times of an entry of a directory set soon.
    func set(_ times: FileTimes, of name: [UInt8], in directory: SharedDescriptor, _ path: RelativePath) throws {
        batch.append(Wanted(directory: directory, name: name, path: path, times: times))
        inWork.insert(path)
        if batch.count == TimesInWork.batchSize { try submit() }
    }

    /// Waits until all times are set.
    func finish() throws {
        guard !inWork.isEmpty else { return }
        defer { inWork.removeAll() }
        try submit()
        try pipeline.drain()
    }

    /// Waits for what is in work, whatever comes of it.
    func abandon() {
        batch = []
        pipeline.cancel()
        inWork.removeAll()
    }

    private func submit() throws {
        let all = batch
        batch = []
        try pipeline.submit {
            var refused: [Instruction] = []
            for wanted in all {
                do throws(SystemCallError) {
                    try wanted.directory.descriptor.setTimes(
                        of: wanted.name, accessed: FileStatus.Instant(wanted.times.accessed),
                        modified: FileStatus.Instant(wanted.times.modified))
                } catch {
                    refused.append(.setTimes(wanted.path, wanted.times))
                }
            }
            return Outcome(done: all.map(\.path), refused: refused)
        }
    }
}
