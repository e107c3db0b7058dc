import CBtrfs
package import SnapshotModel
package import SystemCalls

/// What is done with subvolumes, by their names in an open directory or through an open root.
extension Descriptor {
    /// Whether this is the root of a subvolume of a mounted btrfs.
    package func isSubvolumeRoot() throws(SystemCallError) -> Bool {
        try retrying("fstatfs") { cowpath_btrfs_is_subvolume(rawValue) } != 0
    }

    /// Whether this lies on a mounted btrfs.
    package func isOnBtrfs() throws(SystemCallError) -> Bool {
        // BTRFS_SUPER_MAGIC (Linux, magic.h)
        try fileSystemKind() == 0x9123_683E
    }

    /// Makes an empty subvolume.
    package func makeSubvolume(_ name: [UInt8]) throws(SystemCallError) {
        _ = unsafe try named("ioctl BTRFS_IOC_SUBVOL_CREATE_V2", name) {
            unsafe cowpath_btrfs_create_subvolume(rawValue, $0)
        }
    }

    /// Makes a snapshot of a subvolume whose root is open.
    package func makeSnapshot(
        _ name: [UInt8], of subvolume: borrowing Descriptor, readOnly: Bool
    ) throws(SystemCallError) {
        let source = subvolume.rawValue
        _ = unsafe try named("ioctl BTRFS_IOC_SNAP_CREATE_V2", name) {
            unsafe cowpath_btrfs_create_snapshot(rawValue, $0, source, readOnly ? 1 : 0)
        }
    }

    /// Removes a subvolume with all that is in it. Only for root, or with the mount option `user_subvol_rm_allowed`.
    package func destroySubvolume(_ name: [UInt8]) throws(SystemCallError) {
        _ = unsafe try named("ioctl BTRFS_IOC_SNAP_DESTROY_V2", name) {
            unsafe cowpath_btrfs_destroy_subvolume(rawValue, $0)
        }
    }

    /// Makes the subvolume of this root read-only, or writable; for its owner and root. The kernel keeps the
    /// received UUID all the same.
    package func setReadOnly(_ isReadOnly: Bool) throws(SystemCallError) {
        let readOnly = UInt64(COWPATH_BTRFS_READ_ONLY)
        var flags: UInt64 = 0
        _ = try retrying("ioctl BTRFS_IOC_SUBVOL_GETFLAGS") {
            unsafe cowpath_btrfs_subvolume_flags(rawValue, &flags)
        }
        let wanted = isReadOnly ? flags | readOnly : flags & ~readOnly
        _ = try retrying("ioctl BTRFS_IOC_SUBVOL_SETFLAGS") { cowpath_btrfs_set_subvolume_flags(rawValue, wanted) }
    }

    /// Notes in a writable subvolume what its contents were sent as; for its owner and root.
    package func setReceived(_ snapshot: SnapshotReference) throws(SystemCallError) {
        let uuid = snapshot.uuid.bytes
        _ = try retrying("ioctl BTRFS_IOC_SET_RECEIVED_SUBVOL") {
            unsafe cowpath_btrfs_set_received(rawValue, uuid, snapshot.generation)
        }
    }

    /// Opens an inode of this file system by its number, wherever it is mounted; only for root.
    ///
    /// - Parameter generation: in which the inode was made; 0 for any.
    package func openInode(
        _ inode: UInt64, ofSubvolume subvolume: UInt64, generation: UInt32 = 0, flags: Int32
    ) throws(SystemCallError) -> Descriptor {
        Descriptor(
            owning: try retrying("open_by_handle_at") {
                cowpath_btrfs_open_inode(rawValue, subvolume, inode, generation, flags)
            })
    }

    /// Opens the root of a subvolume by its number, wherever it is mounted; only for root.
    package func openSubvolume(_ id: UInt64) throws(SystemCallError) -> Descriptor {
        // BTRFS_FIRST_FREE_OBJECTID (Linux, btrfs_tree.h): the number of every subvolume's root directory.
        try openInode(256, ofSubvolume: id, flags: OpenFlags.readDirectory)
    }
}
