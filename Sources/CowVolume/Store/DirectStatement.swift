import GRDB
import GRDBSQLite

/// A statement that is run for each of many rows: its values go to SQLite and come from there as they are, past the
/// boxes that GRDB puts each one in, which cost more than the row.
///
/// Every value must be set before a run; what was set last stays. While rows are visited, nobody else may run the same
/// statement on the connection.
struct DirectStatement {
    private let statement: Statement
    private let database: Database

    /// A statement of the connection, which is prepared once.
    ///
    /// - Throws: `DatabaseError`, as everything here.
    init(_ database: Database, _ sql: String) throws {
        statement = try database.cachedStatement(sql: sql)
        self.database = database
        // GRDB may have left it in the middle of its rows.
        _ = unsafe sqlite3_reset(statement.sqliteStatement)
    }

    /// Sets the value of the parameter at an index, from 1.
    func set(_ index: Int32, _ value: Int64) throws {
        try check(unsafe sqlite3_bind_int64(statement.sqliteStatement, index, value))
    }

    /// The same of bytes, which are copied.
    func set(_ index: Int32, _ bytes: ArraySlice<UInt8>) throws {
        let code = unsafe bytes.withUnsafeBytes { buffer in
            unsafe sqlite3_bind_blob64(
                statement.sqliteStatement, index, buffer.baseAddress, UInt64(buffer.count), DirectStatement.copied)
        }
        try check(code)
    }

    /// Runs a statement that gives no rows.
    func run() throws {
        _ = try first { _ in }
    }

    /// The first row; nil where there is none.
    func first<Value>(_ body: (DirectRow) throws -> Value) throws -> Value? {
        defer { _ = unsafe sqlite3_reset(statement.sqliteStatement) }
        return try next().map(body)
    }

    /// Visits all rows.
    func forEach(_ body: (DirectRow) throws -> Void) throws {
        defer { _ = unsafe sqlite3_reset(statement.sqliteStatement) }
        while let row = try next() { try body(row) }
    }

    private func next() throws -> DirectRow? {
        switch unsafe sqlite3_step(statement.sqliteStatement) {
        case SQLITE_ROW: return unsafe DirectRow(statement.sqliteStatement)
        case SQLITE_DONE: return nil
        case let code: throw failure(code)
        }
    }

    /// Has SQLite copy what it is given (`SQLITE_TRANSIENT`, a cast that Swift does not import).
    private static var copied: sqlite3_destructor_type { unsafe unsafeBitCast(-1, to: sqlite3_destructor_type.self) }

    private func check(_ code: Int32) throws {
        if code != SQLITE_OK { throw failure(code) }
    }

    private func failure(_ code: Int32) -> DatabaseError {
        let message = unsafe database.sqliteConnection.map { unsafe String(cString: sqlite3_errmsg($0)) }
        return DatabaseError(
            resultCode: ResultCode(rawValue: code), message: message, sql: statement.sql, arguments: nil)
    }
}

/// A row that a ``DirectStatement`` gives, to be read before its next.
@safe struct DirectRow: RowColumns {
    private let statement: OpaquePointer

    fileprivate init(_ statement: OpaquePointer) {
        unsafe self.statement = statement
    }

    func integer(_ index: Int) throws -> Int64 {
        let column = Int32(index)
        guard unsafe sqlite3_column_type(statement, column) == SQLITE_INTEGER else {
            throw StoredRow.unexpected(index)
        }
        return unsafe sqlite3_column_int64(statement, column)
    }

    func blob(_ index: Int) throws -> [UInt8] {
        let column = Int32(index)
        guard unsafe sqlite3_column_type(statement, column) == SQLITE_BLOB else {
            throw StoredRow.unexpected(index)
        }
        let bytes = unsafe sqlite3_column_blob(statement, column)
        return unsafe [UInt8](UnsafeRawBufferPointer(start: bytes, count: Int(sqlite3_column_bytes(statement, column))))
    }
}
