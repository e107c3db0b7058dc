import SnapshotModel
import SystemCalls

/// A directory of received snapshots, with their records in `.cowpath`.
///
/// A snapshot is built as a ``PartialDirectory``.
final class SnapshotsDestination: ReplayDestination {
    private struct Building {
        let partial: PartialDirectory
        let name: FileName
        let identity: SnapshotIdentity
    }

    private static let recordsName = Array(".cowpath".utf8)

    private let path: String
    private let isStrict: Bool
    private let directory: SharedDescriptor
    private let records: SharedDescriptor
    private var building: Building?

    init(path: String, isStrict: Bool) throws {
        self.path = path
        self.isStrict = isStrict
        do {
            directory = SharedDescriptor(
                try Descriptor.open(path: Array(path.utf8), flags: OpenFlags.readDirectory))
            do throws(SystemCallError) {
                try directory.descriptor.makeDirectory(SnapshotsDestination.recordsName, mode: 0o755)
            } catch  where error.isExisting {}
            records = SharedDescriptor(
                try directory.descriptor.openDirectory(
                    beneath: SnapshotsDestination.recordsName, flags: OpenFlags.readDirectory))
        } catch {
            throw SnapshotError(
                error.isMissing || error.isNotADirectory ? .notFound : .system,
                "snapshots cannot be received into this directory", place: path, remedy: error.remedy, cause: error)
        }
        try removeLeftovers()
    }

    /// Holds the lock under which records are written and removed.
    private func locked<Result>(_ body: () throws -> Result) throws -> Result {
        let lock = try directory.descriptor.openDirectory(
            beneath: SnapshotsDestination.recordsName, flags: OpenFlags.readDirectory)
        try lock.lock()
        let result = try body()
        // Until here, and no longer: the lock goes when the descriptor does.
        _ = consume lock
        return result
    }

    private func removeLeftovers() throws {
        do {
            try PartialDirectory.removeLeftovers(in: directory.descriptor)
            try locked {
                for name in try records.descriptor.names(where: { $0.ends(with: RecordFile.unfinishedSuffix) }) {
                    try records.descriptor.unlink(name)
                }
            }
        } catch let error as SystemCallError {
            throw SnapshotError(
                .system, "what an earlier receive left cannot be removed", place: path, remedy: error.remedy,
                cause: error)
        }
    }

    func begin(_ header: SnapshotHeader) throws -> TreeReplay {
        let name = try FileName(validating: header.name.utf8)
        guard !name.bytes.starts(with: SnapshotsDestination.recordsName) else {
            throw SnapshotError(.invalidName, "names that begin with '.cowpath' are taken", place: header.name)
        }
        if (try? directory.descriptor.status(of: name.bytes)) != nil {
            throw SnapshotError(
                .alreadyExists, "there is something of this name already", place: "\(path)/\(name)",
                remedy: "remove or rename it")
        }
        let base = try header.base.reference.map { reference in
            guard let found = try find(reference.uuid) else {
                throw SnapshotError(
                    .baseNotFound, "the base of the stream, \(reference.uuid), is not here", place: path,
                    remedy: "receive it first, or send a full stream")
            }
            return found
        }
        let identity = SnapshotIdentity(
            name: header.name, uuid: .random(), generation: header.snapshot.generation,
            receivedUUID: header.snapshot.uuid, receivedGeneration: header.snapshot.generation,
            created: header.created)
        let partial = try makePartial()
        building = Building(partial: partial, name: name, identity: identity)
        let replay = TreeReplay(
            root: partial.root, snapshot: header.snapshot, isStrict: isStrict, missing: base?.record.missing ?? []
        ) { [unowned self] reference in
            try find(reference.uuid)?.root
        }
        do {
            if let base {
                var copy = ParentCopy(of: base.root, into: replay)
                try copy.run()
            }
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
            throw SnapshotError(
                error.isNoSpace ? .noSpace : .system, "no snapshot can be made here", place: path,
                remedy: error.remedy, cause: error)
        }
    }

    /// The snapshot that a stream names by one of its UUIDs, if its directory is still there.
    private func find(_ uuid: SnapshotUUID) throws -> (record: SnapshotRecord, root: SharedDescriptor)? {
        for name in try recordNames() {
            // A record that is damaged says nothing of the others.
            guard let record = (try? RecordFile.read(name, in: records.descriptor)) ?? nil,
                record.identity.answers(to: uuid),
                let root = try? directory.descriptor.open(
                    Array(record.identity.name.utf8), flags: OpenFlags.readDirectory)
            else { continue }
            return (record, SharedDescriptor(root))
        }
        return nil
    }

    func finish(_ replay: TreeReplay) throws -> String {
        guard let building else { throw SnapshotError(.invalidInstruction, "no snapshot was begun", place: path) }
        do {
            let record = SnapshotRecord(identity: building.identity, missing: replay.missing)
            try locked { try publish(building, record) }
            try directory.descriptor.sync()
        } catch let error as SystemCallError {
            throw SnapshotError(
                error.isExisting ? .alreadyExists : .system, "the received snapshot cannot be given its name",
                place: "\(path)/\(building.name)",
                remedy: error.isExisting ? "remove or rename what is there" : error.remedy,
                cause: error)
        }
        self.building = nil
        return path.hasSuffix("/") ? path + building.identity.name : "\(path)/\(building.identity.name)"
    }

    private func publish(_ building: Building, _ record: SnapshotRecord) throws {
        let recordName = Array("\(building.identity.uuid).json".utf8)
        try forgetFormer(building.name)
        // The record first: one without a directory is passed over, a directory without one is lost as a base.
        try RecordFile.write(record, as: recordName, in: records.descriptor)
        do throws(SystemCallError) {
            try building.partial.publish(as: building.name.bytes)
        } catch {
            try? records.descriptor.unlink(recordName)
            throw error
        }
    }

    /// Removes the records of snapshots that had this name once, so that none of them is taken for the new one.
    private func forgetFormer(_ name: FileName) throws {
        guard (try? directory.descriptor.status(of: name.bytes)) == nil else { return }
        for recordName in try recordNames() {
            guard let record = (try? RecordFile.read(recordName, in: records.descriptor)) ?? nil,
                Array(record.identity.name.utf8) == name.bytes
            else { continue }
            try records.descriptor.unlink(recordName)
        }
    }

    private func recordNames() throws -> [[UInt8]] {
        try records.descriptor.names { $0.ends(with: ".json") }
    }

    func abandon() {
        building?.partial.remove()
        building = nil
    }
}

extension [UInt8] {
    fileprivate func ends(with suffix: StaticString) -> Bool {
        let suffix = Array(suffix.description.utf8)
        return self.suffix(suffix.count).elementsEqual(suffix)
    }
}
