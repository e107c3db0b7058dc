import CBtrfs
import SnapshotModel
import SystemCalls

/// Reads files of one subvolume by their numbers.
final class FileContents {
    /// Both lengths in which contents are sent, 48 KiB and 128 KiB, go into this one a whole number of times.
    static let pieceLength = 384 << 10

    private let root: SharedDescriptor
    private let subvolume: UInt64
    private var file: (inode: InodeNumber, descriptor: SharedDescriptor)?
    private var piece: (inode: InodeNumber, start: UInt64, bytes: [UInt8])?

    init(root: SharedDescriptor, subvolume: UInt64) {
        (self.root, self.subvolume) = (root, subvolume)
    }

    /// Bytes of a file; fewer only at its end.
    func read(_ inode: Inode, at offset: UInt64, count: Int) throws(SnapshotError) -> ArraySlice<UInt8> {
        let length = UInt64(FileContents.pieceLength)
        let start = offset - offset % length
        if count > Int(length - (offset - start)) {
            return try FileContents.guarded { () throws(SystemCallError) in
                try descriptor(of: inode).descriptor.read(at: offset, count: count)[...]
            }
        }
        if piece?.inode != inode.number || piece?.start != start {
            let bytes = try FileContents.guarded { () throws(SystemCallError) in
                try descriptor(of: inode).descriptor.read(at: start, count: Int(min(length, inode.size - start)))
            }
            piece = (inode.number, start, bytes)
        }
        guard let bytes = piece?.bytes else { return [] }
        let first = min(Int(offset - start), bytes.count)
        return bytes[first..<min(bytes.count, first + count)]
    }

    /// An extent as it is stored; nil where it is not compressed.
    func readEncoded(_ inode: Inode, at offset: UInt64) throws(SnapshotError) -> EncodedExtent? {
        var found = cowpath_btrfs_encoded()
        var bytes = [UInt8](repeating: 0, count: EncodedExtent.maximumDecodedLength)
        let size = bytes.count
        let count = try FileContents.guarded { () throws(SystemCallError) in
            let number = try descriptor(of: inode).descriptor.rawValue
            return try retrying("ioctl BTRFS_IOC_ENCODED_READ") {
                unsafe cowpath_btrfs_encoded_read(number, offset, &bytes, size, &found)
            }
        }
        guard let encoding = ExtentEncoding(rawValue: found.compression), encoding != .none, found.encryption == 0,
            count > 0, count <= size
        else { return nil }
        return EncodedExtent(
            encoding: encoding, bytes: bytes[..<Int(count)], decodedLength: found.decoded_length,
            decodedOffset: found.decoded_offset, fileLength: found.file_length)
    }

    private func descriptor(of inode: Inode) throws(SystemCallError) -> SharedDescriptor {
        if let file, file.inode == inode.number { return file.descriptor }
        let descriptor = SharedDescriptor(
            try root.descriptor.openInode(
                inode.number.rawValue, ofSubvolume: subvolume,
                generation: UInt32(truncatingIfNeeded: inode.birthGeneration), flags: OpenFlags.readQuietly))
        file = (inode.number, descriptor)
        return descriptor
    }

    private static func guarded<Value>(_ body: () throws(SystemCallError) -> Value) throws(SnapshotError) -> Value {
        do throws(SystemCallError) {
            return try body()
        } catch {
            throw SnapshotError(.system, "a file cannot be read", remedy: error.remedy, cause: error)
        }
    }
}
