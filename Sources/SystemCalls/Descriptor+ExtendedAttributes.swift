import CLinux
import Glibc
import SystemPackage

/// Extended attributes (xattr(7)) of the open inode, or of an entry of any kind, never of what a link points to.
///
/// Entries are reached through `/proc/self/fd`, since the calls know only paths and descriptors that are open.
extension Descriptor {
    /// The names, in byte order.
    package func attributeNames() throws(SystemCallError) -> [[UInt8]] {
        unsafe try Descriptor.names("flistxattr") { unsafe cowpath_flistxattr(rawValue, $0, $1) }
    }

    package func attributeNames(of name: [UInt8]) throws(SystemCallError) -> [[UInt8]] {
        let path = path(of: name)
        return unsafe try Descriptor.names("llistxattr") { list, size in
            unsafe PathBytes.withCString(path) { unsafe cowpath_llistxattr($0, list, size) }
        }
    }

    /// The value of an attribute; nil where there is none.
    package func attribute(_ attribute: [UInt8]) throws(SystemCallError) -> [UInt8]? {
        unsafe try Descriptor.value("fgetxattr", attribute) { key, value, size in
            unsafe cowpath_fgetxattr(rawValue, key, value, size)
        }
    }

    package func attribute(_ attribute: [UInt8], of name: [UInt8]) throws(SystemCallError) -> [UInt8]? {
        let path = path(of: name)
        return unsafe try Descriptor.value("lgetxattr", attribute) { key, value, size in
            unsafe PathBytes.withCString(path) { unsafe cowpath_lgetxattr($0, key, value, size) }
        }
    }

    package func setAttribute(_ attribute: [UInt8], _ value: [UInt8]) throws(SystemCallError) {
        _ = unsafe try named("fsetxattr", attribute) { unsafe cowpath_fsetxattr(rawValue, $0, value, value.count) }
    }

    package func setAttribute(
        _ attribute: [UInt8], _ value: [UInt8], of name: [UInt8]
    ) throws(SystemCallError) {
        let path = path(of: name)
        _ = unsafe try named("lsetxattr", attribute) { key in
            unsafe PathBytes.withCString(path) { unsafe cowpath_lsetxattr($0, key, value, value.count) }
        }
    }

    /// Removes an attribute; one that is not there is no error.
    package func removeAttribute(_ attribute: [UInt8]) throws(SystemCallError) {
        do throws(SystemCallError) {
            _ = unsafe try named("fremovexattr", attribute) { unsafe cowpath_fremovexattr(rawValue, $0) }
        } catch  where error.isNoAttribute {}
    }

    package func removeAttribute(_ attribute: [UInt8], of name: [UInt8]) throws(SystemCallError) {
        let path = path(of: name)
        do throws(SystemCallError) {
            _ = unsafe try named("lremovexattr", attribute) { key in
                unsafe PathBytes.withCString(path) { unsafe cowpath_lremovexattr($0, key) }
            }
        } catch  where error.isNoAttribute {}
    }

    private static func names(
        _ call: String, _ body: (UnsafeMutablePointer<CChar>?, Int) -> Int64
    ) throws(SystemCallError) -> [[UInt8]] {
        do throws(SystemCallError) {
            // Room for all names of most inodes; XATTR_LIST_MAX (Linux limits.h) for any other.
            let list = unsafe try filled(call, capacities: [1_024, 65_536], body)
            return list.split(separator: 0).map(Array.init).sorted { $0.lexicographicallyPrecedes($1) }
        } catch  where error.isUnsupported {
            return []
        }
    }

    private static func value(
        _ call: String, _ attribute: [UInt8],
        _ body: (UnsafePointer<CChar>, UnsafeMutablePointer<CChar>?, Int) -> Int64
    ) throws(SystemCallError) -> [UInt8]? {
        do throws(SystemCallError) {
            return unsafe try filled(call, capacities: [256, 65_536]) { target, size in
                unsafe PathBytes.withCString(attribute) { unsafe body($0, target, size) }
            }
        } catch  where error.isNoAttribute || error.isUnsupported {
            return nil
        }
    }

    /// Asks with the least room first, and again with more where that was too little (`ERANGE`).
    private static func filled(
        _ call: String, capacities: [Int], _ body: (UnsafeMutablePointer<CChar>?, Int) -> Int64
    ) throws(SystemCallError) -> [UInt8] {
        var failure = SystemCallError(errno: .outOfRange, call: call)
        for capacity in capacities {
            var succeeded = false
            let bytes = unsafe [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
                unsafe buffer.withMemoryRebound(to: CChar.self) { target in
                    do throws(SystemCallError) {
                        count = Int(try retrying(call) { unsafe body(target.baseAddress, capacity) })
                        succeeded = true
                    } catch {
                        failure = error
                    }
                }
            }
            if succeeded { return bytes }
            if !failure.isTooLarge { break }
        }
        throw failure
    }
}
