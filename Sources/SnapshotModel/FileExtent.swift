/// By what a tree's store knows the bytes of an extent without reading them.
///
/// Two ranges of files in one ``SnapshotTree/domain`` hold the same bytes where address and generation are
/// equal and the offsets are.
package struct ExtentIdentity: Hashable, Sendable {
    /// Where the store keeps the extent (btrfs: the disk address; the embedded volume: the extent's number).
    package let address: UInt64
    /// The generation that wrote it, since an address can be used again.
    package let generation: UInt64
    /// Where in the extent, in bytes of its decompressed form, the range of the file begins.
    package let offset: UInt64

    package init(address: UInt64, generation: UInt64, offset: UInt64) {
        self.address = address
        self.generation = generation
        self.offset = offset
    }

    /// What stands for bytes that have no place of their own: the first half of a digest of them.
    ///
    /// - Parameter digest: at least 16 bytes.
    package init(digest: UnsafeRawBufferPointer) {
        precondition(digest.count >= 16)
        self.init(
            address: unsafe digest.loadUnaligned(as: UInt64.self).bigEndian,
            generation: unsafe digest.loadUnaligned(fromByteOffset: 8, as: UInt64.self).bigEndian, offset: 0)
    }

    /// The identity of the range that begins `bytes` later in the same extent.
    package func advanced(by bytes: UInt64) -> ExtentIdentity {
        ExtentIdentity(address: address, generation: generation, offset: offset &+ bytes)
    }
}

/// A range of a regular file that is not a hole.
package struct FileExtent: Hashable, Sendable {
    package enum Content: Hashable, Sendable {
        /// Bytes that lie in an extent; with its identity where the store has one.
        case data(ExtentIdentity?)
        /// Bytes that lie in the tree itself, beside the inode.
        case inline
        /// Space set aside, which reads as zeros.
        case preallocated
    }

    /// Where in the file the range begins.
    package let offset: UInt64
    /// How many bytes of the file it covers, never 0.
    package let length: UInt64
    package let content: Content

    package init(offset: UInt64, length: UInt64, content: Content) {
        self.offset = offset
        self.length = length
        self.content = content
    }

    /// The first offset behind the range.
    package var end: UInt64 { offset + length }
}

/// A place in a file at which, or near behind which, a range begins that lies in a certain extent.
package struct ExtentReference: Hashable, Comparable, Sendable {
    package let inode: InodeNumber
    /// In bytes of the file.
    package let offset: UInt64

    package init(inode: InodeNumber, offset: UInt64) {
        (self.inode, self.offset) = (inode, offset)
    }

    package static func < (left: ExtentReference, right: ExtentReference) -> Bool {
        left.inode != right.inode ? left.inode < right.inode : left.offset < right.offset
    }
}

/// How the bytes of an extent are encoded where it is stored.
///
/// Raw values are those of the compression attribute of btrfs' ENCODED_WRITE (btrfs-progs, `btrfs.5` and
/// "Send stream format"); zstd and zlib are whole frames.
package enum ExtentEncoding: UInt32, Sendable {
    case none = 0
    case zlib = 1
    case zstd = 2
    case lzo4K = 3
    case lzo8K = 4
    case lzo16K = 5
    case lzo32K = 6
    case lzo64K = 7
}

/// An extent in the form in which it is stored, and the part of it that a file refers to.
package struct EncodedExtent: Hashable, Sendable {
    /// The most bytes that an encoded extent decodes to (`BTRFS_MAX_COMPRESSED`, 128 KiB).
    package static let maximumDecodedLength = 131_072

    package let encoding: ExtentEncoding
    /// The stored bytes.
    package let bytes: ArraySlice<UInt8>
    /// How many bytes the stored ones decode to.
    package let decodedLength: UInt64
    /// Where in the decoded bytes the file's range begins.
    package let decodedOffset: UInt64
    /// How many bytes of the file the range covers.
    package let fileLength: UInt64

    package init(
        encoding: ExtentEncoding, bytes: ArraySlice<UInt8>, decodedLength: UInt64, decodedOffset: UInt64,
        fileLength: UInt64
    ) {
        self.encoding = encoding
        self.bytes = bytes
        self.decodedLength = decodedLength
        self.decodedOffset = decodedOffset
        self.fileLength = fileLength
    }
}
