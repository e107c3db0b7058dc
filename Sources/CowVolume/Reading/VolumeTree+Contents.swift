import Crypto
import GRDB
package import SnapshotModel

/// Contents of regular files.
extension VolumeTree {
    /// The longest read (``SnapshotTree/read(_:at:count:)``).
    private static let maximumRead = 1 << 20

    package func forEachExtent(
        of number: InodeNumber, from offset: UInt64, _ body: (FileExtent) throws -> Void
    ) throws {
        _ = try existingInode(number)
        if let inline = try inlineBytes(of: number) {
            let extent = FileExtent(offset: 0, length: UInt64(inline.count), content: .inline)
            if offset < extent.end { try body(extent) }
            return
        }
        try forEachItem(of: number, from: offset) { start, item in
            let content: FileExtent.Content = item.isPreallocated ? .preallocated : .data(VolumeTree.identity(of: item))
            try body(FileExtent(offset: start, length: item.length, content: content))
            return true
        }
    }

    package func read(_ number: InodeNumber, at offset: UInt64, count: Int) throws -> ArraySlice<UInt8> {
        guard holdsData else {
            throw SnapshotError(.unsupported, "a bookmark has no data", place: name)
        }
        let inode = try existingInode(number)
        guard offset < inode.size, count > 0 else { return [] }
        let count = Int(min(UInt64(min(count, VolumeTree.maximumRead)), inode.size - offset))
        let end = offset + UInt64(count)
        if let inline = try inlineBytes(of: number) {
            let start = Int(min(offset, UInt64(inline.count)))
            var bytes = Array(inline.dropFirst(start).prefix(count))
            bytes.append(contentsOf: repeatElement(0, count: count - bytes.count))
            return bytes[...]
        }
        // A read within one extent, the usual one, is a slice of it.
        var pieces: [(start: UInt64, item: ExtentItem)] = []
        try forEachItem(of: number, from: offset) { start, item in
            guard start < end else { return false }
            if !item.isPreallocated { pieces.append((start, item)) }
            return true
        }
        if pieces.count == 1, pieces[0].start <= offset, pieces[0].start + pieces[0].item.length >= end {
            return try bytes(of: pieces[0].item, from: offset - pieces[0].start, count: count)
        }
        var result = [UInt8](repeating: 0, count: count)
        for (start, item) in pieces {
            let low = max(start, offset)
            let high = min(start + item.length, end)
            let part = try bytes(of: item, from: low - start, count: Int(high - low))
            let place = Int(low - offset)
            result.replaceSubrange(place..<place + part.count, with: part)
        }
        return result[...]
    }

    package func encodedExtent(_ extent: FileExtent, of number: InodeNumber) throws -> EncodedExtent? {
        guard holdsData, case .data(let identity?) = extent.content else { return nil }
        let record = try extents.record(identity.address)
        guard identity.offset <= UInt64(record.rawLength), extent.length <= UInt64(record.rawLength) - identity.offset
        else { throw impossibleRange(identity.address) }
        let bytes = try located { try extents.storedBytes(record) }
        return EncodedExtent(
            encoding: record.encoding, bytes: bytes, decodedLength: UInt64(record.rawLength),
            decodedOffset: identity.offset, fileLength: extent.length)
    }

    package func identity(ofInline extent: FileExtent, of number: InodeNumber) throws -> ExtentIdentity {
        guard let inline = try inlineBytes(of: number) else {
            throw SnapshotError(.notFound, "inode \(number.rawValue) has no inline contents", place: name)
        }
        return unsafe SHA256.hash(data: inline).withUnsafeBytes { unsafe ExtentIdentity(digest: $0) }
    }

    static func identity(of item: ExtentItem) -> ExtentIdentity {
        ExtentIdentity(
            address: item.extent, generation: NodeID(rawValue: item.extent).generation, offset: item.offset)
    }

    private func inlineBytes(of number: InodeNumber) throws -> ArraySlice<UInt8>? {
        try nodes.find(ItemKey(number.rawValue, .inline), root: rootNode)
    }

    /// Visits extent items from the one that holds or follows `offset`.
    func forEachItem(
        of number: InodeNumber, from offset: UInt64, _ body: (UInt64, ExtentItem) throws -> Bool
    ) throws {
        var cursor = TreeCursor(nodes, root: rootNode)
        let key = ItemKey(number.rawValue, .extent, offset: offset)
        _ = try cursor.seekFloor(key)
        while let found = cursor.key, found.object <= key.object {
            if found.object == key.object, found.kind == .extent {
                let item = try located { try ExtentItem(parsing: cursor.value, start: found.offset) }
                if found.offset + item.length > offset {
                    sharing.visit(item.extent, cursor)
                    guard try body(found.offset, item) else { return }
                }
            } else if found.object == key.object, found.kind.rawValue > ItemKey.Kind.extent.rawValue {
                return
            }
            try cursor.advance()
        }
    }

    private func bytes(of item: ExtentItem, from skipped: UInt64, count: Int) throws -> ArraySlice<UInt8> {
        let bytes = try located { try extents.bytes(item.extent) }
        let start = item.offset + skipped
        guard start <= UInt64(bytes.count), UInt64(count) <= UInt64(bytes.count) - start else {
            throw impossibleRange(item.extent)
        }
        return bytes[Int(start)..<Int(start) + count]
    }

    private func impossibleRange(_ extent: UInt64) -> SnapshotError {
        SnapshotError(.corrupt, "a file refers to more than an extent holds", place: "extent \(extent) of \(name)")
    }
}
