import CLinux
import Glibc
import Synchronization

/// Who this process is, and how it keeps its memory.
package enum CurrentProcess {
    /// The user whose rights count.
    package static var effectiveUser: UInt32 { geteuid() }

    /// The group that what is made belongs to.
    package static var effectiveGroup: UInt32 { getegid() }

    /// The permissions that nothing is made with (umask(2)); nil where the process cannot be asked (proc(5), Linux
    /// 4.7). The call itself changes them for all threads to tell them.
    package static var fileModeMask: UInt32? {
        guard let file = try? Descriptor.open("\(ownDirectory)/status", flags: O_RDONLY),
            let bytes = try? file.read(count: 4096)
        else { return nil }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        let digits = lines.first { $0.hasPrefix("Umask:") }?.split(separator: "\t").last
        return digits.flatMap { UInt32($0, radix: 8) }
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

    /// Where the kernel tells of this process.
    private static var ownDirectory: String { isConfined ? "self" : "/proc/self" }

    /// The directory of what is open, by numbers.
    static var openFiles: String { ownDirectory + "/fd" }

    /// Has every piece of memory of a mebibyte or more go back to the system when it is freed.
    ///
    /// The C library would keep them for later, in an arena for each thread, and with frames of several mebibytes
    /// twice as much memory would be held as is in use.
    package static func returnLargeMemory() {
        cowpath_return_large_memory()
    }
}
