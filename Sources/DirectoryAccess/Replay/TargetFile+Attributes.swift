import SnapshotModel
import SystemCalls

/// What changes the attributes.
extension TargetFile {
    func changeMode(_ permissions: UInt32) throws {
        privileges.permissions = permissions
        try account.attempt(.permissions, path) {
            try opened.descriptor.changeMode(permissions)
            try account.checkGroupBit(permissions, path) { try opened.descriptor.status() }
        }
    }

    func changeOwner(_ owner: UInt32, _ group: UInt32) throws {
        // Asking costs a fraction of a change that is none.
        if let status = try? opened.descriptor.status(), status.owner == owner, status.group == group { return }
        privileges.mayBeLost = true
        try account.attemptOwner(path, owner, group) { try opened.descriptor.changeOwner($0, group: $1) }
    }

    func setTimes(_ times: FileTimes) throws {
        try account.attempt(.times, path) {
            try opened.descriptor.setTimes(
                accessed: FileStatus.Instant(times.accessed), modified: FileStatus.Instant(times.modified))
        }
    }

    func setAttribute(_ attribute: ExtendedAttribute) throws {
        try account.attempt(.extendedAttribute, path) {
            if attribute.name == TargetFile.capability { privileges.capability = nil }
            try opened.descriptor.setAttribute(attribute.name, attribute.value)
            if attribute.name == TargetFile.capability { privileges.capability = attribute.value }
        }
    }

    func removeAttribute(_ name: [UInt8]) throws {
        if name == TargetFile.capability { privileges.capability = nil }
        // What could not be set is not there to be removed.
        try account.attempt(.extendedAttribute, path) { try opened.descriptor.removeAttribute(name) }
    }

    func setFlags(_ flags: UInt64) throws {
        try account.attemptFlags(path, flags) { try FileFlags.apply($0, to: opened.descriptor) }
    }
}

/// File attribute flags (`FS_*_FL`, Linux `include/uapi/linux/fs.h`) that are replayed.
enum FileFlags {
    /// Compressed, synchronous, no dump, no access time, not compressed, synchronous directory, no copy-on-write.
    static let settable: UInt32 = 0x4 | 0x8 | 0x40 | 0x80 | 0x400 | 0x1_0000 | 0x80_0000
    /// Immutable and append-only, which come last of all.
    static let forbidding: UInt32 = 0x10 | 0x20
    /// Against copy-on-write; a file that holds something keeps what it has.
    static let noCopyOnWrite: UInt32 = 0x80_0000

    /// For compression and against it.
    private static let compressing: UInt32 = 0x4 | 0x400

    static func apply(_ wanted: UInt32, to descriptor: borrowing Descriptor) throws {
        let present = try descriptor.flags()
        let flags = present & ~(settable | forbidding) | wanted
        if flags != present { try set(flags, in: present, on: descriptor) }
    }

    /// Sets flags and nothing else: btrfs sets how an inode is compressed along with them, and not always as it was.
    static func set(
        _ flags: UInt32, in present: UInt32, on descriptor: borrowing Descriptor
    ) throws(SystemCallError) {
        // Leaves the compression alone. What would else be set could not be mended where the new flags forbid it.
        if flags & compressing != 0, (flags ^ present) & ~Descriptor.commonFlags == 0,
            (try? descriptor.setCommonFlags(flags)) != nil
        {
            return
        }
        guard flags & compressing != 0, let former = try? descriptor.attribute(BtrfsProperty.compression) else {
            return try descriptor.setFlags(flags)
        }
        try descriptor.setFlags(flags)
        if try descriptor.attribute(BtrfsProperty.compression) != former {
            try descriptor.setAttribute(BtrfsProperty.compression, former)
        }
    }

    /// Reminds btrfs how a file is to be compressed. It does not know that of an inode with many links that it has read
    /// anew, and flags it against compression when data is written.
    static func renewCompression(of descriptor: borrowing Descriptor) throws(SystemCallError) {
        guard try descriptor.status().linkCount > 1, let flags = try? descriptor.flags(), flags & compressing != 0,
            let value = try? descriptor.attribute(BtrfsProperty.compression)
        else { return }
        try? descriptor.setAttribute(BtrfsProperty.compression, value)
    }
}
