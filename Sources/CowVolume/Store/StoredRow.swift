import Foundation
import GRDB
import SnapshotModel

/// Columns that are checked as they are read: the database may hold anything.
///
/// Indices begin at 0; what a column does not hold throws `SnapshotError` with `corrupt`.
protocol RowColumns {
    func integer(_ index: Int) throws -> Int64
    func blob(_ index: Int) throws -> [UInt8]
}

extension RowColumns {
    /// An integer that cannot be negative.
    func unsigned(_ index: Int) throws -> UInt64 {
        guard let value = UInt64(exactly: try integer(index)) else { throw StoredRow.unexpected(index) }
        return value
    }
}

/// A row that can be kept.
struct StoredRow: RowColumns {
    private let values: [DatabaseValue]

    init(_ row: Row) {
        values = Array(row.databaseValues)
    }

    /// The one row that a query must give.
    static func one(_ database: Database, _ sql: String, _ arguments: StatementArguments = []) throws -> StoredRow {
        guard let row = try first(database, sql, arguments) else {
            throw SnapshotError(.corrupt, "the volume's database lacks a row")
        }
        return row
    }

    /// The first row of a query; nil where there is none.
    static func first(_ database: Database, _ sql: String, _ arguments: StatementArguments = []) throws -> StoredRow? {
        try Row.fetchOne(database.cachedStatement(sql: sql), arguments: arguments).map(StoredRow.init)
    }

    static func all(_ database: Database, _ sql: String, _ arguments: StatementArguments = []) throws -> [StoredRow] {
        var rows: [StoredRow] = []
        try forEach(database, sql, arguments) { rows.append($0) }
        return rows
    }

    static func forEach(
        _ database: Database, _ sql: String, _ arguments: StatementArguments = [], _ body: (StoredRow) throws -> Void
    ) throws {
        let cursor = try Row.fetchCursor(database.makeStatement(sql: sql), arguments: arguments)
        while let row = try cursor.next() { try body(StoredRow(row)) }
    }

    func integer(_ index: Int) throws -> Int64 {
        guard index < values.count, case .int64(let value) = values[index].storage else { throw Self.unexpected(index) }
        return value
    }

    func optionalInteger(_ index: Int) throws -> Int64? { try isNull(index) ? nil : try integer(index) }

    func isNull(_ index: Int) throws -> Bool {
        guard index < values.count else { throw Self.unexpected(index) }
        return values[index].isNull
    }

    func text(_ index: Int) throws -> String {
        guard index < values.count, case .string(let value) = values[index].storage else {
            throw Self.unexpected(index)
        }
        return value
    }

    func blob(_ index: Int) throws -> [UInt8] {
        guard index < values.count, case .blob(let value) = values[index].storage else { throw Self.unexpected(index) }
        return [UInt8](value)
    }

    func uuid(_ index: Int) throws -> SnapshotUUID {
        guard let uuid = SnapshotUUID(bytes: try blob(index)) else { throw Self.unexpected(index) }
        return uuid
    }

    static func unexpected(_ index: Int) -> SnapshotError {
        SnapshotError(.corrupt, "a row of the volume's database is damaged", place: "column \(index)")
    }
}

/// UInt64 as SQLite has it: a value that does not fit is an error here and not a trap in the database layer.
func stored(_ value: UInt64) throws -> Int64 {
    guard let value = Int64(exactly: value) else {
        throw SnapshotError(.limitExceeded, "a number is too large for the volume's database")
    }
    return value
}
