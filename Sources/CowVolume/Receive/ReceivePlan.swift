import GRDB
import SnapshotModel

/// What a receive starts from and what it will change, decided before the first instruction and checked again
/// when it is published.
struct ReceivePlan {
    /// The dataset; nil where it will be made.
    let dataset: RootRecord?
    let datasetName: String
    let snapshotName: String
    /// What the tree starts from; nil for an empty one.
    let base: RootRecord?
    /// Of a new dataset: the snapshot in another dataset that it starts from.
    let origin: Int64?
    /// Snapshots that are destroyed because the dataset returns to an older one.
    let undone: [RootRecord]
    let header: SnapshotHeader
    let keepsReceivedUUID: Bool

    /// Nodes of an old head that may go with the commit; it usually is a snapshot too, and then none do.
    private static let headBudget = 64

    init(_ volume: Volume, _ header: SnapshotHeader, _ options: VolumeTarget.Options) throws {
        self.header = header
        keepsReceivedUUID = options.keepsReceivedUUID
        datasetName = options.dataset
        snapshotName = options.snapshotName ?? header.name
        try EntityName.check(part: snapshotName)
        let (name, fullName) = (snapshotName, "\(options.dataset)@\(snapshotName)")
        (dataset, base, undone) = try volume.store.read { database in
            let dataset = try volume.dataset(options.dataset, database)
            if case .head(let expected) = options.start {
                guard dataset.map(HeadPosition.init) == expected else { throw ReceivePlan.changed(options.dataset) }
                if let dataset, try volume.part(.snapshot, name, of: dataset, database) != nil {
                    throw ReceivePlan.exists(fullName)
                }
                return (dataset, dataset, [])
            }
            if let dataset, !options.force { try ReceivePlan.checkNew(header, dataset, volume, database) }
            guard let reference = header.base.reference else {
                if let dataset { try ReceivePlan.checkFull(dataset, options, volume, database) }
                if let dataset, try volume.part(.snapshot, name, of: dataset, database) != nil {
                    throw ReceivePlan.exists(fullName)
                }
                return (dataset, nil, [])
            }
            guard let base = try volume.find(reference.uuid, preferring: options.dataset, database)?.snapshot else {
                throw SnapshotError(
                    .baseNotFound, "the base of the stream is not here", place: "\(reference.uuid)",
                    remedy: "receive the base first, or send without one")
            }
            guard let dataset else { return (nil, base, []) }
            let undone = try ReceivePlan.undone(dataset, base, options, volume, database)
            let existing = try volume.part(.snapshot, name, of: dataset, database)
            if let existing, !undone.contains(where: { $0.id == existing.id }) { throw ReceivePlan.exists(fullName) }
            return (dataset, base, undone)
        }
        origin = dataset == nil ? base?.id : nil
    }

    /// Refuses what was received before, so that nobody looks for what else may be wrong.
    private static func checkNew(
        _ header: SnapshotHeader, _ dataset: RootRecord, _ volume: Volume, _ database: Database
    ) throws {
        guard let found = try volume.find(header.snapshot.uuid, preferring: dataset.name, database),
            found.dataset.id == dataset.id
        else { return }
        throw SnapshotError(
            .alreadyExists, "the snapshot of the stream is here already",
            place: "\(dataset.name)@\(found.snapshot.name)",
            remedy: "destroy it to receive it again, or go on with what was sent after it")
    }

    /// A full stream goes into a dataset that holds nothing yet, or by force.
    private static func checkFull(
        _ dataset: RootRecord, _ options: VolumeTarget.Options, _ volume: Volume, _ database: Database
    ) throws {
        let snapshots = try RootRecord.first(
            database, where: "kind = ? AND dataset = ? LIMIT 1", [RootRecord.Kind.snapshot.rawValue, dataset.id])
        guard options.force || (snapshots == nil && dataset.inodes <= 1) else {
            throw SnapshotError(
                .alreadyExists, "the dataset holds something already, and the stream is a full one",
                place: dataset.name,
                remedy: "receive into a new dataset, send an incremental stream, or replace the contents with --force")
        }
    }

