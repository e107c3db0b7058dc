import Codecs
import Crypto
import SnapshotModel

/// A range of a regular file as its item tells of it (`btrfs_file_extent_item`).
struct ExtentItem {
    /// How the kernel has compressed data (`BTRFS_COMPRESS_*`).
    enum Compression: UInt8 {
        case none, zlib, lzo, zstd
    }

    private static let inlineType: UInt8 = 0
    private static let preallocatedType: UInt8 = 2
    private static let inlineHead = 21

    let start: UInt64
    let length: UInt64
    let compression: Compression
    /// Nil for a hole.
    let content: FileExtent.Content?

    /// The first offset behind the range.
    var end: UInt64 { start + length }

    /// - Parameter start: where in the file the range begins.
    init(parsing bytes: borrowing RawSpan, start: UInt64) throws(SnapshotError) {
        let type: UInt8 = try bytes.number(at: 20)
        guard let compression = Compression(rawValue: try bytes.number(at: 16)),
            try bytes.number(at: 17, as: UInt8.self) == 0, try bytes.number(at: 18, as: UInt16.self) == 0,
            type <= ExtentItem.preallocatedType
        else {
            throw SnapshotError(.unsupported, "a file is stored in a way that this program does not know")
        }
        self.start = start
        self.compression = compression
        if type == ExtentItem.inlineType {
            length = try bytes.number(at: 8)
            content = .inline
        } else {
            let address: UInt64 = try bytes.number(at: 21)
            length = try bytes.number(at: 45)
            let identity = ExtentIdentity(
                address: address, generation: try bytes.number(at: 0), offset: try bytes.number(at: 37))
            content = address == 0 ? nil : type == ExtentItem.preallocatedType ? .preallocated : .data(identity)
        }
        guard length > 0 || content == .inline, length <= UInt64.max - start else {
            throw .badItem("an extent of a file has an impossible length")
        }
    }

    /// The bytes of an inline extent as they are stored.
    static func inlineBytes(_ bytes: borrowing RawSpan) throws(SnapshotError) -> [UInt8] {
        try bytes.bytes(at: inlineHead, count: max(0, bytes.byteCount - inlineHead))
    }

    /// What an inline extent holds; nil where only the kernel decompresses that.
    ///
    /// - Parameter bytes: as they are stored.
    func decoded(inline bytes: [UInt8]) throws(SnapshotError) -> ArraySlice<UInt8>? {
        guard length <= UInt64(EncodedExtent.maximumDecodedLength) else {
            throw .badItem("an inline extent says that it has \(length) bytes")
        }
        switch compression {
        case .none: return bytes[...]
        case .lzo: return nil
        case .zlib, .zstd:
            // By the numbers of a stream (``PaddedFrame``).
            let number: UInt32 = compression == .zlib ? 1 : 2
            do {
                return try PaddedFrame.decode(bytes[...], compression: number, length: Int(length))[...]
            } catch {
                throw SnapshotError(.corrupt, "an inline extent cannot be decoded", cause: error)
            }
        }
    }

    /// What stands for the contents of an inline extent.
    static func identity(ofInline contents: ArraySlice<UInt8>) -> ExtentIdentity {
        identity(SHA256.hash(data: contents))
    }

    /// What stands for the contents of this extent, which is inline; nil where only the kernel decompresses them.
    ///
    /// - Parameter bytes: the item.
    func inlineIdentity(_ bytes: borrowing RawSpan) throws(SnapshotError) -> ExtentIdentity? {
        guard compression == .none else {
            return try decoded(inline: ExtentItem.inlineBytes(bytes)).map(ExtentItem.identity(ofInline:))
        }
        var hash = SHA256()
        unsafe bytes.extracting(droppingFirst: ExtentItem.inlineHead).withUnsafeBytes {
            unsafe hash.update(bufferPointer: $0)
        }
        return ExtentItem.identity(hash.finalize())
    }

    private static func identity(_ digest: SHA256.Digest) -> ExtentIdentity {
        unsafe digest.withUnsafeBytes { unsafe ExtentIdentity(digest: $0) }
    }
}
