import SnapshotModel

extension BtrfsStreamWriter {
    /// Writes one step as one command, or as several where it is longer than a command may be.
    func encode(_ instruction: Instruction) throws {
        switch instruction {
        case .makeFile(let path, let inode): try make(.makeFile, path, inode)
        case .makeDirectory(let path, let inode): try make(.makeDirectory, path, inode)
        case .makeFIFO(let path, let inode): try make(.makeFIFO, path, inode, mode: FileKind.fifo.modeBits | 0o600)
        case .makeSocket(let path, let inode):
            try make(.makeSocket, path, inode, mode: FileKind.socket.modeBits | 0o600)
        case .makeNode(let path, let inode, let mode, let device):
            try make(.makeNode, path, inode, mode: mode, device: device)
        case .makeSymbolicLink(let path, let inode, let target):
            try emit(.symbolicLink, path) {
                $0.add(.inode, inode.number.rawValue)
                $0.add(.linkTarget, bytes: target)
            }
        case .rename(let path, let other): try emit(.rename, path) { $0.add(.pathTo, other) }
        case .link(let path, let other): try emit(.link, path) { $0.add(.linkTarget, other) }
        case .unlink(let path): try emit(.unlink, path) { _ in }
        case .removeDirectory(let path): try emit(.removeDirectory, path) { _ in }
        case .setExtendedAttribute(let path, let attribute): try encode(attribute, path)
        case .removeExtendedAttribute(let path, let name):
            try emit(.removeExtendedAttribute, path) { $0.add(.attributeName, bytes: name) }
        case .changeMode(let path, let permissions):
            try emit(.changeMode, path) { $0.add(.mode, UInt64(permissions)) }
        case .changeOwner(let path, let owner, let group):
            try emit(.changeOwner, path) {
                $0.add(.owner, UInt64(owner))
                $0.add(.group, UInt64(group))
            }
        case .setTimes(let path, let times): try encode(times, path)
        case .setFlags(let path, let flags): try encode(flags: flags, path)
        case .enableVerity(let path, _):
            throw unsupported("fs-verity needs protocol 3", path)
        case .write, .writeEncoded, .clone, .truncate, .updateExtent, .allocate: try encodeContents(instruction)
        }
    }

    private func encodeContents(_ instruction: Instruction) throws {
        switch instruction {
        case .write(let path, let offset, let data): try write(data, to: path, at: offset)
        case .writeEncoded(let path, let offset, let extent): try write(extent, to: path, at: offset)
        case .clone(let path, let offset, let length, let source):
            try emit(.clone, path) {
                $0.add(.fileOffset, offset)
                $0.add(.cloneLength, length)
                $0.add(.cloneUUID, source.snapshot.uuid)
                $0.add(.cloneGeneration, source.snapshot.generation)
                $0.add(.clonePath, source.path)
                $0.add(.cloneOffset, source.offset)
            }
        case .truncate(let path, let size): try emit(.truncate, path) { $0.add(.size, size) }
        case .updateExtent(let path, let offset, let length, _):
            try emit(.updateExtent, path) {
                $0.add(.fileOffset, offset)
                $0.add(.size, length)
            }
        case .allocate(let path, let mode, let offset, let length):
            try require(2, "space can be allocated and holes punched", path)
            try emit(.allocate, path) {
                $0.add(.allocationMode, mode.rawValue)
                $0.add(.fileOffset, offset)
                $0.add(.size, length)
            }
        default: break
        }
    }

    private func emit(
        _ command: BtrfsProtocol.Command, _ path: RelativePath, _ attributes: (inout BtrfsCommandEncoder) -> Void
    ) throws {
        encoder.begin(command)
        encoder.add(.path, path)
        attributes(&encoder)
        try emit()
    }

    private func make(
        _ command: BtrfsProtocol.Command, _ path: RelativePath, _ inode: InodeIdentity, mode: UInt32? = nil,
        device: UInt64 = 0
    ) throws {
        try emit(command, path) {
            $0.add(.inode, inode.number.rawValue)
            if let mode {
                $0.add(.device, device)
                $0.add(.mode, UInt64(mode))
            }
        }
    }

    private func encode(_ attribute: ExtendedAttribute, _ path: RelativePath) throws {
        guard attribute.value.count <= Int(UInt16.max) else {
            throw unsupported("an extended attribute of 64 KiB does not fit a btrfs send stream", path)
        }
        try emit(.setExtendedAttribute, path) {
            $0.add(.attributeName, bytes: attribute.name)
            $0.add(.attributeData, bytes: attribute.value)
        }
    }

    private func encode(_ times: FileTimes, _ path: RelativePath) throws {
        try emit(.setTimes, path) {
            $0.add(.accessed, times.accessed)
            $0.add(.modified, times.modified)
            $0.add(.changed, times.changed)
            if version >= 2, let born = times.born { $0.add(.born, born) }
        }
    }

    private func encode(flags: UInt64, _ path: RelativePath) throws {
        let (stored, isComplete) = BtrfsInodeFlags.stored(flags)
        if version < 2 || !isComplete { losses.add(.flags, path.description) }
        if version >= 2 { try emit(.fileAttributes, path) { $0.add(.fileFlags, stored) } }
    }

    private func write(_ data: ArraySlice<UInt8>, to path: RelativePath, at offset: UInt64) throws {
        let limit = version >= 2 ? InstructionLimits.writeLength : BtrfsProtocol.writeLengthOfProtocol1
        var rest = data
        while !rest.isEmpty {
            let piece = rest.prefix(limit)
            let start = offset + UInt64(rest.startIndex - data.startIndex)
            try emit(.write, path) {
                $0.add(.fileOffset, start)
                $0.add(data: piece)
            }
            rest = rest.dropFirst(piece.count)
        }
    }

    private func write(_ extent: EncodedExtent, to path: RelativePath, at offset: UInt64) throws {
        if extent.encoding == .none {
            // The kernel takes no ENCODED_WRITE without an encoding.
            let start = extent.bytes.startIndex + Int(extent.decodedOffset)
            return try write(extent.bytes[start..<(start + Int(extent.fileLength))], to: path, at: offset)
        }
        try require(2, "encoded extents can be written", path)
        try emit(.encodedWrite, path) {
            $0.add(.fileOffset, offset)
            $0.add(.fileLength, extent.fileLength)
            $0.add(.decodedLength, extent.decodedLength)
            $0.add(.decodedOffset, extent.decodedOffset)
            $0.add(.compression, extent.encoding.rawValue)
            $0.add(.encryption, 0 as UInt32)
            $0.add(data: extent.bytes)
        }
    }

    private func require(_ needed: UInt32, _ what: String, _ path: RelativePath) throws {
        if version < needed { throw unsupported("only from protocol \(needed) of btrfs send on \(what)", path) }
    }

    private func unsupported(_ message: String, _ path: RelativePath) -> SnapshotError {
        SnapshotError(.unsupported, message, place: path.description)
    }
}
