import CBtrfs
import SnapshotModel
import SystemCalls

/// What the kernel tells of a mounted btrfs as a whole (`BTRFS_IOC_FS_INFO`, btrfs-ioctl(2)).
struct FileSystemInfo {
    let uuid: SnapshotUUID
    /// Bytes of a node of its trees; no item is longer.
    let nodeSize: Int

    init(of directory: borrowing Descriptor) throws(SystemCallError) {
        let number = directory.rawValue
        var info = cowpath_btrfs_filesystem()
        _ = try retrying("ioctl BTRFS_IOC_FS_INFO") { unsafe cowpath_btrfs_filesystem_info(number, &info) }
        let bytes = unsafe withUnsafeBytes(of: info.uuid) { unsafe [UInt8]($0) }
        uuid = SnapshotUUID(bytes: bytes) ?? SnapshotUUID(high: 0, low: 0)
        nodeSize = Int(info.node_size)
    }
}
