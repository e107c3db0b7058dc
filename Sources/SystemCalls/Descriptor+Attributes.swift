import CLinux
package import Glibc
import SystemPackage

/// Owner, mode, times and flags, of the open inode or of an entry, never of what a link points to.
extension Descriptor {
    package func changeMode(_ mode: mode_t) throws(SystemCallError) {
        _ = try retrying("fchmod") { fchmod(rawValue, mode) }
    }

    /// Changes the mode of an entry; a symbolic link has none (`EOPNOTSUPP`).
    package func changeMode(of name: [UInt8], _ mode: mode_t) throws(SystemCallError) {
        // The C library would look for what it holds open below the root.
        if CurrentProcess.isConfined { return try changeModeThroughOpenFile(name, mode) }
        _ = unsafe try named("fchmodat", name) { unsafe fchmodat(rawValue, $0, mode, AT_SYMLINK_NOFOLLOW) }
    }

    private func changeModeThroughOpenFile(_ name: [UInt8], _ mode: mode_t) throws(SystemCallError) {
        let held = try open(name, flags: OpenFlags.holdOnly)
        guard try !held.status().isSymbolicLink else {
            throw SystemCallError(errno: .notSupported, call: "fchmodat", place: PathBytes.describe(name))
        }
        _ = unsafe try named("chmod", held.descriptorPath) { unsafe chmod($0, mode) }
    }

    /// Changes owner and group; nil leaves one as it is.
    package func changeOwner(_ owner: UInt32?, group: UInt32?) throws(SystemCallError) {
        _ = try retrying("fchown") { fchown(rawValue, owner ?? .max, group ?? .max) }
    }

    package func changeOwner(of name: [UInt8], _ owner: UInt32?, group: UInt32?) throws(SystemCallError) {
        _ = unsafe try named("fchownat", name) {
            unsafe fchownat(rawValue, $0, owner ?? .max, group ?? .max, AT_SYMLINK_NOFOLLOW)
        }
    }

    package func setTimes(
        accessed: FileStatus.Instant, modified: FileStatus.Instant
    ) throws(SystemCallError) {
        let times = [timespec(accessed), timespec(modified)]
        _ = try retrying("futimens") { unsafe futimens(rawValue, times) }
    }

    package func setTimes(
        of name: [UInt8], accessed: FileStatus.Instant, modified: FileStatus.Instant
    ) throws(SystemCallError) {
        let times = [timespec(accessed), timespec(modified)]
        _ = unsafe try named("utimensat", name) { unsafe utimensat(rawValue, $0, times, AT_SYMLINK_NOFOLLOW) }
    }

    /// The flags of ioctl_iflags(2).
    package func flags() throws(SystemCallError) -> UInt32 {
        var flags: UInt32 = 0
        _ = try retrying("ioctl FS_IOC_GETFLAGS") { unsafe cowpath_get_flags(rawValue, &flags) }
        return flags
    }

    package func setFlags(_ flags: UInt32) throws(SystemCallError) {
        _ = try retrying("ioctl FS_IOC_SETFLAGS") { cowpath_set_flags(rawValue, flags) }
    }

    /// The flags that ``setCommonFlags(_:)`` sets: synchronous, immutable, append-only, no dump, no access time.
    package static let commonFlags: UInt32 = 0x8 | 0x10 | 0x20 | 0x40 | 0x80

    /// Sets those of ``commonFlags``, and leaves all other flags as they are (ioctl_fsgetxattr(2)).
    package func setCommonFlags(_ flags: UInt32) throws(SystemCallError) {
        _ = try retrying("ioctl FS_IOC_FSSETXATTR") { cowpath_set_common_flags(rawValue, flags) }
    }
}

extension timespec {
    fileprivate init(_ instant: FileStatus.Instant) {
        self.init(tv_sec: Int(instant.seconds), tv_nsec: Int(instant.nanoseconds))
    }
}
