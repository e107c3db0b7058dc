import SnapshotModel
import SystemCalls

/// A directory of received snapshots, with their records in `.cowpath`.
///
/// A snapshot is built as a ``PartialDirectory``.
final class SnapshotsDestination: ReplayDestination {
    private struct Building {
        let partial: PartialDirectory
        let identity: SnapshotIdentity
    }

    private let path: String
    private let isStrict: Bool
    private let directory: SharedDescriptor
    private let records: ReceivedRecords
    private var building: Building?

    init(path: String, isStrict: Bool) throws {
        self.path = path
        self.isStrict = isStrict
        directory = try TargetPath.openHolder(path)
        do {
            guard let records = try ReceivedRecords(in: directory, makes: true) else {
                throw SnapshotError(.notFound, "snapshots cannot be received into this directory", place: path)
            }
            self.records = records
        } catch let error as SystemCallError {
            throw TargetPath.refused(path, error)
        }
        try removeLeftovers()
    }

    private func removeLeftovers() throws {
        do {
            try PartialDirectory.removeLeftovers(in: directory.descriptor)
            try records.removeLeftovers()
        } catch let error as SystemCallError {
            throw SnapshotError(
                .system, "what an earlier receive left cannot be removed", place: path, remedy: error.remedy,
                cause: error)
        }
    }

    func begin(_ header: SnapshotHeader) throws -> TreeReplay {
        _ = try ReceivedRecords.checkName(header.name, in: directory.descriptor, path)
        let base = try header.base.reference.map { reference in
            guard let found = try records.find(reference.uuid) else {
                throw SnapshotError.baseNotFound(reference, path)
            }
            return found
        }
        let partial = try makePartial()
        building = Building(partial: partial, identity: SnapshotIdentity(receiving: header, uuid: .random()))
        let replay = TreeReplay(
            root: partial.root, snapshot: header.snapshot, isStrict: isStrict, missing: base?.missing ?? []
        ) { [unowned self] reference in
            try records.find(reference.uuid)?.root
        }
        do {
            if let base { try replay.copy(base.root) }
        } catch {
            abandon()
            throw error
        }
        return replay
    }

    private func makePartial() throws -> PartialDirectory {
        do {
            return try PartialDirectory(in: directory)
        } catch {
            throw SnapshotError.notBegun(path, error)
        }
    }

    func finish(_ replay: TreeReplay) throws -> String {
        guard let building else { throw SnapshotError(.invalidInstruction, "no snapshot was begun", place: path) }
        let name = Array(building.identity.name.utf8)
        do {
            try records.publish(building.identity, missing: replay.missing) { () throws(SystemCallError) in
                try building.partial.publish(as: name)
            }
            try directory.descriptor.sync()
        } catch let error as SystemCallError {
            throw SnapshotError.notPublished(TargetPath.join(path, building.identity.name), error)
        }
        self.building = nil
        return TargetPath.join(path, building.identity.name)
    }

    func abandon() {
        building?.partial.remove()
        building = nil
    }
}
