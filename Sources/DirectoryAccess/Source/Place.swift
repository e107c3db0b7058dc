import SnapshotModel
import SystemCalls

/// Where an inode was found: a directory's number, and the name in it.
struct Place {
    let directory: UInt64
    let name: [UInt8]

    var link: InodeLink {
        InodeLink(directory: InodeNumber(directory), name: FileName(trusted: name))
    }
}

extension Inode {
    /// An inode as the kernel tells of it.
    init(_ status: FileStatus, number: InodeNumber, isMountPoint: Bool = false) {
        let kind = FileKind(mode: status.mode) ?? .regular
        self.init(
            number: number,
            birthGeneration: isMountPoint ? 0 : status.birthGeneration,
            kind: kind,
            permissions: status.permissions,
            owner: status.owner,
            group: status.group,
            size: kind == .regular || kind == .symbolicLink ? status.size : 0,
            linkCount: kind == .directory ? 1 : status.linkCount,
            device: kind == .characterDevice || kind == .blockDevice ? status.device : 0,
            times: FileTimes(
                accessed: Timestamp(status.accessed), modified: Timestamp(status.modified),
                changed: Timestamp(status.changed), born: status.born.map { Timestamp($0) }),
            flags: kind == .regular || kind == .directory ? status.flags : 0)
    }
}

extension FileStatus {
    /// The birth time as one number, which tells two inodes apart that had one number after another; 0 where
    /// there is none.
    var birthGeneration: UInt64 {
        guard let born else { return 0 }
        return UInt64(bitPattern: born.seconds) &* 1_000_000_000 &+ UInt64(born.nanoseconds)
    }

    /// Whether the inode holds what it held when `earlier` was taken, as far as sizes and times tell.
    func holdsTheSame(as earlier: FileStatus) -> Bool {
        inode == earlier.inode && size == earlier.size && modified == earlier.modified && changed == earlier.changed
    }
}

extension Timestamp {
    init(_ instant: FileStatus.Instant) {
        self.init(seconds: instant.seconds, nanoseconds: instant.nanoseconds)
    }
}

extension FileStatus.Instant {
    init(_ time: Timestamp) {
        self.init(seconds: time.seconds, nanoseconds: time.nanoseconds)
    }
}
