/// Where a stream comes from. Calls block and come from one thread.
package protocol ByteSource: AnyObject {
    /// The next bytes: at least one and at most `count`, none only at the end.
    func read(upTo count: Int) throws -> ArraySlice<UInt8>

    /// Whether a read would have to wait for who writes.
    var isWaiting: Bool { get }
}

extension ByteSource {
    package var isWaiting: Bool { false }
}

/// Where a stream goes. Calls block and come from one thread.
package protocol ByteSink: AnyObject {
    /// Takes all the bytes.
    func write(_ bytes: ArraySlice<UInt8>) throws

    /// Takes all the bytes of several pieces, one behind another.
    func write(_ pieces: [ArraySlice<UInt8>]) throws
}

extension ByteSink {
    package func write(_ pieces: [ArraySlice<UInt8>]) throws {
        for piece in pieces { try write(piece) }
    }
}

/// Bytes in memory, read once.
package final class ArraySource: ByteSource {
    private var rest: ArraySlice<UInt8>

    package init(_ bytes: [UInt8]) {
        rest = bytes[...]
    }

    package func read(upTo count: Int) -> ArraySlice<UInt8> {
        let piece = rest.prefix(max(0, count))
        rest = rest.dropFirst(piece.count)
        return piece
    }
}

/// A stream gathered in memory.
package final class ArraySink: ByteSink {
    /// What was written so far.
    package private(set) var bytes: [UInt8] = []

    package init() {}

    package func write(_ bytes: ArraySlice<UInt8>) {
        self.bytes.append(contentsOf: bytes)
    }
}
