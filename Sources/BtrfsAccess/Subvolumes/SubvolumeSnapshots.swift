import DirectoryAccess
import SnapshotModel
import SystemCalls

/// Read-only snapshots of subvolumes, as a user names them by their paths.
package enum SubvolumeSnapshots {
    /// Takes a read-only snapshot, as `btrfs subvolume snapshot -r` does.
    ///
    /// - Parameter place: the path of the snapshot; of a directory that is there, to put it in under the name of the
    ///   subvolume.
    /// - Returns: the path of the snapshot.
    package static func take(of path: String, at place: String) throws -> String {
        let subvolume = try open(path)
        var target = place
        if let directory = try? Descriptor.open(path: Array(place.utf8), flags: OpenFlags.readDirectory) {
            _ = consume directory
            target = TargetPath.join(place, FileName(trusted: try TargetPath.split(path).name).description)
        }
        let (parent, name) = try TargetPath.split(target)
        do {
            try parent.descriptor.makeSnapshot(name, of: subvolume.descriptor, readOnly: true)
        } catch {
            throw SnapshotError(
                error.isExisting ? .alreadyExists : error.isNoSpace ? .noSpace : .system,
                "a snapshot cannot be taken there", place: target, remedy: remedy(error), cause: error)
        }
        return target
    }

    private static func remedy(_ error: SystemCallError) -> String? {
        if error.isExisting { return "remove or rename what is there" }
        if error.isBeyond || error.isUnsupported { return "name a place on the same btrfs" }
        return error.remedy
    }

    /// Whether a path is that of a subvolume.
    package static func isSubvolume(_ path: String) -> Bool {
        (try? Descriptor.open(path: Array(path.utf8), flags: OpenFlags.readDirectory).isSubvolumeRoot()) ?? false
    }

    /// Removes a read-only snapshot.
    package static func remove(_ path: String) throws {
        let subvolume = try open(path)
        do {
            guard try Subvolume(of: subvolume.descriptor).isReadOnly else {
                throw SnapshotError(
                    .invalidRequest, "this subvolume is writable and no snapshot", place: path,
                    remedy: "remove it with 'btrfs subvolume delete' if nobody needs it")
            }
            let (parent, name) = try TargetPath.split(path)
            try SubvolumeTrees().remove(name, in: parent.descriptor)
        } catch let error as SystemCallError {
            throw SnapshotError(
                .system, "the snapshot cannot be removed", place: path, remedy: error.remedy, cause: error)
        }
    }

    private static func open(_ path: String) throws -> SharedDescriptor {
        do {
            let root = try Descriptor.open(path: Array(path.utf8), flags: OpenFlags.readDirectory)
            guard try root.isSubvolumeRoot() else {
                throw SnapshotError(
                    .invalidRequest, "this is no subvolume of a btrfs", place: path,
                    remedy: "name the path of a subvolume")
            }
            return SharedDescriptor(root)
        } catch let error as SystemCallError {
            throw SnapshotError(
                error.isMissing ? .notFound : .system, "the subvolume cannot be opened", place: path,
                remedy: error.remedy, cause: error)
        }
    }
}
