import CLinux
package import Glibc
import SystemPackage

extension Descriptor {
    /// Opens what a path of bytes names, as open(2) does, with `O_CLOEXEC`.
    package static func open(
        path: [UInt8], flags: Int32, mode: mode_t = 0o666
    ) throws(SystemCallError) -> Descriptor {
        Descriptor(
            owning: try retrying("open", PathBytes.describe(path)) {
                unsafe PathBytes.withCString(path) { unsafe Glibc.open($0, flags | O_CLOEXEC, mode) }
            })
    }

    /// Opens the entry `name` of this directory, never through a symbolic link; with `O_CLOEXEC`.
    package func open(
        _ name: [UInt8], flags: Int32, mode: mode_t = 0
    ) throws(SystemCallError) -> Descriptor {
        Descriptor(
            owning: try retrying("openat", PathBytes.describe(name)) {
                unsafe PathBytes.withCString(name) {
                    unsafe openat(rawValue, $0, flags | O_CLOEXEC | O_NOFOLLOW, mode)
                }
            })
    }

    /// Opens the inode behind this descriptor again, with other flags.
    ///
    /// The way to open what ``OpenFlags/holdOnly`` found to be a regular file: nothing can come between.
    package func reopen(flags: Int32) throws(SystemCallError) -> Descriptor {
        try Descriptor.open(path: descriptorPath, flags: flags)
    }

    /// Opens a directory beneath this one, through no symbolic link and no `..` that leads out.
    ///
    /// - Parameter path: names joined by `/`; no bytes at all open this directory again.
    package func openDirectory(beneath path: [UInt8], flags: Int32) throws(SystemCallError) -> Descriptor {
        let path = path.isEmpty ? [UInt8(ascii: ".")] : path
        let flags = flags | O_DIRECTORY | O_CLOEXEC
        let resolve = COWPATH_RESOLVE_BENEATH | COWPATH_RESOLVE_NO_SYMLINKS | COWPATH_RESOLVE_NO_MAGICLINKS
        do throws(SystemCallError) {
            let number = try retrying("openat2", PathBytes.describe(path)) {
                unsafe PathBytes.withCString(path) {
                    unsafe cowpath_openat2(rawValue, $0, UInt64(flags), 0, UInt64(resolve))
                }
            }
            return Descriptor(owning: number)
        } catch  where error.errno == .noFunction || error.errno == .resourceTemporarilyUnavailable {
            // A kernel before 5.6 or a filter that does not know the call; or a rename that raced with "..".
            return try openDirectoryByNames(beneath: path, flags: flags)
        }
    }

    /// The same without openat2(2): name by name, where neither a link nor `..` is taken.
    package func openDirectoryByNames(beneath path: [UInt8], flags: Int32) throws(SystemCallError) -> Descriptor {
        let names = path.split(separator: UInt8(ascii: "/")).map(Array.init)
        let way = Int32(COWPATH_O_PATH) | O_DIRECTORY
        var current = try open([UInt8(ascii: ".")], flags: names.count > 1 ? way : flags)
        for (index, name) in names.enumerated() where name != [UInt8(ascii: ".")] {
            guard name != Array("..".utf8) else {
                throw SystemCallError(errno: .improperLink, call: "openat", place: PathBytes.describe(path))
            }
            current = try current.open(name, flags: index == names.count - 1 ? flags : way)
        }
        return current
    }

    /// A path that names the inode behind this descriptor (proc(5)).
    var descriptorPath: [UInt8] { Array("\(CurrentProcess.openFiles)/\(rawValue)".utf8) }

    /// A path by which calls that know only paths reach an entry of this directory, through no link.
    func path(of name: [UInt8]) -> [UInt8] {
        descriptorPath + [UInt8(ascii: "/")] + name
    }
}
