import Foundation
import GRDB
import SnapshotModel

/// Bytes as the database takes them.
func databaseBlob(_ bytes: [UInt8]) -> Data { Data(bytes) }

/// Datasets, snapshots, clones and bookmarks are made in constant time: one row and one reference each.
extension Volume {
    /// Makes an empty dataset, and those above it that are not there.
    package func createDataset(_ name: String) throws {
        try EntityName.check(dataset: name)
        try store.write { database in
            guard try dataset(name, database) == nil else {
                throw SnapshotError(
                    .alreadyExists, "there is a dataset with this name already", place: name,
                    remedy: "choose another name, or destroy that one first")
            }
        }
        try makeParents(of: name)
        try makeEmptyDataset(name)
    }

    /// Makes the datasets above one that are not there.
    func makeParents(of name: String) throws {
        var path = ""
        for part in EntityName.parts(of: name).dropLast() {
            path += path.isEmpty ? String(part) : "/\(part)"
            let parent = path
            if try store.read({ try dataset(parent, $0) }) != nil { continue }
            do {
                try makeEmptyDataset(parent)
            } catch let error as SnapshotError where error.code == .alreadyExists {
                // Another process came first, which is as good.
            }
        }
    }

    private func makeEmptyDataset(_ name: String) throws {
        let tree = try WorkingTree(store, base: nil)
        defer { tree.abandon() }
        try tree.publish { database, _ in
            var record = tree.record
            record.kind = .dataset
            record.name = name
            record.uuid = .random()
            record.created = .now
            try record.insert(database)
        }
    }

    /// Takes a snapshot of a dataset as it stands.
    package func takeSnapshot(of dataset: String, named name: String) throws -> SnapshotRecord {
        try EntityName.check(part: name)
        return try store.write { database in
            var head = try existingDataset(dataset, database)
            head.generation = try VolumeSchema.nextGeneration(database)
            var snapshot = head
            snapshot.kind = .snapshot
            snapshot.dataset = head.id
            snapshot.name = name
            snapshot.uuid = .random()
            snapshot.created = .now
            snapshot.origin = nil
            try snapshot.insert(database)
            try addReference(head.node, "refs", database)
            try head.updateTree(database)
            return snapshot.listedSnapshot(of: dataset)
        }
    }

    /// Makes a dataset that begins as a snapshot and shares everything with it.
    package func clone(snapshot: String, to dataset: String) throws {
        try EntityName.check(dataset: dataset)
        try makeParents(of: dataset)
        try store.write { database in
            let source = try existing(snapshot, database).record
            guard source.kind == .snapshot else { throw Volume.notASnapshot(snapshot) }
            var record = source
            record.kind = .dataset
            record.dataset = 0
            record.name = dataset
            record.uuid = .random()
            record.receivedUUID = nil
            record.receivedGeneration = nil
            record.generation = try VolumeSchema.nextGeneration(database)
            record.created = .now
            record.origin = source.id
            try record.insert(database)
            try addReference(record.node, "refs", database)
        }
    }

    /// Keeps the skeleton of a snapshot, so that it can be the base of a send when the snapshot is gone.
    ///
    /// - Parameter name: `DATASET#BOOKMARK`, in the dataset of the snapshot.
    package func makeBookmark(of snapshot: String, named name: String) throws {
        try store.write { database in
            let (owner, source) = try existing(snapshot, database)
            guard source.kind == .snapshot else { throw Volume.notASnapshot(snapshot) }
            let parsed = try EntityName(parsing: name)
            guard let bookmark = parsed.bookmark, parsed.dataset == owner.name else {
                throw SnapshotError(
                    .invalidRequest, "a bookmark stands in the dataset of its snapshot", place: name,
                    remedy: "write \(owner.name)#NAME")
            }
            var record = source
            record.kind = .bookmark
            record.name = bookmark
            try record.insert(database)
            try addReference(record.node, "marks", database)
        }
    }

    private func addReference(_ node: NodeID, _ column: String, _ database: Database) throws {
        try database.execute(
            sql: "UPDATE \(store.format.counts) SET \(column) = \(column) + 1 WHERE id = ? AND refs > 0",
            arguments: [try stored(node.rawValue)])
        guard database.changesCount == 1 else {
            throw SnapshotError(
                .corrupt, "the root of a tree is missing", place: "node \(node.rawValue)", remedy: "run 'cowpath check'"
            )
        }
    }

    static func notASnapshot(_ name: String) -> SnapshotError {
        SnapshotError(.invalidRequest, "not a snapshot", place: name, remedy: "write DATASET@SNAPSHOT")
    }
}
