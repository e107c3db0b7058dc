import SnapshotModel

/// The extents of one file: in order, without overlap, what is between them being holes.
struct ExtentList: Equatable {
    var items: [FileExtent] = []

    /// The first extent that ends behind `offset`.
    private func firstIndex(endingAfter offset: UInt64) -> Int {
        var low = 0
        var high = items.count
        while low < high {
            let middle = (low + high) / 2
            if items[middle].end > offset { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// Puts `content` in place of whatever the range holds; nil makes a hole of it.
    ///
    /// `offset + length` must not overflow. Nothing happens for a length of 0.
    mutating func replace(_ offset: UInt64, _ length: UInt64, with content: FileExtent.Content?) {
        if length == 0 { return }
        let end = offset + length
        let first = firstIndex(endingAfter: offset)
        var last = first
        var pieces: [FileExtent] = []
        if first < items.count, items[first].offset < offset {
            pieces.append(items[first].part(from: items[first].offset, to: offset))
        }
        if let content { pieces.append(FileExtent(offset: offset, length: length, content: content)) }
        while last < items.count, items[last].offset < end {
            if items[last].end > end { pieces.append(items[last].part(from: end, to: items[last].end)) }
            last += 1
        }
        items.replaceSubrange(first..<last, with: pieces)
        merge(around: first)
    }

    /// Sets space aside where the range has holes.
    mutating func preallocate(_ offset: UInt64, _ length: UInt64) {
        let end = offset + length
        var position = offset
        var holes: [(UInt64, UInt64)] = []
        for index in firstIndex(endingAfter: offset)..<items.count {
            let item = items[index]
            if item.offset >= end { break }
            if item.offset > position { holes.append((position, item.offset - position)) }
            position = item.end
        }
        if position < end { holes.append((position, end - position)) }
        for (start, count) in holes { replace(start, count, with: .preallocated) }
    }

    /// What the range holds, at its own offsets.
    func slice(_ offset: UInt64, _ length: UInt64) -> [FileExtent] {
        let end = offset + length
        var pieces: [FileExtent] = []
        for item in items[firstIndex(endingAfter: offset)...] {
            if item.offset >= end { break }
            pieces.append(item.part(from: max(offset, item.offset), to: min(end, item.end)))
        }
        return pieces
    }

    /// Joins neighbours of which nothing but their place is known, so that a long file is one.
    private mutating func merge(around index: Int) {
        var position = max(0, index - 1)
        while position + 1 < items.count, position <= index + 1 {
            let (left, right) = (items[position], items[position + 1])
            let isPlain = left.content == .data(nil) || left.content == .preallocated
            if isPlain, left.content == right.content, left.end == right.offset {
                items[position] = FileExtent(
                    offset: left.offset, length: left.length + right.length, content: left.content)
                items.remove(at: position + 1)
            } else {
                position += 1
            }
        }
    }
}

extension FileExtent {
    /// The part of the extent between two offsets of the file that lie in it.
    func part(from start: UInt64, to end: UInt64) -> FileExtent {
        guard case .data(let identity?) = content else {
            return FileExtent(offset: start, length: end - start, content: content)
        }
        return FileExtent(
            offset: start, length: end - start, content: .data(identity.advanced(by: start - offset)))
    }
}
