import SnapshotModel

/// A range of a regular file, as it stands under ``ItemKey/Kind/extent`` with the offset in the file.
struct ExtentItem: Hashable {
    /// The extent; 0 for space set aside that reads as zeros.
    var extent: UInt64
    /// Where in the extent's decompressed bytes the range begins.
    var offset: UInt64
    /// How many bytes of the file it covers, never 0.
    var length: UInt64

    var isPreallocated: Bool { extent == 0 }

    var encoded: [UInt8] {
        var writer = ByteWriter()
        writer.write(extent)
        writer.write(offset)
        writer.write(length)
        return writer.bytes
    }

    init(extent: UInt64, offset: UInt64, length: UInt64) {
        self.extent = extent
        self.offset = offset
        self.length = length
    }

    /// - Parameter start: where in the file the range begins.
    init(parsing bytes: ArraySlice<UInt8>, start: UInt64) throws(SnapshotError) {
        var reader = ByteReader(bytes)
        extent = try reader.integer()
        offset = try reader.integer()
        length = try reader.integer()
        try reader.finish()
        let (end, overflow) = start.addingReportingOverflow(length)
        guard length > 0, !overflow, end <= FileLimits.maximumSize,
            extent == 0
                || (offset <= UInt64(ExtentLimits.maximumLength)
                    && length <= UInt64(ExtentLimits.maximumLength) - offset)
        else { throw SnapshotError(.corrupt, "an extent item is impossible") }
    }

    /// The part that begins `skipped` bytes later and has `length` bytes.
    func part(skipping skipped: UInt64, length: UInt64) -> ExtentItem {
        ExtentItem(extent: extent, offset: isPreallocated ? 0 : offset + skipped, length: length)
    }
}

/// What a name in a directory leads to, as it stands under ``ItemKey/Kind/entry``.
struct EntryItem: Hashable {
    var inode: UInt64
    var kind: FileKind
    /// When the entry was made: a directory or inode number that is used again shows as a difference.
    var generation: UInt64

    var encoded: [UInt8] {
        var writer = ByteWriter()
        writer.write(inode)
        writer.bytes.append(kind.rawValue)
        writer.write(generation)
        return writer.bytes
    }

    init(inode: UInt64, kind: FileKind, generation: UInt64) {
        self.inode = inode
        self.kind = kind
        self.generation = generation
    }

    init(parsing bytes: ArraySlice<UInt8>) throws(SnapshotError) {
        var reader = ByteReader(bytes)
        inode = try reader.integer()
        guard let kind = FileKind(rawValue: try reader.byte()) else {
            throw SnapshotError(.corrupt, "an entry has an unknown kind")
        }
        self.kind = kind
        generation = try reader.integer()
        try reader.finish()
    }
}

/// Limits on files.
enum FileLimits {
    /// The largest file: offsets are `off_t`, 2^63-1 bytes.
    static let maximumSize = UInt64(Int64.max)
    /// Files up to here live in the tree: half of the smallest files of a source tree, and eight to a node.
    static let inlineSize = 2048
    /// The root directory of every dataset, as btrfs has it.
    static let rootDirectory: UInt64 = 256
    /// Inode numbers from a stream are taken below this, so that fresh ones never run out.
    static let proposedNumberLimit: UInt64 = 1 << 62
}

/// Limits on extents.
enum ExtentLimits {
    /// The most bytes of an extent (``EncodedExtent/maximumDecodedLength``); ranges of files are stored in
    /// multiples of it, so that a copy has the layout of the original.
    static let maximumLength = EncodedExtent.maximumDecodedLength
    /// The most stored bytes: raw where a frame would not be smaller, or a frame that came from elsewhere.
    static let maximumStoredLength = 2 * maximumLength
}
