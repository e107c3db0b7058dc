import GRDB
package import SnapshotModel

/// A dataset as it is listed.
package struct DatasetRecord: Hashable, Sendable {
    /// The full name.
    package let name: String
    package let uuid: SnapshotUUID
    package let created: Timestamp
    /// The generation of its last change or snapshot.
    package let generation: UInt64
    /// Inodes, the root among them, and bytes of files that the dataset refers to.
    package let totals: SnapshotTotals
    /// Of a clone: the snapshot that it began as, `DATASET@SNAPSHOT`.
    package let origin: String?
}

/// A snapshot as it is listed.
package struct SnapshotRecord: Hashable, Sendable {
    /// The full name, `DATASET@SNAPSHOT`.
    package let name: String
    package let dataset: String
    package let identity: SnapshotIdentity
    package let totals: SnapshotTotals
}

/// A bookmark as it is listed.
package struct BookmarkRecord: Hashable, Sendable {
    /// The full name, `DATASET#BOOKMARK`.
    package let name: String
    package let dataset: String
    /// That of the snapshot, but for the name.
    package let identity: SnapshotIdentity
    package let totals: SnapshotTotals
}

extension Volume {
    /// All datasets by name.
    package func datasets() throws -> [DatasetRecord] {
        try store.read { database in
            try RootRecord.all(database, where: "kind = ? ORDER BY name", [RootRecord.Kind.dataset.rawValue]).map {
                DatasetRecord(
                    name: $0.name, uuid: $0.uuid, created: $0.created, generation: $0.generation, totals: $0.totals,
                    origin: try $0.origin.flatMap { try fullName(ofSnapshot: $0, database) })
            }
        }
    }

    /// The snapshots of a dataset, or of all, by generation.
    package func snapshots(of dataset: String? = nil) throws -> [SnapshotRecord] {
        try store.read { database in
            try parts(.snapshot, of: dataset, database).map { owner, record in record.listedSnapshot(of: owner) }
        }
    }

    /// The bookmarks of a dataset, or of all, by generation.
    package func bookmarks(of dataset: String? = nil) throws -> [BookmarkRecord] {
        try store.read { database in
            try parts(.bookmark, of: dataset, database).map { owner, record in
                BookmarkRecord(
                    name: "\(owner)#\(record.name)", dataset: owner, identity: record.identity, totals: record.totals)
            }
        }
    }

    /// The snapshot that a stream means by a UUID: one that has it or was received with it.
    ///
    /// - Parameter dataset: where it is looked for first.
    package func snapshot(answeringTo uuid: SnapshotUUID, preferring dataset: String? = nil) throws -> SnapshotRecord? {
        try store.read { database in
            guard let (owner, record) = try find(uuid, preferring: dataset, database) else { return nil }
            return record.listedSnapshot(of: owner.name)
        }
    }

    /// The snapshot that answers to a UUID, with its dataset. Of several, the newest of the preferred dataset.
    func find(
        _ uuid: SnapshotUUID, preferring dataset: String?, _ database: Database
    ) throws -> (dataset: RootRecord, snapshot: RootRecord)? {
        let blob = databaseBlob(uuid.bytes)
        let found = try RootRecord.all(
            database, where: "kind = ? AND (uuid = ? OR received_uuid = ?) ORDER BY generation DESC, id DESC",
            [RootRecord.Kind.snapshot.rawValue, blob, blob])
        var best: (dataset: RootRecord, snapshot: RootRecord)?
        for snapshot in found {
            guard let owner = try RootRecord.first(database, where: "id = ?", [snapshot.dataset]) else { continue }
            if owner.name == dataset { return (owner, snapshot) }
            if best == nil { best = (owner, snapshot) }
        }
        return best
    }

    func fullName(ofSnapshot id: Int64, _ database: Database) throws -> String? {
        guard let record = try RootRecord.first(database, where: "id = ?", [id]),
            let owner = try RootRecord.first(database, where: "id = ?", [record.dataset])
        else { return nil }
        return "\(owner.name)@\(record.name)"
    }

    private func parts(
        _ kind: RootRecord.Kind, of dataset: String?, _ database: Database
    ) throws -> [(owner: String, record: RootRecord)] {
        if let dataset {
            let owner = try existingDataset(dataset, database)
            return try RootRecord.all(
                database, where: "kind = ? AND dataset = ? ORDER BY generation, id", [kind.rawValue, owner.id]
            ).map { (dataset, $0) }
        }
        let owners = try RootRecord.all(database, where: "kind = ?", [RootRecord.Kind.dataset.rawValue])
        let names = Dictionary(owners.map { ($0.id, $0.name) }, uniquingKeysWith: { first, _ in first })
        return try RootRecord.all(database, where: "kind = ? ORDER BY generation, id", [kind.rawValue])
            .compactMap { record in names[record.dataset].map { ($0, record) } }
    }
}

extension RootRecord {
    func listedSnapshot(of dataset: String) -> SnapshotRecord {
        SnapshotRecord(name: "\(dataset)@\(name)", dataset: dataset, identity: identity, totals: totals)
    }
}
