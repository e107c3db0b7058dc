package import SnapshotModel

/// Replays instructions onto a ``MemoryTree`` and takes every step that a kernel would refuse for an error.
///
/// What a kernel does behind a program's back happens here too: a change of owner clears setuid, setgid and
/// the capability, a write clears the capability, and a change in a directory leaves ``marker`` as its time,
/// so that a wrong order of steps, or a missing one, shows in the result.
package final class MemoryTarget: ReplayTarget {
    /// The time that a step leaves behind until the stream sets another.
    package static let marker = Timestamp(seconds: 9_999_999_999, nanoseconds: 0)

    package let accepts: ReplayCapabilities
    package private(set) var losses = ReplayLosses()
    /// What a base or a clone source is looked for in; every finished snapshot is added.
    package private(set) var snapshots: [MemoryTree]
    /// What was replayed since the last ``begin(_:)``.
    package private(set) var instructions: [Instruction] = []
    package private(set) var header: SnapshotHeader?
    private(set) var tree: MemoryTree?
    private let store: MemoryStore
    private var nextNumber: UInt64 = 1_000_000

    package init(
        accepts: ReplayCapabilities = .everything, snapshots: [MemoryTree] = [],
        store: MemoryStore = MemoryStore(domain: SnapshotUUID(high: 0x7461_7267_6574_4000, low: 0x8000 << 48 | 1))
    ) {
        self.accepts = accepts
        self.snapshots = snapshots
        self.store = store
    }

    /// The newest finished snapshot.
    package var newest: MemoryTree? { snapshots.last }

    package func begin(_ header: SnapshotHeader) throws {
        guard tree == nil else { throw SnapshotError(.invalidInstruction, "a snapshot is open already") }
        instructions = []
        self.header = header
        if let reference = header.base.reference {
            tree = try snapshot(reference).copy()
            tree?.generation += 1
        } else {
            let domain = header.isBookmark ? header.domain.map(MemoryStore.init(domain:)) : nil
            tree = MemoryTree(name: header.name, store: domain ?? store)
            tree?.holdsData = !header.isBookmark
        }
        tree?.knowsHistory = header.base.reference != nil
        tree?.now = MemoryTarget.marker
        tree?.keepsChangeTimes = false
        tree?.isTold = header.isBookmark
    }

    package func finish() throws {
        guard let tree, let header else { throw SnapshotError(.invalidInstruction, "no snapshot is open") }
        let own = SnapshotUUID(high: 0x7265_6376_0000_4000, low: 0x8000 << 48 | UInt64(snapshots.count + 1))
        tree.identity = SnapshotIdentity(
            name: header.name, uuid: header.isBookmark ? header.snapshot.uuid : own,
            generation: header.isBookmark ? header.snapshot.generation : tree.generation,
            receivedUUID: header.isBookmark ? nil : header.snapshot.uuid,
            receivedGeneration: header.isBookmark ? nil : header.snapshot.generation, created: header.created)
        snapshots.append(tree)
        self.tree = nil
    }

    package func abandon() { tree = nil }

    private func snapshot(_ reference: SnapshotReference) throws -> MemoryTree {
        guard let found = snapshots.last(where: { $0.identity.answers(to: reference.uuid) }) else {
            throw SnapshotError(.baseNotFound, "no snapshot has the UUID", place: "\(reference.uuid)")
        }
        return found
    }

    func isOwn(_ reference: SnapshotReference) -> Bool { reference == header?.snapshot }

    /// The tree that a CLONE may read: the open one, or one that the header names.
    func cloneTree(_ reference: SnapshotReference) throws -> MemoryTree? {
        if isOwn(reference) { return tree }
        guard let header, header.base.reference == reference || header.cloneSources.contains(reference) else {
            throw SnapshotError(.invalidInstruction, "a clone from a snapshot that the header does not name")
        }
        return try snapshot(reference)
    }

    package func apply(_ instruction: Instruction) throws {
        guard let tree else { throw SnapshotError(.invalidInstruction, "no snapshot is open") }
        instructions.append(instruction)
        do {
            try perform(instruction, on: tree)
        } catch let error as SnapshotError {
            throw SnapshotError(
                error.code, "step \(instructions.count), \(instruction.summary), does not fit: \(error.message)",
                place: error.place)
        }
    }

    /// The number for a new inode: the sender's in a bookmark, else the target's own.
    func identity(for sent: InodeIdentity) -> InodeIdentity {
        if header?.isBookmark == true { return sent }
        nextNumber += 1
        return InodeIdentity(number: InodeNumber(nextNumber), generation: tree?.generation ?? 0)
    }
}

extension Instruction {
    /// The step on one line, without the data that it carries.
    package var summary: String {
        switch self {
        case .write(let path, let offset, let data): "write \(path) offset=\(offset) length=\(data.count)"
        case .writeEncoded(let path, let offset, let extent):
            "writeEncoded \(path) offset=\(offset) length=\(extent.fileLength)"
        case .rename(let path, let other): "rename \(path) \(other)"
        case .link(let path, let other): "link \(path) \(other)"
        case .clone(let path, let offset, let length, let source):
            "clone \(path) offset=\(offset) length=\(length) from=\(source.path) at=\(source.offset)"
        case .setExtendedAttribute(let path, let attribute):
            "setExtendedAttribute \(path) \(EscapedBytes.describe(attribute.name))"
        default: String("\(self)".prefix { $0 != "(" }) + " \(path)"
        }
    }
}
