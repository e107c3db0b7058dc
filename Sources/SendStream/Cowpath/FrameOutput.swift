import Crypto
import Foundation
import SnapshotModel

/// Where finished frames go, in order: to the sink, into the snapshot's digest and into the index.
final class FrameOutput {
    private let sink: any ByteSink
    private var hasher = SHA256()
    private(set) var index = StreamIndex()
    /// The length of the stream so far.
    private(set) var offset: UInt64 = 0
    /// Which snapshot is being written, from 0 on.
    var snapshot: UInt64 = 0

    init(_ sink: any ByteSink) {
        self.sink = sink
    }

    func write(preamble: [UInt8]) throws {
        try sink.write(preamble[...])
        offset += UInt64(preamble.count)
    }

    func write(_ frame: SealedFrame) throws {
        let header = frame.header.bytes
        switch frame.header.kind {
        case .snapshotHeader:
            hasher = SHA256()
            hash(header, frame.stored)
        case .instructions:
            hash(header, frame.stored)
            index.add(
                StreamIndex.Entry(
                    sequence: frame.header.sequence, offset: offset, snapshot: snapshot,
                    firstPath: frame.firstPath ?? .root))
        case .snapshotTrailer, .index, .streamTrailer: break
        }
        try sink.write(header[...])
        try sink.write(frame.stored)
        offset += UInt64(header.count + frame.stored.count)
    }

    /// The digest of the snapshot's frames so far.
    var digest: [UInt8] { [UInt8](hasher.finalize()) }

    private func hash(_ header: [UInt8], _ stored: ArraySlice<UInt8>) {
        hasher.update(data: header)
        hasher.update(data: stored)
    }
}
