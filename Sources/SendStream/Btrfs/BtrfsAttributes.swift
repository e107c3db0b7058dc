import SnapshotModel

/// The attributes of one command, found by their number in any order.
///
/// Not to be copied, since every command of a stream has some.
struct BtrfsAttributes: ~Copyable {
    private typealias Attribute = BtrfsProtocol.Attribute

    /// Where in the payload a value lies: its offset in the upper half, its length and 1 in the lower; 0 for none.
    /// As many as there are attributes and 0.
    private var places = InlineArray<36, UInt64>(repeating: 0)
    private let payload: ArraySlice<UInt8>
    /// The offset of the command in the stream.
    let offset: UInt64
    private let command: BtrfsProtocol.Command

    /// Finds the attributes in the payload of a command.
    ///
    /// - Throws: ``SnapshotError`` for an unknown attribute, one that comes twice, or lengths that do not agree.
    init(
        _ payload: ArraySlice<UInt8>, of command: BtrfsProtocol.Command, version: UInt32, offset: UInt64
    ) throws(SnapshotError) {
        self.offset = offset
        self.command = command
        self.payload = payload
        let bytes = unsafe payload.span.bytes
        var position = 0
        while position < bytes.byteCount {
            let number = UInt16(littleEndianBytes: bytes.extracting(try take(2, at: &position)))
            guard let attribute = Attribute(rawValue: number) else {
                throw SnapshotError(
                    .unsupported, "the attribute \(number) of a btrfs send stream is not known",
                    place: "at byte \(place(of: position) - 2) of the stream")
            }
            let length: Int
            if version >= 2, attribute == .data {
                length = bytes.byteCount - position
            } else {
                length = Int(UInt16(littleEndianBytes: bytes.extracting(try take(2, at: &position))))
            }
            guard places[Int(number)] == 0 else {
                throw .corruptStream("the attribute \(attribute) comes twice", at: place(of: position))
            }
            places[Int(number)] = UInt64(position) << 32 | UInt64(length + 1)
            _ = try take(length, at: &position)
        }
    }

    private func take(_ count: Int, at position: inout Int) throws(SnapshotError) -> Range<Int> {
        let left = payload.count - position
        guard count <= left else {
            throw .cutShort("the command \(command)", wanted: count, left: left, at: place(of: position))
        }
        defer { position += count }
        return position..<position + count
    }

    /// Where in the stream a byte of the payload stands.
    private func place(of position: Int) -> UInt64 {
        offset + UInt64(BtrfsProtocol.commandHeaderLength + position)
    }

    /// The bytes of an attribute; nil where the command has none.
    func optional(_ attribute: BtrfsProtocol.Attribute) -> ArraySlice<UInt8>? {
        let place = places[Int(attribute.rawValue)]
        guard place != 0 else { return nil }
        let start = payload.startIndex + Int(place >> 32)
        return payload[start..<(start + Int(place & 0xFFFF_FFFF) - 1)]
    }

    func bytes(_ attribute: BtrfsProtocol.Attribute) throws(SnapshotError) -> ArraySlice<UInt8> {
        guard let value = optional(attribute) else {
            throw .corruptStream("the command \(command) lacks its attribute \(attribute)", at: offset)
        }
        return value
    }

    func integer<Value: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
        _ attribute: BtrfsProtocol.Attribute, _ type: Value.Type = Value.self
    ) throws(SnapshotError) -> Value {
        let value = try bytes(attribute)
        guard value.count == MemoryLayout<Value>.size else {
            throw wrongWidth(attribute, value.count, MemoryLayout<Value>.size)
        }
        return Value(littleEndianBytes: value)
    }

    /// A number that the stream keeps in 64 bits and the system in 32.
    func narrow(_ attribute: BtrfsProtocol.Attribute) throws(SnapshotError) -> UInt32 {
        let value: UInt64 = try integer(attribute)
        guard let narrow = UInt32(exactly: value) else {
            throw .badStep("the attribute \(attribute) of \(value) has more than 32 bits", at: offset)
        }
        return narrow
    }

    func time(_ attribute: BtrfsProtocol.Attribute) throws(SnapshotError) -> Timestamp {
        let value = try bytes(attribute)
        guard value.count == 12 else {
            throw wrongWidth(attribute, value.count, 12)
        }
        return Timestamp(
            seconds: Int64(bitPattern: UInt64(littleEndianBytes: value.prefix(8))),
            nanoseconds: UInt32(littleEndianBytes: value.suffix(4)))
    }

    private func wrongWidth(_ attribute: BtrfsProtocol.Attribute, _ count: Int, _ width: Int) -> SnapshotError {
        .corruptStream("the attribute \(attribute) has \(count) bytes in place of \(width)", at: offset)
    }

    func path(_ attribute: BtrfsProtocol.Attribute) throws(SnapshotError) -> RelativePath {
        do throws(SnapshotError) {
            return try RelativePath(validating: try bytes(attribute))
        } catch {
            throw error.placed("at byte \(offset) of the stream")
        }
    }

    func reference(
        _ uuid: BtrfsProtocol.Attribute, _ generation: BtrfsProtocol.Attribute
    ) throws(SnapshotError) -> SnapshotReference {
        guard let value = SnapshotUUID(bytes: try bytes(uuid)) else {
            throw .corruptStream("the attribute \(uuid) is no UUID", at: offset)
        }
        return SnapshotReference(uuid: value, generation: try integer(generation))
    }
}

extension SnapshotError {
    /// The same error, with a further place behind the one it has.
    func placed(_ further: String) -> SnapshotError {
        var error = self
        if place?.contains(further) != true { error.place = place.map { "\($0) \(further)" } ?? further }
        return error
    }
}
