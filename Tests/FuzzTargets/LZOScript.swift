import SnapshotTesting

/// A stream of LZO1X made of choices, and the bytes that it must decode to (Linux, "LZO stream format as understood
/// by Linux' LZO decompressor").
struct LZOScript {
    private(set) var stream: [UInt8] = []
    private(set) var decoded: [UInt8] = []
    /// Literals behind the last instruction, 4 for more than 3.
    private var state = 0

    private enum Form: CaseIterable {
        case nearPair, farTriple, short, middle, far
    }

    /// - Parameter limit: how many bytes it decodes to at most.
    init(_ choices: inout Choices, limit: Int) {
        begin(&choices, limit)
        while decoded.count < limit, !choices.isExhausted {
            if state == 0 {
                addRun(4 + choices.below(choices.onceIn(4) ? 600 : 24), &choices, limit)
            }
            addMatch(&choices, limit)
        }
        // A match at the longest distance but one that is none.
        stream += [17, 0, 0]
    }

    /// The first instruction may be literals of a form of its own.
    private mutating func begin(_ choices: inout Choices, _ limit: Int) {
        let count = min(limit, choices.below(239))
        guard count > 0, choices.onceIn(2) else { return }
        stream.append(UInt8(17 + count))
        addLiterals(count, &choices)
        state = min(4, count)
    }

    private mutating func addLiterals(_ count: Int, _ choices: inout Choices) {
        for _ in 0..<count {
            let byte = UInt8(choices.below(256))
            stream.append(byte)
            decoded.append(byte)
        }
    }

    /// A number that did not fit the bits for it: what is left of it behind a zero for each 255.
    private mutating func addLong(_ rest: Int) {
        var rest = rest
        while rest > 255 {
            stream.append(0)
            rest -= 255
        }
        stream.append(UInt8(rest))
    }

    private mutating func addRun(_ count: Int, _ choices: inout Choices, _ limit: Int) {
        let count = min(count, limit - decoded.count)
        guard count >= 4 else { return }
        if count <= 18 {
            stream.append(UInt8(count - 3))
        } else {
            stream.append(0)
            addLong(count - 18)
        }
        addLiterals(count, &choices)
        state = 4
    }

    /// What was decoded before, once more, and up to three literals.
    private mutating func addMatch(_ choices: inout Choices, _ limit: Int) {
        let form = Form.allCases[choices.below(Form.allCases.count)]
        let (distances, lengths): (ClosedRange<Int>, ClosedRange<Int>)
        switch form {
        case .nearPair where (1...3).contains(state): (distances, lengths) = (1...1024, 2...2)
        case .farTriple where state == 4: (distances, lengths) = (2049...3072, 3...3)
        case .short: (distances, lengths) = (1...2048, 3...8)
        case .far: (distances, lengths) = (16_385...49_151, 3...700)
        case .nearPair, .farTriple, .middle: (distances, lengths) = (1...16_384, 3...700)
        }
        let farthest = min(distances.upperBound, decoded.count)
        let longest = min(lengths.upperBound, limit - decoded.count)
        guard distances.lowerBound <= farthest, lengths.lowerBound <= longest else { return }
        let distance = distances.lowerBound + choices.below(farthest - distances.lowerBound + 1)
        let length = lengths.lowerBound + choices.below(longest - lengths.lowerBound + 1)
        let literals = min(choices.below(4), limit - decoded.count - length)
        write(form, distance: distance, length: length, literals)
        for _ in 0..<length { decoded.append(decoded[decoded.count - distance]) }
        addLiterals(literals, &choices)
        state = literals
    }

    private mutating func write(_ form: Form, distance: Int, length: Int, _ literals: Int) {
        switch form {
        case .nearPair where (1...3).contains(state):
            stream += [UInt8(((distance - 1) & 3) << 2 | literals), UInt8((distance - 1) >> 2)]
        case .farTriple where state == 4:
            stream += [UInt8(((distance - 2049) & 3) << 2 | literals), UInt8((distance - 2049) >> 2)]
        case .short:
            let low = ((distance - 1) & 7) << 2 | literals
            stream += [UInt8(low | (length <= 4 ? 64 | (length - 3) << 5 : 128 | (length - 5) << 5))]
            stream.append(UInt8((distance - 1) >> 3))
        case .far:
            let rest = distance - 16_384
            writeLong(16 | (rest >> 14) << 3, length, bits: 7)
            stream += LittleEndian.bytes(UInt64((rest & 0x3FFF) << 2 | literals), 2)
        case .nearPair, .farTriple, .middle:
            writeLong(32, length, bits: 31)
            stream += LittleEndian.bytes(UInt64((distance - 1) << 2 | literals), 2)
        }
    }

    /// A length in the low bits of a code, less 2, or behind it where those are too few.
    private mutating func writeLong(_ code: Int, _ length: Int, bits: Int) {
        guard length - 2 > bits else {
            stream.append(UInt8(code | (length - 2)))
            return
        }
        stream.append(UInt8(code))
        addLong(length - 2 - bits)
    }
}
