package import SnapshotModel
import SystemCalls

extension DirectoryTree {
    package func forEachEntry(in directory: InodeNumber, _ body: (DirectoryEntry) throws -> Void) throws {
        let (entries, statuses) = try listWithStatuses(directory.rawValue)
        recent.begin(entries, statuses, of: directory.rawValue)
        lastInode = nil
        defer { recent.end(directory.rawValue) }
        for entry in entries { try body(entry) }
    }

    /// The entries of a directory in byte order; none where it cannot be listed, for those who ask what there is
    /// and not what has changed.
    func list(_ number: UInt64) throws -> [DirectoryEntry] {
        do {
            return try listWithStatuses(number).entries
        } catch let error as SnapshotError where error.isLossOfSource {
            return []
        }
    }

    /// The entries of a directory in byte order, with the statuses that were had with them.
    ///
    /// - Throws: ``SnapshotError`` where it cannot be listed, which is not the same as being empty.
    private func listWithStatuses(_ number: UInt64) throws -> (entries: [DirectoryEntry], statuses: [FileStatus?]) {
        guard !mounted.contains(number) else { return ([], []) }
        let path = options.excludes.isEmpty ? [] : try path(of: number)
        do {
            let (descriptor, listing) = try listing(of: number)
            let onlyTag = options.excludesCaches && CacheTag.marks(descriptor)
            var entries: [DirectoryEntry] = []
            var statuses: [FileStatus?] = []
            entries.reserveCapacity(listing.entries.count)
            statuses.reserveCapacity(listing.entries.count)
            for item in listing.entries {
                if onlyTag, item.listed.name != CacheTag.name { continue }
                guard let entry = try entry(item, in: number, descriptor), !isExcluded(entry, in: path) else {
                    continue
                }
                entries.append(entry)
                statuses.append(item.status)
            }
            expectListings(of: entries, in: number)
            return (entries, statuses)
        } catch let error as SystemCallError {
            throw SnapshotError(
                error.isExhaustion ? .system : error.isForbidden ? .unreadable : .vanished,
                "this directory cannot be listed", place: EscapedBytes.describe(try self.path(of: number)),
                remedy: error.remedy, cause: error)
        }
    }

    /// What a directory holds, from those that were read ahead where it is among them.
    private func listing(of number: UInt64) throws -> (SharedDescriptor, DirectoryListing) {
        // Else it is too long ago, failed, or something has come into its place.
        if case .success(let listed)? = ahead.take(number), listed.isFresh, listed.status.inode == number {
            descriptors.insert(listed.descriptor, for: number)
            return (listed.descriptor, listed.listing)
        }
        let descriptor = try self.descriptor(of: number)
        return (descriptor, try DirectoryListing(reading: descriptor.descriptor))
    }

    private func expectListings(of entries: [DirectoryEntry], in number: UInt64) {
        let places = entries.lazy.filter { $0.kind == .directory && !self.mounted.contains($0.inode.rawValue) }
            .map { (number: $0.inode.rawValue, place: Place(directory: number, name: $0.name.bytes)) }
        ahead.expect(Array(places)) { try? descriptor(of: $0) }
    }

    /// A listed entry; nil where it is there no more.
    private func entry(
        _ item: DirectoryListing.Entry, in directory: UInt64, _ descriptor: SharedDescriptor
    ) throws -> DirectoryEntry? {
        if let status = item.status {
            return entry(item.listed.name, listedInode: item.listed.inode, in: directory, status)
        }
        let listed = FileKind(mode: UInt32(item.listed.type) << 12).map { kind in
            DirectoryEntry(
                name: FileName(trusted: item.listed.name), inode: InodeNumber(item.listed.inode), kind: kind)
        }
        if trustsListedInodes, let listed, listed.kind != .directory { return listed }
        do {
            return try entry(item.listed.name, listedInode: item.listed.inode, in: directory, descriptor)
        } catch let error as SnapshotError where error.isLossOfSource {
            // Of no concern to the rest of the directory: it is told again to whoever asks for the inode.
            guard let listed else {
                losses.add(.unreadable, error.place ?? "")
                return nil
            }
            if listed.kind == .directory {
                directories[item.listed.inode] = Place(directory: directory, name: item.listed.name)
            }
            return listed
        }
    }

    /// The entry of this name; nil where there is none.
    ///
    /// - Parameter listedInode: the number in the directory's listing, where it was listed.
    func entry(
        _ name: [UInt8], listedInode: UInt64? = nil, in directory: UInt64, _ descriptor: SharedDescriptor
    ) throws -> DirectoryEntry? {
        do {
            let status = try descriptor.descriptor.status(of: name)
            return entry(name, listedInode: listedInode, in: directory, status)
        } catch {
            if error.isMissing { return nil }
            throw unreadable(error, at: Place(directory: directory, name: name))
        }
    }

    private func entry(
        _ name: [UInt8], listedInode: UInt64?, in directory: UInt64, _ status: FileStatus
    ) -> DirectoryEntry? {
        let fileName = FileName(trusted: name)
        guard let kind = FileKind(mode: status.mode) else { return nil }
        guard kind == .directory else {
            // A file that is mounted over another has the number of some other file system, which any file here may
            // have too.
            if status.isMountRoot {
                losses.add(.unreadable, describe(Place(directory: directory, name: name)))
                return nil
            }
            return DirectoryEntry(name: fileName, inode: InodeNumber(status.inode), kind: kind)
        }
        let place = Place(directory: directory, name: name)
        let isMountPoint = status.fileSystem != rootStatus.fileSystem || status.isMountRoot
        let number = isMountPoint ? mountPointNumber(listedInode ?? status.inode, at: place) : status.inode
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
