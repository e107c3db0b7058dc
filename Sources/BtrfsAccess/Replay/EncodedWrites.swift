import CBtrfs
import DirectoryAccess
import SnapshotModel
import SystemCalls

/// Stores compressed extents as they are (`BTRFS_IOC_ENCODED_WRITE`, btrfs-ioctl(2)).
struct EncodedWrites: FilePowers {
    func write(
        _ extent: EncodedExtent, at offset: UInt64, to file: borrowing Descriptor
    ) throws(SystemCallError) -> Bool {
        guard extent.encoding != .none else { return false }
        let number = file.rawValue
        let written: Int64
        do throws(SystemCallError) {
            written = try retrying("ioctl BTRFS_IOC_ENCODED_WRITE") {
                unsafe extent.bytes.withUnsafeBytes { bytes in
                    unsafe cowpath_btrfs_encoded_write(
                        number, bytes.baseAddress, bytes.count, offset, extent.fileLength, extent.decodedLength,
                        extent.decodedOffset, extent.encoding.rawValue)
                }
            }
        } catch {
            // Blocks of another size, a file without checksums, no right, an older kernel, or a file system that is
            // full, which the plain write will tell.
            guard error.isInvalid || error.isUnsupported || error.isForbidden || error.isNoSpace else { throw error }
            return false
        }
        return written == extent.bytes.count
    }
}
