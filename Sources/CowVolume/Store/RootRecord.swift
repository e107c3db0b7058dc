import Foundation
import GRDB
import SnapshotModel

/// One tree of the volume: a dataset's head, a snapshot, a bookmark, or a receive that is not finished.
struct RootRecord {
    enum Kind: Int64 {
        case dataset = 1
        case snapshot
        case bookmark
        /// An unfinished receive. It holds its tree, is shown to nobody, and is named by its lock file.
        case working

        /// Whether the tree is held by marks alone and has no data.
        var isBookmark: Bool { self == .bookmark }

        /// What the user calls it.
        var word: String {
            switch self {
            case .dataset: "dataset"
            case .snapshot: "snapshot"
            case .bookmark: "bookmark"
            case .working: "receive"
            }
        }
    }

    var id: Int64 = 0
    var kind: Kind
    /// The dataset's row; 0 for a dataset.
    var dataset: Int64
    /// The dataset's full name, or what follows `@` or `#`.
    var name: String
    var uuid = SnapshotUUID.random()
    var receivedUUID: SnapshotUUID?
    var receivedGeneration: UInt64?
    /// Of a snapshot: that in which it was taken. Of a dataset: that of its last change or snapshot.
    var generation: UInt64
    var created: Timestamp
    var node: NodeID
    /// Including the root directory.
    var inodes: UInt64
    /// Bytes of regular files.
    var bytes: UInt64
    /// The next inode number that was never used.
    var nextInode: UInt64
    /// Of a clone: the snapshot's row.
    var origin: Int64?

    static let columns = """
        id, kind, dataset, name, uuid, received_uuid, received_generation, generation, seconds, nanoseconds, node, \
        inodes, bytes, next_inode, origin
        """

    var totals: SnapshotTotals { SnapshotTotals(inodes: inodes, bytes: bytes) }

    var identity: SnapshotIdentity {
        SnapshotIdentity(
            name: kind == .dataset ? EntityName.parts(of: name).last ?? "" : name, uuid: uuid,
            generation: generation, receivedUUID: receivedUUID, receivedGeneration: receivedGeneration,
            created: created)
    }
}

extension RootRecord {
    init(_ row: StoredRow) throws {
        guard let kind = Kind(rawValue: try row.integer(1)),
            let nanoseconds = UInt32(exactly: try row.integer(9)), nanoseconds < 1_000_000_000
        else { throw SnapshotError(.corrupt, "a row of the volume's roots is damaged") }
        self.init(
            id: try row.integer(0), kind: kind, dataset: try row.integer(2), name: try row.text(3),
            uuid: try row.uuid(4), receivedUUID: try row.isNull(5) ? nil : try row.uuid(5),
            receivedGeneration: try row.isNull(6) ? nil : UInt64(bitPattern: try row.integer(6)),
            generation: try row.unsigned(7),
            created: Timestamp(seconds: try row.integer(8), nanoseconds: nanoseconds),
            node: NodeID(rawValue: try row.unsigned(10)), inodes: try row.unsigned(11), bytes: try row.unsigned(12),
            nextInode: try row.unsigned(13), origin: try row.optionalInteger(14))
    }

    /// The first row that a condition on the table `roots` selects.
    static func first(
        _ database: Database, where condition: String, _ arguments: StatementArguments
    ) throws -> RootRecord? {
        try StoredRow.first(database, "SELECT \(columns) FROM roots WHERE \(condition)", arguments).map(RootRecord.init)
    }

    static func all(
        _ database: Database, where condition: String, _ arguments: StatementArguments
    ) throws -> [RootRecord] {
        try StoredRow.all(database, "SELECT \(columns) FROM roots WHERE \(condition)", arguments).map(RootRecord.init)
    }

    /// Writes a new row. The reference on the node is the caller's to count.
    mutating func insert(_ database: Database) throws {
        let place = name
        do {
            try database.cachedStatement(
                sql: """
                    INSERT INTO roots (kind, dataset, name, uuid, received_uuid, received_generation, generation, seconds,
                        nanoseconds, node, inodes, bytes, next_inode, origin)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """
            ).execute(arguments: [
                kind.rawValue, dataset, name, Data(uuid.bytes), receivedUUID.map { Data($0.bytes) },
                receivedGeneration.map { Int64(bitPattern: $0) }, try stored(generation), created.seconds,
                Int64(created.nanoseconds), try stored(node.rawValue), try stored(inodes), try stored(bytes),
                try stored(nextInode), origin,
            ])
        } catch let error as DatabaseError where error.resultCode == .SQLITE_CONSTRAINT {
            throw SnapshotError(
                .alreadyExists, "there is a \(kind.word) with this name already", place: place,
                remedy: "choose another name, or destroy that one first")
        }
        id = database.lastInsertedRowID
    }

    /// Writes what a change of the tree changes.
    func updateTree(_ database: Database) throws {
        try database.cachedStatement(
            sql: "UPDATE roots SET node = ?, generation = ?, inodes = ?, bytes = ?, next_inode = ? WHERE id = ?"
        ).execute(arguments: [
            try stored(node.rawValue), try stored(generation), try stored(inodes), try stored(bytes),
            try stored(nextInode), id,
        ])
    }

    ///
    /// - Returns: whether it was still there.
    @discardableResult
    func delete(_ database: Database) throws -> Bool {
        try database.cachedStatement(sql: "DELETE FROM roots WHERE id = ?").execute(arguments: [id])
        return database.changesCount > 0
    }
}
