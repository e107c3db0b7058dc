package import DirectoryAccess
package import SnapshotModel
import SystemCalls

/// A directory on a mounted btrfs in which snapshots are received as read-only subvolumes.
///
/// A snapshot is built as a ``PartialDirectory`` that is a subvolume. When it is whole and durable it is given
/// the identity that it was sent with, made read-only, and last of all given its name.
package final class SubvolumeDestination: ReplayDestination {
    private struct Building {
        let partial: PartialDirectory
        let header: SnapshotHeader
    }

    /// What a stream starts from.
    private enum Base {
        case none
        case subvolume(SharedDescriptor, missing: Set<RelativePath>)
        /// A directory that was received before snapshots became subvolumes here.
        case directory(ReceivedRecords.Found)
    }

    private let path: String
    private let isStrict: Bool
    private let maximumFailures: UInt64
    private let directory: SharedDescriptor
    private let finder: SubvolumeFinder
    private var building: Building?

    /// Opens the directory and removes what a crash left there.
    ///
    /// - Parameter rootMount: a directory of the same file system in which bases may lie too: only root finds them
    ///   wherever they are.
    /// - Parameter maximumFailures: how many steps may fail before the whole does; 0 for any number.
    package init(path: String, rootMount: String? = nil, isStrict: Bool, maximumFailures: UInt64 = 1) throws {
        self.path = path
        self.isStrict = isStrict
        self.maximumFailures = maximumFailures
        directory = try TargetPath.openHolder(path)
        finder = SubvolumeFinder(in: directory, others: try rootMount.map { [try TargetPath.openHolder($0)] } ?? [])
        do {
            try PartialDirectory.removeLeftovers(in: directory.descriptor, trees: SubvolumeTrees())
            try records()?.removeLeftovers()
        } catch let error as SystemCallError {
            throw SnapshotError(
                .system, "what an earlier receive left cannot be removed", place: path, remedy: error.remedy,
                cause: error)
        }
    }

    /// Whether a path is that of a directory on a mounted btrfs.
    package static func canReceive(into path: String) -> Bool {
        guard let directory = try? Descriptor.open(path: Array(path.utf8), flags: OpenFlags.readDirectory) else {
            return false
        }
        return (try? directory.isOnBtrfs()) ?? false
    }

    private func records(makes: Bool = false) throws -> ReceivedRecords? {
        do {
            return try ReceivedRecords(in: directory, makes: makes)
        } catch {
            throw SnapshotError(
                .system, "the records of received snapshots cannot be opened", place: path, remedy: error.remedy,
                cause: error)
        }
    }

    package func begin(_ header: SnapshotHeader) throws -> TreeReplay {
        _ = try ReceivedRecords.checkName(header.name, in: directory.descriptor, path)
        let base = try header.base.reference.map(base) ?? .none
        var trees = SubvolumeTrees()
        var missing: Set<RelativePath> = []
        if case .subvolume(let root, let paths) = base { (trees.base, missing) = (root, paths) }
        if case .directory(let found) = base { missing = found.missing }
        let partial: PartialDirectory
        do {
            partial = try PartialDirectory(in: directory, trees: trees)
        } catch {
            throw SnapshotError.notBegun(path, error)
        }
        building = Building(partial: partial, header: header)
        let replay = TreeReplay(
            root: partial.root, snapshot: header.snapshot, isStrict: isStrict, missing: missing,
            maximumFailures: maximumFailures, powers: EncodedWrites(), syncsEarly: true
        ) { [unowned self] reference in
            try find(reference.uuid)?.root ?? records()?.find(reference.uuid)?.root
        }
        do {
            if trees.base != nil { try replay.startFromBase() }
            if case .directory(let found) = base { try replay.copy(found.root) }
        } catch {
            abandon()
            throw (error as? SystemCallError).map { SnapshotError.notBegun(path, $0) } ?? error
        }
        return replay
    }

    private func base(_ reference: SnapshotReference) throws -> Base {
        if let found = try find(reference.uuid) {
            return .subvolume(found.root, missing: try records()?.find(reference.uuid)?.missing ?? [])
        }
        guard let found = try records()?.find(reference.uuid) else {
            throw SnapshotError.baseNotFound(reference, path)
        }
        return .directory(found)
    }

    /// The subvolume that a stream means by a UUID, if there is one that nobody can have changed since.
    private func find(_ uuid: SnapshotUUID) throws -> SubvolumeFinder.Found? {
        let all: [SubvolumeFinder.Found]
        do {
            all = try finder.find(uuid)
        } catch let error as SystemCallError {
            throw SnapshotError(
                .system, "the subvolumes of this file system cannot be searched", place: path, remedy: error.remedy,
                cause: error)
        }
        if let found = all.first(where: \.subvolume.isReadOnly) { return found }
        guard let writable = all.first else { return nil }
        throw SnapshotError(
            .datasetChanged, "the snapshot \(uuid) that the stream takes data from was made writable",
            place: "subvolume \(writable.subvolume.id), \(path)",
            remedy: "receive it again, or send a full stream")
    }

    package func finish(_ replay: TreeReplay) throws -> String {
        guard let building else { throw SnapshotError(.invalidInstruction, "no snapshot was begun", place: path) }
        let header = building.header
        let root = building.partial.root
        let name = Array(header.name.utf8)
        let place = TargetPath.join(path, header.name)
        do {
            // All contents are durable by now, and each of these steps makes itself so.
            try root.descriptor.setReceived(header.snapshot)
            try root.descriptor.setReadOnly(true)
            if replay.missing.isEmpty {
                try building.partial.publish(as: name)
            } else {
                let identity = SnapshotIdentity(receiving: header, uuid: try Subvolume(of: root.descriptor).uuid)
                try records(makes: true)?.publish(identity, missing: replay.missing) { () throws(SystemCallError) in
                    try building.partial.publish(as: name)
                }
            }
            try directory.descriptor.sync()
        } catch let error as SystemCallError {
            throw SnapshotError.notPublished(place, error)
        }
        self.building = nil
        return place
    }

    package func abandon() {
        building?.partial.remove()
        building = nil
    }
}
