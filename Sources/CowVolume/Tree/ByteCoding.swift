import SnapshotModel

/// Packs integers in as few bytes as they need: seven bits a byte, lowest first (LEB128).
struct ByteWriter {
    var bytes: [UInt8] = []

    mutating func write(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    /// Small numbers of either sign become small: 0, -1, 1, -2 … as 0, 1, 2, 3 …
    mutating func write(signed value: Int64) {
        write(UInt64(bitPattern: (value << 1) ^ (value >> 63)))
    }

    mutating func write(counted value: some Collection<UInt8>) {
        write(UInt64(value.count))
        bytes.append(contentsOf: value)
    }
}

/// Reads what ``ByteWriter`` wrote, and anything else without trapping.
struct ByteReader {
    private let bytes: ArraySlice<UInt8>
    private var index: Int

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        index = bytes.startIndex
    }

    var isAtEnd: Bool { index == bytes.endIndex }

    /// How many bytes were read.
    private var position: Int { index - bytes.startIndex }

    mutating func byte() throws(SnapshotError) -> UInt8 {
        guard index < bytes.endIndex else { throw cut() }
        defer { index += 1 }
        return bytes[index]
    }

    mutating func integer() throws(SnapshotError) -> UInt64 {
        // As most are.
        if index < bytes.endIndex, bytes[index] < 0x80 {
            defer { index += 1 }
            return UInt64(bytes[index])
        }
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let byte = try byte()
            guard shift < 63 || byte <= 1 else {
                throw SnapshotError(.corrupt, "a number has more than 64 bits", place: "byte \(position - 1)")
            }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
    }

    mutating func signedInteger() throws(SnapshotError) -> Int64 {
        let value = try integer()
        return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
    }

    /// An integer that must fit into fewer bits.
    mutating func integer<Value: FixedWidthInteger>(as type: Value.Type) throws(SnapshotError) -> Value {
        let start = position
        guard let value = Value(exactly: try integer()) else {
            throw SnapshotError(.corrupt, "a number is too large", place: "byte \(start)")
        }
        return value
    }

    /// Bytes with their count before them: a part of what is read, not a copy.
    mutating func counted(atMost limit: Int) throws(SnapshotError) -> ArraySlice<UInt8> {
        let count = try integer()
        guard count <= UInt64(limit), count <= UInt64(bytes.endIndex - index) else {
            throw SnapshotError(.corrupt, "a length of \(count) bytes does not fit", place: "byte \(position)")
        }
        defer { index += Int(count) }
        return bytes[index..<index + Int(count)]
    }

    /// What follows the last field must be nothing.
    func finish() throws(SnapshotError) {
        guard isAtEnd else {
            throw SnapshotError(.corrupt, "\(bytes.count - position) bytes too many", place: "byte \(position)")
        }
    }

    private func cut() -> SnapshotError {
        SnapshotError(.corrupt, "the bytes end too early", place: "byte \(position)")
    }
}
