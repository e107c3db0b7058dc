import Codecs
import GRDB
import SnapshotModel

/// A row of the table of extents.
struct ExtentRecord: Sendable {
    var id: UInt64
    var hash: StoredHash
    var refs: Int64
    var segment: Int64
    var position: UInt64
    var storedLength: Int
    var rawLength: Int
    var encoding: ExtentEncoding
    /// CRC32C of the stored bytes.
    var crc: UInt32

    static let columns = "id, hash, refs, segment, position, stored, raw, encoding, crc"

    init(
        id: UInt64, hash: StoredHash, refs: Int64 = 0, segment: Int64, position: UInt64, storedLength: Int,
        rawLength: Int,
        encoding: ExtentEncoding, crc: UInt32
    ) {
        self.id = id
        self.hash = hash
        self.refs = refs
        self.segment = segment
        self.position = position
        self.storedLength = storedLength
        self.rawLength = rawLength
        self.encoding = encoding
        self.crc = crc
    }

    init(_ row: some RowColumns) throws {
        id = try row.unsigned(0)
        let hash = StoredHash(try row.blob(1))
        refs = try row.integer(2)
        segment = try row.integer(3)
        position = try row.unsigned(4)
        let stored = try row.unsigned(5)
        let raw = try row.unsigned(6)
        guard let hash, stored > 0, stored <= UInt64(ExtentLimits.maximumStoredLength), raw > 0,
            raw <= UInt64(ExtentLimits.maximumLength), position <= FileLimits.maximumSize - stored,
            let encoding = UInt32(exactly: try row.integer(7)).flatMap(ExtentEncoding.init(rawValue:)),
            encoding == .zstd || (encoding == .none && raw == stored), let crc = UInt32(exactly: try row.integer(8))
        else { throw SnapshotError(.corrupt, "an extent's row is damaged", place: "extent \(id)") }
        self.hash = hash
        storedLength = Int(stored)
        rawLength = Int(raw)
        self.encoding = encoding
        self.crc = crc
    }

    /// The statement for ``insert(by:refs:)``.
    static func insertion(_ database: Database) throws -> DirectStatement {
        try DirectStatement(database, "INSERT INTO extents (\(columns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
    }

    func insert(by statement: DirectStatement, refs: Int64) throws {
        try statement.set(1, try CowVolume.stored(id))
        try statement.set(2, hash.bytes[...])
        try statement.set(3, refs)
        try statement.set(4, segment)
        try statement.set(5, try CowVolume.stored(position))
        try statement.set(6, Int64(storedLength))
        try statement.set(7, Int64(rawLength))
        try statement.set(8, Int64(encoding.rawValue))
        try statement.set(9, Int64(crc))
        try statement.run()
    }
}

/// An extent in the form in which it is to be stored.
struct PackedExtent: Sendable {
    let hash: StoredHash
    let bytes: [UInt8]
    let rawLength: Int
    let encoding: ExtentEncoding
    let crc: UInt32

    /// zstd's fastest with entropy coding of literals: on source code a sixth less time than its default, 3, and
    /// 4 % larger.
    static let compressionLevel = 1

    /// Compresses and hashes; raw where that is no larger.
    init(packing raw: [UInt8]) throws {
        let frame = try Zstd.compress(raw[...], level: PackedExtent.compressionLevel)
        let isSmaller = frame.count < raw.count
        self.init(rawLength: raw.count, bytes: isSmaller ? frame : raw, encoding: isSmaller ? .zstd : .none)
    }

    /// Takes a frame as it is.
    init(rawLength: Int, bytes: [UInt8], encoding: ExtentEncoding) {
        hash = StoredHash(of: bytes[...], encoding)
        self.bytes = bytes
        self.rawLength = rawLength
        self.encoding = encoding
        crc = CRC32C.checksum(bytes[...])
    }
}
