package import SnapshotModel

/// Where the frames of a stored stream lie and with which path each begins.
///
/// Bounded: where it would outgrow ``maximumLength``, every second entry goes, and from then on only every
/// second frame (then every fourth, and so on) is entered. A search finds the entry before its path and reads
/// on from there, so a thinner index costs reading and never an answer.
package struct StreamIndex: Equatable, Sendable {
    /// The most that the entries of an index take, each counted as 50 bytes and its path.
    package static let maximumLength = 2 << 20

    package struct Entry: Equatable, Sendable {
        /// The frame's sequence number.
        package var sequence: UInt64
        /// Where in the stream the frame begins.
        package var offset: UInt64
        /// Which snapshot of the stream it belongs to, from 0 on.
        package var snapshot: UInt64
        /// The first path in it.
        package var firstPath: RelativePath
    }

    package private(set) var entries: [Entry] = []
    private var size = 0
    private var stride: UInt64 = 1
    private var seen: UInt64 = 0

    package init() {}

    /// Enters a frame of instructions.
    mutating func add(_ entry: Entry) {
        defer { seen += 1 }
        guard seen % stride == 0 else { return }
        entries.append(entry)
        size += StreamIndex.size(of: entry)
        if size > StreamIndex.maximumLength {
            entries = entries.enumerated().filter { $0.offset % 2 == 0 }.map(\.element)
            size = entries.reduce(0) { $0 + StreamIndex.size(of: $1) }
            stride *= 2
        }
    }

    /// The most bytes that an entry takes: four or five numbers of at most ten bytes, and its path.
    private static func size(of entry: Entry) -> Int { 50 + entry.firstPath.bytes.count }

    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(varint: UInt64(entries.count))
        var last = Entry(sequence: 0, offset: 0, snapshot: 0, firstPath: .root)
        for entry in entries {
            bytes.append(varint: entry.sequence - last.sequence)
            bytes.append(varint: entry.offset - last.offset)
            bytes.append(varint: entry.snapshot - last.snapshot)
            let shared = zip(entry.firstPath.bytes, last.firstPath.bytes).prefix { $0 == $1 }.count
            bytes.append(varint: UInt64(shared))
            bytes.append(counted: entry.firstPath.bytes[shared...])
            last = entry
        }
        return bytes
    }

    /// - Throws: ``SnapshotError`` where the bytes are no index.
    init(parsing raw: ArraySlice<UInt8>, at offset: UInt64) throws(SnapshotError) {
        var cursor = ByteCursor(raw, offset: offset, subject: "the index")
        // An entry has at least five bytes.
        let count = try cursor.varint(upTo: UInt64(raw.count / 5), "a count of entries")
        var last = Entry(sequence: 0, offset: 0, snapshot: 0, firstPath: .root)
        for _ in 0..<count {
            last.sequence = try StreamIndex.sum(last.sequence, &cursor)
            last.offset = try StreamIndex.sum(last.offset, &cursor)
            last.snapshot = try StreamIndex.sum(last.snapshot, &cursor)
            let shared = try cursor.varint(
                upTo: UInt64(last.firstPath.bytes.count), "the length of what two paths share")
            let rest = try cursor.counted(upTo: RelativePath.maximumLength, "a path")
            last.firstPath = try RelativePath(validating: last.firstPath.bytes.prefix(Int(shared)) + rest)
            // Paths that share their beginnings are short in bytes and long in memory.
            size += StreamIndex.size(of: last)
            guard size <= StreamIndex.maximumLength else {
                throw SnapshotError(
                    .limitExceeded, "the index has more than \(StreamIndex.maximumLength) bytes of paths",
                    place: "at byte \(offset) of the stream")
            }
            entries.append(last)
        }
        guard cursor.isAtEnd else { throw cursor.corrupt("the index has bytes left over") }
    }

    private static func sum(_ base: UInt64, _ cursor: inout ByteCursor) throws(SnapshotError) -> UInt64 {
        let (sum, overflows) = base.addingReportingOverflow(try cursor.varint())
        guard !overflows else { throw cursor.corrupt("a number in the index is too large") }
        return sum
    }
}
