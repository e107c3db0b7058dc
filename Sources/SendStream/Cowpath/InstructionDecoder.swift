import SnapshotModel

/// Reads the instructions of one frame.
struct InstructionDecoder {
    var cursor: ByteCursor
    private let header: SnapshotHeader
    /// The path that was read last. Changed where it is, unless a step has it too.
    private(set) var pathBytes: [UInt8] = []
    /// Whether that is the path which was read before it.
    private(set) var isRepeated = false
    /// Where in the frame that step begins.
    private var start: UInt64 = 0

    /// - Parameter raw: the frame, or what follows in it from a step on that can be read by itself. Errors name the byte in
    ///   that.
    init(_ raw: ArraySlice<UInt8>, header: SnapshotHeader) {
        cursor = ByteCursor(raw, offset: 0, subject: "the frame of instructions")
        self.header = header
    }

    /// The next step; nil at the end of the frame.
    mutating func next() throws(SnapshotError) -> Instruction? {
        guard let number = try begin() else { return nil }
        return try finish(number)
    }

    /// Reads what the next step is, and its path; nil at the end of the frame.
    mutating func begin() throws(SnapshotError) -> InstructionNumber? {
        if cursor.isAtEnd { return nil }
        start = cursor.offset
        let byte = try cursor.byte()
        guard let number = InstructionNumber(rawValue: byte) else {
            throw SnapshotError(
                .unsupported, "the instruction \(byte) is not known", place: "at byte \(start) of the frame")
        }
        try readPath()
        return number
    }

    /// The path that was read last.
    var path: RelativePath { RelativePath(trusted: pathBytes) }

    /// Reads the fields of the step that was begun.
    mutating func finish(_ number: InstructionNumber) throws(SnapshotError) -> Instruction {
        let instruction = try read(number, path)
        if let fault = instruction.fault {
            throw SnapshotError(
                .invalidInstruction, fault, place: "'\(instruction.path)' at byte \(start) of the frame")
        }
        return instruction
    }

    private mutating func read(
        _ number: InstructionNumber, _ path: RelativePath
    ) throws(SnapshotError) -> Instruction {
        switch number {
        case .makeFile: return .makeFile(path, try inode())
        case .makeDirectory: return .makeDirectory(path, try inode())
        case .makeFIFO: return .makeFIFO(path, try inode())
        case .makeSocket: return .makeSocket(path, try inode())
        case .makeNode:
            return .makeNode(path, try inode(), mode: try narrow("a mode"), device: try cursor.varint())
        case .symbolicLink:
            let inode = try inode()
            return .makeSymbolicLink(
                path, inode, target: [UInt8](try cursor.counted(upTo: InstructionLimits.linkTargetLength, "a target")))
        case .rename: return .rename(path, to: try nextPath())
        case .link: return .link(path, to: try nextPath())
        case .unlink: return .unlink(path)
        case .removeDirectory: return .removeDirectory(path)
        case .setExtendedAttribute:
            let name = try attributeName()
            let value = try cursor.counted(upTo: ExtendedAttribute.maximumValueLength, "an attribute's value")
            return .setExtendedAttribute(path, ExtendedAttribute(name: name, value: [UInt8](value)))
        case .removeExtendedAttribute: return .removeExtendedAttribute(path, name: try attributeName())
        case .changeMode: return .changeMode(path, permissions: try narrow("a mode"))
        case .changeOwner: return .changeOwner(path, owner: try narrow("an owner"), group: try narrow("a group"))
        case .setTimes: return .setTimes(path, try times())
        case .setFlags: return .setFlags(path, flags: try cursor.varint())
        case .enableVerity: return .enableVerity(path, try verity())
        case .write, .writeEncoded, .clone, .truncate, .updateExtent, .allocate:
            return try contents(number, path)
        }
    }

    private mutating func contents(
        _ number: InstructionNumber, _ path: RelativePath
    ) throws(SnapshotError) -> Instruction {
        switch number {
        case .writeEncoded:
            let offset = try cursor.varint()
            return .writeEncoded(path, offset: offset, try encodedExtent())
        case .clone:
            let offset = try cursor.varint()
            let length = try cursor.varint()
            let snapshot = try cloneSource()
            let from = try nextPath()
            return .clone(
                path, offset: offset, length: length,
                from: CloneSource(snapshot: snapshot, path: from, offset: try cursor.varint()))
        case .truncate: return .truncate(path, size: try cursor.varint())
        case .updateExtent:
            let offset = try cursor.varint()
            let length = try cursor.varint()
            return .updateExtent(path, offset: offset, length: length, try content())
        case .allocate:
            let mode = AllocationMode(rawValue: try narrow("an allocation mode"))
            let offset = try cursor.varint()
            return .allocate(path, mode, offset: offset, length: try cursor.varint())
        default:
            let offset = try cursor.varint()
            return .write(
                path, offset: offset, data: try cursor.counted(upTo: InstructionLimits.writeLength, "data"))
        }
    }

