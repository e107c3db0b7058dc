import CLinux
import Glibc
import SystemPackage

/// Ranges of regular files. Offsets and lengths beyond what `off_t` holds give `EFBIG`.
extension Descriptor {
    package func truncate(to size: UInt64) throws(SystemCallError) {
        let size = try fileOffset(size, "ftruncate")
        _ = try retrying("ftruncate") { ftruncate(rawValue, size) }
    }

    /// The first offset at or behind `offset` that holds data; nil where none follows.
    package func nextData(from offset: UInt64) throws(SystemCallError) -> UInt64? {
        let offset = try fileOffset(offset, "lseek")
        do throws(SystemCallError) {
            return UInt64(try retrying("lseek") { cowpath_seek_data(rawValue, Int64(offset)) })
        } catch  where error.isPastEnd {
            return nil
        }
    }

    /// The first offset at or behind `offset` in a hole; the end of the file counts as one.
    package func nextHole(from offset: UInt64) throws(SystemCallError) -> UInt64 {
        let offset = try fileOffset(offset, "lseek")
        return UInt64(try retrying("lseek") { cowpath_seek_hole(rawValue, Int64(offset)) })
    }

    /// Makes this file share all contents of another (`FICLONE`).
    package func clone(from source: borrowing Descriptor) throws(SystemCallError) {
        let other = source.rawValue
        _ = try retrying("ioctl FICLONE") { cowpath_clone(rawValue, other) }
    }

    /// Makes a range of this file share the contents of one of another, or of this (`FICLONERANGE`).
    package func clone(
        from source: borrowing Descriptor, at sourceOffset: UInt64, length: UInt64, to offset: UInt64
    ) throws(SystemCallError) {
        let other = source.rawValue
        _ = try retrying("ioctl FICLONERANGE") {
            cowpath_clone_range(rawValue, other, sourceOffset, length, offset)
        }
    }

    /// Copies up to `count` bytes inside the kernel.
    ///
    /// - Returns: how many were copied; 0 at the end of the source.
    package func copy(
        from source: borrowing Descriptor, at sourceOffset: UInt64, count: Int, to offset: UInt64
    ) throws(SystemCallError) -> Int {
        let other = source.rawValue
        var from = Int64(try fileOffset(sourceOffset, "copy_file_range"))
        var to = Int64(try fileOffset(offset, "copy_file_range"))
        return Int(
            try retrying("copy_file_range") {
                unsafe cowpath_copy_file_range(other, &from, rawValue, &to, count)
            })
    }

    /// Sets space aside, or makes a hole: fallocate(2) with its `FALLOC_FL_*` bits.
    package func allocate(mode: UInt32, offset: UInt64, length: UInt64) throws(SystemCallError) {
        let start = try fileOffset(offset, "fallocate")
        let count = try fileOffset(length, "fallocate")
        _ = try retrying("fallocate") {
            cowpath_fallocate(rawValue, Int32(truncatingIfNeeded: mode), Int64(start), Int64(count))
        }
    }

    /// Makes everything on the file system of this descriptor durable (syncfs(2)).
    package func syncFileSystem() throws(SystemCallError) {
        _ = try retrying("syncfs") { cowpath_syncfs(rawValue) }
    }

    /// Has the kernel begin to write a range to the disk, so that a later sync finds less to wait for
    /// (sync_file_range(2)). Makes nothing durable; where it is not possible nothing happens.
    package func startWriting(at offset: UInt64, count: Int) {
        _ = cowpath_start_writing(rawValue, Int64(clamping: offset), Int64(count))
    }

    /// Takes the lock of the open file for this process alone, or fails at once where another has it (flock(2)).
    package func tryLock() throws(SystemCallError) {
        _ = try retrying("flock") { flock(rawValue, LOCK_EX | LOCK_NB) }
    }

    /// Gives the lock of the open file back at once: closing does so only when no process that is just being started
    /// has the descriptor too.
    package func unlock() {
        _ = flock(rawValue, LOCK_UN)
    }

    /// Waits for the lock of the open file and takes it for this process alone.
    package func lock() throws(SystemCallError) {
        _ = try retrying("flock") { flock(rawValue, LOCK_EX) }
    }

    private func fileOffset(_ value: UInt64, _ call: String) throws(SystemCallError) -> off_t {
        guard let offset = off_t(exactly: value) else { throw SystemCallError(errno: .fileTooLarge, call: call) }
        return offset
    }
}
