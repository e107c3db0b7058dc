import CLinux
import Glibc

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

    /// Has every piece of memory of a mebibyte or more go back to the system when it is freed.
    ///
    /// The C library would keep them for later, in an arena for each thread, and with frames of several mebibytes
    /// twice as much memory would be held as is in use.
    package static func returnLargeMemory() {
        cowpath_return_large_memory()
    }
}
