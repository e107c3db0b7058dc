import Foundation
import GRDB
import SnapshotModel

/// The tables of a volume.
enum VolumeSchema {
    /// - `counts`: of each node, `refs` counts references from datasets, snapshots and unfinished receives and from
    ///   nodes that have such; `marks` those from bookmarks and from nodes that have only such.
    /// - `extents`: `refs` counts the items of nodes with `refs` that refer to it. Without references it stays
    ///   until no receive is unfinished, since one may have found it by its hash. Two receives at once can
    ///   store the same bytes, so the hash is not unique.
    /// - `segments`: `size` is where the next extent goes, `live` how many there are, `writer` the unfinished
    ///   receive that appends.
    /// - `roots`: see ``RootRecord``.
    /// - `drops`: references that are to be given back; each still counts.
    /// - `holes`: ranges of segments that are to be punched.
    static func create(in database: Database, uuid: SnapshotUUID) throws {
        try database.execute(
            sql: """
                CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
                CREATE TABLE nodes (
                    id INTEGER PRIMARY KEY, level INTEGER NOT NULL, crc INTEGER NOT NULL, data BLOB NOT NULL);
                CREATE TABLE counts (id INTEGER PRIMARY KEY, refs INTEGER NOT NULL, marks INTEGER NOT NULL);
                CREATE TABLE extents (
                    id INTEGER PRIMARY KEY, hash BLOB NOT NULL, refs INTEGER NOT NULL, segment INTEGER NOT NULL,
                    position INTEGER NOT NULL, stored INTEGER NOT NULL, raw INTEGER NOT NULL,
                    encoding INTEGER NOT NULL, crc INTEGER NOT NULL);
                CREATE INDEX extents_by_hash ON extents (hash);
                CREATE INDEX extents_by_place ON extents (segment, position);
                CREATE INDEX extents_unused ON extents (id) WHERE refs = 0;
                CREATE TABLE segments (
                    id INTEGER PRIMARY KEY AUTOINCREMENT, size INTEGER NOT NULL, live INTEGER NOT NULL, writer INTEGER);
                CREATE TABLE roots (
                    id INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER NOT NULL, dataset INTEGER NOT NULL,
                    name TEXT NOT NULL, uuid BLOB NOT NULL, received_uuid BLOB, received_generation INTEGER,
                    generation INTEGER NOT NULL, seconds INTEGER NOT NULL, nanoseconds INTEGER NOT NULL,
                    node INTEGER NOT NULL, inodes INTEGER NOT NULL, bytes INTEGER NOT NULL,
                    next_inode INTEGER NOT NULL, origin INTEGER);
                CREATE UNIQUE INDEX roots_by_name ON roots (kind, dataset, name);
                CREATE INDEX roots_by_uuid ON roots (uuid);
                CREATE INDEX roots_by_received_uuid ON roots (received_uuid) WHERE received_uuid IS NOT NULL;
                CREATE INDEX roots_by_origin ON roots (origin) WHERE origin IS NOT NULL;
                CREATE TABLE drops (id INTEGER PRIMARY KEY, node INTEGER NOT NULL, marks INTEGER NOT NULL);
                CREATE TABLE holes (
                    id INTEGER PRIMARY KEY, segment INTEGER NOT NULL, position INTEGER NOT NULL,
                    length INTEGER NOT NULL);
                """)
        let values: [(String, any DatabaseValueConvertible)] = [
            ("format", VolumeFormat.newest.rawValue), ("features", Int64(0)), ("generation", Int64(0)),
            ("uuid", Data(uuid.bytes)),
        ]
        for (key, value) in values {
            try database.execute(sql: "INSERT INTO meta VALUES (?, ?)", arguments: [key, value])
        }
    }

    /// Refuses what another version wrote, and tells the volume's UUID and its format.
    static func check(_ database: Database, _ place: String) throws -> (SnapshotUUID, VolumeFormat) {
        func value(_ key: String) throws -> StoredRow {
            try StoredRow.one(database, "SELECT value FROM meta WHERE key = ?", [key])
        }
        let number = try value("format").integer(0)
        guard number >= VolumeFormat.countsInNodes.rawValue else {
            throw SnapshotError(
                .unsupported, "the volume's format \(number) is no longer read", place: place,
                remedy: "restore from it with the version that made it, and import into a new volume")
        }
        guard let format = VolumeFormat(rawValue: number), try value("features").integer(0) == 0 else {
            throw SnapshotError(
                .unsupported, "the volume was made by a newer version", place: place,
                remedy: "use a newer version of the program")
        }
        return (try value("uuid").uuid(0), format)
    }

    /// The number of a new transaction, which no other gets.
    static func nextGeneration(_ database: Database) throws -> UInt64 {
        try database.cachedStatement(sql: "UPDATE meta SET value = value + 1 WHERE key = 'generation'").execute()
        let generation = try StoredRow.one(database, "SELECT value FROM meta WHERE key = 'generation'").unsigned(0)
        guard generation <= NodeID.maximumGeneration else {
            throw SnapshotError(.limitExceeded, "the volume has used up its generations")
        }
        return generation
    }
}
