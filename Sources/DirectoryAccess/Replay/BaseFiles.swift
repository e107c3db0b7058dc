import SnapshotModel
import SystemCalls

/// The files of a base snapshot, from which CLONE may take data although the directory that held them is being
/// changed in place.
///
/// What is removed moves into a directory beside the target, and so does a copy of what is about to be changed:
/// one that shares everything where the file system can, else only of small files.
final class BaseFiles {
    private enum Contents {
        case copied([UInt8])
        case lost
    }

    /// The largest file that is copied before it is changed where nothing can be shared: copying more of each
    /// changed file, for clones that may never come, would cost more than the change.
    private static let maximumCopy: UInt64 = 1 << 20

    private let answers: (SnapshotUUID) -> Bool
    private let parent: SharedDescriptor
    private let name: [UInt8]
    private var graveyard: SharedDescriptor?
    /// Whether nothing can be moved there: the target may be a file system of its own.
    private var isUnreachable = false
    private var canShare = true
    private var lastNumber: UInt64 = 0
    private var names = BaseNames()
    /// What became of the former contents of inodes, by number. None of these inodes is freed before the end.
    private var changed: [UInt64: Contents] = [:]

    /// - Parameter target: the name of the changed directory in `parent`.
    /// - Parameter answers: whether a UUID is one of the base's.
    init(of target: [UInt8], in parent: SharedDescriptor, answers: @escaping (SnapshotUUID) -> Bool) {
        self.parent = parent
        self.answers = answers
        name = target + Array(".cowpath-removed".utf8)
    }

    func answer(to uuid: SnapshotUUID) -> Bool { answers(uuid) }

    /// Removes all that was kept, now or by a replay that was cut.
    func removeKept() throws {
        graveyard = nil
        do {
            try TreeRemoval.remove(name, in: parent.descriptor)
        } catch let error as SystemCallError where error.isMissing {}
    }

    /// Follows a name.
    func move(_ path: RelativePath, to newPath: RelativePath) { names.move(path, to: newPath) }

    /// Removes a name that is not a directory's, and keeps the file if it holds data.
    func remove(_ path: RelativePath, _ name: [UInt8], in directory: borrowing Descriptor) throws(SystemCallError) {
        let status = try directory.status(of: name)
        guard status.isRegular else { return try directory.unlink(name) }
        if status.size > 0 || changed[status.inode] != nil, let kept = keep(name, in: directory) {
            return names.remove(path, keptAs: kept)
        }
        try directory.unlink(name)
        names.remove(path, keptAs: nil)
    }

    private func keep(_ name: [UInt8], in directory: borrowing Descriptor) -> [UInt8]? {
        guard !isUnreachable, let graveyard = openGraveyard() else { return nil }
        let kept = nextName()
        do throws(SystemCallError) {
            try directory.renameWithoutReplacing(name, to: kept, in: graveyard.descriptor)
            return kept
        } catch {
            // Whatever else is wrong, removing the name will tell.
            isUnreachable = isUnreachable || error.isBeyond
            return nil
        }
    }

    /// Keeps what a file holds before it is changed.
    func keepContents(of file: borrowing Descriptor) throws(SystemCallError) {
        let status = try file.status()
        guard status.size > 0, changed[status.inode] == nil else { return }
        changed[status.inode] = copy(file, status.size).map { .copied($0) } ?? .lost
    }

    /// A copy of a file, or nil where it cannot be had cheaply.
    private func copy(_ file: borrowing Descriptor, _ size: UInt64) -> [UInt8]? {
        let isSmall = size <= BaseFiles.maximumCopy
        guard canShare || isSmall, let graveyard = openGraveyard() else { return nil }
        let name = nextName()
        do throws(SystemCallError) {
            let copy = try graveyard.descriptor.open(name, flags: OpenFlags.create, mode: 0o600)
            if canShare, share(file, with: copy) { return name }
            if isSmall {
                try FileCopy.copy(from: file, at: 0, to: copy, at: 0, length: size)
                return name
            }
        } catch {
            // As much as a copy that was not tried: a later CLONE says that it is missed.
        }
        try? graveyard.descriptor.unlink(name)
        return nil
    }

    private func share(_ file: borrowing Descriptor, with copy: borrowing Descriptor) -> Bool {
        do throws(SystemCallError) {
            try copy.clone(from: file)
            return true
        } catch {
            canShare = !error.isUnsupported && !error.isBeyond
            return false
        }
    }

    /// Opens a file of the base that a stream names by its path there, as it was in the base.
    ///
    /// - Parameter open: opens a name in a directory, for reading.
    func open(
        _ path: RelativePath, here: (RelativePath) throws -> SharedDescriptor,
        kept: (SharedDescriptor, [UInt8]) throws -> SharedDescriptor
    ) throws -> SharedDescriptor {
        let file: SharedDescriptor
        switch (names.place(of: path), graveyard) {
        case (.here(let present), _): file = try here(present)
        case (.kept(let name), let graveyard?): file = try kept(graveyard, name)
        case (.kept, nil), (.gone, _): throw unavailable("removed", path)
        }
        switch (changed[try file.descriptor.status().inode], graveyard) {
        case (nil, _): return file
        case (.copied(let name), let graveyard?): return try kept(graveyard, name)
        case (.copied, nil), (.lost, _): throw unavailable("changed", path)
        }
    }

    private func unavailable(_ what: String, _ path: RelativePath) -> SnapshotError {
        SnapshotError(
            .unsupported, "the file that CLONE takes data from has been \(what) already", place: path.description,
            remedy: "send with --no-clones")
    }

    /// The directory beside the target. One that another made meanwhile is not used.
    private func openGraveyard() -> SharedDescriptor? {
        if let graveyard { return graveyard }
        guard (try? parent.descriptor.makeDirectory(name, mode: 0o700)) != nil,
            let opened = try? parent.descriptor.open(name, flags: OpenFlags.readDirectory)
        else { return nil }
        graveyard = SharedDescriptor(opened)
        return graveyard
    }

    private func nextName() -> [UInt8] {
        lastNumber += 1
        return Array(String(lastNumber).utf8)
    }
}
