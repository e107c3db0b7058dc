import GRDB
import GRDBSQLite
import Glibc
import SystemCalls

/// The files beside the database that SQLite writes commits to first, `volume.db-wal` and `volume.db-shm`.
///
/// SQLite removes both when the last process closes the database, and must make them again to read it: on a full or
/// a read-only file system a volume could then not even be listed. So they are kept, and the log with room for small
/// commits, so that something can be destroyed where the disk is full.
enum WriteAheadLog {
    /// A log that has grown beyond this is cut short: the first to open the database reads all of it.
    private static let longSize: UInt64 = 1 << 20

    /// `FALLOC_FL_KEEP_SIZE` (Linux `falloc.h`)
    private static let keepSize: UInt32 = 1

    /// Lets the files of a connection's database be there when it is closed (`SQLITE_FCNTL_PERSIST_WAL`).
    static func keepFiles(of database: Database) {
        var isKept: CInt = 1
        _ = unsafe sqlite3_file_control(database.sqliteConnection, "main", SQLITE_FCNTL_PERSIST_WAL, &isKept)
    }

    /// Sets room aside, as much as a log has that is not cut short.
    static func reserve(_ pool: DatabasePool) {
        // Where that cannot be done there is no room, or the file system sets none aside.
        try? file(of: pool)?.allocate(mode: keepSize, offset: 0, length: longSize)
    }

    /// Moves what the log holds into the database, so that its room is used again. Waits for nobody.
    static func reuse(_ pool: DatabasePool) {
        _ = try? pool.writeWithoutTransaction { try $0.checkpoint(.passive) }
    }

    /// Moves what a long log holds into the database, and begins the log anew. Another process that reads or writes
    /// may stand in the way; then a later one does it.
    static func shorten(_ pool: DatabasePool) {
        guard let size = try? file(of: pool)?.status().size, size > longSize else { return }
        empty(pool)
    }

    private static func file(of pool: DatabasePool) -> Descriptor? {
        try? Descriptor.open(pool.path + "-wal", flags: O_RDWR | O_NOFOLLOW)
    }

    /// The same, however long the log is. Waits for nobody.
    static func empty(_ pool: DatabasePool) {
        try? pool.writeWithoutTransaction { try empty($0) }
        reserve(pool)
    }

    /// Lets SQLite, when it closes the database, write what the log holds into it without waiting for the disk.
    ///
    /// Every commit is durable in the log, which is kept, and the first to open the database reads all of it again
    /// over what the database has. Whoever begins the log anew first waits for the database. So nothing may be
    /// committed through the pool after this.
    static func closeWithoutSync(_ pool: DatabasePool) {
        try? pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = OFF") }
    }

    private static func empty(_ database: Database) throws {
        let timeout = try Int.fetchOne(database, sql: "PRAGMA busy_timeout") ?? 0
        try database.execute(sql: "PRAGMA busy_timeout = 0")
        defer { try? database.execute(sql: "PRAGMA busy_timeout = \(timeout)") }
        try database.checkpoint(.truncate)
        // An empty log would have to grow before the database can be read again.
        try database.execute(sql: "UPDATE meta SET value = value WHERE key = 'format'")
    }
}
