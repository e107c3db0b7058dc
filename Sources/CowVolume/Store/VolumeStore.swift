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

    let path: String
    let uuid: SnapshotUUID
    let format: VolumeFormat
    let pool: DatabasePool

    init(path: String, uuid: SnapshotUUID, format: VolumeFormat, pool: DatabasePool) {
        self.path = path
        self.uuid = uuid
        self.format = format
        self.pool = pool
    }

    deinit {
        WriteAheadLog.shorten(pool)
        WriteAheadLog.closeWithoutSync(pool)
    }

    func segmentPath(_ id: Int64) -> String {
        let digits = String(id)
        let padding = String(repeating: "0", count: max(0, 10 - digits.count))
        return "\(path)/\(VolumeStore.segmentsName)/\(padding)\(digits)"
    }

    var segmentsPath: String { "\(path)/\(VolumeStore.segmentsName)" }
    var writersPath: String { "\(path)/\(VolumeStore.writersName)" }

    static func open(at path: String) throws -> VolumeStore {
        guard isVolume(path) else {
            throw SnapshotError(.notFound, "not a volume", place: path, remedy: "make one with 'cowpath create'")
        }
        // SQLite would make an empty one.
        guard FileManager.default.fileExists(atPath: "\(path)/\(databaseName)") else {
            throw SnapshotError(
                .corrupt, "the volume's database is gone", place: path, remedy: "restore it from another copy")
        }
        return try guarded(path) {
            let pool = try openPool(path)
            let (uuid, format) = try pool.read { try VolumeSchema.check($0, path) }
            return VolumeStore(path: path, uuid: uuid, format: format, pool: pool)
        }
    }

    static func isVolume(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: "\(path)/\(markerName)")
    }

    static func openPool(_ path: String, isNew: Bool = false) throws -> DatabasePool {
        try DispatchDescriptors.open(for: path)
        var configuration = Configuration()
        configuration.busyMode = .timeout(busyTimeout)
        configuration.foreignKeysEnabled = false
        configuration.persistentReadOnlyConnections = true
        configuration.prepareDatabase { database in
            WriteAheadLog.keepFiles(of: database)
            // Nodes fill a few pages, and pages can be given back. Later this would only write and wait for writers.
            if isNew, !database.configuration.readonly {
                try database.execute(sql: "PRAGMA page_size = 8192; PRAGMA auto_vacuum = INCREMENTAL")
            }
        }
        let pool = try DatabasePool(path: "\(path)/\(databaseName)", configuration: configuration)
        // A commit is durable when it returns; GRDB's default in WAL mode may lose the last ones.
        try pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
        WriteAheadLog.reserve(pool)
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
}
