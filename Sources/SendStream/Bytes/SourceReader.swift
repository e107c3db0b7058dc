import SnapshotModel

/// A position in a ``ByteSource`` from which pieces of known length are taken.
///
/// A piece shares its memory with what was read, where it lies in one; for what a length says no more is allocated
/// before the bytes have come than a frame may have.
struct SourceReader {
    /// How much is asked of the source at once: four times the buffer of a pipe.
    private static let readSize = 256 << 10

    /// The most memory that is asked for before the bytes have come: that of the largest frame.
    private static let maximumRoom = FrameHeader.maximumRawLength

    private let source: any ByteSource
    /// Whether nothing behind the piece asked for may be read, because others read on from there.
    private let readsAhead: Bool
    private var buffer: ArraySlice<UInt8> = []
    /// How many bytes were taken: the absolute offset of the next.
    private(set) var offset: UInt64 = 0

    init(_ source: any ByteSource, readsAhead: Bool = true) {
        self.source = source
        self.readsAhead = readsAhead
    }

    /// Whether whoever takes the next byte has to wait for it.
    var isWaiting: Bool { buffer.isEmpty && source.isWaiting }

    /// What of the bytes that come next has been read, left where it is. Reads some where there is nothing, and gives
    /// none only at the end of the source, or where nobody may read ahead of what is taken.
    mutating func nextBytes() throws -> ArraySlice<UInt8> {
        if buffer.isEmpty, readsAhead { buffer = try source.read(upTo: SourceReader.readSize) }
        return buffer
    }

    /// The next `count` bytes; fewer only at the end of the source.
    mutating func take(_ count: Int) throws -> ArraySlice<UInt8> {
        if buffer.isEmpty, count > 0 { buffer = try source.read(upTo: readLength(missing: count)) }
        var piece = buffer.prefix(count)
        buffer = buffer.dropFirst(piece.count)
        if piece.count < count { piece = try joined(piece, count) }
        offset += UInt64(piece.count)
        return piece
    }

    /// A piece that lies in more than one of those that were read: only it is copied.
    private mutating func joined(_ start: ArraySlice<UInt8>, _ count: Int) throws -> ArraySlice<UInt8> {
        var joined = [UInt8](start)
        joined.reserveCapacity(min(count, SourceReader.maximumRoom))
        while joined.count < count {
            buffer = try source.read(upTo: readLength(missing: count - joined.count))
            if buffer.isEmpty { break }
            let part = buffer.prefix(count - joined.count)
            joined.append(contentsOf: part)
            buffer = buffer.dropFirst(part.count)
        }
        return joined[...]
    }

    /// The next `count` bytes, left where they are; fewer only at the end of the source.
    mutating func peek(_ count: Int) throws -> ArraySlice<UInt8> {
        try fill(count)
        return buffer.prefix(count)
    }

    private mutating func fill(_ count: Int) throws {
        if buffer.isEmpty, count > 0 { buffer = try source.read(upTo: readLength(missing: count)) }
        guard buffer.count < count, !buffer.isEmpty else { return }
        // Joined in an array of its own, since slices of the old one may still be in use.
        var joined = [UInt8](buffer)
        while joined.count < count {
            let piece = try source.read(upTo: readLength(missing: count - joined.count))
            if piece.isEmpty { break }
            joined.append(contentsOf: piece)
        }
        buffer = joined[...]
    }

    private func readLength(missing: Int) -> Int {
        readsAhead ? SourceReader.readSize : min(missing, SourceReader.readSize)
    }
}
