import SnapshotModel
import Workers

/// Reads a cowpath stream: frames are taken in order, opened on the workers and replayed in order.
///
/// Memory is the largest frame, stored and decompressed, times the window: a frame for each worker, and one that is
/// ready.
struct CowpathStreamReader {
    private var input: FrameInput
    private let delivery: FrameDelivery
    private let pipeline: OrderedPipeline<OpenedFrame>

    init(_ reader: SourceReader, replay: ReplayDriver, pool: WorkerPool) {
        input = FrameInput(reader, pool: pool)
        let delivery = FrameDelivery(replay)
        self.delivery = delivery
        pipeline = OrderedPipeline(pool: pool, window: pool.threadCount + 1) { frame in
            try delivery.deliver(frame)
        }
    }

    mutating func run() throws {
        let preamble = try input.readPreamble()
        delivery.expectsIndex = preamble.optional & StreamPreamble.indexFeature != 0
        delivery.expectsBookmarkIndex = preamble.required & StreamPreamble.bookmarkIndexFeature != 0
        var isAtEnd = false
        while !isAtEnd {
            let frame: StoredFrame
            do {
                frame = try input.next()
            } catch {
                // What came before may be damaged too, and is then what is to be told.
                try pipeline.drain()
                throw delivery.located(error)
            }
            isAtEnd = frame.header.kind == .streamTrailer
            try pipeline.submit { frame.open() }
            delivery.replay.progress(input.offset)
        }
        try pipeline.drain()
        try input.expectEnd()
    }
}

/// What the frames of a stream mean, in their order.
final class FrameDelivery {
    let replay: ReplayDriver
    /// Whether an index frame may come, or those of a bookmark's index.
    var expectsIndex = false
    var expectsBookmarkIndex = false
    private var bookmarkIndex: [UInt8] = []
    private var instructionBytes = 0
    private var framesInSnapshot: UInt64 = 0
    private var indexOffset: UInt64 = 0

    init(_ replay: ReplayDriver) {
        self.replay = replay
    }

    func deliver(_ frame: OpenedFrame) throws {
        do {
            try perform(frame)
        } catch let error as SnapshotError {
            throw error.placed("in frame \(frame.header.sequence) at byte \(frame.offset) of the stream")
        }
    }

    /// The error with the last path that was replayed.
    func located(_ error: any Error) -> any Error {
        guard let error = error as? SnapshotError, !replay.lastPathText.isEmpty else { return error }
        return error.placed(String(replay.lastPathText.dropFirst(2)))
    }

    private func perform(_ frame: OpenedFrame) throws {
        if let damage = frame.damage { throw damaged(frame, damage) }
        guard indexOffset == 0 || frame.header.kind == .streamTrailer else { throw misplaced(frame) }
        switch frame.header.kind {
        case .snapshotHeader:
            guard !replay.isInSnapshot else { throw misplaced(frame) }
            framesInSnapshot = 0
            try replay.begin(HeaderDocument.header(parsing: frame.raw, at: frame.offset))
        case .instructions:
            guard let header = replay.header else { throw misplaced(frame) }
            framesInSnapshot += 1
            instructionBytes += frame.header.storedLength
            var decoder = InstructionDecoder(frame.raw, header: header)
            while let instruction = try decoder.next() { try replay.apply(instruction) }
        case .snapshotTrailer:
            guard replay.isInSnapshot else { throw misplaced(frame) }
            try check(SnapshotTrailer(parsing: frame.raw, at: frame.offset), frame)
            try replay.finish()
        case .index:
            guard !replay.isInSnapshot, expectsIndex else { throw misplaced(frame) }
            _ = try StreamIndex(parsing: frame.raw, at: frame.offset)
            indexOffset = frame.offset
        case .bookmarkIndex:
            // To find inodes in a bookmark: who reads all of it does not need that, and sees only that it is one.
            guard !replay.isInSnapshot, expectsBookmarkIndex else { throw misplaced(frame) }
            bookmarkIndex += frame.raw
            try BookmarkIndex.checkLength(bookmarkIndex.count, for: instructionBytes, at: frame.offset)
        case .streamTrailer:
            guard !replay.isInSnapshot else { throw misplaced(frame) }
            if !bookmarkIndex.isEmpty { _ = try BookmarkIndex(parsing: bookmarkIndex[...], at: frame.offset) }
            try check(StreamTrailer(parsing: frame.raw, at: frame.offset), frame)
        }
    }

    private func check(_ trailer: SnapshotTrailer, _ frame: OpenedFrame) throws {
        let actual = SnapshotTrailer(totals: replay.totals, frames: framesInSnapshot, digest: frame.digest)
        if trailer == actual { return }
        let what = trailer.digest == actual.digest ? "counts do" : "SHA-256 does"
        throw SnapshotError.corruptStream("the snapshot's \(what) not agree with its trailer", at: frame.offset)
    }

    private func check(_ trailer: StreamTrailer, _ frame: OpenedFrame) throws {
        let actual = StreamTrailer(
            snapshots: replay.summary.snapshots, frames: frame.header.sequence, indexOffset: indexOffset)
        if trailer == actual { return }
        throw SnapshotError.corruptStream("what was read does not agree with the stream trailer", at: frame.offset)
    }

    private func misplaced(_ frame: OpenedFrame) -> SnapshotError {
        .corruptStream("\(frame.header.kind.name) does not belong here", at: frame.offset)
    }

    /// The error for a damaged frame, with the paths that can still be read in it, or else the last before it.
    private func damaged(_ frame: OpenedFrame, _ damage: String) -> SnapshotError {
        var paths: [RelativePath] = []
        if frame.header.kind == .instructions, let header = replay.header {
            var decoder = InstructionDecoder(frame.raw, header: header)
            while let instruction = try? decoder.next() {
                if paths.last != instruction.path { paths.append(instruction.path) }
                // The first and the last are told.
                if paths.count > 2 { paths.remove(at: 1) }
            }
        }
        var place = replay.lastPathText.isEmpty ? "" : String(replay.lastPathText.dropFirst(2))
        if let first = paths.first, let last = paths.last {
            place = first == last ? "with '\(first)'" : "with the paths from '\(first)' to '\(last)'"
        }
        return SnapshotError(
            .corrupt, "a frame is damaged: \(damage)", place: place.isEmpty ? nil : place,
            remedy: "send the snapshot again")
    }
}
