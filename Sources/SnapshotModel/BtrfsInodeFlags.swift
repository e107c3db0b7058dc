/// File flags as a btrfs inode keeps them (btrfs-progs, "On-disk format") and as ioctl_iflags(2) shows them.
package enum BtrfsInodeFlags {
    /// Pairs of a bit of a btrfs inode and of `FS_*_FL`.
    private static let pairs: [(btrfs: UInt64, shown: UInt64)] = [
        (1 << 1, 0x0080_0000),  // NODATACOW, FS_NOCOW_FL
        (1 << 3, 0x0000_0400),  // NOCOMPRESS, FS_NOCOMP_FL
        (1 << 5, 0x0000_0008),  // SYNC, FS_SYNC_FL
        (1 << 6, 0x0000_0010),  // IMMUTABLE, FS_IMMUTABLE_FL
        (1 << 7, 0x0000_0020),  // APPEND, FS_APPEND_FL
        (1 << 8, 0x0000_0040),  // NODUMP, FS_NODUMP_FL
        (1 << 9, 0x0000_0080),  // NOATIME, FS_NOATIME_FL
        (1 << 10, 0x0001_0000),  // DIRSYNC, FS_DIRSYNC_FL
        (1 << 11, 0x0000_0004),  // COMPRESS, FS_COMPR_FL
    ]

    /// Bits that say how btrfs stores a file (NODATASUM, READONLY, PREALLOC) mean nothing elsewhere and go.
    package static func shown(_ btrfs: UInt64) -> UInt64 {
        pairs.reduce(0) { btrfs & $1.btrfs != 0 ? $0 | $1.shown : $0 }
    }

    /// The bits of a btrfs inode, and whether they say all that the flags say.
    package static func stored(_ shown: UInt64) -> (flags: UInt64, isComplete: Bool) {
        let flags = pairs.reduce(0 as UInt64) { shown & $1.shown != 0 ? $0 | $1.btrfs : $0 }
        return (flags, BtrfsInodeFlags.shown(flags) == shown)
    }
}
