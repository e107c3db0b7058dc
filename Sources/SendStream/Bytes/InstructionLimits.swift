import SnapshotModel

/// What no step may exceed, whatever the encoding. Part of the format: readers refuse what writers may not write.
package enum InstructionLimits {
    /// The most data of one WRITE in the cowpath encoding, and what readers of the other split longer ones to
    /// (`BTRFS_MAX_COMPRESSED`, what the kernel sends with protocol 2).
    package static let writeLength = 128 << 10
    /// The largest size, and end of a range, of a file (`off_t`).
    package static let fileSize = UInt64(Int64.max)
    /// The longest target of a symbolic link (`PATH_MAX` less its NUL).
    package static let linkTargetLength = RelativePath.maximumLength
    /// The longest salt of fs-verity (`struct fsverity_descriptor`) and the longest signature
    /// (`FS_VERITY_MAX_SIGNATURE_SIZE`).
    package static let veritySaltLength = 32
    package static let veritySignatureLength = 16_128
}

extension Instruction {
    /// Checks the step by itself, without a tree.
    ///
    /// - Throws: ``SnapshotError`` with ``SnapshotError/Code/invalidInstruction`` and the offset.
    func checked(at offset: UInt64) throws(SnapshotError) -> Instruction {
        if let fault = fault {
            throw SnapshotError(
                .invalidInstruction, fault, place: "'\(path)' at byte \(offset) of the stream")
        }
        return self
    }

    /// What is wrong with the step by itself; nil where nothing is.
    var fault: String? {
        switch self {
        case .makeFile(let path, _), .makeDirectory(let path, _), .makeFIFO(let path, _), .makeSocket(let path, _),
            .unlink(let path), .removeDirectory(let path):
            return rootFault(path)
        case .rename(let path, let other), .link(let path, let other):
            return rootFault(path) ?? rootFault(other)
        case .makeNode(let path, _, let mode, _):
            let kind = FileKind(mode: mode)
            let isKnown = mode <= 0o177777 && (kind != nil && kind != .directory && kind != .symbolicLink)
            return isKnown ? rootFault(path) : "a mode of \(mode) is of no kind of node"
        case .makeSymbolicLink(let path, _, let target):
            guard (1...InstructionLimits.linkTargetLength).contains(target.count), !target.contains(0) else {
                return "the target of a symbolic link must have 1 to 4095 bytes, none NUL"
            }
            return rootFault(path)
        case .setExtendedAttribute(_, let attribute):
            guard attribute.value.count <= ExtendedAttribute.maximumValueLength else {
                return "an extended attribute's value has more than 64 KiB"
            }
            return nameFault(attribute.name)
        case .removeExtendedAttribute(_, let name):
            return nameFault(name)
        case .write(let path, let offset, let data):
            return rangeFault(offset, UInt64(data.count)) ?? rootFault(path)
        case .writeEncoded(let path, let offset, let extent):
            return extentFault(extent) ?? rangeFault(offset, extent.fileLength) ?? rootFault(path)
        case .clone(let path, let offset, let length, let source):
            return rangeFault(offset, length) ?? rangeFault(source.offset, length) ?? rootFault(path)
                ?? rootFault(source.path)
        case .truncate(let path, let size):
            return rangeFault(size, 0) ?? rootFault(path)
        case .updateExtent(let path, let offset, let length, _):
            return rangeFault(offset, length) ?? rootFault(path)
        case .allocate(let path, let mode, let offset, let length):
            if mode.rawValue > 3 || mode == .punchHole { return "an allocation mode of \(mode.rawValue) is not known" }
            return rangeFault(offset, length) ?? rootFault(path)
        case .changeMode(_, let permissions):
            return permissions > 0o7777 ? "permissions have only twelve bits" : nil
        case .setFlags(_, let flags):
            return flags > UInt64(UInt32.max) ? "file flags have only 32 bits" : nil
        case .setTimes(_, let times):
            let all = [times.accessed, times.modified, times.changed, times.born ?? .epoch]
            return all.contains { $0.nanoseconds > 999_999_999 } ? "a time has too many nanoseconds" : nil
        case .changeOwner:
            return nil
        case .enableVerity(let path, let parameters):
            let fits =
                parameters.salt.count <= InstructionLimits.veritySaltLength
                && parameters.signature.count <= InstructionLimits.veritySignatureLength
            return fits ? rootFault(path) : "a salt or signature of fs-verity is too long"
        }
    }

    private func rootFault(_ path: RelativePath) -> String? {
        path.isRoot ? "the root of a snapshot can be neither made, moved, removed nor written to" : nil
    }

    private func nameFault(_ name: [UInt8]) -> String? {
        let fits = (1...ExtendedAttribute.maximumNameLength).contains(name.count) && !name.contains(0)
        return fits ? nil : "the name of an extended attribute must have 1 to 255 bytes, none NUL"
    }

    private func rangeFault(_ offset: UInt64, _ length: UInt64) -> String? {
        let fits = offset <= InstructionLimits.fileSize && length <= InstructionLimits.fileSize - offset
        return fits ? nil : "a range of \(length) bytes from \(offset) on is beyond the largest file"
    }

    private func extentFault(_ extent: EncodedExtent) -> String? {
        let limit = UInt64(EncodedExtent.maximumDecodedLength)
        let fits =
            !extent.bytes.isEmpty && extent.bytes.count <= limit && extent.decodedLength <= limit
            && extent.decodedOffset <= extent.decodedLength
            && extent.fileLength <= extent.decodedLength - extent.decodedOffset
            && (extent.encoding != .none || UInt64(extent.bytes.count) == extent.decodedLength)
        return fits ? nil : "the lengths of an encoded extent do not agree, or exceed \(limit)"
    }
}
