import SnapshotModel
import SystemCalls

/// A directory of received snapshots, with their records in `.cowpath`.
///
/// A snapshot is built as `.cowpath-partial-UUID`, whose open directory is locked for as long as it is being
/// built: what has no lock was left by a crash.
final class SnapshotsDestination: ReplayDestination {
    private struct Building {
        let partial: [UInt8]
        let name: FileName
        let root: SharedDescriptor
        let identity: SnapshotIdentity
    }

    private static let recordsName = Array(".cowpath".utf8)
    private static let partialPrefix = Array(".cowpath-partial-".utf8)

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

    /// Holds the lock under which partial directories are made and looked for.
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
            try locked {
                var names: [[UInt8]] = []
                let listed = try directory.descriptor.openDirectory(beneath: [], flags: OpenFlags.readDirectory)
                try listed.forEachEntry { entry in
                    if entry.name.starts(with: SnapshotsDestination.partialPrefix) { names.append(entry.name) }
                }
                for name in names {
                    // One that is another user's, or in work, is left to its owner.
                    guard let partial = try? directory.descriptor.open(name, flags: OpenFlags.readDirectory),
                        (try? partial.tryLock()) != nil
                    else { continue }
                    try? TreeRemoval.remove(name, in: directory.descriptor)
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
        let root = try makePartial(name, identity)
        let replay = TreeReplay(
            root: root, snapshot: header.snapshot, isStrict: isStrict, missing: base?.record.missing ?? []
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

    private func makePartial(_ name: FileName, _ identity: SnapshotIdentity) throws -> SharedDescriptor {
        do {
            return try locked {
                let partial = SnapshotsDestination.partialPrefix + Array(identity.uuid.description.utf8)
                try directory.descriptor.makeDirectory(partial, mode: 0o700)
                let root = SharedDescriptor(
                    try directory.descriptor.open(partial, flags: OpenFlags.readDirectory))
                try root.descriptor.tryLock()
                building = Building(partial: partial, name: name, root: root, identity: identity)
                return root
            }
        } catch let error as SystemCallError {
            throw SnapshotError(
                .system, "no snapshot can be made here", place: path, remedy: error.remedy, cause: error)
        }
    }

    /// The snapshot that a stream names by one of its UUIDs, if its directory is still there.
    private func find(_ uuid: SnapshotUUID) throws -> (record: SnapshotRecord, root: SharedDescriptor)? {
        var names: [[UInt8]] = []
        let listed = try records.descriptor.openDirectory(beneath: [], flags: OpenFlags.readDirectory)
        try listed.forEachEntry { if $0.name.ends(with: ".json") { names.append($0.name) } }
        for name in names.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
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
            let recordName = Array("\(building.identity.uuid).json".utf8)
            // The record first: one without a directory is passed over, a directory without one is lost as a base.
            try RecordFile.write(record, as: recordName, in: records.descriptor)
            do throws(SystemCallError) {
                try directory.descriptor.renameWithoutReplacing(
                    building.partial, to: building.name.bytes, in: directory.descriptor)
            } catch {
                try? records.descriptor.unlink(recordName)
                throw error
            }
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

    func abandon() {
        guard let building else { return }
        self.building = nil
        // What cannot be removed now is removed by the next start.
        try? TreeRemoval.remove(building.partial, in: directory.descriptor)
    }
}

extension [UInt8] {
    fileprivate func ends(with suffix: StaticString) -> Bool {
        let suffix = Array(suffix.description.utf8)
        return self.suffix(suffix.count).elementsEqual(suffix)
    }
}
