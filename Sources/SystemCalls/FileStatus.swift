import CLinux
import Glibc

/// What the kernel tells of an inode (statx(2)).
package struct FileStatus: Hashable, Sendable {
    /// Seconds since the epoch, and nanoseconds forward from them.
    package struct Instant: Hashable, Sendable {
        package let seconds: Int64
        package let nanoseconds: UInt32

        package init(seconds: Int64, nanoseconds: UInt32) {
            self.seconds = seconds
            self.nanoseconds = nanoseconds
        }
    }

    package let inode: UInt64
    /// The file system, as one number made of `stx_dev_major` and `stx_dev_minor`.
    package let fileSystem: UInt64
    /// Type and permission bits (inode(7)).
    package let mode: UInt32
    package let owner: UInt32
    package let group: UInt32
    package let linkCount: UInt32
    /// Bytes.
    package let size: UInt64
    /// Space taken, in units of 512 bytes.
    package let blocks: UInt64
    /// The device of a device node in the kernel's `dev_t` of 32 bits.
    package let device: UInt64
    /// `STATX_ATTR_*`; the first of them have the values of `FS_*_FL`.
    package let attributes: UInt64
    package let accessed: Instant
    package let modified: Instant
    package let changed: Instant
    /// When the inode was made; nil where the file system does not say.
    package let born: Instant?

    /// Whether the inode is the root of a mount (`STATX_ATTR_MOUNT_ROOT`).
    package var isMountRoot: Bool { attributes & 0x2000 != 0 }

    /// The flags of ioctl_iflags(2) that statx(2) tells of: compressed, immutable, append-only, no dump.
    package var flags: UInt64 { attributes & 0x74 }

    package var isDirectory: Bool { mode & S_IFMT == S_IFDIR }
    package var isRegular: Bool { mode & S_IFMT == S_IFREG }
    package var isSymbolicLink: Bool { mode & S_IFMT == S_IFLNK }

    /// The low twelve bits of ``mode``.
    package var permissions: UInt32 { mode & 0o7777 }

    init(_ status: cowpath_status) {
        inode = status.inode
        fileSystem = UInt64(status.device_major) << 32 | UInt64(status.device_minor)
        mode = status.mode
        owner = status.owner
        group = status.group
        linkCount = status.link_count
        size = status.size
        blocks = status.blocks
        // new_encode_dev (Linux, include/linux/kdev_t.h), which stat(2) shows as st_rdev.
        device = UInt64(
            status.node_minor & 0xFF | status.node_major << 8 & 0xFFF00 | (status.node_minor & 0xFFF00) << 12)
        attributes = status.attributes
        accessed = Instant(seconds: status.accessed_seconds, nanoseconds: status.accessed_nanoseconds)
        modified = Instant(seconds: status.modified_seconds, nanoseconds: status.modified_nanoseconds)
        changed = Instant(seconds: status.changed_seconds, nanoseconds: status.changed_nanoseconds)
        born =
            status.has_birth_time == 0
            ? nil : Instant(seconds: status.born_seconds, nanoseconds: status.born_nanoseconds)
    }
}

extension Descriptor {
    /// The status of the inode that is open.
    package func status() throws(SystemCallError) -> FileStatus {
        try status(path: [], flags: Int32(COWPATH_AT_EMPTY_PATH))
    }

    /// The status of what `name` names in this directory; of a symbolic link, its own.
    package func status(of name: [UInt8]) throws(SystemCallError) -> FileStatus {
        try status(path: name, flags: AT_SYMLINK_NOFOLLOW)
    }

    private func status(path: [UInt8], flags: Int32) throws(SystemCallError) -> FileStatus {
        var found = cowpath_status()
        _ = try retrying("statx", PathBytes.describe(path)) {
            unsafe PathBytes.withCString(path) { unsafe cowpath_statx(rawValue, $0, flags, &found) }
        }
        return FileStatus(found)
    }

    /// The number by which the kernel knows the kind of the file system (`f_type`, statfs(2)).
    package func fileSystemKind() throws(SystemCallError) -> UInt64 {
        var kind: UInt64 = 0
        _ = try retrying("fstatfs") { unsafe cowpath_filesystem_kind(rawValue, &kind) }
        return kind
    }
}
