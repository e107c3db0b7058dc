import SnapshotModel

extension Instruction {
    /// Refuses a step that no directory could take, before anything is done for it.
    ///
    /// - Throws: ``SnapshotError`` with ``SnapshotError/Code/invalidInstruction``.
    func check() throws {
        switch self {
        case .write(_, let offset, let data): try checkRange(offset, UInt64(data.count))
        case .writeEncoded(_, let offset, let extent):
            _ = try extent.decodedRange()
            try checkRange(offset, extent.fileLength)
        case .truncate(_, let size): try checkRange(size, 0)
        case .allocate(_, let mode, let offset, let length):
            try checkRange(offset, length)
            try require(
                mode.isSubset(of: [.keepSize, .punchHole]) && mode != .punchHole && length > 0,
                "a range is allocated, with or without its size kept, or punched")
        case .clone(_, let offset, let length, let source):
            try checkRange(offset, length)
            try checkRange(source.offset, length)
        case .changeMode(_, let permissions):
            try require(permissions & ~0o7777 == 0, "permissions have twelve bits")
        case .changeOwner(_, let owner, let group):
            try require(owner != .max && group != .max, "this is no user or group")
        case .setTimes(_, let times):
            let limit: UInt32 = 1_000_000_000
            try require(
                times.accessed.nanoseconds < limit && times.modified.nanoseconds < limit,
                "a time has less than a thousand million nanoseconds")
        case .setExtendedAttribute(_, let attribute):
            try require(
                isValid(attribute.name) && attribute.value.count <= ExtendedAttribute.maximumValueLength,
                "an extended attribute has a name of 1 to 255 bytes and at most 64 KiB")
        case .removeExtendedAttribute(_, let name):
            try require(isValid(name), "an extended attribute has a name of 1 to 255 bytes")
        case .makeSymbolicLink(_, _, let target):
            try require(
                !target.isEmpty && target.count <= RelativePath.maximumLength && !target.contains(0),
                "a symbolic link must have a target of 1 to 4095 bytes without NUL")
        case .makeFile, .makeDirectory, .makeFIFO, .makeSocket, .makeNode, .rename, .link, .unlink, .removeDirectory,
            .updateExtent, .setFlags, .enableVerity:
            break
        }
    }

    private func require(_ isRight: Bool, _ message: @autoclosure () -> String) throws {
        guard isRight else { throw SnapshotError.invalidStep(message(), path) }
    }

    /// A range must end where a file can (`off_t`).
    private func checkRange(_ offset: UInt64, _ length: UInt64) throws {
        let (end, overflows) = offset.addingReportingOverflow(length)
        try require(!overflows && end <= UInt64(Int64.max), "a file cannot be so large")
    }

    private func isValid(_ name: [UInt8]) -> Bool {
        !name.isEmpty && name.count <= ExtendedAttribute.maximumNameLength && !name.contains(0)
    }
}
