import SnapshotModel
import SystemCalls

/// Records on disk, replaced whole and durably.
enum RecordFile {
    /// What follows the name of a record while it is being written.
    static let unfinishedSuffix: StaticString = ".new"

    /// Writes a record under a name of its own and gives it the final one. Only one may do so at a time.
    static func write(
        _ record: SnapshotRecord, as name: [UInt8], in directory: borrowing Descriptor
    ) throws(SystemCallError) {
        let temporary = name + Array(unfinishedSuffix.description.utf8)
        // A crash may have left one.
        try? directory.unlink(temporary)
        let file = try directory.open(temporary, flags: OpenFlags.create, mode: 0o644)
        do throws(SystemCallError) {
            try file.write(record.bytes[...], at: 0)
            try file.sync()
            try directory.rename(temporary, to: name, in: directory)
        } catch {
            try? directory.unlink(temporary)
            throw error
        }
        try directory.openDirectory(beneath: [], flags: OpenFlags.readDirectory).sync()
    }

    /// Reads a record; nil where there is none.
    static func read(_ name: [UInt8], in directory: borrowing Descriptor) throws -> SnapshotRecord? {
        do {
            let file = try directory.open(name, flags: OpenFlags.read)
            let size = try file.status().size
            guard size <= SnapshotRecord.maximumLength, try file.status().isRegular else {
                throw SnapshotError(.corrupt, "this is no record", place: EscapedBytes.describe(name))
            }
            return try SnapshotRecord(parsing: try file.read(at: 0, count: Int(size)))
        } catch let error as SystemCallError where error.isMissing {
            return nil
        } catch var error as SnapshotError {
            error.place = EscapedBytes.describe(name)
            throw error
        }
    }
}
