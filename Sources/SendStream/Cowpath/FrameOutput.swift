import SnapshotModel
import Workers

/// Where finished frames go, in order: to the sink, into the snapshot's digest and into the index.
final class FrameOutput {
    private let sink: any ByteSink
    private var frames: FrameDigest
    private(set) var index = StreamIndex()
    /// The length of the stream so far.
    private(set) var offset: UInt64 = 0
    /// Of it, how many are instructions as they are stored.
    private(set) var instructionBytes = 0
    /// Which snapshot is being written, from 0 on.
    var snapshot: UInt64 = 0

    init(_ sink: any ByteSink, pool: WorkerPool) {
        self.sink = sink
        frames = FrameDigest(pool: pool)
    }

    func write(preamble: [UInt8]) throws {
        try sink.write(preamble[...])
        offset += UInt64(preamble.count)
    }

    func write(_ frame: SealedFrame) throws {
        let header = frame.header.bytes
        switch frame.header.kind {
        case .snapshotHeader:
            frames.restart()
            try frames.add(header[...], frame.stored)
        case .instructions:
            try frames.add(header[...], frame.stored)
            instructionBytes += frame.stored.count
            index.add(
                StreamIndex.Entry(
                    sequence: frame.header.sequence, offset: offset, snapshot: snapshot,
                    firstPath: frame.firstPath ?? .root))
        case .snapshotTrailer, .index, .streamTrailer, .bookmarkIndex: break
        }
        try sink.write(header[...])
        try sink.write(frame.stored)
        offset += UInt64(header.count + frame.stored.count)
    }

    /// The digest of the snapshot's frames so far.
    func digest() throws -> [UInt8] { try frames.value() }
}