    /// The snapshots taken since the base, where the dataset is not at it and force takes it back.
    private static func undone(
        _ dataset: RootRecord, _ base: RootRecord, _ options: VolumeTarget.Options, _ volume: Volume,
        _ database: Database
    ) throws -> [RootRecord] {
        if dataset.node == base.node { return [] }
        guard options.force, base.dataset == dataset.id else {
            throw SnapshotError(
                .datasetChanged, "the dataset has changed since the base of the stream", place: dataset.name,
                remedy: "receive with --force to return it to \(base.name), or send from its newest snapshot")
        }
        let newer = try RootRecord.all(
            database, where: "kind = ? AND dataset = ? AND generation > ? ORDER BY generation, id",
            [RootRecord.Kind.snapshot.rawValue, dataset.id, try stored(base.generation)])
        try volume.refuseOrigins(among: newer, database)
        return newer
    }

    private static func changed(_ dataset: String) -> SnapshotError {
        SnapshotError(
            .datasetChanged, "the dataset has changed while it was received into", place: dataset,
            remedy: "do it again")
    }

    static func exists(_ name: String) -> SnapshotError {
        SnapshotError(
            .alreadyExists, "there is a snapshot with this name already", place: name,
            remedy: "name another with DATASET@SNAPSHOT")
    }

    /// Makes the received tree the dataset's head and a snapshot of it.
    func publish(
        _ tree: WorkingTree, _ volume: Volume, _ database: Database, _ ledger: ReferenceLedger
    ) throws -> SnapshotRecord {
        // The snapshot's reference comes before the old head's goes.
        ledger.hold(tree.record.node)
        let head = try publishHead(tree, volume, database, ledger)
        for record in undone {
            // One that was destroyed meanwhile has given its reference back already.
            guard try record.delete(database) else { continue }
            try volume.store.addDrop(.init(node: record.node, isMark: false), database)
        }
        var snapshot = tree.record
        snapshot.kind = .snapshot
        snapshot.dataset = head.id
        snapshot.name = snapshotName
        snapshot.uuid = .random()
        snapshot.receivedUUID = keepsReceivedUUID ? header.snapshot.uuid : nil
        snapshot.receivedGeneration = keepsReceivedUUID ? header.snapshot.generation : nil
        snapshot.created = .now
        snapshot.origin = nil
        try snapshot.insert(database)
        return snapshot.listedSnapshot(of: datasetName)
    }

    /// The reference of the tree's own row becomes that of the dataset.
    private func publishHead(
        _ tree: WorkingTree, _ volume: Volume, _ database: Database, _ ledger: ReferenceLedger
    ) throws -> RootRecord {
        guard let dataset else {
            var head = tree.record
            head.kind = .dataset
            head.dataset = 0
            head.name = datasetName
            head.uuid = .random()
            head.created = .now
            head.origin = origin
            if let origin, try RootRecord.first(database, where: "id = ?", [origin]) == nil {
                throw SnapshotError(
                    .baseNotFound, "the base was destroyed meanwhile", place: datasetName,
                    remedy: "send without a base, or against another")
            }
            // Another import or receive may have made it since.
            guard try volume.dataset(datasetName, database) == nil else { throw ReceivePlan.changed(datasetName) }
            try head.insert(database)
            return head
        }
        guard var head = try RootRecord.first(database, where: "id = ?", [dataset.id]), head.kind == .dataset,
            head.name == dataset.name, head.generation == dataset.generation, head.node == dataset.node
        else {
            throw ReceivePlan.changed(datasetName)
        }
        try volume.refuseOrigins(among: undone, database)
        for rest in try ledger.drop([.init(node: head.node, isMark: false)], budget: ReceivePlan.headBudget) {
            try volume.store.addDrop(rest, database)
        }
        head.node = tree.record.node
        head.generation = tree.generation
        head.inodes = tree.record.inodes
        head.bytes = tree.record.bytes
        head.nextInode = max(head.nextInode, tree.record.nextInode)
        try head.updateTree(database)
        return head
    }
}
