import GRDB
package import SnapshotModel

/// The embedded volume: a directory that holds datasets, snapshots and bookmarks.
///
/// Several processes may have one open, and several threads each their own object.
package final class Volume {
    let store: VolumeStore

    /// By what inode and extent identities of this volume are known to belong to it.
    package var uuid: SnapshotUUID { store.uuid }
    /// The directory.
    package var path: String { store.path }

    private init(_ store: VolumeStore) {
        self.store = store
    }

    /// Makes an empty volume.
    ///
    /// - Throws: `SnapshotError` with `alreadyExists` where the directory is not empty.
    package static func create(at path: String) throws -> Volume { Volume(try VolumeStore.create(at: path)) }

    /// Opens a volume.
    ///
    /// - Throws: `SnapshotError` with `notFound` where there is none, `unsupported` for one of a newer version.
    package static func open(at path: String) throws -> Volume { Volume(try VolumeStore.open(at: path)) }

    /// Whether the directory is a volume; looks for one file.
    package static func isVolume(_ path: String) -> Bool { VolumeStore.isVolume(path) }

    // MARK: Finding rows

    private static let listThem = "see what there is with 'cowpath list'"

    func dataset(_ name: String, _ database: Database) throws -> RootRecord? {
        try RootRecord.first(
            database, where: "kind = ? AND dataset = 0 AND name = ?", [RootRecord.Kind.dataset.rawValue, name])
    }

    func existingDataset(_ name: String, _ database: Database) throws -> RootRecord {
        guard let record = try dataset(name, database) else {
            throw SnapshotError(.notFound, "there is no dataset with this name", place: name, remedy: Volume.listThem)
        }
        return record
    }

    func part(_ kind: RootRecord.Kind, _ name: String, of dataset: RootRecord, _ database: Database) throws
        -> RootRecord?
    {
        try RootRecord.first(
            database, where: "kind = ? AND dataset = ? AND name = ?", [kind.rawValue, dataset.id, name])
    }

    /// What a name means; of a dataset, its head.
    func existing(_ text: String, _ database: Database) throws -> (dataset: RootRecord, record: RootRecord) {
        let name = try EntityName(parsing: text)
        let dataset = try existingDataset(name.dataset, database)
        let found =
            if let snapshot = name.snapshot {
                try part(.snapshot, snapshot, of: dataset, database)
            } else if let bookmark = name.bookmark {
                try part(.bookmark, bookmark, of: dataset, database)
            } else {
                dataset
            }
        guard let found else {
            let what = name.snapshot == nil ? "bookmark" : "snapshot"
            throw SnapshotError(.notFound, "there is no \(what) with this name", place: text, remedy: Volume.listThem)
        }
        return (dataset, found)
    }
}
