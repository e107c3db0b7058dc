import SnapshotModel
import Workers

/// Ranges of files: their extent items, and those of other files.
extension ReceiveSession {
    typealias Piece = (start: UInt64, item: ExtentItem)

    /// Removes what stands in a range; extents that reach out of it keep the rest.
    func removeRange(_ number: UInt64, _ range: Range<UInt64>) throws {
        while true {
            let pieces = try self.pieces(of: number, in: range)
            for (start, item) in pieces {
                let key = ItemKey(number, .extent, offset: start)
                let end = start + item.length
                if start < range.lowerBound {
                    try tree.editor.put(key, item.part(skipping: 0, length: range.lowerBound - start).encoded)
                } else {
                    try tree.editor.remove(key)
                }
                if end > range.upperBound {
                    let rest = item.part(skipping: range.upperBound - start, length: end - range.upperBound)
                    try tree.editor.put(ItemKey(number, .extent, offset: range.upperBound), rest.encoded)
                }
            }
            if pieces.count < ReceiveSession.itemsAtOnce { return }
        }
    }

    /// The first items that overlap a range; fewer than ``itemsAtOnce`` are all.
    private func pieces(of number: UInt64, in range: Range<UInt64>) throws -> [Piece] {
        if range.isEmpty { return [] }
        var pieces: [Piece] = []
        var cursor = TreeCursor(tree.editor, root: tree.editor.root)
        if try cursor.seekFloor(ItemKey(number, .extent, offset: range.lowerBound)),
            cursor.key?.object != number || cursor.key?.kind != .extent
        {
            try cursor.advance()
        }
        while let key = cursor.key, key.object == number, key.kind == .extent, key.offset < range.upperBound,
            pieces.count < ReceiveSession.itemsAtOnce
        {
            let item = try ExtentItem(parsing: cursor.value, start: key.offset)
            if key.offset + item.length > range.lowerBound { pieces.append((key.offset, item)) }
            try cursor.advance()
        }
        return pieces
    }

    /// Sets space aside wherever nothing stands.
    func preallocate(_ number: UInt64, _ range: Range<UInt64>) throws {
        var next = range.lowerBound
        while next < range.upperBound {
            let pieces = try self.pieces(of: number, in: next..<range.upperBound)
            for (start, item) in pieces {
                if start > next { try putPreallocated(number, next..<start) }
                next = max(next, start + item.length)
            }
            if pieces.count < ReceiveSession.itemsAtOnce { break }
        }
        if next < range.upperBound { try putPreallocated(number, next..<range.upperBound) }
    }

    private func putPreallocated(_ number: UInt64, _ range: Range<UInt64>) throws {
        let item = ExtentItem(extent: 0, offset: 0, length: range.upperBound - range.lowerBound)
        try tree.editor.put(ItemKey(number, .extent, offset: range.lowerBound), item.encoded)
    }

    // MARK: Cloning

    func clone(_ path: RelativePath, offset: UInt64, length: UInt64, from source: CloneSource) throws {
        let number = try regularFile(path)
        let end = try end(offset, length, path)
        let sourceEnd = try self.end(source.offset, length, source.path)
        if length == 0 { return }
        try flushBuffer()
        try drain()
        if source.snapshot.uuid == header.snapshot.uuid {
            try cloneWithin(source, sourceEnd, number, path, offset)
        } else {
            try cloneAcross(source, sourceEnd, number, path, offset)
        }
        try grow(number, to: end)
    }

