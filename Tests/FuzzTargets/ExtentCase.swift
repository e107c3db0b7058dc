import Codecs
import SnapshotModel
import SnapshotTesting

/// An extent in the form in which btrfs stores it.
enum ExtentCase {
    /// What a disk sector is filled up with behind a frame.
    private static let padding = [UInt8](repeating: 0, count: 4096)

    static func run(_ bytes: [UInt8]) throws(FuzzFinding) {
        let pieces = ExtentPieces(bytes)
        if let encoding = ExtentEncoding(rawValue: UInt32(pieces.kind)) {
            try decode(pieces.payload, encoding, pieces.lengths)
        } else {
            try make(bytes.dropFirst(), ExtentEncoding(rawValue: UInt32(pieces.kind % 8)) ?? .none)
        }
    }

    /// Whatever the bytes are, they decode to as many as were announced, or to an error.
    private static func decode(
        _ bytes: [UInt8], _ encoding: ExtentEncoding, _ lengths: [UInt64]
    ) throws(FuzzFinding) {
        func extent(_ bytes: [UInt8]) -> EncodedExtent {
            EncodedExtent(
                encoding: encoding, bytes: bytes[...], decodedLength: lengths[0], decodedOffset: lengths[1],
                fileLength: lengths[2])
        }
        var decoded: [UInt8] = []
        let isDecoded = try StreamCase.expected("decoding") { () throws in
            decoded = try extent(bytes).decoded(by: PaddedFrame.decode)
        }
        var range = 0..<0
        let hasRange = try StreamCase.expected("a range") { () throws in range = try extent(bytes).decodedRange() }
        if hasRange, range.upperBound > lengths[0] || range.count != lengths[2] || range.lowerBound != lengths[1] {
            throw FuzzFinding("a range of \(range) in \(lengths)")
        }
        guard isDecoded else { return }
        guard decoded.count == lengths[0] else {
            throw FuzzFinding("\(decoded.count) bytes where there should be \(lengths[0])")
        }
        // A frame ends where it ends; bytes that are not compressed do not.
        guard encoding != .none else { return }
        try check(extent(bytes + padding), decodesTo: decoded)
    }

    private static func check(_ extent: EncodedExtent, decodesTo expected: [UInt8]) throws(FuzzFinding) {
        var decoded: [UInt8] = []
        var failure: SnapshotError?
        do throws(SnapshotError) { decoded = try extent.decoded(by: PaddedFrame.decode) } catch { failure = error }
        if let failure { throw FuzzFinding("what is right is refused: \(failure)") }
        if let index = zip(decoded, expected).enumerated().first(where: { $0.element.0 != $0.element.1 })?.offset {
            throw FuzzFinding("byte \(index) is \(decoded[index]), not \(expected[index])")
        }
        guard decoded.count == expected.count else {
            throw FuzzFinding("\(decoded.count) bytes, not \(expected.count)")
        }
    }

    /// What was encoded decodes to what it was; an LZO stream is made of choices, every instruction of the format.
    private static func make(_ bytes: ArraySlice<UInt8>, _ encoding: ExtentEncoding) throws(FuzzFinding) {
        var (stored, expected) = (Array(bytes), Array(bytes))
        var choices = Choices(bytes: bytes)
        let compressed: [UInt8]?
        switch encoding {
        case .none: compressed = stored
        case .zlib: compressed = try? Zlib.compress(bytes, level: 6)
        case .zstd: compressed = try? Zstd.compress(bytes, level: 3)
        case .lzo4K, .lzo8K, .lzo16K, .lzo32K, .lzo64K:
            let sector = 512 << Int(encoding.rawValue)
            let streams = (0...choices.below(4)).map { _ in LZOScript(&choices, limit: sector) }
            expected = Array(streams.flatMap(\.decoded).prefix(EncodedExtent.maximumDecodedLength))
            compressed = ExtentPieces.framed(streams.map(\.stream), sectorSize: sector)
        }
        guard let compressed else { throw FuzzFinding("what can be compressed was not") }
        // What a frame leaves out at its end reads as zeros.
        expected += [UInt8](
            repeating: 0, count: min(choices.below(3), EncodedExtent.maximumDecodedLength - expected.count))
        stored = encoding == .none ? compressed : compressed + padding
        let extent = EncodedExtent(
            encoding: encoding, bytes: stored[...], decodedLength: UInt64(expected.count), decodedOffset: 0,
            fileLength: UInt64(expected.count))
        try check(extent, decodesTo: expected)
    }
}
