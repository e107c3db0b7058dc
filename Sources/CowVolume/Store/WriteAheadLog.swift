import Foundation
import GRDB
import GRDBSQLite

/// The files beside the database that SQLite writes commits to first, `volume.db-wal` and `volume.db-shm`.
///
/// SQLite removes both when the last process closes the database, and must make them again to read it: on a full or
/// a read-only file system a volume could then not even be listed. So they are kept.
enum WriteAheadLog {
    /// A log that has grown beyond this is cut short: the first to open the database reads all of it.
    private static let longSize: UInt64 = 1 << 20

    /// Lets the files of a connection's database be there when it is closed (`SQLITE_FCNTL_PERSIST_WAL`).
    static func keepFiles(of database: Database) {
        var isKept: CInt = 1
        _ = unsafe sqlite3_file_control(database.sqliteConnection, "main", SQLITE_FCNTL_PERSIST_WAL, &isKept)
    }

    /// Moves what a long log holds into the database, and begins the log anew. Another process that reads or writes
    /// may stand in the way; then a later one does it.
    static func shorten(_ pool: DatabasePool) {
        let attributes = try? FileManager.default.attributesOfItem(atPath: pool.path + "-wal")
        guard let size = (attributes?[.size] as? NSNumber)?.uint64Value, size > longSize else { return }
        try? pool.writeWithoutTransaction { try empty($0) }
    }

    /// The same, however long the log is. Waits for nobody.
    static func empty(_ database: Database) throws {
        let timeout = try Int.fetchOne(database, sql: "PRAGMA busy_timeout") ?? 0
        try database.execute(sql: "PRAGMA busy_timeout = 0")
        defer { try? database.execute(sql: "PRAGMA busy_timeout = \(timeout)") }
        try database.checkpoint(.truncate)
        // An empty log would have to grow before the database can be read again.
        try database.execute(sql: "UPDATE meta SET value = value WHERE key = 'format'")
    }
}
