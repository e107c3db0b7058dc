/// Decodes LZO1X, and the form in which btrfs keeps it.
///
/// Written from the description of the stream in the kernel's documentation ("LZO stream format as understood by
/// Linux' LZO decompressor") and of btrfs' framing in btrfs-progs ("Send stream format"). Every length and distance is
/// checked; nothing is written beyond the limit.
enum LZO {
    /// Decodes an extent of btrfs: its length in four bytes, and a segment for each sector of data: length in four
    /// bytes, and a stream. The length of a segment never lies across a sector's end.
    static func decompressExtent(
        _ bytes: ArraySlice<UInt8>, sectorSize: Int, limit: Int
    ) throws(CodecError) -> [UInt8] {
        let bytes = [UInt8](bytes)
        let total = try word(bytes, 0)
        guard total >= 4, total <= bytes.count else { throw CodecError("lzo data of a wrong length") }
        var decoded: [UInt8] = []
        var position = 4
        while position < total, decoded.count < limit {
            let left = sectorSize - position % sectorSize
            if left < 4 { position += left }
            guard position + 4 <= total else { break }
            let length = try word(bytes, position)
            position += 4
            guard length > 0, length <= total - position else { throw CodecError("a segment of lzo data is cut") }
            var stream = Stream(bytes[position..<(position + length)])
            try stream.run(into: &decoded, limit: min(limit, decoded.count + sectorSize))
            position += length
        }
        return decoded
    }

    private static func word(_ bytes: [UInt8], _ offset: Int) throws(CodecError) -> Int {
        guard offset + 4 <= bytes.count else { throw CodecError("lzo data is cut") }
        return (0..<4).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) }
    }

    /// One stream, read from its start.
    private struct Stream {
        private var rest: ArraySlice<UInt8>
        /// Literals that the last instruction copied, 4 for more than 3: it says what a small number means next.
        private var literals = 0

        init(_ bytes: ArraySlice<UInt8>) {
            rest = bytes
        }

        private mutating func next() throws(CodecError) -> Int {
            guard let byte = rest.popFirst() else { throw CodecError("a stream of lzo data is cut") }
            return Int(byte)
        }

        /// A length that did not fit its bits: zeros count 255 each, and the byte that ends them.
        private mutating func longLength(_ base: Int) throws(CodecError) -> Int {
            var length = base
            while true {
                let byte = try next()
                if byte != 0 { return length + byte }
                length += 255
            }
        }

        mutating func run(into output: inout [UInt8], limit: Int) throws(CodecError) {
            let start = output.count
            if let first = rest.first, first > 17 {
                rest.removeFirst()
                try copyLiterals(Int(first) - 17, &output, limit)
                literals = min(4, Int(first) - 17)
            }
            while true {
                let code = try next()
                let match: (distance: Int, length: Int, literals: Int)
                switch code {
                case 64...:
                    match = (1 + (code >> 2 & 7) + (try next() << 3), (code >> 5) + 1, code & 3)
                case 32...:
                    let length = code & 31 == 0 ? try longLength(31) + 2 : code & 31 + 2
                    let low = try next()
                    match = (1 + (low >> 2) + (try next() << 6), length, low & 3)
                case 16...:
                    let length = code & 7 == 0 ? try longLength(7) + 2 : code & 7 + 2
                    let low = try next()
                    let distance = (code & 8) << 11 + (low >> 2) + (try next() << 6)
                    if distance == 0 { return }
                    match = (distance + 0x4000, length, low & 3)
                default:
                    if literals == 0 {
                        try copyLiterals(code == 0 ? try longLength(15) + 3 : code + 3, &output, limit)
                        literals = 4
                        continue
                    }
                    let near = (code >> 2) + (try next() << 2)
                    match = literals == 4 ? (near + 0x801, 3, code & 3) : (near + 1, 2, code & 3)
                }
                guard match.distance <= output.count - start, match.length <= limit - output.count else {
                    throw CodecError("a stream of lzo data reaches beyond its ends")
                }
                for _ in 0..<match.length { output.append(output[output.count - match.distance]) }
                try copyLiterals(match.literals, &output, limit)
                literals = match.literals
            }
        }

        private mutating func copyLiterals(
            _ count: Int, _ output: inout [UInt8], _ limit: Int
        ) throws(CodecError) {
            guard count <= rest.count, count <= limit - output.count else {
                throw CodecError("a stream of lzo data reaches beyond its ends")
            }
            output.append(contentsOf: rest.prefix(count))
            rest = rest.dropFirst(count)
        }
    }
}
