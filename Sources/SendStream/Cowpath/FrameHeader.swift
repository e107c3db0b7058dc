import Codecs
import SnapshotModel

/// What a frame is.
enum FrameKind: UInt8, Sendable {
    case snapshotHeader = 1
    case instructions, snapshotTrailer, index, streamTrailer, bookmarkIndex

    /// What it is, for messages.
    var name: String {
        switch self {
        case .snapshotHeader: "the header of a snapshot"
        case .instructions: "a frame of instructions"
        case .snapshotTrailer: "the trailer of a snapshot"
        case .index: "an index"
        case .streamTrailer: "the end of the stream"
        case .bookmarkIndex: "the index of a bookmark"
        }
    }
}

/// How the bytes of a frame are compressed. Raw values are part of the format.
package enum StreamCodec: UInt8, Sendable, CaseIterable {
    case none = 0
    case zlib, zstd
}

/// The 32 bytes before the stored bytes of a frame.
struct FrameHeader: Sendable, Equatable {
    static let length = 32
    /// `CPFR`
    static let magic: [UInt8] = [0x43, 0x50, 0x46, 0x52]
    /// The most bytes of a frame, decompressed: some frames' worth for writers to round up, and small enough
    /// for a window of them to be held in memory.
    static let maximumRawLength = 4 << 20

    var kind: FrameKind
    var codec: StreamCodec
    /// From 0 on, by one, over all frames of the stream.
    var sequence: UInt64
    var storedLength: Int
    var rawLength: Int
    /// CRC32C of the stored bytes.
    var storedCheck: UInt32

    init(kind: FrameKind, codec: StreamCodec, sequence: UInt64, rawLength: Int, stored: ArraySlice<UInt8>) {
        self.kind = kind
        self.codec = codec
        self.sequence = sequence
        self.rawLength = rawLength
        storedLength = stored.count
        storedCheck = CRC32C.checksum(stored)
    }

    var bytes: [UInt8] {
        var bytes = FrameHeader.magic
        bytes.append(kind.rawValue)
        bytes.append(codec.rawValue)
        bytes.append(littleEndian: 0 as UInt16)
        bytes.append(littleEndian: sequence)
        bytes.append(littleEndian: UInt32(storedLength))
        bytes.append(littleEndian: UInt32(rawLength))
        bytes.append(littleEndian: storedCheck)
        bytes.append(littleEndian: CRC32C.checksum(bytes[...]))
        return bytes
    }

    /// - Parameter offset: where in the stream the header lies.
    init(parsing bytes: ArraySlice<UInt8>, offset: UInt64) throws(SnapshotError) {
        var cursor = ByteCursor(bytes, offset: offset, subject: "a frame header")
        let magic = try cursor.take(FrameHeader.magic.count)
        let kindByte: UInt8 = try cursor.integer()
        let codecByte: UInt8 = try cursor.integer()
        let reserved: UInt16 = try cursor.integer()
        sequence = try cursor.integer()
        let stored: UInt32 = try cursor.integer()
        let raw: UInt32 = try cursor.integer()
        storedCheck = try cursor.integer()
        guard magic.elementsEqual(FrameHeader.magic), try cursor.integer() == CRC32C.checksum(bytes.dropLast(4))
        else { throw .corruptStream("a frame header is damaged", at: offset) }
        guard let kind = FrameKind(rawValue: kindByte), let codec = StreamCodec(rawValue: codecByte), reserved == 0
        else {
            throw SnapshotError(
                .unsupported, "a frame of kind \(kindByte) with codec \(codecByte) is not known",
                place: "at byte \(offset) of the stream", remedy: "update this program")
        }
        self.kind = kind
        self.codec = codec
        guard raw <= UInt32(FrameHeader.maximumRawLength), stored <= raw, codec != .none || stored == raw else {
            throw SnapshotError(
                .limitExceeded, "a frame of \(stored) bytes for \(raw) exceeds the limits of the format",
                place: "at byte \(offset) of the stream")
        }
        storedLength = Int(stored)
        rawLength = Int(raw)
    }
}
