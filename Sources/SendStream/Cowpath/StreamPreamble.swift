import Codecs
import SnapshotModel

/// The first 32 bytes of a cowpath stream: what it is, and what a reader must know to read it.
struct StreamPreamble {
    /// A byte beyond ASCII, a name, and line ends that text conversions would spoil.
    static let magic: [UInt8] = [0x89, 0x43, 0x4F, 0x57, 0x50, 0x0D, 0x0A, 0x1A]
    /// The one version there is.
    static let version: UInt32 = 1
    static let length = 32

    /// The stream is a bookmark that may have an index of its inodes, in frames that no reader knew before.
    static let bookmarkIndexFeature: UInt64 = 1
    /// Features without which a stream cannot be read right.
    static let knownRequired = bookmarkIndexFeature
    /// The stream has an index frame.
    static let indexFeature: UInt64 = 1

    /// Features that a reader must know.
    var required: UInt64 = 0
    /// Features that a reader need not know.
    var optional: UInt64 = 0

    init(required: UInt64, optional: UInt64) {
        self.required = required
        self.optional = optional
    }

    var bytes: [UInt8] {
        var bytes = StreamPreamble.magic
        bytes.append(littleEndian: StreamPreamble.version)
        bytes.append(littleEndian: required)
        bytes.append(littleEndian: optional)
        bytes.append(littleEndian: CRC32C.checksum(bytes[...]))
        return bytes
    }

    /// - Throws: ``SnapshotError``: corrupt, or unsupported with the names of unknown features.
    init(parsing bytes: ArraySlice<UInt8>) throws(SnapshotError) {
        guard bytes.count == StreamPreamble.length else {
            throw .corruptStream("the stream was cut: it ends inside its header", at: UInt64(bytes.count))
        }
        var cursor = ByteCursor(bytes, offset: 0, subject: "the stream header")
        guard try cursor.take(StreamPreamble.magic.count).elementsEqual(StreamPreamble.magic) else {
            throw .corruptStream("this is no cowpath stream", at: 0)
        }
        let version: UInt32 = try cursor.integer()
        required = try cursor.integer()
        optional = try cursor.integer()
        guard try cursor.integer() == CRC32C.checksum(bytes.dropLast(4)) else {
            throw .corruptStream("the stream header does not have its CRC32C", at: 0)
        }
        guard version == StreamPreamble.version else {
            throw SnapshotError(
                .unsupported, "version \(version) of the cowpath stream is not known", place: "at its first bytes",
                remedy: "update this program")
        }
        let unknown = required & ~StreamPreamble.knownRequired
        guard unknown == 0 else {
            let names = (0..<64).filter { unknown >> UInt64($0) & 1 == 1 }.map { "required feature \($0)" }
            throw SnapshotError(
                .unsupported, "the stream needs what this program does not know: \(names.joined(separator: ", "))",
                place: "in its first bytes", remedy: "update this program")
        }
    }
}
