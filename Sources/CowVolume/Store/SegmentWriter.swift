import Foundation
import GRDB
import Glibc
import SnapshotModel
import SystemCalls

/// Appends extents to segment files that no other writer has.
final class SegmentWriter {
    /// A segment that has grown to here is left to itself: small enough to vanish soon, large enough to be few.
    static let fullSize: UInt64 = 256 << 20
    /// Bytes are gathered up to here before they are written.
    private static let bufferSize = 1 << 20

    /// Where something was appended.
    struct Place {
        let segment: Int64
        let position: UInt64
    }

    /// What the next commit must tell of a segment.
    struct Growth {
        var size: UInt64
        var added: Int64
    }

    private let store: VolumeStore
    private let writer: Int64
    private var file: SegmentFile?
    private var position: UInt64 = 0
    private var buffer: [UInt8] = []
    private var unsynced: [SegmentFile] = []
    /// By segment, since the last commit.
    private(set) var growth: [Int64: Growth] = [:]

    /// - Parameter writer: the row of the receive, which will own the segments.
    init(_ store: VolumeStore, writer: Int64) {
        self.store = store
        self.writer = writer
    }

    func append(_ bytes: ArraySlice<UInt8>) throws -> Place {
        if position >= SegmentWriter.fullSize { try leave() }
        let file = try self.file ?? acquire()
        let place = Place(segment: file.id, position: position)
        buffer.append(contentsOf: bytes)
        position += UInt64(bytes.count)
        growth[file.id, default: Growth(size: 0, added: 0)].added += 1
        growth[file.id]?.size = position
        if buffer.count >= SegmentWriter.bufferSize { try flush() }
        return place
    }

    /// Makes everything appended durable. Must precede the commit that refers to it.
    func sync() throws {
        try flush()
        for file in unsynced { try VolumeStore.guarded(file.path) { try file.descriptor.syncData() } }
        unsynced.removeAll()
    }

    /// Writes what is gathered, so that it can be read.
    func flush() throws {
        guard let file, !buffer.isEmpty else { return }
        try VolumeStore.guarded(file.path) {
            try file.descriptor.write(buffer[...], at: position - UInt64(buffer.count))
            file.descriptor.startWriting(at: position - UInt64(buffer.count), count: buffer.count)
        }
        buffer.removeAll(keepingCapacity: true)
        if !unsynced.contains(where: { $0 === file }) { unsynced.append(file) }
    }

    func forgetGrowth() { growth.removeAll() }

    private func leave() throws {
        try flush()
        file = nil
        position = 0
    }

    /// Takes a segment with room that nobody writes, or makes a new one.
    private func acquire() throws -> SegmentFile {
        let (id, size) = try store.write { database in
            let row = try StoredRow.first(
                database, "SELECT id, size FROM segments WHERE writer IS NULL AND size < ? ORDER BY id LIMIT 1",
                [Int64(SegmentWriter.fullSize / 2)])
            if let row {
                let id = try row.integer(0)
                try database.execute(sql: "UPDATE segments SET writer = ? WHERE id = ?", arguments: [writer, id])
                return (id, try row.unsigned(1))
            }
            try database.execute(
                sql: "INSERT INTO segments (size, live, writer) VALUES (0, 0, ?)", arguments: [writer])
            return (database.lastInsertedRowID, UInt64(0))
        }
        let path = store.segmentPath(id)
        let file = try VolumeStore.guarded(path) {
            let file = try SegmentFile(path, id: id, writable: true, mayCreate: true)
            try file.descriptor.truncate(to: size)
            try Descriptor.open(store.segmentsPath, flags: O_RDONLY | O_DIRECTORY).sync()
            return file
        }
        self.file = file
        position = size
        return file
    }
}

/// An open segment.
final class SegmentFile {
    let id: Int64
    let path: String
    let descriptor: Descriptor

    init(_ path: String, id: Int64, writable: Bool, mayCreate: Bool = false) throws(SystemCallError) {
        self.id = id
        self.path = path
        descriptor = try Descriptor.open(
            path, flags: (writable ? O_RDWR : O_RDONLY) | (mayCreate ? O_CREAT : 0) | O_NOFOLLOW, mode: 0o666)
    }
}
