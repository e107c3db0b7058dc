package import SnapshotModel

/// Writes instructions as a btrfs send stream that a stock `btrfs receive` takes.
///
/// What the protocol cannot say is refused with ``SnapshotError/Code/unsupported``, but for file flags that
/// btrfs does not have: those are counted as losses.
package final class BtrfsStreamWriter: ReplayTarget {
    /// How the end of a snapshot is marked.
    package enum SnapshotEnds: Sendable {
        /// Every snapshot is a stream of its own with header and END, as `btrfs send` does.
        case every
        /// One header, and one END behind the last snapshot, as `btrfs send -e` does.
        case last
    }

    private enum State { case idle, inSnapshot, abandoned, closed }

    /// How much is gathered before it is written: most commands are short.
    private static let gatheredLength = 256 << 10

    private let sink: any ByteSink
    let version: UInt32
    private let ends: SnapshotEnds
    var encoder: BtrfsCommandEncoder
    private var state = State.idle
    private var isStarted = false

    package internal(set) var losses = ReplayLosses()

    /// - Parameter protocolVersion: 1 or 2.
    package init(to sink: any ByteSink, protocolVersion: UInt32 = 1, ends: SnapshotEnds = .every) throws {
        guard (1...2).contains(protocolVersion) else {
            throw SnapshotError(
                .unsupported, "protocol \(protocolVersion) of btrfs send cannot be written", remedy: "choose 1 or 2")
        }
        self.sink = sink
        version = protocolVersion
        self.ends = ends
        encoder = BtrfsCommandEncoder(version: protocolVersion)
    }

    package var accepts: ReplayCapabilities { version >= 2 ? .everything : [] }

    package func begin(_ header: SnapshotHeader) throws {
        guard state == .idle else { throw streamMisuse("a snapshot cannot begin here") }
        guard !header.isBookmark else {
            throw SnapshotError(
                .unsupported, "a btrfs send stream cannot hold a bookmark", place: header.name,
                remedy: "write it as a cowpath stream")
        }
        let name = try FileName(validating: header.name.utf8)
        if !isStarted || ends == .every {
            var start = BtrfsProtocol.magic
            start.append(littleEndian: version)
            try flush()
            try sink.write(start[...])
            isStarted = true
        }
        encoder.begin(header.base.reference == nil ? .subvolume : .snapshot)
        encoder.add(.path, bytes: name.bytes)
        encoder.add(.uuid, header.snapshot.uuid)
        encoder.add(.generation, header.snapshot.generation)
        if let base = header.base.reference {
            encoder.add(.cloneUUID, base.uuid)
            encoder.add(.cloneGeneration, base.generation)
        }
        state = .inSnapshot
        try emit()
    }

    package func apply(_ instruction: Instruction) throws {
        guard state == .inSnapshot else { throw streamMisuse("a step belongs to no snapshot") }
        if let fault = instruction.fault {
            throw SnapshotError(.invalidInstruction, fault, place: instruction.path.description)
        }
        try encode(instruction)
    }

    package func finish() throws {
        guard state == .inSnapshot else { throw streamMisuse("no snapshot has begun") }
        state = .idle
        if ends == .every { try emitEnd() }
        try flush()
    }

    /// Ends the stream. Nothing may follow.
    package func close() throws {
        guard state == .idle else { throw streamMisuse("the stream is not at the end of a snapshot") }
        state = .closed
        if ends == .last, isStarted { try emitEnd() }
        try flush()
    }

    package func abandon() {
        // Without its END, readers know that the snapshot is not whole.
        if state == .inSnapshot { state = .abandoned }
        encoder.removeFinished()
    }

    private func emitEnd() throws {
        encoder.begin(.end)
        try emit()
    }

    /// Takes the command that was encoded, and writes what was gathered when that is enough.
    func emit() throws {
        encoder.finish()
        if encoder.finishedLength >= BtrfsStreamWriter.gatheredLength { try flush() }
    }

    private func flush() throws {
        try sink.write(encoder.finished)
        encoder.removeFinished()
    }
}

/// A call that comes at the wrong time.
func streamMisuse(_ message: String) -> SnapshotError {
    SnapshotError(.invalidRequest, message, remedy: "begin, apply and finish each snapshot, then close")
}