    private mutating func nextPath() throws(SnapshotError) -> RelativePath {
        try readPath()
        return path
    }

    /// Reads a path, of which the one before may have the beginning.
    private mutating func readPath() throws(SnapshotError) {
        let shared = Int(try cursor.varint(upTo: UInt64(pathBytes.count), "the length of what two paths share"))
        let rest = try cursor.counted(upTo: RelativePath.maximumLength, "a path")
        // As it is in most steps.
        isRepeated = rest.isEmpty && shared == pathBytes.count || rest.elementsEqual(pathBytes[shared...])
        if isRepeated { return }
        let start = cursor.offset
        pathBytes.removeLast(pathBytes.count - shared)
        let lastName = pathBytes.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0
        pathBytes.append(contentsOf: rest)
        do throws(SnapshotError) {
            try RelativePath.check(pathBytes, from: lastName)
        } catch {
            throw error.placed("at byte \(start) of the frame")
        }
    }

    mutating func narrow(_ name: String) throws(SnapshotError) -> UInt32 {
        UInt32(try cursor.varint(upTo: UInt64(UInt32.max), name))
    }

    mutating func inode() throws(SnapshotError) -> InodeIdentity {
        let number = InodeNumber(try cursor.varint())
        return InodeIdentity(number: number, generation: try cursor.varint())
    }

    private mutating func attributeName() throws(SnapshotError) -> [UInt8] {
        [UInt8](try cursor.counted(upTo: ExtendedAttribute.maximumNameLength, "an attribute's name"))
    }

    mutating func times() throws(SnapshotError) -> FileTimes {
        let hasBorn = try cursor.byte()
        guard hasBorn <= 1 else { throw cursor.corrupt("times have unknown fields") }
        return FileTimes(
            accessed: try time(), modified: try time(), changed: try time(), born: hasBorn == 1 ? try time() : nil)
    }

    private mutating func time() throws(SnapshotError) -> Timestamp {
        let seconds = ZigZag.decode(try cursor.varint())
        return Timestamp(
            seconds: seconds, nanoseconds: UInt32(try cursor.varint(upTo: 999_999_999, "nanoseconds")))
    }

    private mutating func encodedExtent() throws(SnapshotError) -> EncodedExtent {
        let number = try narrow("an encoding")
        guard let encoding = ExtentEncoding(rawValue: number) else {
            throw SnapshotError(
                .unsupported, "the encoding \(number) of an extent is not known",
                place: "at byte \(cursor.offset) of the frame")
        }
        let decodedLength = try cursor.varint()
        let decodedOffset = try cursor.varint()
        let fileLength = try cursor.varint()
        return EncodedExtent(
            encoding: encoding, bytes: try cursor.counted(upTo: EncodedExtent.maximumDecodedLength, "an extent"),
            decodedLength: decodedLength, decodedOffset: decodedOffset, fileLength: fileLength)
    }

    private mutating func cloneSource() throws(SnapshotError) -> SnapshotReference {
        let byte = try cursor.byte()
        switch CloneSourceTag(rawValue: byte) {
        case .ownSnapshot: return header.snapshot
        case .base:
            guard let base = header.base.reference else {
                throw cursor.corrupt("a clone comes from the base of a snapshot that has none")
            }
            return base
        case .other:
            guard let uuid = SnapshotUUID(bytes: try cursor.take(16)) else {
                throw cursor.corrupt("a clone comes from no snapshot")
            }
            return SnapshotReference(uuid: uuid, generation: try cursor.varint())
        case nil: throw cursor.corrupt("a clone comes from a source of unknown kind \(byte)")
        }
    }

    mutating func content() throws(SnapshotError) -> FileExtent.Content? {
        let byte = try cursor.byte()
        switch ContentTag(rawValue: byte) {
        case .unknown: return nil
        case .data: return .data(nil)
        case .identified:
            let address = try cursor.varint()
            let generation = try cursor.varint()
            return .data(ExtentIdentity(address: address, generation: generation, offset: try cursor.varint()))
        case .inline: return .inline
        case .preallocated: return .preallocated
        case nil: throw cursor.corrupt("an extent has contents of unknown kind \(byte)")
        }
    }

    private mutating func verity() throws(SnapshotError) -> VerityParameters {
        let algorithm = UInt8(try cursor.varint(upTo: 255, "an algorithm"))
        let blockSize = try narrow("a block size")
        let salt = try cursor.counted(upTo: InstructionLimits.veritySaltLength, "a salt")
        let signature = try cursor.counted(upTo: InstructionLimits.veritySignatureLength, "a signature")
        return VerityParameters(
            algorithm: algorithm, blockSize: blockSize, salt: [UInt8](salt), signature: [UInt8](signature))
    }
}
