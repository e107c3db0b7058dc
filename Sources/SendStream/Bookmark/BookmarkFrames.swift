import SnapshotModel
import Workers

/// The frames of a bookmark that has an index.
///
/// `@unchecked`: it goes to another thread as a whole, with the source that it reads.
struct BookmarkFrames: @unchecked Sendable {
    private var input: FrameInput
    private var instructions: [StoredFrame] = []
    private var instructionBytes = 0
    private var index: [UInt8] = []
    private var indexOffset: UInt64 = 0
    private var isWhole = false

    init(_ reader: SourceReader, pool: WorkerPool) {
        // What is not asked for is not decompressed, and nothing is hashed: each frame has a check of its own.
        input = FrameInput(reader, pool: pool, hashes: false)
    }

    /// Reads the beginning.
    mutating func header() throws -> SnapshotHeader {
        _ = try input.readPreamble()
        let frame = try input.next()
        guard frame.header.kind == .snapshotHeader else { throw misplaced(frame) }
        let header = try HeaderDocument.header(parsing: frame.raw(), at: frame.offset)
        guard header.isBookmark else { throw misplaced(frame) }
        return header
    }

    /// Reads what follows, to the end of the stream.
    ///
    /// - Returns: the tree, read as it is asked for; as a whole where the bookmark has no index after all.
    mutating func tree(of header: SnapshotHeader) throws -> any SharedTree {
        while try take(input.next()) {}
        try input.expectEnd()
        if index.isEmpty { return try BookmarkTree.streamTree(of: header, instructions) }
        return try BookmarkTree(
            header, frames: instructions, index: try BookmarkIndex(parsing: index[...], at: indexOffset))
    }

    /// Takes a frame; false behind the last.
    private mutating func take(_ frame: StoredFrame) throws -> Bool {
        switch (frame.header.kind, isWhole) {
        case (.instructions, false):
            instructions.append(frame)
            instructionBytes += frame.stored.count
        case (.snapshotTrailer, false):
            let trailer = try SnapshotTrailer(parsing: frame.raw(), at: frame.offset)
            guard trailer.frames == UInt64(instructions.count) else {
                throw SnapshotError.corruptStream(
                    "the snapshot's counts do not agree with its trailer", at: frame.offset)
            }
            isWhole = true
        case (.bookmarkIndex, true):
            if index.isEmpty { indexOffset = frame.offset }
            index += try frame.raw()
            try BookmarkIndex.checkLength(index.count, for: instructionBytes, at: frame.offset)
        case (.index, true): _ = try frame.raw()
        case (.streamTrailer, true):
            _ = try StreamTrailer(parsing: frame.raw(), at: frame.offset)
            return false
        default: throw misplaced(frame)
        }
        return true
    }

    private func misplaced(_ frame: StoredFrame) -> SnapshotError {
        .corruptStream("\(frame.header.kind.name) does not belong here", at: frame.offset)
    }
}

extension StoredFrame {
    /// What the frame holds, decompressed.
    func raw() throws(SnapshotError) -> ArraySlice<UInt8> {
        let opened = open()
        guard let damage = opened.damage else { return opened.raw }
        throw SnapshotError(
            .corrupt, "a frame is damaged: \(damage)",
            place: "in frame \(header.sequence) at byte \(offset) of the stream", remedy: StoredFrame.bookmarkRemedy)
    }

    /// What to do about a bookmark that cannot be read.
    static let bookmarkRemedy = "make the bookmark again"
}
