import SnapshotModel
import SnapshotTesting

/// An encoded extent: a byte for its encoding, three lengths of eight bytes (decoded, where the file's range begins
/// in that, and how long it is), and what is stored, taken apart into segments where it is LZO.
struct ExtentPieces: SealedPieces {
    enum Piece {
        case head([UInt8])
        case segment([UInt8])
    }

    private static let headLength = 25

    var pieces: [Piece] = []
    /// All that is stored, as it was.
    let payload: [UInt8]

    /// Takes apart any bytes as far as they go.
    init(_ bytes: [UInt8]) {
        var head = Array(bytes.prefix(ExtentPieces.headLength))
        head += [UInt8](repeating: 0, count: ExtentPieces.headLength - head.count)
        payload = Array(bytes.dropFirst(ExtentPieces.headLength))
        pieces = [.head(head)]
        guard let sector = ExtentPieces.sectorSize(head[0]) else {
            pieces.append(.segment(payload))
            return
        }
        let total = min(payload.count, Int(LittleEndian.number(payload.prefix(4))))
        var position = 4
        while position + 4 <= total {
            let left = sector - position % sector
            if left < 4 { position += left }
            let length = Int(LittleEndian.number(payload.dropFirst(position).prefix(4)))
            position += 4
            pieces.append(.segment(Array(payload.dropFirst(position).prefix(length))))
            position += min(length, payload.count)
        }
    }

    private var head: [UInt8] {
        if case .head(let bytes)? = pieces.first(where: { if case .head = $0 { true } else { false } }) { return bytes }
        return [UInt8](repeating: 0, count: ExtentPieces.headLength)
    }

    var kind: UInt8 { head[0] }
    var lengths: [UInt64] { [1, 9, 17].map { LittleEndian.number(head[$0..<$0 + 8]) } }

    private static func sectorSize(_ kind: UInt8) -> Int? { (3...7).contains(kind) ? 512 << Int(kind) : nil }

    func changed(_ piece: Piece, _ mutator: inout PieceMutator) -> Piece {
        switch piece {
        case .segment(let bytes): return .segment(mutator.changed(bytes))
        case .head(var bytes):
            guard !mutator.random.onceIn(4) else { return .head([UInt8(mutator.random.below(16))] + bytes.dropFirst()) }
            let place = 1 + 8 * mutator.random.below(3)
            let length = mutator.random.onceIn(8) ? UInt64.max : UInt64(mutator.random.below(131_080))
            bytes.replaceSubrange(place..<place + 8, with: LittleEndian.bytes(length, 8))
            return .head(bytes)
        }
    }

    func sealed() -> [UInt8] {
        let segments = pieces.compactMap { piece -> [UInt8]? in
            if case .segment(let bytes) = piece { bytes } else { nil }
        }
        guard let sector = ExtentPieces.sectorSize(kind) else { return head + segments.joined() }
        return head + ExtentPieces.framed(segments, sectorSize: sector)
    }

    /// Streams of LZO as btrfs keeps them: behind the length of all, each behind its own, which never lies across the
    /// end of a sector.
    static func framed(_ segments: [[UInt8]], sectorSize: Int) -> [UInt8] {
        var bytes: [UInt8] = [0, 0, 0, 0]
        for segment in segments {
            let left = sectorSize - bytes.count % sectorSize
            if left < 4 { bytes += [UInt8](repeating: 0, count: left) }
            bytes += LittleEndian.bytes(UInt64(segment.count), 4) + segment
        }
        bytes.replaceSubrange(0..<4, with: LittleEndian.bytes(UInt64(bytes.count), 4))
        return bytes
    }
}
