package import SnapshotModel
import SystemCalls

extension DirectoryTree {
    package func forEachEntry(in directory: InodeNumber, _ body: (DirectoryEntry) throws -> Void) throws {
        let entries = try readableList(directory.rawValue)
        recent.begin(entries, of: directory.rawValue)
        defer { recent.end(directory.rawValue) }
        for entry in entries { try body(entry) }
    }

    /// The entries of a directory in byte order; none where it cannot be listed, for those who ask what there is
    /// and not what has changed.
    func list(_ number: UInt64) throws -> [DirectoryEntry] {
        do {
            return try readableList(number)
        } catch let error as SnapshotError where error.code == .vanished || error.code == .unreadable {
            return []
        }
    }

    /// The entries of a directory in byte order.
    ///
    /// - Throws: ``SnapshotError`` where it cannot be listed, which is not the same as being empty.
    private func readableList(_ number: UInt64) throws -> [DirectoryEntry] {
        guard !mounted.contains(number) else { return [] }
        let path = try path(of: number)
        do {
            let descriptor = try self.descriptor(of: number)
            // A descriptor of its own: the position in a listing belongs to the open file.
            let listed = try descriptor.descriptor.openDirectory(beneath: [], flags: OpenFlags.readDirectory)
            let onlyTag = options.excludesCaches && CacheTag.marks(descriptor)
            var entries: [DirectoryEntry] = []
            try listed.forEachEntry { found in
                if onlyTag, found.name != CacheTag.name { return }
                guard let entry = try entry(found.name, listed: found, in: number, descriptor),
                    !isExcluded(entry, in: path)
                else { return }
                entries.append(entry)
            }
            return entries.sorted { $0.name < $1.name }
        } catch let error as SystemCallError {
            throw SnapshotError(
                error.isForbidden ? .unreadable : .vanished, "this directory cannot be listed",
                place: EscapedBytes.describe(path), cause: error)
        }
    }

    /// The entry of this name; nil where there is none any more.
    ///
    /// - Parameter listed: what the directory says of it, where it was listed.
    func entry(
        _ name: [UInt8], listed: ListedEntry?, in directory: UInt64, _ descriptor: SharedDescriptor
    ) throws -> DirectoryEntry? {
        let fileName = FileName(trusted: name)
        if let listed, trustsListedInodes, let kind = FileKind(mode: UInt32(listed.type) << 12), kind != .directory {
            return DirectoryEntry(name: fileName, inode: InodeNumber(listed.inode), kind: kind)
        }
        let status: FileStatus
        do {
            status = try descriptor.descriptor.status(of: name)
        } catch {
            if error.isMissing { return nil }
            throw unreadable(error, at: Place(directory: directory, name: name))
        }
        guard let kind = FileKind(mode: status.mode) else { return nil }
        guard kind == .directory else {
            return DirectoryEntry(name: fileName, inode: InodeNumber(status.inode), kind: kind)
        }
        let place = Place(directory: directory, name: name)
        let isMountPoint = status.fileSystem != rootStatus.fileSystem || status.isMountRoot
        let number = isMountPoint ? mountPointNumber(listed?.inode ?? status.inode, at: place) : status.inode
        directories[number] = place
        return DirectoryEntry(name: fileName, inode: InodeNumber(number), kind: .directory)
    }

    /// The number of a mount point. The one that it shows may be that of any inode here; the one in the listing
    /// is that of the directory it covers, or of a btrfs subvolume, so a bit sets it apart.
    private func mountPointNumber(_ inode: UInt64, at place: Place) -> UInt64 {
        let number = inode | 1 << 63
        if mounted.insert(number).inserted, mountPoints.count < ReplayLosses.maximumExamples {
            mountPoints.append(describe(place))
        }
        return number
    }

    func isExcluded(_ entry: DirectoryEntry, in path: [UInt8]) -> Bool {
        guard !options.excludes.isEmpty else { return false }
        let joined = path.isEmpty ? entry.name.bytes : path + [UInt8(ascii: "/")] + entry.name.bytes
        return options.excludes.excludes(joined, isDirectory: entry.kind == .directory)
    }
}

/// The tag of a directory that can be made again and needs no backup
/// (Cache Directory Tagging Specification 0.6, bford.info/cachedir).
enum CacheTag {
    static let name = Array("CACHEDIR.TAG".utf8)
    static let signature = Array("Signature: 8a477f597d28d172789f06886806bc55".utf8)

    /// Whether a directory has a tag that is a regular file and begins with the signature.
    static func marks(_ directory: SharedDescriptor) -> Bool {
        guard let status = try? directory.descriptor.status(of: name), status.isRegular,
            let file = try? directory.descriptor.open(name, flags: OpenFlags.read),
            let start = try? file.read(at: 0, count: signature.count)
        else { return false }
        return start == signature
    }
}
