import CLinux
package import Glibc
import SystemPackage

/// What changes the names in a directory. Names are single ones, so that nothing needs to be resolved.
extension Descriptor {
    package func makeDirectory(_ name: [UInt8], mode: mode_t) throws(SystemCallError) {
        _ = unsafe try named("mkdirat", name) { unsafe mkdirat(rawValue, $0, mode) }
    }

    /// Makes a FIFO, a socket or a device node.
    ///
    /// - Parameter device: the kernel's `dev_t` of 32 bits, which in the C library's wider one is the same number.
    package func makeNode(_ name: [UInt8], mode: mode_t, device: UInt32) throws(SystemCallError) {
        _ = unsafe try named("mknodat", name) { unsafe mknodat(rawValue, $0, mode, dev_t(device)) }
    }

    package func makeSymbolicLink(_ name: [UInt8], target: [UInt8]) throws(SystemCallError) {
        _ = unsafe try named("symlinkat", name) { path in
            unsafe PathBytes.withCString(target) { unsafe symlinkat($0, rawValue, path) }
        }
    }

    /// The target of a symbolic link; at most `PATH_MAX` bytes.
    package func readSymbolicLink(_ name: [UInt8]) throws(SystemCallError) -> [UInt8] {
        let capacity = 4096
        var failure: SystemCallError?
        let target = unsafe [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
            unsafe buffer.withMemoryRebound(to: CChar.self) { target in
                do throws(SystemCallError) {
                    count = unsafe try named("readlinkat", name) {
                        unsafe readlinkat(rawValue, $0, target.baseAddress.unsafelyUnwrapped, capacity)
                    }
                } catch {
                    failure = error
                }
            }
        }
        if let failure { throw failure }
        return target
    }

    /// Gives what `name` names here a further name in `directory`; a symbolic link is linked itself.
    package func link(
        _ name: [UInt8], to newName: [UInt8], in directory: borrowing Descriptor
    ) throws(SystemCallError) {
        let other = directory.rawValue
        _ = unsafe try named("linkat", newName) { target in
            unsafe PathBytes.withCString(name) { unsafe linkat(rawValue, $0, other, target, 0) }
        }
    }

    /// Renames, replacing what is there.
    package func rename(
        _ name: [UInt8], to newName: [UInt8], in directory: borrowing Descriptor
    ) throws(SystemCallError) {
        let other = directory.rawValue
        _ = unsafe try named("renameat", newName) { target in
            unsafe PathBytes.withCString(name) { unsafe renameat(rawValue, $0, other, target) }
        }
    }

    /// Renames, or fails where the new name is taken (`RENAME_NOREPLACE`); where the file system has no such
    /// rename, looks first.
    package func renameWithoutReplacing(
        _ name: [UInt8], to newName: [UInt8], in directory: borrowing Descriptor
    ) throws(SystemCallError) {
        let other = directory.rawValue
        let noReplace: UInt32 = 1
        do throws(SystemCallError) {
            _ = unsafe try named("renameat2", newName) { target in
                unsafe PathBytes.withCString(name) { unsafe cowpath_renameat2(rawValue, $0, other, target, noReplace) }
            }
        } catch  where error.isInvalid || error.isUnsupported {
            if (try? directory.status(of: newName)) != nil {
                throw SystemCallError(errno: .fileExists, call: "renameat", place: PathBytes.describe(newName))
            }
            try rename(name, to: newName, in: directory)
        }
    }

    /// Removes a name that is not a directory's.
    package func unlink(_ name: [UInt8]) throws(SystemCallError) {
        _ = unsafe try named("unlinkat", name) { unsafe unlinkat(rawValue, $0, 0) }
    }

    package func removeDirectory(_ name: [UInt8]) throws(SystemCallError) {
        _ = unsafe try named("unlinkat", name) { unsafe unlinkat(rawValue, $0, AT_REMOVEDIR) }
    }

    package func named<Value: FixedWidthInteger & SignedInteger>(
        _ call: String, _ name: [UInt8], _ body: (UnsafePointer<CChar>) -> Value
    ) throws(SystemCallError) -> Value {
        try retrying(call, PathBytes.describe(name)) { unsafe PathBytes.withCString(name) { unsafe body($0) } }
    }
}
