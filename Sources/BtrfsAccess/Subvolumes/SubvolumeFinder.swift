import CBtrfs
package import SnapshotModel
package import SystemCalls

/// Finds the subvolumes of a mounted btrfs by the UUIDs that streams name.
///
/// Root finds every one through the UUID tree, wherever it is, even where no mount shows it. Other users find those
/// in the directory alone.
package struct SubvolumeFinder {
    /// A subvolume whose root is open for reading.
    package struct Found {
        package let subvolume: Subvolume
        package let root: SharedDescriptor
    }

    /// Trees and keys of Linux, include/uapi/linux/btrfs_tree.h.
    private static let uuidTree: UInt64 = 9
    private static let subvolumeKey: UInt32 = 251
    private static let receivedSubvolumeKey: UInt32 = 252
    /// Enough for the numbers of some hundred subvolumes that were received from one.
    private static let bufferLength = 4096

    private let directory: SharedDescriptor
    private let others: [SharedDescriptor]

    /// - Parameter directory: one of the file system, open for reading.
    /// - Parameter others: further directories for users who cannot search it all.
    package init(in directory: SharedDescriptor, others: [SharedDescriptor] = []) {
        self.directory = directory
        self.others = others
    }

    /// The subvolumes that a stream means by a UUID: those received with it, then the one whose own it is.
    package func find(_ uuid: SnapshotUUID) throws -> [Found] {
        let numbers: [UInt64]
        do {
            numbers =
                try self.numbers(of: uuid, SubvolumeFinder.receivedSubvolumeKey)
                + self.numbers(of: uuid, SubvolumeFinder.subvolumeKey)
        } catch {
            guard error.isForbidden || error.isMissing || error.isUnsupported else { throw error }
            return try ([directory] + others).flatMap { try find(uuid, in: $0) }
        }
        // One that is being removed is named for a while and cannot be opened.
        return numbers.compactMap { try? open($0) }.filter { $0.subvolume.answers(to: uuid) }
    }

    private func open(_ id: UInt64) throws(SystemCallError) -> Found {
        let root = try directory.descriptor.openSubvolume(id)
        return Found(subvolume: try Subvolume(of: root), root: SharedDescriptor(root))
    }

    /// The numbers under one key of the UUID tree: the halves of the UUID as little-endian numbers.
    private func numbers(of uuid: SnapshotUUID, _ type: UInt32) throws(SystemCallError) -> [UInt64] {
        let object = uuid.high.byteSwapped
        let offset = uuid.low.byteSwapped
        let keys = cowpath_btrfs_keys(
            tree: SubvolumeFinder.uuidTree, first_object: object, last_object: object, first_offset: offset,
            last_offset: offset, first_generation: 0, last_generation: .max, first_type: type, last_type: type,
            most_items: .max)
        // Of words, for their alignment.
        var words = [UInt64](repeating: 0, count: SubvolumeFinder.bufferLength / 8)
        let size = words.count * 8
        let found = try retrying("ioctl BTRFS_IOC_TREE_SEARCH_V2") {
            unsafe withUnsafePointer(to: keys) { keys in
                unsafe cowpath_btrfs_search(directory.descriptor.rawValue, keys, &words, size)
            }
        }
        let header = Int(COWPATH_BTRFS_SEARCH_HEAD) / 8
        let contents = header + 4
        guard found > 0 else { return [] }
        // The last word of the item's header: type and length, 32 bits each.
        let length = Int(UInt64(littleEndian: words[contents - 1]) >> 32) / 8
        return words[contents...].prefix(length).map { UInt64(littleEndian: $0) }
    }

    private func find(_ uuid: SnapshotUUID, in directory: SharedDescriptor) throws -> [Found] {
        var found: [Found] = []
        let listed = try directory.descriptor.openDirectory(beneath: [], flags: OpenFlags.readDirectory)
        try listed.forEachEntry { entry in
            guard let root = try? directory.descriptor.open(entry.name, flags: OpenFlags.readDirectory),
                (try? root.isSubvolumeRoot()) == true, let subvolume = try? Subvolume(of: root),
                subvolume.answers(to: uuid)
            else { return }
            found.append(Found(subvolume: subvolume, root: SharedDescriptor(root)))
        }
        return found.sorted {
            ($0.subvolume.receivedUUID == uuid ? 0 : 1) < ($1.subvolume.receivedUUID == uuid ? 0 : 1)
        }
    }
}
