import Foundation
import GRDB
import SnapshotModel
import Workers

/// A tree that is being received, invisible until it is published.
///
/// The database is locked only while a commit is written. What the tree started from stays alive, since a row of
/// its own refers to it.
final class WorkingTree {
    /// Nodes are committed when they take this much memory, in bytes: in few and large commits.
    static let commitMemory = 16 << 20
    /// How much memory the nodes take that are kept after a commit: those on the way to what is filled next, beside
    /// the ones that gather for the next commit.
    private static let keptMemory = 8 << 20
    /// The same beside a tree that is compared with: what differs is looked up in both again, in another order.
    private static let keptMemoryBeside = NodeCache.defaultCapacity + (24 << 20)
    /// Nodes that are on their way through the workers in a commit, each of some 16 KiB encoded and as much packed.
    private static let packingWindow = 64
    /// Extents are committed when there are so many, some 400 bytes of memory each; far below what one generation
    /// can number.
    static let commitExtents = 25_000

    let store: VolumeStore
    let nodes: CommittedNodes
    let editor: TreeEditor
    /// The row, with the totals as they change.
    var record: RootRecord
    let segments: SegmentWriter
    private let lock: WriterLock
    private var newExtents: [ExtentRecord] = []
    private var newByHash: [StoredHash: Int] = [:]
    /// The extents of others, as they were when the open generation first asked. One read transaction for all
    /// questions, since beginning one costs more than an answer. It must end before a commit, or the write-ahead
    /// log could never begin anew.
    private var committedExtents: DatabaseSnapshot?
    private var isOver = false

    var generation: UInt64 { editor.generation }

    /// - Parameters:
    ///   - base: what the tree starts from; nil for an empty directory.
    ///   - neighbour: nodes that are read at the same time, of the base, say. What one has read the other then has
    ///     too: no number ever means two nodes.
    init(_ store: VolumeStore, base: RootRecord?, beside neighbour: CommittedNodes? = nil) throws {
        try store.reapAbandonedWriters()
        let lock = try VolumeStore.guarded(store.writersPath) { try WriterLock(in: store.writersPath) }
        self.store = store
        self.lock = lock
        var record = try store.write { database in
            var record = RootRecord(
                kind: .working, dataset: 0, name: lock.name, generation: try VolumeSchema.nextGeneration(database),
                created: .now, node: NodeID(rawValue: 0), inodes: 1, bytes: 0,
                nextInode: FileLimits.rootDirectory + 1)
            if let base {
                record.node = base.node
                record.inodes = base.inodes
                record.bytes = base.bytes
                record.nextInode = base.nextInode
                try database.execute(
                    sql: "UPDATE \(store.format.counts) SET refs = refs + 1 WHERE id = ? AND refs > 0",
                    arguments: [try stored(base.node.rawValue)])
                guard database.changesCount == 1 else {
                    throw SnapshotError(
                        .notFound, "the base was destroyed meanwhile", place: base.name, remedy: "do it again")
                }
            }
            try record.insert(database)
            return record
        }
        record.dataset = 0
        self.record = record
        let cache = neighbour?.cache ?? NodeCache(capacity: WorkingTree.keptMemory)
        if neighbour != nil { cache.makeRoom(for: WorkingTree.keptMemoryBeside) }
        nodes = CommittedNodes(store.pool, cache: cache)
        segments = SegmentWriter(store, writer: record.id)
        if base != nil {
            editor = TreeEditor(nodes, root: record.node, generation: record.generation)
        } else {
            let root = Inode.rootDirectory(generation: record.generation)
            editor = try TreeEditor(
                nodes, key: ItemKey(FileLimits.rootDirectory, .inode), value: InodeItem.encode(root),
                generation: record.generation)
        }
    }

    deinit { abandon() }

    // MARK: Extents

    /// Stores extents, but those whose bytes are there already.
    ///
    /// - Returns: their numbers.
    func store(_ extents: [PackedExtent]) throws -> [UInt64] {
        let known = try knownExtents(extents)
        return try zip(extents, known).map { extent, known in
            if let known { return known }
            if let index = newByHash[extent.hash] { return newExtents[index].id }
            return try append(extent)
        }
    }

    private func append(_ packed: PackedExtent) throws -> UInt64 {
        guard newExtents.count < NodeID.maximumSequence else {
            throw SnapshotError(.limitExceeded, "more extents in one generation than have numbers")
        }
        let place = try segments.append(packed.bytes[...])
        let extent = ExtentRecord(
            id: NodeID(generation: generation, sequence: UInt64(newExtents.count) + 1).rawValue, hash: packed.hash,
            segment: place.segment, position: place.position, storedLength: packed.bytes.count,
            rawLength: packed.rawLength, encoding: packed.encoding, crc: packed.crc)
        newByHash[packed.hash] = newExtents.count
        newExtents.append(extent)
        return extent.id
    }

