import Glibc

/// Who this process is.
package enum CurrentProcess {
    /// The user whose rights count.
    package static var effectiveUser: UInt32 { geteuid() }
}
