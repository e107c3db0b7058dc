import SnapshotModel
import SystemCalls

/// A descriptor that someone else owns, read from where it stands.
package final class FileDescriptorSource: ByteSource {
    private let descriptor: Int32

    package init(_ descriptor: Int32) {
        self.descriptor = descriptor
        Descriptor.widenPipe(descriptor)
    }

    package func read(upTo count: Int) throws -> ArraySlice<UInt8> {
        do {
            return try Descriptor.readSome(upTo: count, from: descriptor)[...]
        } catch {
            throw SnapshotError(.system, "the stream cannot be read", cause: error)
        }
    }

    package var isWaiting: Bool { !Descriptor.hasInput(descriptor) }
}

/// A descriptor that someone else owns, written to where it stands.
package final class FileDescriptorSink: ByteSink {
    private let descriptor: Int32

    package init(_ descriptor: Int32) {
        self.descriptor = descriptor
        Descriptor.widenPipe(descriptor)
    }

    package func write(_ bytes: ArraySlice<UInt8>) throws {
        try write([bytes])
    }

    package func write(_ pieces: [ArraySlice<UInt8>]) throws {
        do {
            try Descriptor.write(pieces, to: descriptor)
        } catch {
            throw SnapshotError(.system, "the stream cannot be written", cause: error)
        }
    }
}
