import SystemCalls
import Workers

/// Makes durable what was replayed while more is, so that the sync at the end, which counts, finds little to do.
///
/// One sync at a time is in work, on a thread of its own.
final class EarlySync {
    /// What makes a sync worth its cost: for some tenths of a second a disk is busy with it.
    private static let enough = 64 << 20
    /// What a step dirties beside its data, about: its share of the leaves of a tree.
    private static let stepLength = 1 << 10

    private let root: SharedDescriptor
    private lazy var pool = WorkerPool(threads: 1)
    private var dirtied = 0
    private var sync: PendingResult<Void>?

    init(of root: SharedDescriptor) {
        self.root = root
    }

    /// Notes a step, by how many bytes of data it has, and begins a sync where there is enough to do for one.
    ///
    /// - Throws: what an earlier sync came to, which no other tells again (syncfs(2)).
    func note(_ length: Int) throws {
        dirtied += EarlySync.stepLength + length
        guard dirtied >= EarlySync.enough, sync?.isDone != false else { return }
        try finish()
        dirtied = 0
        let root = root
        sync = pool.start { try root.descriptor.syncFileSystem() }
    }

    /// Waits for the sync that is in work.
    func finish() throws {
        defer { sync = nil }
        try sync?.value()
    }

    /// The same, whatever comes of it.
    func abandon() {
        sync?.cancel()
        sync = nil
    }
}
