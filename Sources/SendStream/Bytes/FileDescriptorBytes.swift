import Glibc
import SnapshotModel
import SystemPackage

/// A descriptor that someone else owns, read from where it stands.
package final class FileDescriptorSource: ByteSource {
    private let descriptor: Int32

    package init(_ descriptor: Int32) {
        self.descriptor = descriptor
    }

    package func read(upTo count: Int) throws -> ArraySlice<UInt8> {
        var failure: Int32 = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: max(1, count)) { buffer, filled in
            while true {
                let moved = unsafe Glibc.read(descriptor, buffer.baseAddress, buffer.count)
                if moved >= 0 {
                    filled = moved
                    return
                }
                if errno != EINTR {
                    failure = errno
                    return
                }
            }
        }
        if failure != 0 { throw systemFailure("the stream cannot be read", failure) }
        return bytes[...]
    }
}

/// A descriptor that someone else owns, written to where it stands.
package final class FileDescriptorSink: ByteSink {
    private let descriptor: Int32

    package init(_ descriptor: Int32) {
        self.descriptor = descriptor
    }

    package func write(_ bytes: ArraySlice<UInt8>) throws {
        let failure: Int32 = unsafe bytes.withUnsafeBytes { buffer in
            var written = 0
            while written < buffer.count {
                let rest = unsafe UnsafeRawBufferPointer(rebasing: buffer[written...])
                let moved = unsafe Glibc.write(descriptor, rest.baseAddress, rest.count)
                if moved >= 0 { written += moved } else if errno != EINTR { return errno }
            }
            return 0
        }
        if failure != 0 { throw systemFailure("the stream cannot be written", failure) }
    }
}

private func systemFailure(_ message: String, _ code: Int32) -> SnapshotError {
    SnapshotError(.system, message, cause: Errno(rawValue: code))
}
