import SnapshotModel

/// Extents and link targets of all inodes in one blob, in varints: some 14 bytes an extent.
///
/// The file that was changed last is held unpacked, since a stream changes one file after the other; packing it
/// again leaves its old bytes behind, until ``repacked(_:)``.
struct ContentStore {
    /// Begins with a byte that no content has, so that 0 means none.
    private var blob: [UInt8] = [0]
    /// How many bytes of the blob nothing refers to.
    private(set) var wasted = 0

    /// Appends bytes with their length.
    mutating func append(target: [UInt8]) -> UInt64 {
        let start = UInt64(blob.count)
        blob.append(counted: target)
        return start
    }

    func target(at start: UInt64) throws(SnapshotError) -> [UInt8] {
        if start == 0 { return [] }
        var cursor = ByteCursor(blob[Int(start)...], offset: start, subject: "the tree's contents")
        return [UInt8](try cursor.counted(upTo: InstructionLimits.linkTargetLength, "a target"))
    }

    /// Appends extents; 0 for none.
    mutating func append(_ extents: ExtentList) -> UInt64 {
        if extents.items.isEmpty { return 0 }
        let start = UInt64(blob.count)
        blob.append(varint: UInt64(extents.items.count))
        var end: UInt64 = 0
        for extent in extents.items {
            blob.append(varint: extent.offset - end)
            blob.append(varint: extent.length)
            switch extent.content {
            case .data(nil): blob.append(ContentTag.data.rawValue)
            case .inline: blob.append(ContentTag.inline.rawValue)
            case .preallocated: blob.append(ContentTag.preallocated.rawValue)
            case .data(let identity?):
                blob.append(ContentTag.identified.rawValue)
                blob.append(varint: identity.address)
                blob.append(varint: identity.generation)
                blob.append(varint: identity.offset)
            }
            end = extent.end
        }
        return start
    }

    /// Counts the extents at `start` as no longer referred to.
    mutating func drop(at start: UInt64) throws(SnapshotError) {
        wasted += try length(at: start)
    }

    /// Visits the extents at `start` in order.
    func forEachExtent(at start: UInt64, _ body: (FileExtent) throws -> Void) throws {
        _ = try walk(at: start, body)
    }

    func extents(at start: UInt64) throws -> ExtentList {
        var list = ExtentList()
        try forEachExtent(at: start) { list.items.append($0) }
        return list
    }

    /// Copies the bytes at `start` to the end of another store. The first is of a link where `isTarget`.
    func copy(at start: UInt64, isTarget: Bool, to other: inout ContentStore) throws -> UInt64 {
        if start == 0 { return 0 }
        if isTarget { return other.append(target: try target(at: start)) }
        let length = try length(at: start)
        let newStart = UInt64(other.blob.count)
        other.blob.append(contentsOf: blob[Int(start)..<(Int(start) + length)])
        return newStart
    }

    var byteCount: Int { blob.count }

    private func length(at start: UInt64) throws(SnapshotError) -> Int {
        do {
            return try walk(at: start) { _ in }
        } catch let error as SnapshotError {
            throw error
        } catch {
            throw SnapshotError(.corrupt, "the tree's contents cannot be read", cause: error)
        }
    }

    /// - Returns: how many bytes the extents take.
    private func walk(at start: UInt64, _ body: (FileExtent) throws -> Void) throws -> Int {
        if start == 0 { return 0 }
        var cursor = ByteCursor(blob[Int(start)...], offset: start, subject: "the tree's contents")
        var end: UInt64 = 0
        for _ in 0..<(try cursor.varint()) {
            let offset = end + (try cursor.varint())
            let length = try cursor.varint()
            let tag = try cursor.byte()
            let content: FileExtent.Content
            switch ContentTag(rawValue: tag) {
            case .inline: content = .inline
            case .preallocated: content = .preallocated
            case .identified:
                let address = try cursor.varint()
                let generation = try cursor.varint()
                content = .data(
                    ExtentIdentity(address: address, generation: generation, offset: try cursor.varint()))
            case .data, .unknown, nil: content = .data(nil)
            }
            end = offset + length
            try body(FileExtent(offset: offset, length: length, content: content))
        }
        return Int(cursor.offset - start)
    }
}
