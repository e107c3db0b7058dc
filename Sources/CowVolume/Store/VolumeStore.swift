import Foundation
import GRDB
import SnapshotModel

/// The files of a volume: the database, the segments and the locks of its writers.
///
/// All calls may come from any thread; the database serializes them.
final class VolumeStore: Sendable {
    /// What a volume's directory is known by.
    static let markerName = "cowpath-volume"
    static let databaseName = "volume.db"
    static let segmentsName = "segments"
    static let writersName = "writers"
    /// How long one process waits for another's commit, in seconds. Commits are short; a dropped disk is not.
    static let busyTimeout = 120.0
    /// The version that this code writes and the only one it reads.
    static let formatVersion: Int64 = 2

    let path: String
    let uuid: SnapshotUUID
    let pool: DatabasePool

    private init(path: String, uuid: SnapshotUUID, pool: DatabasePool) {
        self.path = path
        self.uuid = uuid
        self.pool = pool
    }

    func segmentPath(_ id: Int64) -> String {
        let digits = String(id)
        let padding = String(repeating: "0", count: max(0, 10 - digits.count))
        return "\(path)/\(VolumeStore.segmentsName)/\(padding)\(digits)"
    }

    var segmentsPath: String { "\(path)/\(VolumeStore.segmentsName)" }
    var writersPath: String { "\(path)/\(VolumeStore.writersName)" }

    static func create(at path: String) throws -> VolumeStore {
        let files = FileManager.default
        if let found = try? files.contentsOfDirectory(atPath: path) {
            guard found.isEmpty else {
                throw SnapshotError(
                    .alreadyExists, "the directory is not empty", place: path,
                    remedy: "name a new or an empty directory")
            }
        }
        return try guarded(path) {
            for name in [segmentsName, writersName] {
                try files.createDirectory(atPath: "\(path)/\(name)", withIntermediateDirectories: true)
            }
            let pool = try openPool(path)
            let uuid = SnapshotUUID.random()
            try pool.write { try VolumeSchema.create(in: $0, uuid: uuid) }
            // The marker comes last: what has one is whole.
            let marker = Array("cowpath volume, format \(formatVersion)\n".utf8)
            try Data(marker).write(to: URL(fileURLWithPath: "\(path)/\(markerName)"))
            return VolumeStore(path: path, uuid: uuid, pool: pool)
        }
    }

    static func open(at path: String) throws -> VolumeStore {
        guard isVolume(path) else {
            throw SnapshotError(.notFound, "not a volume", place: path, remedy: "make one with 'cowpath create'")
        }
        return try guarded(path) {
            let pool = try openPool(path)
            let uuid = try pool.read { try VolumeSchema.check($0) }
            return VolumeStore(path: path, uuid: uuid, pool: pool)
        }
    }

    static func isVolume(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: "\(path)/\(markerName)")
    }

    private static func openPool(_ path: String) throws -> DatabasePool {
        var configuration = Configuration()
        configuration.busyMode = .timeout(busyTimeout)
        configuration.foreignKeysEnabled = false
        configuration.persistentReadOnlyConnections = true
        configuration.prepareDatabase { database in
            // Both have an effect only in an empty database: nodes fill a few pages, and pages can be given back.
            if !database.configuration.readonly {
                try database.execute(sql: "PRAGMA page_size = 8192; PRAGMA auto_vacuum = INCREMENTAL")
            }
        }
        let pool = try DatabasePool(path: "\(path)/\(databaseName)", configuration: configuration)
        // A commit is durable when it returns; GRDB's default in WAL mode may lose the last ones.
        try pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
        return pool
    }

    /// Reads the latest commit.
    func read<Value>(_ body: (Database) throws -> Value) throws -> Value {
        try VolumeStore.guarded(path) { try pool.read(body) }
    }

    /// Commits what `body` changes, or nothing where it throws. No other process writes meanwhile.
    func write<Value>(_ body: (Database) throws -> Value) throws -> Value {
        try VolumeStore.guarded(path) { try pool.write(body) }
    }

    /// Makes typed errors of SQLite's.
    static func guarded<Value>(_ place: String, _ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let error as DatabaseError {
            switch error.resultCode {
            case .SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_SCHEMA:
                throw SnapshotError(.corrupt, "the volume's database is damaged", place: place, cause: error)
            case .SQLITE_BUSY:
                throw SnapshotError(
                    .inUse, "the volume is being written by another process", place: place,
                    remedy: "try again when that is done", cause: error)
            default:
                throw SnapshotError(.system, "the volume's database refused", place: place, cause: error)
            }
        } catch let error as CocoaError {
            throw SnapshotError(.system, "the volume's files cannot be made", place: place, cause: error)
        }
    }
}
