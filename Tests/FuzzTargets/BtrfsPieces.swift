import Codecs
import SnapshotTesting

/// The commands of a btrfs send stream, their attributes taken apart.
struct BtrfsPieces: SealedPieces {
    struct Attribute {
        var type: UInt16
        var value: [UInt8]
    }

    enum Piece {
        /// The magic and a version: at the start, and behind an END where another stream follows.
        case header([UInt8])
        case command(UInt16, [Attribute])
    }

    private static let magic = Array("btrfs-stream".utf8) + [0]
    private static let headerLength = 17
    private static let commandHeaderLength = 10
    /// The contents of files: from protocol 2 on the last attribute, and without a length.
    private static let data: UInt16 = 19

    private let version: UInt8
    var pieces: [Piece] = []

    /// Nil for bytes that are too short to be a stream; anything else is taken apart as far as it goes.
    init?(_ stream: [UInt8]) {
        guard stream.count >= BtrfsPieces.headerLength else { return nil }
        version = stream[13]
        var rest = stream[...]
        while rest.count >= BtrfsPieces.commandHeaderLength {
            if rest.starts(with: BtrfsPieces.magic) || rest.startIndex == 0 {
                pieces.append(.header(Array(rest.prefix(BtrfsPieces.headerLength))))
                rest = rest.dropFirst(BtrfsPieces.headerLength)
                continue
            }
            let header = Array(rest.prefix(BtrfsPieces.commandHeaderLength))
            rest = rest.dropFirst(header.count)
            let payload = rest.prefix(Int(LittleEndian.number(header[0..<4])))
            rest = rest.dropFirst(payload.count)
            let number = UInt16(truncatingIfNeeded: LittleEndian.number(header[4..<6]))
            pieces.append(.command(number, BtrfsPieces.attributes(payload, version)))
        }
    }

    private static func attributes(_ payload: ArraySlice<UInt8>, _ version: UInt8) -> [Attribute] {
        var attributes: [Attribute] = []
        var rest = payload
        while rest.count >= 2 {
            let type = UInt16(truncatingIfNeeded: LittleEndian.number(rest.prefix(2)))
            rest = rest.dropFirst(2)
            var count = rest.count
            if version < 2 || type != data {
                count = Int(LittleEndian.number(rest.prefix(2)))
                rest = rest.dropFirst(2)
            }
            attributes.append(Attribute(type: type, value: Array(rest.prefix(count))))
            rest = rest.dropFirst(count)
        }
        return attributes
    }

    func changed(_ piece: Piece, _ mutator: inout PieceMutator) -> Piece {
        switch piece {
        case .header(let bytes): return .header(mutator.changed(bytes))
        case .command(let number, var attributes):
            guard !attributes.isEmpty, !mutator.random.onceIn(12) else {
                return .command(UInt16(mutator.random.below(28)), attributes)
            }
            let index = mutator.random.below(attributes.count)
            switch mutator.random.below(16) {
            case 0: attributes.remove(at: index)
            case 1: attributes.insert(attributes[index], at: mutator.random.below(attributes.count))
            case 2: attributes[index].type = UInt16(mutator.random.below(38))
            default: attributes[index].value = mutator.changed(attributes[index].value)
            }
            return .command(number, attributes)
        }
    }

    func sealed() -> [UInt8] {
        pieces.flatMap { piece -> [UInt8] in
            guard case .command(let number, let attributes) = piece else {
                if case .header(let bytes) = piece { return bytes }
                return []
            }
            let payload = attributes.flatMap { attribute -> [UInt8] in
                let type = LittleEndian.bytes(UInt64(attribute.type), 2)
                if version >= 2, attribute.type == BtrfsPieces.data { return type + attribute.value }
                return type + LittleEndian.bytes(UInt64(attribute.value.count), 2) + attribute.value
            }
            let header = LittleEndian.bytes(UInt64(payload.count), 4) + LittleEndian.bytes(UInt64(number), 2)
            let check = CRC32C.update(0, (header + [0, 0, 0, 0] + payload)[...])
            return header + LittleEndian.bytes(UInt64(check), 4) + payload
        }
    }
}
