import Codecs
import Crypto
import SendStream
import SnapshotModel
import SnapshotTesting

/// The frames of a cowpath stream, decompressed.
struct CowpathPieces: SealedPieces {
    struct Piece {
        var kind: UInt8
        var codec: UInt8
        var payload: [UInt8]
        /// Whether a trailer stays as it is, right or wrong.
        var isKept = false
    }

    private static let headerLength = 32
    /// The most that a frame is decompressed to.
    private static let maximumPayload = 1 << 16

    private var preamble: [UInt8]
    var pieces: [Piece] = []

    /// Nil for bytes that are too short to be a stream; anything else is taken apart as far as it goes.
    init?(_ stream: [UInt8]) {
        guard stream.count >= CowpathPieces.headerLength else { return nil }
        preamble = Array(stream.prefix(28))
        var rest = stream.dropFirst(CowpathPieces.headerLength)
        while rest.count >= CowpathPieces.headerLength {
            let header = Array(rest.prefix(CowpathPieces.headerLength))
            rest = rest.dropFirst(CowpathPieces.headerLength)
            let stored = rest.prefix(Int(LittleEndian.number(header[16..<20])))
            rest = rest.dropFirst(stored.count)
            let limit = min(Int(LittleEndian.number(header[20..<24])), CowpathPieces.maximumPayload)
            let payload = CowpathPieces.decompressed(stored, codec: header[5], limit: limit)
            pieces.append(Piece(kind: header[4], codec: header[5], payload: payload ?? Array(stored)))
        }
    }

    private static func decompressed(_ stored: ArraySlice<UInt8>, codec: UInt8, limit: Int) -> [UInt8]? {
        switch StreamCodec(rawValue: codec) {
        case .zlib: try? Zlib.decompress(stored, limit: limit)
        case .zstd: try? Zstd.decompress(stored, limit: limit)
        case .some(.none), nil: nil
        }
    }

    func changed(_ piece: Piece, _ mutator: inout PieceMutator) -> Piece {
        var piece = piece
        switch mutator.random.below(24) {
        case 0: piece.kind = UInt8(mutator.random.below(7))
        case 1: piece.codec = UInt8(mutator.random.below(4))
        default:
            piece.payload = mutator.changed(piece.payload)
            // Most of the time the trailers are to be right, so that what lies before them is seen whole.
            piece.isKept = mutator.random.onceIn(4)
        }
        return piece
    }

    func sealed() -> [UInt8] {
        var stream = preamble + LittleEndian.bytes(UInt64(CRC32C.checksum(preamble[...])), 4)
        var hasher = SHA256()
        var (frames, snapshots, index): (UInt64, UInt64, UInt64) = (0, 0, 0)
        for (sequence, piece) in pieces.enumerated() {
            var payload = piece.payload
            switch piece.kind {
            case 1:
                hasher = SHA256()
                frames = 0
            case 2: frames += 1
            case 3:
                snapshots += 1
                let totals = InstructionCount.totals(of: stream)
                let digest = Array(hasher.finalize())
                if !piece.isKept { payload = CowpathPieces.numbers(totals + [frames]) + digest }
            case 4: index = UInt64(stream.count)
            case 5: if !piece.isKept { payload = CowpathPieces.numbers([snapshots, UInt64(sequence), index]) }
            default: break
            }
            let frame = CowpathPieces.frame(piece, payload, sequence: UInt64(sequence))
            if piece.kind <= 2 { hasher.update(data: frame) }
            stream += frame
        }
        return stream
    }

    private static func numbers(_ values: [UInt64]) -> [UInt8] { values.flatMap { LittleEndian.bytes($0, 8) } }

    private static func frame(_ piece: Piece, _ payload: [UInt8], sequence: UInt64) -> [UInt8] {
        var (codec, stored) = (piece.codec, payload)
        switch StreamCodec(rawValue: codec) {
        case .zlib: stored = (try? Zlib.compress(payload[...], level: 1)) ?? payload
        case .zstd: stored = (try? Zstd.compress(payload[...], level: 1)) ?? payload
        case .some(.none), nil: break
        }
        if codec == 1 || codec == 2, stored.count >= payload.count { (codec, stored) = (0, payload) }
        var header = Array("CPFR".utf8) + [piece.kind, codec, 0, 0] + LittleEndian.bytes(sequence, 8)
        header += LittleEndian.bytes(UInt64(stored.count), 4) + LittleEndian.bytes(UInt64(payload.count), 4)
        header += LittleEndian.bytes(UInt64(CRC32C.checksum(stored[...])), 4)
        return header + LittleEndian.bytes(UInt64(CRC32C.checksum(header[...])), 4) + stored
    }
}

/// Counts the instructions of the last snapshot of a stream that is not finished.
final class InstructionCount: ReplayTarget {
    private var counted = SnapshotTotals()
    let losses = ReplayLosses()
    let accepts = ReplayCapabilities.everything

    /// Inodes, instructions and bytes of contents.
    static func totals(of stream: [UInt8]) -> [UInt64] {
        let count = InstructionCount()
        // It ends before its trailer, which is an error, and perhaps before.
        _ = try? StreamReader(from: ArraySource(stream), options: StreamCase.options).replay(into: count)
        return [count.counted.inodes, count.counted.instructions, count.counted.bytes]
    }

    func begin(_ header: SnapshotHeader) { counted = SnapshotTotals() }
    func apply(_ instruction: Instruction) { counted.count(instruction) }
    func finish() {}
    func abandon() {}
}
