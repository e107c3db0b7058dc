import Foundation
import GRDB
import SnapshotModel
import SystemCalls
import SystemPackage

extension VolumeStore {
    /// Makes typed errors of SQLite's, of the system's and of Foundation's.
    static func guarded<Value>(_ place: String, _ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let error as DatabaseError {
            throw failure(error, place)
        } catch let error as SystemCallError {
            throw SnapshotError(
                error.isNoSpace ? .noSpace : .system, "the volume's files cannot be written", place: place,
                remedy: error.remedy, cause: error)
        } catch let error as CocoaError {
            let number = (error.underlying as? POSIXError)?.code.rawValue ?? 0
            let reason = SystemCallError(errno: Errno(rawValue: number), call: "mkdir", place: place)
            throw SnapshotError(
                reason.isNoSpace ? .noSpace : .system, "the volume's files cannot be made", place: place,
                remedy: reason.remedy, cause: number == 0 ? error : reason)
        }
    }

    private static func failure(_ error: DatabaseError, _ place: String) -> SnapshotError {
        switch error.resultCode {
        case .SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_SCHEMA, .SQLITE_ERROR:
            return SnapshotError(
                .corrupt, "the volume's database is damaged", place: place, remedy: "restore it from another copy",
                cause: error)
        case .SQLITE_BUSY:
            return SnapshotError(
                .inUse, "the volume is being written by another process", place: place,
                remedy: "try again when that is done", cause: error)
        case .SQLITE_FULL:
            return noSpace(place, error)
        case .SQLITE_IOERR where error.extendedResultCode == .SQLITE_IOERR_SHMSIZE:
            return noSpace(place, error)
        case .SQLITE_CANTOPEN:
            // Says the same of a file that may not be opened and of one too many.
            return SnapshotError(
                .system, "the volume's database cannot be opened", place: place,
                remedy: "do it as a user who may write to it, or raise the limit of open files (ulimit -n)",
                cause: error)
        case .SQLITE_READONLY, .SQLITE_PERM:
            return SnapshotError(
                .system, "the volume's database cannot be written", place: place,
                remedy: "mount its file system writable, or do it as a user who may write to it", cause: error)
        default:
            return SnapshotError(
                .system, "the volume's database cannot be read or written", place: place,
                remedy: "see the kernel's log for errors of the disk, then run 'cowpath check'", cause: error)
        }
    }

    private static func noSpace(_ place: String, _ cause: DatabaseError) -> SnapshotError {
        SnapshotError(
            .noSpace, "no space is left for the volume's database", place: place, remedy: SystemCallError.makeRoom,
            cause: cause)
    }
}
