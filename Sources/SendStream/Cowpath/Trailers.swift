import SnapshotModel

/// The frame behind the instructions of a snapshot: by its counts and digest a reader knows that it has all.
struct SnapshotTrailer: Equatable {
    static let length = 64

    var totals: SnapshotTotals
    /// Frames of instructions.
    var frames: UInt64
    /// SHA-256 of the snapshot's frames as stored, headers included, from its header to its last instructions.
    var digest: [UInt8]

    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        for value in [totals.inodes, totals.instructions, totals.bytes, frames] { bytes.append(littleEndian: value) }
        return bytes + digest
    }

    init(totals: SnapshotTotals, frames: UInt64, digest: [UInt8]) {
        self.totals = totals
        self.frames = frames
        self.digest = digest
    }

    init(parsing raw: ArraySlice<UInt8>, at offset: UInt64) throws(SnapshotError) {
        guard raw.count == SnapshotTrailer.length else {
            throw .corruptStream(
                "the trailer of a snapshot has \(raw.count) bytes in place of \(SnapshotTrailer.length)", at: offset)
        }
        var cursor = ByteCursor(raw, offset: offset, subject: "the trailer of a snapshot")
        totals = SnapshotTotals(
            inodes: try cursor.integer(), instructions: try cursor.integer(), bytes: try cursor.integer())
        frames = try cursor.integer()
        digest = [UInt8](cursor.rest)
    }
}

/// The last frame of a stream: always 56 bytes with its header, so that it is found from the end of a file.
struct StreamTrailer: Equatable {
    static let length = 24

    var snapshots: UInt64
    /// All frames before this one.
    var frames: UInt64
    /// Where the index frame begins; 0 where there is none.
    var indexOffset: UInt64

    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        for value in [snapshots, frames, indexOffset] { bytes.append(littleEndian: value) }
        return bytes
    }

    init(snapshots: UInt64, frames: UInt64, indexOffset: UInt64) {
        self.snapshots = snapshots
        self.frames = frames
        self.indexOffset = indexOffset
    }

    init(parsing raw: ArraySlice<UInt8>, at offset: UInt64) throws(SnapshotError) {
        guard raw.count == StreamTrailer.length else {
            throw .corruptStream(
                "the stream trailer has \(raw.count) bytes in place of \(StreamTrailer.length)", at: offset)
        }
        var cursor = ByteCursor(raw, offset: offset, subject: "the stream trailer")
        snapshots = try cursor.integer()
        frames = try cursor.integer()
        indexOffset = try cursor.integer()
    }
}
