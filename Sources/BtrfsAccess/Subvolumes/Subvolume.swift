import CBtrfs
package import SnapshotModel
package import SystemCalls

/// What the kernel tells of a subvolume (`BTRFS_IOC_GET_SUBVOL_INFO`, btrfs-ioctl(2)).
package struct Subvolume: Hashable, Sendable {
    /// The number of its tree, which no other of its file system ever has.
    package let id: UInt64
    /// The subvolume that holds its name; 0 for the uppermost.
    package let parentID: UInt64
    package let uuid: SnapshotUUID
    /// The subvolume that it was made from as a snapshot.
    package let parentUUID: SnapshotUUID?
    /// The UUID that its contents were sent with. `btrfs property` removes it when it makes the subvolume writable.
    package let receivedUUID: SnapshotUUID?
    /// The transaction that last wrote the root of its tree.
    package let generation: UInt64
    /// The transaction that last changed anything in it (`ctransid`).
    package let changeGeneration: UInt64
    /// The transaction that made it (`otransid`).
    package let creationGeneration: UInt64
    /// ``changeGeneration`` where it was sent from (`stransid`); 0 where it was not received.
    package let sentGeneration: UInt64
    package let isReadOnly: Bool
    package let changed: Timestamp
    package let created: Timestamp

    /// The subvolume that a descriptor lies in.
    ///
    /// - Throws: a refusal by a file system that is no btrfs (`ENOTTY`).
    package init(of descriptor: borrowing Descriptor) throws(SystemCallError) {
        let number = descriptor.rawValue
        var info = cowpath_btrfs_subvolume()
        _ = try retrying("ioctl BTRFS_IOC_GET_SUBVOL_INFO") { unsafe cowpath_btrfs_subvolume_info(number, &info) }
        id = info.id
        parentID = info.parent_id
        uuid = SnapshotUUID(info.uuid) ?? SnapshotUUID(high: 0, low: 0)
        parentUUID = SnapshotUUID(info.parent_uuid)
        receivedUUID = SnapshotUUID(info.received_uuid)
        generation = info.generation
        changeGeneration = info.change_generation
        creationGeneration = info.creation_generation
        sentGeneration = info.sent_generation
        // BTRFS_ROOT_SUBVOL_RDONLY (Linux, btrfs_tree.h), not the flag of the ioctls.
        isReadOnly = info.flags & 1 != 0
        changed = Timestamp(seconds: info.changed_seconds, nanoseconds: info.changed_nanoseconds)
        created = Timestamp(seconds: info.created_seconds, nanoseconds: info.created_nanoseconds)
    }

    /// A read-only one that no kernel knows, for a tree of items from elsewhere.
    ///
    /// - Parameter generation: the last in which anything of it was written.
    package init(uuid: SnapshotUUID, generation: UInt64) {
        (id, parentID, self.uuid, parentUUID, receivedUUID) = (256, 0, uuid, nil, nil)
        (self.generation, changeGeneration, creationGeneration, sentGeneration) = (generation, generation, 0, 0)
        (isReadOnly, changed, created) = (true, .epoch, .epoch)
    }

    /// By what a stream of this subvolume, or onto it, speaks of it.
    package var reference: SnapshotReference {
        guard let receivedUUID else { return SnapshotReference(uuid: uuid, generation: changeGeneration) }
        return SnapshotReference(uuid: receivedUUID, generation: sentGeneration)
    }

    /// Whether a stream that names `uuid` means this subvolume.
    package func answers(to uuid: SnapshotUUID) -> Bool { self.uuid == uuid || receivedUUID == uuid }
}

extension SnapshotUUID {
    fileprivate typealias Bytes = (
        UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8
    )

    /// The UUID as the kernel has it; nil where all of it is zero, which stands for none.
    fileprivate init?(_ bytes: Bytes) {
        let array = unsafe withUnsafeBytes(of: bytes) { unsafe [UInt8]($0) }
        guard array.contains(where: { $0 != 0 }) else { return nil }
        self.init(bytes: array)
    }
}
