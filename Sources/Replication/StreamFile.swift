import Glibc
import SendStream
import SnapshotModel
import SystemCalls

/// A stored stream that is read from the start.
package final class StreamFileSource: ByteSource {
    private let path: String
    private let descriptor: Descriptor

    /// - Throws: ``SnapshotError`` where the file cannot be opened.
    package init(path: String) throws {
        self.path = path
        do {
            descriptor = try Descriptor.open(path, flags: O_RDONLY)
        } catch {
            throw SnapshotError(
                .system, "a stored stream cannot be opened", place: path, remedy: error.remedy, cause: error)
        }
    }

    package func read(upTo count: Int) throws -> ArraySlice<UInt8> {
        do {
            return try descriptor.read(count: count)[...]
        } catch {
            throw SnapshotError(
                .system, "a stored stream cannot be read", place: path, remedy: error.remedy, cause: error)
        }
    }
}

/// A stream that is being stored: it gets its name, durable, only when it is complete.
///
/// Until then it is `NAME.partial`, locked: one without a lock was left by a crash, and is begun anew. Where a symbolic
/// link leads to a file, both lie where that is; one that leads nowhere is replaced. What is there and no file, such as
/// `/dev/null` or a FIFO, keeps its name and is written to.
package final class StreamFileSink: ByteSink {
    /// As it was named.
    private let path: String
    /// Where the file is to be: what a symbolic link leads to.
    private let storedPath: String
    /// Nil where what has the name is written to.
    private let partialPath: String?
    private let descriptor: Descriptor
    private var isComplete = false

    /// - Throws: ``SnapshotError`` where the file cannot be made, with `inUse` where another is storing it.
    package init(path: String) throws {
        self.path = path
        storedPath = StreamFileSink.resolved(path) ?? path
        if let present = try StreamFileSink.status(path), !present.isRegular {
            partialPath = nil
            descriptor = try StreamFileSink.guarded(path) { try Descriptor.open(path, flags: O_WRONLY) }
            return
        }
        let partialPath = "\(storedPath).partial"
        self.partialPath = partialPath
        descriptor = try StreamFileSink.guarded(path) {
            let descriptor = try Descriptor.open(partialPath, flags: O_WRONLY | O_CREAT | O_NOFOLLOW)
            // Who had it may have come to its end in between, and then this is its finished file.
            guard (try? descriptor.tryLock()) != nil,
                try Descriptor.open(partialPath, flags: O_RDONLY | O_NOFOLLOW).status().inode
                    == descriptor.status().inode
            else {
                throw SnapshotError(
                    .inUse, "another process is storing a stream here", place: path,
                    remedy: "wait until it has ended, or name another file")
            }
            try descriptor.truncate(to: 0)
            return descriptor
        }
    }

    deinit {
        if !isComplete, let partialPath { unsafe _ = unlink(partialPath) }
    }

    /// Of what a path leads to; nil where there is nothing. A link that must not be followed is an error.
    private static func status(_ path: String) throws -> FileStatus? {
        try guarded(path) {
            do {
                return try Descriptor.open(path, flags: OpenFlags.holdOnly).status()
            } catch let error as SystemCallError where error.isMissing {
                return nil
            }
        }
    }

    /// Where a path leads that is there; nil for any other.
    private static func resolved(_ path: String) -> String? {
        guard let resolved = unsafe realpath(path, nil) else { return nil }
        defer { unsafe free(resolved) }
        return unsafe String(validatingCString: resolved)
    }

    package func write(_ bytes: ArraySlice<UInt8>) throws {
        try write([bytes])
    }

    package func write(_ pieces: [ArraySlice<UInt8>]) throws {
        try StreamFileSink.guarded(path) { try Descriptor.write(pieces, to: descriptor.rawValue) }
    }

    /// Makes the file durable and gives it its name, replacing what had it.
    package func complete() throws {
        guard let partialPath else {
            return try StreamFileSink.guarded(path) {
                do {
                    try descriptor.sync()
                } catch let error as SystemCallError where error.isInvalid {
                    // Nothing is kept there.
                }
            }
        }
        try StreamFileSink.guarded(path) { try descriptor.sync() }
        guard unsafe rename(partialPath, storedPath) == 0 else {
            throw SnapshotError(
                .system, "a stored stream cannot get its name", place: path, remedy: "name another file")
        }
        isComplete = true
        try StreamFileSink.guarded(path) {
            let folder = storedPath.lastIndex(of: "/").map { String(storedPath[...$0]) } ?? "."
            try Descriptor.open(folder, flags: O_RDONLY | O_DIRECTORY).sync()
        }
    }

    private static func guarded<Value: ~Copyable>(_ path: String, _ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let error as SystemCallError {
            throw SnapshotError(
                error.isNoSpace ? .noSpace : .system, "a stream cannot be stored", place: path,
                remedy: error.remedy, cause: error)
        }
    }
}
