import SnapshotModel

/// A position in bytes from outside. Every read is checked against what is left; errors carry the offset in
/// the stream.
struct ByteCursor {
    private let bytes: ArraySlice<UInt8>
    /// Of the next byte.
    private var index: Int
    /// The offset in the stream of the first byte.
    private let start: UInt64
    /// What the bytes are, for messages; made only for one.
    private let subject: () -> String

    init(_ bytes: ArraySlice<UInt8>, offset: UInt64, subject: @autoclosure @escaping () -> String) {
        self.bytes = bytes
        index = bytes.startIndex
        start = offset
        self.subject = subject
    }

    /// The bytes that were not read yet.
    var rest: ArraySlice<UInt8> { bytes[index...] }

    /// The offset in the stream of the next byte.
    var offset: UInt64 { start + UInt64(index - bytes.startIndex) }

    var isAtEnd: Bool { index == bytes.endIndex }

    mutating func take(_ count: Int) throws(SnapshotError) -> ArraySlice<UInt8> {
        let left = bytes.endIndex - index
        guard count >= 0, count <= left else {
            throw .cutShort(subject(), wanted: count, left: left, at: offset)
        }
        defer { index += count }
        return bytes[index..<index + count]
    }

    /// One byte.
    mutating func byte() throws(SnapshotError) -> UInt8 {
        guard index < bytes.endIndex else { throw .cutShort(subject(), wanted: 1, left: 0, at: offset) }
        defer { index += 1 }
        return bytes[index]
    }

    /// An unsigned little-endian number of fixed width.
    mutating func integer<Value: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
        _ type: Value.Type = Value.self
    ) throws(SnapshotError) -> Value {
        Value(littleEndianBytes: try take(MemoryLayout<Value>.size))
    }

    /// An unsigned number, seven bits a byte, the lowest first; in its shortest form only.
    mutating func varint() throws(SnapshotError) -> UInt64 {
        // As most are.
        if index < bytes.endIndex, bytes[index] < 0x80 {
            defer { index += 1 }
            return UInt64(bytes[index])
        }
        if bytes.endIndex - index >= 8 {
            let word = unsafe UInt64(
                littleEndian: bytes.span.bytes.unsafeLoadUnaligned(
                    fromByteOffset: index - bytes.startIndex, as: UInt64.self))
            let ends = ~word & 0x8080_8080_8080_8080
            let length = ends.trailingZeroBitCount / 8 + 1
            // What is not in its shortest form is looked at below.
            if ends != 0, word >> UInt64(8 * length - 8) & 0xFF != 0 {
                index += length
                return ByteCursor.packed(word & UInt64.max >> UInt64(64 - 8 * length))
            }
        }
        return try longVarint()
    }

    /// The low seven bits of each byte, one behind another.
    private static func packed(_ word: UInt64) -> UInt64 {
        var word = word
        word = word & 0x007F_007F_007F_007F | (word & 0x7F00_7F00_7F00_7F00) >> 1
        word = word & 0x0000_3FFF_0000_3FFF | (word & 0x3FFF_0000_3FFF_0000) >> 2
        return word & 0x0000_0000_0FFF_FFFF | (word & 0x0FFF_FFFF_0000_0000) >> 4
    }

    private mutating func longVarint() throws(SnapshotError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            guard index < bytes.endIndex else { throw corrupt("\(subject()) ends inside a number") }
            let byte = bytes[index]
            index += 1
            // The tenth byte holds the last bit.
            guard shift < 63 || byte <= 1 else { throw corrupt("a number in \(subject()) has more than 64 bits") }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 {
                guard byte != 0 || shift == 0 else {
                    throw corrupt("a number in \(subject()) is longer than it need be")
                }
                return value
            }
            shift += 7
        }
    }

    /// A varint that must not exceed `limit`.
    ///
    /// - Parameter name: what it is, for messages; made only for one.
    mutating func varint(upTo limit: UInt64, _ name: @autoclosure () -> String) throws(SnapshotError) -> UInt64 {
        let value = try varint()
        guard value <= limit else {
            throw SnapshotError(
                .limitExceeded, "\(name()): \(value) is more than \(limit)", place: "at byte \(offset)")
        }
        return value
    }

    /// Bytes with their length before them.
    mutating func counted(
        upTo limit: Int, _ name: @autoclosure () -> String
    ) throws(SnapshotError) -> ArraySlice<UInt8> {
        // Often there are none.
        if index < bytes.endIndex, bytes[index] == 0 {
            index += 1
            return []
        }
        return try take(Int(try varint(upTo: UInt64(limit), "a length of \(name())")))
    }

    func corrupt(_ message: String) -> SnapshotError {
        .corruptStream(message, at: offset)
    }
}

extension FixedWidthInteger where Self: UnsignedInteger & BitwiseCopyable {
    /// The number that little-endian bytes mean; `bytes` has as many as the type.
    init(littleEndianBytes bytes: ArraySlice<UInt8>) {
        unsafe self.init(littleEndianBytes: bytes.span.bytes)
    }

    /// The number that little-endian bytes mean; `bytes` has as many as the type.
    @inline(__always)
    init(littleEndianBytes bytes: RawSpan) {
        precondition(bytes.byteCount == MemoryLayout<Self>.size)
        self = unsafe Self(littleEndian: bytes.unsafeLoadUnaligned(as: Self.self))
    }
}

extension [UInt8] {
    /// Appends a number of fixed width, the lowest byte first.
    mutating func append(littleEndian value: some FixedWidthInteger & UnsignedInteger) {
        unsafe Swift.withUnsafeBytes(of: value.littleEndian) { unsafe append(contentsOf: $0) }
    }

    /// Appends a number seven bits a byte, the lowest first.
    mutating func append(varint value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(rest))
    }

    /// Appends bytes with their length before them.
    mutating func append(counted bytes: some Collection<UInt8>) {
        append(varint: UInt64(bytes.count))
        append(contentsOf: bytes)
    }
}

extension SnapshotError {
    /// Bytes of a stream that are damaged, cut or not what they say.
    static func corruptStream(_ message: String, at offset: UInt64, cause: (any Error)? = nil) -> SnapshotError {
        SnapshotError(
            .corrupt, message, place: "at byte \(offset) of the stream", remedy: "send the snapshot again",
            cause: cause)
    }

    /// Something that ends before all that it must hold.
    static func cutShort(_ subject: String, wanted: Int, left: Int, at offset: UInt64) -> SnapshotError {
        corruptStream("\(subject) ends too early: \(wanted) bytes wanted, \(left) left", at: offset)
    }

    /// A step of a stream that can fit no tree.
    static func badStep(_ message: String, at offset: UInt64) -> SnapshotError {
        SnapshotError(.invalidInstruction, message, place: "at byte \(offset) of the stream")
    }
}
