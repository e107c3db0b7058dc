import CowVolume
import SnapshotModel

/// What a volume holds, in rows.
enum Listing {
    /// One dataset, snapshot or bookmark.
    struct Row: Encodable {
        let name: String
        /// `dataset`, `snapshot` or `bookmark`
        let type: String
        let uuid: String
        let received: String?
        /// RFC 3339 in UTC.
        let created: String
        let generation: UInt64
        let inodes: UInt64
        let bytes: UInt64
        /// Of a clone, the snapshot that it began as.
        let origin: String?

        /// The text of a column; nil where there is no such column.
        func cell(_ column: String) -> String? {
            switch column {
            case "name": name
            case "type": type
            case "uuid": uuid
            case "received": received ?? "-"
            case "created": created
            case "generation": String(generation)
            case "inodes": String(inodes)
            case "bytes": String(bytes)
            case "origin": origin ?? "-"
            default: nil
            }
        }

        init(_ record: DatasetRecord) {
            name = record.name
            type = "dataset"
            uuid = record.uuid.description
            received = nil
            created = record.created.description
            generation = record.generation
            inodes = record.totals.inodes
            bytes = record.totals.bytes
            origin = record.origin
        }

        init(_ record: SnapshotRecord) {
            self.init(name: record.name, type: "snapshot", record.identity, record.totals)
        }

        init(_ record: BookmarkRecord) {
            self.init(name: record.name, type: "bookmark", record.identity, record.totals)
        }

        private init(name: String, type: String, _ identity: SnapshotIdentity, _ totals: SnapshotTotals) {
            self.name = name
            self.type = type
            uuid = identity.uuid.description
            received = identity.receivedUUID?.description
            created = identity.created.description
            generation = identity.generation
            inodes = totals.inodes
            bytes = totals.bytes
            origin = nil
        }
    }

    /// The rows of a volume or of one dataset: each dataset, then its snapshots, then its bookmarks.
    static func rows(of volume: Volume, dataset: String?) throws -> [Row] {
        let datasets = try volume.datasets().filter { dataset == nil || $0.name == dataset }
        if let dataset, datasets.isEmpty {
            throw SnapshotError(.notFound, "there is no such dataset", place: dataset)
        }
        return try datasets.flatMap { record in
            [Row(record)]
                + (try volume.snapshots(of: record.name).map { Row($0) })
                + (try volume.bookmarks(of: record.name).map { Row($0) })
        }
    }
}
