import SnapshotModel
import SystemCalls

/// One directory that is brought up to date in place.
///
/// Its record, `DIR.cowpath` beside it, says what it holds, and while a stream is received that it holds nothing
/// to rely on. A full stream that was cut is begun again; after an incremental one that was cut, only a full
/// one into the emptied directory helps.
final class MirrorDestination: ReplayDestination {
    private let path: String
    private let isStrict: Bool
    private let parent: SharedDescriptor
    private let name: [UInt8]
    private var root: SharedDescriptor?
    private var pending: SnapshotRecord?
    private var base: BaseFiles?

    private var recordName: [UInt8] { name + Array(".cowpath".utf8) }

    init(path: String, isStrict: Bool) throws {
        self.path = path
        self.isStrict = isStrict
        (parent, name) = try TargetPath.split(path)
    }

    func begin(_ header: SnapshotHeader) throws -> TreeReplay {
        do {
            let root = try TargetPath.openOrMake(name, in: parent.descriptor)
            try lock(root)
            defer { if self.root !== root { root.descriptor.unlock() } }
            let record = try RecordFile.read(recordName, in: parent.descriptor)
            var held: SnapshotIdentity?
            if let reference = header.base.reference {
                held = try checkHolds(reference, record)
            } else {
                try makeReady(root, record)
            }
            let base = BaseFiles(of: name, in: parent) { [held] in held?.answers(to: $0) ?? false }
            // What a replay left that was cut.
            try base.removeKept()
            self.root = root
            let identity = SnapshotIdentity(receiving: header, uuid: .random())
            let missing = header.base.reference == nil ? [] : record?.missing ?? []
            let pending = SnapshotRecord(
                identity: identity, state: header.base.reference == nil ? .filling : .changing, missing: missing)
            try RecordFile.write(pending, as: recordName, in: parent.descriptor)
            self.pending = pending
            let replay = TreeReplay(
                root: root, snapshot: header.snapshot, isStrict: isStrict, missing: missing
            ) { _ in nil }
            if held != nil {
                try replay.startFromBase()
                replay.base = base
            }
            self.base = replay.base
            return replay
        } catch let error as SystemCallError {
            throw SnapshotError(
                .system, "this directory cannot be brought up to date", place: path, remedy: error.remedy, cause: error)
        }
    }

    /// One stream at a time: the lock goes with the descriptor.
    private func lock(_ root: SharedDescriptor) throws {
        do {
            try root.descriptor.tryLock()
        } catch {
            throw SnapshotError(
                .inUse, "another stream is being received into this directory", place: path,
                remedy: "wait until it has ended", cause: error)
        }
    }

    private func checkHolds(_ reference: SnapshotReference, _ record: SnapshotRecord?) throws -> SnapshotIdentity {
        let remedy = "empty the directory and receive a full stream"
        guard let record, record.state == .complete else {
            throw SnapshotError(
                .baseNotFound,
                record == nil ? "this directory holds no received snapshot" : "an earlier stream was cut halfway",
                place: path, remedy: remedy)
        }
        guard record.identity.answers(to: reference.uuid) else {
            throw SnapshotError(
                .baseNotFound, "this directory holds \(record.identity.name), which is not the base of the stream",
                place: path, remedy: "send against it, or \(remedy)")
        }
        return record.identity
    }

    /// A full stream goes into an empty directory, or one that it began to fill itself.
    private func makeReady(_ root: SharedDescriptor, _ record: SnapshotRecord?) throws {
        if record?.state == .filling {
            try TreeRemoval.removeContents(of: root.descriptor)
        } else {
            try TargetPath.checkEmpty(root.descriptor, path)
        }
    }

    func finish(_ replay: TreeReplay) throws -> String {
        guard var record = pending else {
            throw SnapshotError(.invalidInstruction, "no snapshot was begun", place: path)
        }
        record.state = .complete
        record.missing = replay.missing
        do {
            try RecordFile.write(record, as: recordName, in: parent.descriptor)
        } catch {
            throw SnapshotError(
                .system, "the record of the mirror cannot be written", place: path, remedy: error.remedy, cause: error)
        }
        pending = nil
        base = nil
        letGo()
        return path
    }

    private func letGo() {
        root?.descriptor.unlock()
        root = nil
    }

    /// Empties what a full stream began to fill. What an incremental one did stays, marked as half done.
    func abandon() {
        defer { letGo() }
        guard let record = pending else { return }
        pending = nil
        try? base?.removeKept()
        base = nil
        guard record.state == .filling, let root else { return }
        guard (try? TreeRemoval.removeContents(of: root.descriptor)) != nil else { return }
        try? parent.descriptor.unlink(recordName)
    }
}
