import GRDB
import SnapshotModel

extension Volume {
    /// Removes a dataset, snapshot or bookmark, and frees what only it held.
    ///
    /// It vanishes in one commit; the space follows in bounded steps, which the next writer takes up again where
    /// this process does not come to their end.
    ///
    /// - Parameter recursive: with a dataset, also its snapshots, its bookmarks and the datasets below it.
    /// - Returns: how many stored bytes were freed.
    /// - Throws: `SnapshotError` with `inUse` where a clone depends on it, or something would go that was not
    ///   asked for.
    @discardableResult
    package func destroy(_ name: String, recursive: Bool = false) throws -> UInt64 {
        try store.writeInSteps(of: 1) { database, _ in
            let doomed = try doomed(name, recursive: recursive, database)
            try refuseOrigins(among: doomed, database)
            for record in doomed {
                try record.delete(database)
                try store.addDrop(.init(node: record.node, isMark: record.kind.isBookmark), database)
            }
            return nil
        }
        let freed = try store.reclaim()
        store.compactDatabase()
        return freed
    }

    private func doomed(_ name: String, recursive: Bool, _ database: Database) throws -> [RootRecord] {
        let record = try existing(name, database).record
        guard record.kind == .dataset else { return [record] }
        // Names sort so that those below one stand between NAME/ and NAME0, the byte after the slash.
        let below = try RootRecord.all(
            database, where: "kind = ? AND name >= ? AND name < ?",
            [RootRecord.Kind.dataset.rawValue, "\(name)/", "\(name)0"])
        var doomed = [record] + below
        for dataset in [record] + below {
            doomed += try RootRecord.all(database, where: "dataset = ?", [dataset.id])
        }
        guard recursive || doomed.count == 1 else {
            throw SnapshotError(
                .inUse, "the dataset has snapshots, bookmarks or datasets below it", place: name,
                remedy: "destroy them first, or all of them with -r")
        }
        return doomed
    }

    /// A snapshot that a clone began as stays while the clone lives.
    func refuseOrigins(among doomed: [RootRecord], _ database: Database) throws {
        let ids = Set(doomed.map(\.id))
        for record in doomed where record.kind == .snapshot {
            let clones = try RootRecord.all(database, where: "origin = ?", [record.id])
            guard let clone = clones.first(where: { !ids.contains($0.id) }) else { continue }
            throw SnapshotError(
                .inUse, "the snapshot is the origin of the clone \(clone.name)", place: record.name,
                remedy: "destroy the clone first")
        }
    }
}
