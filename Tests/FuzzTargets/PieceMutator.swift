import SnapshotTesting

/// A stream taken apart into pieces that each have a payload, to be put together again with everything right
/// that is made of them: lengths, checksums, counts, digests.
protocol SealedPieces {
    associatedtype Piece

    var pieces: [Piece] { get set }

    /// One change of a piece.
    func changed(_ piece: Piece, _ mutator: inout PieceMutator) -> Piece

    /// The stream.
    func sealed() -> [UInt8]
}

/// Changes streams piece by piece.
struct PieceMutator {
    var random: SplitMix64
    let limit: Int
    let mutate: ([UInt8], Int) -> [UInt8]

    init(seed: UInt64, limit: Int, mutate: @escaping ([UInt8], Int) -> [UInt8]) {
        random = SplitMix64(seed: seed)
        self.limit = limit
        self.mutate = mutate
    }

    /// One change; nil where the bytes are to be changed as they are, without putting anything right.
    mutating func mutate(_ stream: (some SealedPieces)?) -> [UInt8]? {
        guard var stream, !random.onceIn(16) else { return nil }
        let count = stream.pieces.count
        guard count > 0 else { return nil }
        let index = random.below(count)
        switch random.below(16) {
        case 0: stream.pieces.insert(stream.pieces[index], at: random.below(count + 1))
        case 1 where count > 1: stream.pieces.remove(at: index)
        case 2: stream.pieces.swapAt(index, random.below(count))
        default: stream.pieces[index] = stream.changed(stream.pieces[index], &self)
        }
        return stream.sealed()
    }

    /// Bytes changed; they may grow by as much as a stream may be long.
    func changed(_ bytes: [UInt8]) -> [UInt8] { mutate(bytes, max(1, limit)) }
}

/// Numbers of fixed width, the lowest byte first.
enum LittleEndian {
    static func bytes(_ value: UInt64, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
    }

    static func number(_ bytes: some Collection<UInt8>) -> UInt64 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
