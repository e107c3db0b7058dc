import SnapshotModel
package import SystemCalls

/// The path of a target as a user gave it, which may go through symbolic links.
package enum TargetPath {
    /// Opens a directory that snapshots are received into.
    package static func openHolder(_ path: String) throws -> SharedDescriptor {
        do {
            return SharedDescriptor(try Descriptor.open(path: Array(path.utf8), flags: OpenFlags.readDirectory))
        } catch {
            throw refused(path, error)
        }
    }

    /// What keeps snapshots from being received into a directory.
    static func refused(_ path: String, _ error: SystemCallError) -> SnapshotError {
        SnapshotError(
            error.isMissing || error.isNotADirectory ? .notFound : .system,
            "snapshots cannot be received into this directory", place: path, remedy: error.remedy, cause: error)
    }

    /// The path of what has a name in a directory.
    package static func join(_ path: String, _ name: String) -> String {
        path.hasSuffix("/") ? path + name : "\(path)/\(name)"
    }

    /// The open directory that holds the last name of a path, and that name.
    package static func split(_ path: String) throws -> (parent: SharedDescriptor, name: [UInt8]) {
        var bytes = Array(path.utf8)
        while bytes.count > 1, bytes.last == UInt8(ascii: "/") { bytes.removeLast() }
        let slash = bytes.lastIndex(of: UInt8(ascii: "/"))
        let name = [UInt8](bytes[(slash.map { $0 + 1 } ?? 0)...])
        let parent = slash.map { $0 == 0 ? [UInt8(ascii: "/")] : [UInt8](bytes[..<$0]) } ?? [UInt8(ascii: ".")]
        do {
            _ = try FileName(validating: name)
        } catch {
            throw SnapshotError(
                .invalidRequest, "the path of a target must end in a directory's own name", place: path, cause: error)
        }
        do {
            return (SharedDescriptor(try Descriptor.open(path: parent, flags: OpenFlags.readDirectory)), name)
        } catch {
            throw SnapshotError(
                error.isMissing || error.isNotADirectory ? .notFound : .system,
                "the directory that holds the target cannot be opened", place: path, remedy: error.remedy, cause: error)
        }
    }

    /// Opens a directory, which is made if it is not there.
    static func openOrMake(_ name: [UInt8], in parent: borrowing Descriptor) throws(SystemCallError) -> SharedDescriptor
    {
        do throws(SystemCallError) {
            try parent.makeDirectory(name, mode: 0o700)
        } catch  where error.isExisting {}
        return SharedDescriptor(try parent.open(name, flags: OpenFlags.readDirectory))
    }

    /// Refuses a directory that holds anything.
    static func checkEmpty(_ directory: borrowing Descriptor, _ path: String) throws {
        let listed = try directory.openDirectory(beneath: [], flags: OpenFlags.readDirectory)
        try listed.forEachEntry { entry in
            throw SnapshotError(
                .alreadyExists, "this directory is not empty", place: path,
                remedy: "name an empty one or one that is not there")
        }
    }
}
