import SnapshotModel
import SystemCalls

/// What takes contents from other files.
extension TreeReplay {
    func clone(_ path: RelativePath, offset: UInt64, length: UInt64, from source: CloneSource) throws {
        guard length > 0 else { return }
        let file = try fileToFill(path)
        file.privileges.mayBeLost = true
        if source.snapshot.uuid == snapshot.uuid, source.path == path {
            let distance = max(offset, source.offset) - min(offset, source.offset)
            guard distance >= length else {
                throw SnapshotError.invalidStep("a range cannot be cloned onto itself", path)
            }
            try clone(from: file.opened.descriptor, source, to: file, offset: offset, length: length)
        } else {
            let descriptor = try cloneSource(source)
            try clone(from: descriptor.descriptor, source, to: file, offset: offset, length: length)
        }
    }

    private func clone(
        from descriptor: borrowing Descriptor, _ source: CloneSource, to file: TargetFile, offset: UInt64,
        length: UInt64
    ) throws {
        do {
            try file.opened.descriptor.clone(from: descriptor, at: source.offset, length: length, to: offset)
        } catch {
            // Not on this file system, not between these two, or not at these offsets: copied instead.
            guard source.offset + length <= (try descriptor.status().size) else {
                throw SnapshotError.invalidStep("a clone takes more than \(source.path) has", file.path)
            }
            try FileCopy.copy(
                from: descriptor, at: source.offset, to: file.opened.descriptor, at: offset, length: length)
        }
    }

    /// The file that a CLONE takes data from, open for reading.
    private func cloneSource(_ source: CloneSource) throws -> SharedDescriptor {
        if source.snapshot.uuid == snapshot.uuid {
            let (directory, name) = try parent(of: source.path)
            return try openSource(name, in: directory.descriptor, source.path)
        }
        let key = CloneFile(snapshot: source.snapshot.uuid, path: source.path)
        if let known = cloneSources.value(for: key) { return known }
        guard let (parent, name) = source.path.split else {
            throw SnapshotError.invalidStep("a directory cannot be cloned", source.path)
        }
        if let base, base.answer(to: source.snapshot.uuid) {
            let opened = try openSource(source.path, of: base)
            cloneSources.insert(opened, for: key)
            return opened
        }
        guard let root = try findSnapshot(source.snapshot) else {
            throw SnapshotError(
                .baseNotFound, "the source of a clone is not here",
                place: "\(source.snapshot.uuid), \(source.path)", remedy: "receive it first, or send without it")
        }
        let directory = try root.descriptor.openDirectory(beneath: parent.bytes, flags: OpenFlags.passDirectory)
        let opened = try openSource(name.bytes, in: directory, source.path)
        guard try opened.descriptor.status().fileSystem == root.descriptor.status().fileSystem else {
            throw SnapshotError.invalidStep("the source of a clone lies outside its snapshot", source.path)
        }
        cloneSources.insert(opened, for: key)
        return opened
    }

    /// A file of the base, which this directory was when the replay began.
    private func openSource(_ path: RelativePath, of base: BaseFiles) throws -> SharedDescriptor {
        try base.open(path) { present in
            let (directory, name) = try parent(of: present)
            return try openSource(name, in: directory.descriptor, path)
        } kept: { directory, name in
            try openSource(name, in: directory.descriptor, path)
        }
    }

    private func openSource(
        _ name: [UInt8], in directory: borrowing Descriptor, _ path: RelativePath
    ) throws -> SharedDescriptor {
        let held = try directory.open(name, flags: OpenFlags.holdOnly)
        guard try held.status().isRegular else {
            throw SnapshotError.invalidStep("the source of a clone is no regular file", path)
        }
        return SharedDescriptor(try held.reopen(flags: OpenFlags.read))
    }
}

/// A file of another snapshot.
struct CloneFile: Hashable {
    let snapshot: SnapshotUUID
    let path: RelativePath
}
