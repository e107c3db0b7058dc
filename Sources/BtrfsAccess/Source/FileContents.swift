import CBtrfs
import SnapshotModel
import SystemCalls
import Workers

/// Reads files of one subvolume by their numbers.
final class FileContents {
    /// Both lengths in which contents are sent, 48 KiB and 128 KiB, go into this one a whole number of times.
    static let pieceLength = 384 << 10

    private let opener: FileOpener
    /// How many pieces of a file that is read from start to end are read ahead: 3 MiB.
    private static let piecesAhead = 8

    private var file: (inode: InodeNumber, descriptor: SharedDescriptor)?
    private var piece: (inode: InodeNumber, start: UInt64, bytes: [UInt8])?
    /// Where the last read of the file ended.
    private var position: UInt64 = 0
    /// What threads are reading of the file, one behind another.
    private var ahead: [(start: UInt64, bytes: PendingResult<[UInt8]>)] = []

    init(opener: FileOpener) {
        self.opener = opener
    }

    /// Bytes of a file; fewer only at its end.
    func read(_ inode: Inode, at offset: UInt64, count: Int) throws(SnapshotError) -> ArraySlice<UInt8> {
        let length = UInt64(FileContents.pieceLength)
        let start = offset - offset % length
        // Who reads here and there in a large file gets what was asked for.
        let isNext = file?.inode == inode.number && position == offset
        let descriptor = try descriptor(of: inode)
        position = offset + UInt64(count)
        guard inode.size <= length || isNext, count <= Int(length - (offset - start)) else {
            return try FileContents.guarded { () throws(SystemCallError) in
                try descriptor.descriptor.read(at: offset, count: count)[...]
            }
        }
        let bytes = try readPiece(of: inode, at: start, descriptor)
        let first = min(Int(offset - start), bytes.count)
        return bytes[first..<min(bytes.count, first + count)]
    }

    /// A whole piece; the next ones are read by other threads meanwhile.
    private func readPiece(
        of inode: Inode, at start: UInt64, _ descriptor: SharedDescriptor
    ) throws(SnapshotError) -> [UInt8] {
        if let piece, piece.inode == inode.number, piece.start == start { return piece.bytes }
        let length = UInt64(FileContents.pieceLength)
        if ahead.first?.start != start { ahead = [] }
        var next = (ahead.last?.start ?? start) + length
        while ahead.count < FileContents.piecesAhead, next < inode.size {
            let (start, count) = (next, Int(min(length, inode.size - next)))
            ahead.append((start, WorkerPool.shared.start { try descriptor.descriptor.read(at: start, count: count) }))
            next += length
        }
        // What failed there is tried again here, and fails again or not.
        let isAhead = ahead.first?.start == start
        var bytes = isAhead ? try? ahead.removeFirst().bytes.value() : nil
        if bytes == nil {
            bytes = try FileContents.guarded { () throws(SystemCallError) in
                try descriptor.descriptor.read(at: start, count: Int(min(length, inode.size - start)))
            }
        }
        piece = (inode.number, start, bytes ?? [])
        return bytes ?? []
    }

    /// An extent as it is stored; nil where it is not compressed.
    func readEncoded(_ inode: Inode, at offset: UInt64) throws(SnapshotError) -> EncodedExtent? {
        var found = cowpath_btrfs_encoded()
        var bytes = [UInt8](repeating: 0, count: EncodedExtent.maximumDecodedLength)
        let size = bytes.count
        let number = try descriptor(of: inode).descriptor.rawValue
        let count = try FileContents.guarded { () throws(SystemCallError) in
            try retrying("ioctl BTRFS_IOC_ENCODED_READ") {
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

    private func descriptor(of inode: Inode) throws(SnapshotError) -> SharedDescriptor {
        if let file, file.inode == inode.number { return file.descriptor }
        let descriptor = try FileContents.guarded { () throws(SystemCallError) in try opener.open(inode) }
        file = (inode.number, descriptor)
        ahead = []
        return descriptor
    }

    private static func guarded<Value: ~Copyable>(_ body: () throws(SystemCallError) -> Value) throws(SnapshotError)
        -> Value
    {
        do throws(SystemCallError) {
            return try body()
        } catch {
            throw SnapshotError(.system, "a file cannot be read", remedy: error.remedy, cause: error)
        }
    }
}
