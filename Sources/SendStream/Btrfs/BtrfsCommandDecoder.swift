import SnapshotModel

/// Makes instructions of the commands of a btrfs send stream.
enum BtrfsCommandDecoder {
    /// The snapshot that SUBVOL or SNAPSHOT begins.
    static func header(
        _ command: BtrfsProtocol.Command, _ attributes: borrowing BtrfsAttributes
    ) throws(SnapshotError) -> SnapshotHeader {
        let bytes = try attributes.bytes(.path)
        guard let name = String(validating: bytes, as: UTF8.self), (try? FileName(validating: bytes)) != nil else {
            throw SnapshotError(
                .invalidName, "the name of a snapshot must be one path component in UTF-8",
                place: "'\(EscapedBytes.excerpt(bytes))' at byte \(attributes.offset) of the stream")
        }
        let base: SnapshotHeader.Base =
            command == .snapshot ? .parent(try attributes.reference(.cloneUUID, .cloneGeneration)) : .none
        return SnapshotHeader(name: name, snapshot: try attributes.reference(.uuid, .generation), base: base)
    }

    /// The step that a command is.
    ///
    /// - Parameter path: what it is about, its attribute PATH.
    static func instruction(
        _ command: BtrfsProtocol.Command, at path: RelativePath, _ attributes: borrowing BtrfsAttributes
    ) throws(SnapshotError) -> Instruction {
        switch command {
        case .subvolume, .snapshot, .end: throw noStep(command, attributes)
        case .makeFile: return .makeFile(path, try inode(attributes))
        case .makeDirectory: return .makeDirectory(path, try inode(attributes))
        case .makeNode:
            return .makeNode(
                path, try inode(attributes), mode: try attributes.narrow(.mode),
                device: try attributes.integer(.device))
        case .makeFIFO: return .makeFIFO(path, try inode(attributes))
        case .makeSocket: return .makeSocket(path, try inode(attributes))
        case .symbolicLink:
            return .makeSymbolicLink(
                path, try inode(attributes), target: [UInt8](try attributes.bytes(.linkTarget)))
        case .rename: return .rename(path, to: try attributes.path(.pathTo))
        case .link: return .link(path, to: try attributes.path(.linkTarget))
        case .unlink: return .unlink(path)
        case .removeDirectory: return .removeDirectory(path)
        case .setExtendedAttribute:
            let name = [UInt8](try attributes.bytes(.attributeName))
            let value = [UInt8](try attributes.bytes(.attributeData))
            return .setExtendedAttribute(path, ExtendedAttribute(name: name, value: value))
        case .removeExtendedAttribute:
            return .removeExtendedAttribute(path, name: [UInt8](try attributes.bytes(.attributeName)))
        case .changeMode: return .changeMode(path, permissions: try permissions(attributes))
        case .changeOwner:
            return .changeOwner(path, owner: try attributes.narrow(.owner), group: try attributes.narrow(.group))
        case .setTimes: return .setTimes(path, try times(attributes))
        case .fileAttributes:
            return .setFlags(path, flags: BtrfsInodeFlags.shown(try attributes.integer(.fileFlags)))
        case .enableVerity: return .enableVerity(path, try verity(attributes))
        case .write, .encodedWrite, .clone, .truncate, .updateExtent, .allocate:
            return try contents(command, path, attributes)
        }
    }

    private static func contents(
        _ command: BtrfsProtocol.Command, _ path: RelativePath, _ attributes: borrowing BtrfsAttributes
    ) throws(SnapshotError) -> Instruction {
        if command == .truncate { return .truncate(path, size: try attributes.integer(.size)) }
        let offset: UInt64 = try attributes.integer(.fileOffset)
        switch command {
        case .write: return .write(path, offset: offset, data: try attributes.bytes(.data))
        case .encodedWrite: return .writeEncoded(path, offset: offset, try encodedExtent(attributes))
        case .clone:
            let source = CloneSource(
                snapshot: try attributes.reference(.cloneUUID, .cloneGeneration),
                path: try attributes.path(.clonePath), offset: try attributes.integer(.cloneOffset))
            return .clone(path, offset: offset, length: try attributes.integer(.cloneLength), from: source)
        case .updateExtent:
            return .updateExtent(path, offset: offset, length: try attributes.integer(.size), nil)
        case .allocate:
            let mode = AllocationMode(rawValue: try attributes.integer(.allocationMode))
            return .allocate(path, mode, offset: offset, length: try attributes.integer(.size))
        default: throw noStep(command, attributes)
        }
    }

    private static func noStep(_ command: BtrfsProtocol.Command, _ attributes: borrowing BtrfsAttributes)
        -> SnapshotError
    {
        .badStep("the command \(command) is no step", at: attributes.offset)
    }

    private static func inode(_ attributes: borrowing BtrfsAttributes) throws(SnapshotError) -> InodeIdentity {
        // Some senders leave the number out: no receiver needs it.
        guard attributes.optional(.inode) != nil else { return InodeIdentity(number: InodeNumber(0)) }
        return InodeIdentity(number: InodeNumber(try attributes.integer(.inode)))
    }

    private static func permissions(_ attributes: borrowing BtrfsAttributes) throws(SnapshotError) -> UInt32 {
        let mode = try attributes.narrow(.mode)
        guard mode <= 0o177777 else { throw .badStep("a mode of \(mode) has unknown bits", at: attributes.offset) }
        return mode & 0o7777
    }

    private static func times(_ attributes: borrowing BtrfsAttributes) throws(SnapshotError) -> FileTimes {
        FileTimes(
            accessed: try attributes.time(.accessed), modified: try attributes.time(.modified),
            changed: try attributes.time(.changed),
            born: attributes.optional(.born) == nil ? nil : try attributes.time(.born))
    }

    private static func encodedExtent(_ attributes: borrowing BtrfsAttributes) throws(SnapshotError) -> EncodedExtent {
        let number: UInt32 = attributes.optional(.compression) == nil ? 0 : try attributes.integer(.compression)
        guard let encoding = ExtentEncoding(rawValue: number) else {
            throw SnapshotError(
                .unsupported, "the compression \(number) of an encoded extent is not known",
                place: "at byte \(attributes.offset) of the stream")
        }
        if attributes.optional(.encryption) != nil, try attributes.integer(.encryption, UInt32.self) != 0 {
            throw SnapshotError(
                .unsupported, "encrypted extents are not known", place: "at byte \(attributes.offset) of the stream")
        }
        return EncodedExtent(
            encoding: encoding, bytes: try attributes.bytes(.data),
            decodedLength: try attributes.integer(.decodedLength),
            decodedOffset: try attributes.integer(.decodedOffset),
            fileLength: try attributes.integer(.fileLength))
    }

    private static func verity(_ attributes: borrowing BtrfsAttributes) throws(SnapshotError) -> VerityParameters {
        VerityParameters(
            algorithm: try attributes.integer(.verityAlgorithm), blockSize: try attributes.integer(.verityBlockSize),
            salt: [UInt8](attributes.optional(.veritySalt) ?? []),
            signature: [UInt8](attributes.optional(.veritySignature) ?? []))
    }
}
