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
package final class StreamFileSink: ByteSink {
    private let path: String
    private let partialPath: String
    private let descriptor: Descriptor
    private var isComplete = false

    /// - Throws: ``SnapshotError`` where the file cannot be made.
    package init(path: String) throws {
        self.path = path
        partialPath = "\(path).partial-\(getpid())"
        do {
            descriptor = try Descriptor.open(partialPath, flags: O_WRONLY | O_CREAT | O_TRUNC)
        } catch {
            throw SnapshotError(.system, "a stream cannot be stored", place: path, remedy: error.remedy, cause: error)
        }
    }

    deinit {
        if !isComplete { unsafe _ = unlink(partialPath) }
    }

    package func write(_ bytes: ArraySlice<UInt8>) throws {
        do {
            try descriptor.write(bytes)
        } catch {
            throw SnapshotError(.system, "a stream cannot be stored", place: path, remedy: error.remedy, cause: error)
        }
    }

    /// Makes the file durable and gives it its name, replacing what had it.
    package func complete() throws {
        do {
            try descriptor.sync()
        } catch {
            throw SnapshotError(.system, "a stream cannot be stored", place: path, remedy: error.remedy, cause: error)
        }
        guard unsafe rename(partialPath, path) == 0 else {
            throw SnapshotError(.system, "a stored stream cannot get its name", place: path)
        }
        isComplete = true
    }
}
