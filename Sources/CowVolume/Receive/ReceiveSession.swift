import SnapshotModel
import Workers

/// The replay of one snapshot into a tree that nobody sees yet.
final class ReceiveSession {
    /// Paths of directories that are remembered: under a megabyte, and a whole source tree's worth.
    static let maximumRememberedPaths = 4096
    /// Batches that are on their way, each of ``batchBytes`` and as much packed: 4 MiB for each thread. With fewer
    /// of them the threads would wait while a directory is listed.
    static let windowPerThread = 8
    /// Contents that go through the workers in one piece. Handing over costs as much as packing some kilobytes.
    static let batchBytes = 256 << 10
    static let batchCount = 64
    /// Items that are looked at in one go where many are moved or removed.
    static let itemsAtOnce = 1024

    let volume: Volume
    let plan: ReceivePlan
    let header: SnapshotHeader
    let tree: WorkingTree

    /// The inode that was used last, since steps about one inode come together; written when another is used.
    private var current: Inode?
    private var currentHasChanged = false
    var directories: [RelativePath: UInt64] = [:]
    var lastResolved: (path: RelativePath, item: EntryItem)?

    /// Contents that wait for more behind them.
    var buffer: WriteBuffer?
    /// Extents that wait until there are enough for a batch, and how many bytes they have.
    var batch: [PendingWrite] = []
    var batchSize = 0
    /// How many extents of an inode are in the batch or on their way through the workers.
    var underway: [UInt64: Int] = [:]
    var sources: [SnapshotUUID: VolumeTree] = [:]
    private let pool: WorkerPool
    private(set) lazy var pipeline = OrderedPipeline<[PackedWrite]>(
        pool: pool, window: ReceiveSession.windowPerThread * pool.threadCount
    ) { [unowned self] in try deliver($0) }

    /// - Parameter neighbour: a tree of the volume that is read while this is made.
    init(
        _ volume: Volume, _ plan: ReceivePlan, _ header: SnapshotHeader, beside neighbour: VolumeTree?, pool: WorkerPool
    ) throws {
        self.volume = volume
        self.plan = plan
        self.header = header
        self.pool = pool
        tree = try WorkingTree(volume.store, base: plan.base, beside: neighbour?.nodes)
        if let dataset = plan.dataset { tree.record.nextInode = max(tree.record.nextInode, dataset.nextInode) }
    }

    func apply(_ instruction: Instruction, _ losses: inout ReplayLosses) throws {
        switch instruction {
        case .makeFile(let path, let identity): try make(path, identity, .regular)
        case .makeDirectory(let path, let identity): try make(path, identity, .directory)
        case .makeFIFO(let path, let identity): try make(path, identity, .fifo)
        case .makeSocket(let path, let identity): try make(path, identity, .socket)
        case .makeNode(let path, let identity, let mode, let device):
            try makeNode(path, identity, mode: mode, device: device)
        case .makeSymbolicLink(let path, let identity, let target):
            try makeSymbolicLink(path, identity, target: target)
        case .rename(let path, let target): try rename(path, to: target)
        case .link(let path, let target): try link(path, to: target)
        case .unlink(let path): try unlink(path)
        case .removeDirectory(let path): try removeDirectory(path)
        case .setExtendedAttribute(let path, let attribute): try setAttribute(path, attribute)
        case .removeExtendedAttribute(let path, let name): try removeAttribute(path, name)
        case .write(let path, let offset, let data): try write(path, offset: offset, data)
        case .writeEncoded(let path, let offset, let extent): try writeEncoded(path, offset: offset, extent)
        case .clone(let path, let offset, let length, let source):
            try clone(path, offset: offset, length: length, from: source)
        case .truncate(let path, let size): try truncate(path, size: size)
        case .changeMode(let path, let permissions): try change(path) { $0.permissions = permissions & 0o7777 }
        case .changeOwner(let path, let owner, let group):
            try change(path) {
                $0.owner = owner
                $0.group = group
            }
        case .setTimes(let path, let times):
            try change(path) { inode in
                let born = times.born ?? inode.times.born
                inode.times = times
                inode.times.born = born
            }
        case .updateExtent(let path, _, _, _): throw SnapshotHeader.lacksData(path.description)
        case .allocate(let path, let mode, let offset, let length):
            try allocate(path, mode, offset: offset, length: length)
        case .setFlags(let path, let flags): try change(path) { $0.flags = flags }
        case .enableVerity(let path, _):
            _ = try regularFile(path)
            losses.add(.verity, path.description)
        }
        try commitIfFull()
    }

    func finish() throws -> SnapshotRecord {
        try flushBuffer()
        try drain()
        try writeCurrent()
        var made: SnapshotRecord?
        try tree.publish { database, ledger in made = try plan.publish(tree, volume, database, ledger) }
        // What is left to reclaim is so for the next writer too: the snapshot is there.
        _ = try? volume.store.reclaim()
        guard let made else { throw SnapshotError(.system, "the snapshot was not made", place: header.name) }
        return made
    }

    func abandon() {
        pipeline.cancel()
        tree.abandon()
    }

    func commitIfFull() throws {
        guard tree.isFull else { return }
        try writeCurrent()
        try tree.commitPart()
    }

    // MARK: Inodes

    func inode(_ number: UInt64) throws -> Inode {
        if let current, current.number.rawValue == number { return current }
        guard let value = try tree.editor.find(ItemKey(number, .inode)) else {
            throw SnapshotError(.corrupt, "a name leads to an inode that is missing", place: "inode \(number)")
        }
        let inode = try InodeItem.parse(value, number: number)
        try writeCurrent()
        current = inode
        return inode
    }

    /// Changes an inode, and the dataset's sum of bytes with its size.
    func change(_ number: UInt64, _ body: (inout Inode) throws -> Void) throws {
        var inode = try inode(number)
        let size = inode.size
        try body(&inode)
        inode.changeGeneration = tree.generation
        if inode.kind == .regular { tree.record.bytes = tree.record.bytes &- size &+ inode.size }
        current = inode
        currentHasChanged = true
    }

    func change(_ path: RelativePath, _ body: (inout Inode) throws -> Void) throws {
        try change(try resolve(path).inode, body)
    }

    /// Takes in a new inode.
    func adopt(_ inode: Inode) throws {
        try writeCurrent()
        current = inode
        currentHasChanged = true
        tree.record.inodes += 1
    }

    /// Forgets an inode that is being removed.
    func forget(_ inode: Inode) {
        if current?.number == inode.number {
            current = nil
            currentHasChanged = false
        }
        tree.record.inodes -= min(1, tree.record.inodes)
        if inode.kind == .regular { tree.record.bytes = tree.record.bytes &- inode.size }
    }

    func writeCurrent() throws {
        guard let inode = current, currentHasChanged else { return }
        try tree.editor.put(ItemKey(inode.number.rawValue, .inode), InodeItem.encode(inode))
        currentHasChanged = false
    }

    // MARK: Checks

    func invalid(_ message: String, _ path: RelativePath) -> SnapshotError {
        SnapshotError(.invalidInstruction, message, place: path.description)
    }

    /// The end of a range that fits into a file.
    func end(_ offset: UInt64, _ length: UInt64, _ path: RelativePath) throws -> UInt64 {
        let (end, overflow) = offset.addingReportingOverflow(length)
        guard !overflow, end <= FileLimits.maximumSize else {
            throw invalid("a range of \(length) bytes at \(offset) ends beyond what a file can hold", path)
        }
        return end
    }
}