    /// The committed extents with these hashes. They cannot vanish: none does while a receive is unfinished.
    private func knownExtents(_ extents: [PackedExtent]) throws -> [UInt64?] {
        try VolumeStore.guarded(store.path) {
            let snapshot = try committedExtents ?? store.pool.makeSnapshot()
            committedExtents = snapshot
            return try snapshot.unsafeRead { database in
                let find = try DirectStatement(database, "SELECT id FROM extents WHERE hash = ? ORDER BY id LIMIT 1")
                return try extents.map { extent in
                    guard newByHash[extent.hash] == nil else { return nil }
                    try find.set(1, extent.hash.bytes[...])
                    return try find.first { try $0.integer(0) }.map(UInt64.init(bitPattern:))
                }
            }
        }
    }

    /// An extent that the open generation stored; readable in its segment.
    func newExtent(_ id: UInt64) throws -> ExtentRecord? {
        guard let index = Int(exactly: id & NodeID.maximumSequence), NodeID(rawValue: id).generation == generation,
            index >= 1, index <= newExtents.count
        else { return nil }
        try segments.flush()
        return newExtents[index - 1]
    }

    // MARK: Commits

    /// Whether so much has gathered that it should be committed.
    var isFull: Bool {
        editor.dirtyMemory >= WorkingTree.commitMemory || newExtents.count >= WorkingTree.commitExtents
    }

    /// Commits what has gathered, still invisible, and goes on in a new generation.
    func commitPart() throws {
        let next = try commit { database, _ in
            try self.record.updateTree(database)
            return try VolumeSchema.nextGeneration(database)
        }
        record.generation = next
        editor.startGeneration(next)
    }

    /// Commits what has gathered together with what `body` changes, which makes the tree visible. The row is then
    /// gone, and its reference on the tree is the body's to hand on.
    func publish(_ body: (Database, ReferenceLedger) throws -> Void) throws {
        try commit { database, ledger in
            try body(database, ledger)
            try database.execute(
                sql: "UPDATE segments SET writer = NULL WHERE writer = ?", arguments: [self.record.id])
            try self.record.delete(database)
        }
        isOver = true
    }

    /// Drops everything. Does nothing after ``publish(_:)``.
    func abandon() {
        if isOver { return }
        isOver = true
        committedExtents = nil
        // What cannot be cleared now is cleared by the next writer, once the lock is gone.
        try? store.write { database in
            // The row as it was committed; the one here may be ahead of it.
            guard let record = try RootRecord.first(database, where: "id = ?", [self.record.id]) else { return }
            try store.release(record, database)
        }
        _ = try? store.reclaim()
    }

    @discardableResult
    private func commit<Value>(_ body: (Database, ReferenceLedger) throws -> Value) throws -> Value {
        let fresh = editor.dirty.values.sorted { $0.id < $1.id }
        try segments.sync()
        committedExtents = nil
        let oldRoot = record.node
        record.node = editor.root
        let value = try store.write { database in
            guard try RootRecord.first(database, where: "id = ? AND kind = 4", [record.id]) != nil else {
                throw SnapshotError(
                    .inUse, "the unfinished receive was cleared away by another process", place: record.name,
                    remedy: "receive again")
            }
            nodes.transaction = database
            defer { nodes.transaction = nil }
            let ledger = ReferenceLedger(database, nodes, store.format)
            for node in fresh { try ledger.holdContents(of: node) }
            ledger.hold(editor.root)
            let value = try body(database, ledger)
            if oldRoot.rawValue != 0 { _ = try ledger.drop([.init(node: oldRoot, isMark: false)]) }
            try insert(fresh, ledger, database)
            try ledger.write()
            return value
        }
        for node in fresh { nodes.keep(node) }
        newExtents.removeAll()
        newByHash.removeAll()
        segments.forgetGrowth()
        return value
    }

    /// Writes what is new. Nodes are compressed on all threads and written as they come from there: all of them packed
    /// would take half of what they take in memory once more.
    private func insert(_ fresh: [Node], _ ledger: ReferenceLedger, _ database: Database) throws {
        let nodes = try NodeInsertion(database, store.format)
        let pipeline = OrderedPipeline<PackedNode>(pool: .shared, window: WorkingTree.packingWindow) { node in
            try nodes.insert(node, refs: ledger.takeCount(ofNew: node.id))
        }
        for node in fresh {
            let (id, level, encoded) = (node.id, node.level, node.encoded())
            try pipeline.submit { try PackedNode(id: id, level: level, packing: encoded) }
        }
        try pipeline.drain()
        let insertExtent = try ExtentRecord.insertion(database)
        for extent in newExtents { try extent.insert(by: insertExtent, refs: ledger.takeCount(ofNewExtent: extent.id)) }
        for (segment, growth) in segments.growth.sorted(by: { $0.key < $1.key }) {
            try database.execute(
                sql: "UPDATE segments SET size = ?, live = live + ? WHERE id = ?",
                arguments: [try stored(growth.size), growth.added, segment])
        }
    }
}

extension Inode {
    /// The root of a new dataset.
    static func rootDirectory(generation: UInt64) -> Inode {
        Inode(
            number: InodeNumber(FileLimits.rootDirectory), birthGeneration: generation, changeGeneration: generation,
            kind: .directory, permissions: 0o755, times: .epoch)
    }
}

extension Timestamp {
    /// The clock's time.
    static var now: Timestamp {
        let now = Date().timeIntervalSince1970
        let seconds = now.rounded(.down)
        return Timestamp(seconds: Int64(seconds), nanoseconds: UInt32((now - seconds) * 1_000_000_000))
    }
}
