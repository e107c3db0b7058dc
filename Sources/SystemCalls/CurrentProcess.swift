import CLinux
import Glibc
import Synchronization

/// Who this process is, and how it keeps its memory.
package enum CurrentProcess {
    /// The user whose rights count.
    package static var effectiveUser: UInt32 { geteuid() }

    /// The group that what is made belongs to.
    package static var effectiveGroup: UInt32 { getegid() }

    /// The permissions that nothing is made with (umask(2)). Not to be asked for while another thread makes files.
    package static var fileModeMask: UInt32 {
        let mask = umask(0o077)
        umask(mask)
        return mask
    }

    /// Makes a directory the root of all paths (chroot(2)); only for root.
    ///
    /// The working directory becomes that of the processes' own files (proc(5)), which there may be none of below
    /// the new root: what is open is reached through it (``Descriptor/descriptorPath``). No path of a user is
    /// taken as relative from then on.
    package static func confine(to directory: String) throws(SystemCallError) {
        let processes = try Descriptor.open("/proc", flags: OpenFlags.passDirectory)
        _ = try retrying("chroot", directory) { unsafe chroot(directory) }
        _ = try retrying("fchdir", "/proc") { fchdir(processes.rawValue) }
        confined.store(true, ordering: .relaxed)
    }

    private static let confined = Atomic<Bool>(false)

    /// Whether ``confine(to:)`` was called.
    static var isConfined: Bool { confined.load(ordering: .relaxed) }

    /// The directory of what is open, by numbers.
    static var openFiles: String { isConfined ? "self/fd" : "/proc/self/fd" }

    /// Has every piece of memory of a mebibyte or more go back to the system when it is freed.
    ///
    /// The C library would keep them for later, in an arena for each thread, and with frames of several mebibytes
    /// twice as much memory would be held as is in use.
    package static func returnLargeMemory() {
        cowpath_return_large_memory()
    }
}
