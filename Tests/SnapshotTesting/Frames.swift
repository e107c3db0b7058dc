import Codecs

/// A cowpath stream taken apart, by the bytes of the specification alone.
package struct Frames {
    package let preamble: [UInt8]
    package let pieces: [[UInt8]]

    package init(_ stream: [UInt8]) {
        preamble = Array(stream.prefix(32))
        var pieces: [[UInt8]] = []
        var start = 32
        while start < stream.count {
            let length = 32 + Int(Frames.number(stream[(start + 16)..<(start + 20)]))
            pieces.append(Array(stream[start..<(start + length)]))
            start += length
        }
        self.pieces = pieces
    }

    package func joined(_ pieces: [[UInt8]]) -> [UInt8] { preamble + pieces.joined() }

    package static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    package static func littleEndian(_ value: UInt64, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
    }

    /// Gives 32 bytes of header the check that they should have.
    package static func reseal(_ stream: inout [UInt8], headerAt start: Int) {
        let check = CRC32C.checksum(stream[start..<(start + 28)])
        stream.replaceSubrange((start + 28)..<(start + 32), with: littleEndian(UInt64(check), 4))
    }

    package static func frame(kind: UInt8, codec: UInt8, sequence: UInt64, raw: UInt32, stored: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = Array("CPFR".utf8) + [kind, codec, 0, 0]
        bytes += littleEndian(sequence, 8) + littleEndian(UInt64(stored.count), 4) + littleEndian(UInt64(raw), 4)
        bytes += littleEndian(UInt64(CRC32C.checksum(stored[...])), 4) + [0, 0, 0, 0]
        reseal(&bytes, headerAt: 0)
        return bytes + stored
    }

    package static func btrfsCommand(_ number: UInt16, _ payload: [UInt8]) -> [UInt8] {
        var bytes = littleEndian(UInt64(payload.count), 4) + littleEndian(UInt64(number), 2)
        let check = CRC32C.update(0, (bytes + [0, 0, 0, 0] + payload)[...])
        bytes += littleEndian(UInt64(check), 4)
        return bytes + payload
    }
}
