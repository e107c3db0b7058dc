import SnapshotModel
import Workers

/// A frame as it came, before it is checked and decompressed.
struct StoredFrame: Sendable {
    let header: FrameHeader
    let stored: ArraySlice<UInt8>
    let offset: UInt64
    /// In a snapshot's trailer: the SHA-256 of its stored frames.
    let digest: [UInt8]

    func open() -> OpenedFrame {
        OpenedFrame.open(header, stored: stored, offset: offset, digest: digest)
    }
}

/// Takes frames from a source: checks their headers and their order, and hashes them.
struct FrameInput {
    private var reader: SourceReader
    private var nextSequence: UInt64 = 0
    /// Nil where what is read is not hashed.
    private var frames: FrameDigest?

    init(_ reader: SourceReader, pool: WorkerPool, hashes: Bool = true) {
        self.reader = reader
        frames = hashes ? FrameDigest(pool: pool) : nil
    }

    var offset: UInt64 { reader.offset }

    mutating func readPreamble() throws -> StreamPreamble {
        try StreamPreamble(parsing: try reader.take(StreamPreamble.length))
    }

    /// The next frame; its stored bytes are not checked yet.
    mutating func next() throws -> StoredFrame {
        let offset = reader.offset
        let headerBytes = try reader.take(FrameHeader.length)
        guard headerBytes.count == FrameHeader.length else {
            throw cut(headerBytes.isEmpty ? "without its trailer, before frame" : "inside the header of frame")
        }
        let header: FrameHeader
        do {
            header = try FrameHeader(parsing: headerBytes, offset: offset)
        } catch {
            throw error.placed("in frame \(nextSequence)")
        }
        try checkOrder(header, offset)
        let stored = try reader.take(header.storedLength)
        guard stored.count == header.storedLength else { throw cut("inside frame") }
        nextSequence += 1
        return StoredFrame(
            header: header, stored: stored, offset: offset, digest: try hash(header, headerBytes, stored))
    }

    /// Checks that nothing follows the stream trailer.
    mutating func expectEnd() throws {
        let end = reader.offset
        guard try reader.peek(1).isEmpty else {
            throw SnapshotError.corruptStream("bytes follow the end of the stream", at: end)
        }
    }

    private mutating func hash(
        _ header: FrameHeader, _ headerBytes: ArraySlice<UInt8>, _ stored: ArraySlice<UInt8>
    ) throws -> [UInt8] {
        switch header.kind {
        case .snapshotTrailer: return try frames?.value() ?? []
        case .index, .streamTrailer, .bookmarkIndex: return []
        case .snapshotHeader, .instructions:
            if header.kind == .snapshotHeader { frames?.restart() }
            try frames?.add(headerBytes, stored)
            return []
        }
    }

    private func checkOrder(_ header: FrameHeader, _ offset: UInt64) throws {
        if header.sequence < nextSequence {
            throw SnapshotError.corruptStream(
                "frame \(header.sequence) comes again where frame \(nextSequence) should", at: offset)
        }
        if header.sequence > nextSequence {
            throw SnapshotError.corruptStream(
                "frame \(nextSequence) is missing: frame \(header.sequence) comes in its place", at: offset)
        }
    }

    private func cut(_ place: String) -> SnapshotError {
        SnapshotError.corruptStream("the stream was cut: it ends \(place) \(nextSequence)", at: reader.offset)
    }
}
