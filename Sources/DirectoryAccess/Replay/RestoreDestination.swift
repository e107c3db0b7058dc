import SnapshotModel
import SystemCalls

/// A directory that is made, visible only when it is whole, or that is filled if it is empty. Nothing is recorded.
final class RestoreDestination: ReplayDestination {
    private let path: String
    private let isStrict: Bool
    private let parent: SharedDescriptor
    private let name: [UInt8]
    private var root: SharedDescriptor?
    /// Where the directory was not there.
    private var partial: PartialDirectory?
    /// What was restored here in this run, so that a stream of several snapshots can be.
    private var held: SnapshotReference?
    private var missing: Set<RelativePath> = []
    private var pending: SnapshotReference?
    private var base: BaseFiles?

    init(path: String, isStrict: Bool) throws {
        self.path = path
        self.isStrict = isStrict
        (parent, name) = try TargetPath.split(path)
    }

    func begin(_ header: SnapshotHeader) throws -> TreeReplay {
        if let reference = header.base.reference {
            guard let held, let root, held.uuid == reference.uuid else {
                throw SnapshotError(
                    .baseNotFound, "an incremental stream cannot be restored alone", place: path,
                    remedy: "restore from a full stream")
            }
            self.held = nil
            pending = header.snapshot
            let replay = replay(header, in: root)
            do {
                try replay.startFromBase()
            } catch let error as SystemCallError {
                throw SnapshotError.notBegun(path, error)
            }
            replay.base = BaseFiles(of: name, in: parent) { $0 == reference.uuid }
            base = replay.base
            return replay
        }
        do {
            let root = try makeRoot()
            self.root = root
            pending = header.snapshot
            missing = []
            return replay(header, in: root)
        } catch let error as SystemCallError {
            throw SnapshotError(
                .system, "nothing can be restored here", place: path, remedy: error.remedy, cause: error)
        }
    }

    private func makeRoot() throws -> SharedDescriptor {
        if (try? parent.descriptor.status(of: name)) == nil {
            try PartialDirectory.removeLeftovers(in: parent.descriptor)
            let partial = try PartialDirectory(in: parent)
            self.partial = partial
            return partial.root
        }
        let root = SharedDescriptor(try parent.descriptor.open(name, flags: OpenFlags.readDirectory))
        try TargetPath.checkEmpty(root.descriptor, path)
        return root
    }

    private func replay(_ header: SnapshotHeader, in root: SharedDescriptor) -> TreeReplay {
        TreeReplay(root: root, snapshot: header.snapshot, isStrict: isStrict, missing: missing) { _ in nil }
    }

    func finish(_ replay: TreeReplay) throws -> String {
        held = pending
        pending = nil
        base = nil
        missing = replay.missing
        do {
            try partial?.publish(as: name)
            partial = nil
            try parent.descriptor.openDirectory(beneath: [], flags: OpenFlags.readDirectory).sync()
        } catch {
            throw SnapshotError(
                .system, "the restored directory cannot be made durable", place: path, remedy: error.remedy,
                cause: error)
        }
        return path
    }

    func abandon() {
        guard pending != nil, let root else { return }
        pending = nil
        self.root = nil
        try? base?.removeKept()
        base = nil
        if let partial {
            self.partial = nil
            return partial.remove()
        }
        try? TreeRemoval.removeContents(of: root.descriptor)
    }
}