    /// From a file of the tree that is being received.
    private func cloneWithin(
        _ source: CloneSource, _ sourceEnd: UInt64, _ number: UInt64, _ path: RelativePath, _ offset: UInt64
    ) throws {
        let other = try regularFile(source.path)
        let length = sourceEnd - source.offset
        guard sourceEnd <= (try inode(other)).size else { throw beyondSource(source, path) }
        guard other != number || sourceEnd <= offset || offset + length <= source.offset else {
            throw invalid("a range cannot be cloned onto itself", path)
        }
        if let inline = try tree.editor.find(ItemKey(other, .inline)), other != number {
            return try copy(inline, source, length, path, offset)
        }
        try settleAsExtents(number)
        try removeRange(number, offset..<offset + length)
        try take(source.offset..<sourceEnd, number, offset) { try self.pieces(of: other, in: $0) }
    }

    /// From a file of another snapshot of the volume.
    private func cloneAcross(
        _ source: CloneSource, _ sourceEnd: UInt64, _ number: UInt64, _ path: RelativePath, _ offset: UInt64
    ) throws {
        let other = try sourceTree(source)
        let length = sourceEnd - source.offset
        guard let inode = try other.resolve(source.path), inode.kind == .regular else {
            throw invalid("the source of a clone is no regular file", source.path)
        }
        guard sourceEnd <= inode.size else { throw beyondSource(source, path) }
        if let inline = try other.nodes.find(ItemKey(inode.number.rawValue, .inline), root: other.rootNode) {
            return try copy(inline, source, length, path, offset)
        }
        try settleAsExtents(number)
        try removeRange(number, offset..<offset + length)
        try take(source.offset..<sourceEnd, number, offset) { range in
            var pieces: [Piece] = []
            try other.forEachItem(of: inode.number, from: range.lowerBound) { start, item in
                guard start < range.upperBound else { return false }
                pieces.append((start, item))
                return pieces.count < ReceiveSession.itemsAtOnce
            }
            return pieces
        }
    }

    /// Refers to what stands in `range` of the source from `offset` on.
    private func take(
        _ range: Range<UInt64>, _ number: UInt64, _ offset: UInt64, _ next: (Range<UInt64>) throws -> [Piece]
    ) throws {
        var rest = range
        while !rest.isEmpty {
            let pieces = try next(rest)
            for (start, item) in pieces {
                let low = max(start, range.lowerBound)
                let high = min(start + item.length, range.upperBound)
                guard low < high else { continue }
                let part = item.part(skipping: low - start, length: high - low)
                try tree.editor.put(
                    ItemKey(number, .extent, offset: offset + (low - range.lowerBound)), part.encoded)
            }
            guard pieces.count == ReceiveSession.itemsAtOnce, let last = pieces.last else { return }
            rest = min(last.start + last.item.length, range.upperBound)..<range.upperBound
            try commitIfFull()
        }
    }

    /// Small contents that have no extent are copied.
    private func copy(
        _ inline: ArraySlice<UInt8>, _ source: CloneSource, _ length: UInt64, _ path: RelativePath, _ offset: UInt64
    ) throws {
        let count = UInt64(inline.count)
        let low = min(source.offset, count)
        let high = min(source.offset + length, count)
        if low < high { try write(path, offset: offset, inline.prefix(Int(high)).dropFirst(Int(low))) }
        // What follows in the source is a hole, and so it is here.
        if high - low < length {
            let number = try regularFile(path)
            try settleAsExtents(number)
            try removeRange(number, (offset + (high - low))..<(offset + length))
        }
    }

    private func sourceTree(_ source: CloneSource) throws -> VolumeTree {
        if let known = sources[source.snapshot.uuid] { return known }
        let name = try volume.snapshot(answeringTo: source.snapshot.uuid, preferring: plan.datasetName)?.name
        guard let name else {
            throw SnapshotError(
                .baseNotFound, "the source of a clone is not here", place: "\(source.snapshot.uuid)",
                remedy: "receive that snapshot first, or send without naming it")
        }
        let tree = try volume.tree(of: name)
        sources[source.snapshot.uuid] = tree
        return tree
    }

    private func beyondSource(_ source: CloneSource, _ path: RelativePath) -> SnapshotError {
        invalid("a clone takes more than \(source.path) has", path)
    }
}
