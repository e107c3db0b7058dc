import Codecs
import Foundation
import GRDB
import SnapshotModel
import SystemCalls

/// Reads extents from their segments.
///
/// Files that were stored one after another have neighbouring extents in neighbouring rows: both are read some at a
/// time.
final class ExtentReader {
    /// Segments that are kept open.
    private static let maximumOpenSegments = 32
    /// Decompressed extents that are kept: 1 MiB, the longest read.
    private static let maximumDecoded = 8
    /// Rows that are read at once, and how many are kept.
    private static let rowsAtOnce: Int64 = 64
    private static let maximumRows = 1024
    /// How much of a segment is read at once where one extent follows another.
    private static let readAhead = 256 << 10

    private let store: VolumeStore
    private let reader: any DatabaseReader
    private var open: [Int64: SegmentFile] = [:]
    private var decoded: [(id: UInt64, bytes: [UInt8])] = []
    private var records: [UInt64: ExtentRecord] = [:]
    /// What was read of a segment last.
    private var window = Window(segment: 0, start: 0, bytes: [])

    private struct Window {
        let segment: Int64
        let start: UInt64
        let bytes: [UInt8]

        var end: UInt64 { start + UInt64(bytes.count) }

        func bytes(of record: ExtentRecord) -> ArraySlice<UInt8>? {
            guard record.segment == segment, record.position >= start,
                record.position + UInt64(record.storedLength) <= end
            else { return nil }
            let first = Int(record.position - start)
            return bytes[first..<first + record.storedLength]
        }
    }

    init(_ store: VolumeStore, _ reader: any DatabaseReader) {
        self.store = store
        self.reader = reader
    }

    func record(_ id: UInt64) throws -> ExtentRecord {
        if let record = records[id] { return record }
        if records.count >= ExtentReader.maximumRows { records.removeAll(keepingCapacity: true) }
        try VolumeStore.guarded(store.path) {
            try reader.unsafeRead { database in
                let find = try DirectStatement(
                    database, "SELECT \(ExtentRecord.columns) FROM extents WHERE id >= ? ORDER BY id LIMIT ?")
                try find.set(1, try stored(id))
                try find.set(2, ExtentReader.rowsAtOnce)
                var isFirst = true
                try find.forEach { row in
                    // A damaged neighbour is nobody's concern until it is asked for.
                    let record = try isFirst ? ExtentRecord(row) : try? ExtentRecord(row)
                    isFirst = false
                    if let record { records[record.id] = record }
                }
            }
        }
        guard let record = records[id] else {
            throw SnapshotError(.corrupt, "an extent is missing", place: "extent \(id)")
        }
        return record
    }

    /// The stored bytes, checked against their checksum.
    func storedBytes(_ record: ExtentRecord) throws -> ArraySlice<UInt8> {
        let bytes: ArraySlice<UInt8>
        do {
            bytes = try window.bytes(of: record) ?? readWindow(at: record)
        } catch let error as SystemCallError {
            // What this process lacks says nothing of what is stored.
            throw SnapshotError(
                error.isExhaustion || error.isForbidden ? .system : .corrupt, "a segment cannot be read",
                place: "extent \(record.id)",
                remedy: error.remedy ?? "run 'cowpath check'", cause: error)
        }
        guard bytes.count == record.storedLength, CRC32C.checksum(bytes) == record.crc else {
            throw SnapshotError(
                .corrupt, "stored data is damaged", place: "extent \(record.id) in segment \(record.segment)",
                remedy: "run 'cowpath check', and restore the files from another copy")
        }
        return bytes
    }

    private func readWindow(at record: ExtentRecord) throws(SystemCallError) -> ArraySlice<UInt8> {
        let file = try openSegment(record.segment)
        // Where the last one ended, or where it was cut off.
        let follows = record.segment == window.segment && (window.start...window.end).contains(record.position)
        let count = follows ? max(ExtentReader.readAhead, record.storedLength) : record.storedLength
        let bytes = try file.descriptor.read(at: record.position, count: count)
        window = Window(segment: record.segment, start: record.position, bytes: bytes)
        return bytes.prefix(record.storedLength)
    }

    /// The extent's decompressed bytes.
    func bytes(_ id: UInt64) throws -> [UInt8] {
        if let found = decoded.first(where: { $0.id == id }) { return found.bytes }
        let bytes = try decode(try record(id))
        if decoded.count >= ExtentReader.maximumDecoded { decoded.removeFirst() }
        decoded.append((id, bytes))
        return bytes
    }

    func decode(_ record: ExtentRecord) throws -> [UInt8] {
        try decode(try storedBytes(record), record)
    }

    /// The decompressed bytes of an extent that was read.
    func decode(_ stored: ArraySlice<UInt8>, _ record: ExtentRecord) throws -> [UInt8] {
        guard record.encoding == .zstd else { return Array(stored) }
        do {
            let bytes = try Zstd.decompress(stored, limit: record.rawLength)
            guard bytes.count == record.rawLength else { throw CodecError("\(bytes.count) bytes came out") }
            return bytes
        } catch {
            throw SnapshotError(
                .corrupt, "stored data cannot be decompressed", place: "extent \(record.id)", cause: error)
        }
    }

    private func openSegment(_ id: Int64) throws(SystemCallError) -> SegmentFile {
        if let file = open[id] { return file }
        if open.count >= ExtentReader.maximumOpenSegments { open.removeAll() }
        let file = try SegmentFile(store.segmentPath(id), id: id, writable: false)
        open[id] = file
        return file
    }
}
