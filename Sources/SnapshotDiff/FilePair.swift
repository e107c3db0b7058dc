import SnapshotModel

/// A file of the source and the same file of the base, gone through side by side.
struct FilePair {
    /// What must be done to a range of the old file so that it becomes the new one.
    enum Difference {
        /// These bytes are new.
        case data(FileExtent)
        /// A hole is to be where data was, or where space was set aside.
        case hole(Range<UInt64>, wasData: Bool)
        /// Space is to be set aside where data or a hole was.
        case preallocated(Range<UInt64>, wasData: Bool, wasHole: Bool)
        /// What the old file has from here on goes, before anything else is done behind.
        case end(UInt64)
    }

    /// What lies in the old file.
    private enum Old {
        case hole
        /// A range with its part of an extent.
        case data(FileExtent)
        /// The rest of the last block behind the end of the file: zeros, but no hole.
        case tail
        case preallocated
    }

    private static let block: UInt64 = 4096
    /// How much of both files is read at once to be compared.
    private static let window: UInt64 = 131_072

    private let comparison: TreeComparison
    private let new: Inode
    private let old: Inode
    /// Whether space can be set aside; where it cannot, it is a hole.
    private let allocates: Bool
    private var newExtents: ExtentCursor
    private var oldExtents: ExtentCursor
    /// Where the old file was cut; behind it there is nothing.
    private var cut: UInt64?

    init(comparison: TreeComparison, new: Inode, old: Inode, allocates: Bool = true) {
        (self.comparison, self.new, self.old, self.allocates) = (comparison, new, old, allocates)
        newExtents = ExtentCursor(comparison.source, new.number)
        oldExtents = ExtentCursor(comparison.base, old.number)
    }

    mutating func forEachDifference(_ body: (Difference) throws -> Void) throws {
        var position: UInt64 = 0
        while let extent = try newExtents.extent(at: position) {
            let isPreallocated = extent.content == .preallocated
            let end = isPreallocated ? extent.end : min(extent.end, new.size)
            guard end > position else {
                // Data behind the end of the file is no contents; space set aside may follow its last block.
                position = extent.end
                continue
            }
            if extent.offset > position {
                try compareHole(&position, until: extent.offset, body)
            } else if isPreallocated, !allocates {
                try compareHole(&position, until: end, body)
            } else if isPreallocated {
                try comparePreallocated(&position, until: end, body)
            } else {
                try compareData(extent.part(from: position, to: end), body)
                position = end
            }
        }
        if position >= oldLimit {
            // Only space set aside can be left; cutting there would not take it away, or take the new one too.
            try compareHole(&position, until: .max, body)
        } else if try hasOld(behind: position) {
            try cut(at: position, body)
        }
    }

    private mutating func cut(at position: UInt64, _ body: (Difference) throws -> Void) throws {
        try body(.end(position))
        cut = position
    }

    /// Cuts the old file where it must be cut before anything else is done to it: at its new size if it was longer.
    ///
    /// Whoever lengthens a file, or sets space aside behind its end, fills the rest of its last block with zeros, and
    /// uses a block for that even where there was none. So where the new file has nothing in the last block of what
    /// both have, the cut is at the start of this block.
    ///
    /// - Returns: where that is; nil where the old file stays whole.
    mutating func cutFirst() throws -> UInt64? {
        cut = try firstCut()
        return cut
    }

    private mutating func firstCut() throws -> UInt64? {
        let common = min(old.size, new.size)
        let start = common / FilePair.block * FilePair.block
        let usual = old.size > new.size ? common : nil
        guard start < common else { return usual }
        // The first extents are needed anyway, and are often all that there are.
        _ = try newExtents.extent(at: 0)
        var ahead = newExtents
        if let extent = try ahead.extent(at: start), extent.offset < common, extent.content != .preallocated {
            return usual
        }
        if old.size != new.size { return start }
        return try setsAside(behind: start) ? start : nil
    }

    /// Whether space is to be set aside anywhere behind a position.
    private func setsAside(behind start: UInt64) throws -> Bool {
        guard allocates else { return false }
        var ahead = self
        var position = start
        var isFound = false
        while !isFound, let extent = try ahead.newExtents.extent(at: position) {
            position = max(position, extent.offset)
            if extent.content == .preallocated {
                try ahead.comparePreallocated(&position, until: extent.end) { _ in isFound = true }
            }
            position = extent.end
        }
        return isFound
    }

    /// Whether the new file has no more data in the range that both have.
    private func isHole(behind start: UInt64) throws -> Bool {
        var ahead = newExtents
        var position = start
        while position < oldLimit, let extent = try ahead.extent(at: position), extent.offset < oldLimit {
            guard extent.content == .preallocated else { return false }
            position = extent.end
        }
        return true
    }

    private mutating func compareHole(
        _ position: inout UInt64, until end: UInt64, _ body: (Difference) throws -> Void
    ) throws {
        let start = position
        while position < end {
            let (old, oldEnd) = try self.old(at: position)
            let next = min(end, oldEnd)
            switch old {
            case .hole: break
            case .data:
                if !allocates, try isHole(behind: position) {
                    // Zeros need not be written there.
                    try cut(at: position, body)
                } else {
                    try body(.hole(position..<next, wasData: true))
                }
            case .preallocated: try body(.hole(position..<next, wasData: false))
            case .tail:
                // Makes the block whole that the hole has most of; else the block stays in use.
                if start <= position / FilePair.block * FilePair.block {
                    try body(.hole(position..<next, wasData: false))
                }
            }
            position = next
        }
    }

    private mutating func comparePreallocated(
        _ position: inout UInt64, until end: UInt64, _ body: (Difference) throws -> Void
    ) throws {
        while position < end {
            let (old, oldEnd) = try self.old(at: position)
            var next = min(end, oldEnd)
            // The last block as a whole: a part of one cannot be punched.
            if case .data = old, case (.tail, let tailEnd) = try self.old(at: next) { next = min(end, tailEnd) }
            switch old {
            case .hole: try body(.preallocated(position..<next, wasData: false, wasHole: true))
            case .data: try body(.preallocated(position..<next, wasData: true, wasHole: false))
            case .tail: try body(.preallocated(position..<next, wasData: false, wasHole: false))
            case .preallocated: break
            }
            position = next
        }
    }

    private mutating func compareData(_ extent: FileExtent, _ body: (Difference) throws -> Void) throws {
        if extent.content == .inline, comparison.options.contents == .identities {
            if try !isSameInline(extent) { try body(.data(extent)) }
            return
        }
        var position = extent.offset
        // Where what differs begins: it is told of as a whole, since an extent cut up cannot be shared.
        var start: UInt64?
        while position < extent.end {
            let (old, oldEnd) = try self.old(at: position)
            let part = extent.part(from: position, to: min(extent.end, oldEnd))
            var isSame: Bool? = false
            if case .data(let before) = old {
                isSame = holdsSame(part, before.part(from: part.offset, to: part.end))
            }
            if isSame == false {
                start = start ?? position
            } else if let first = start {
                try body(.data(extent.part(from: first, to: position)))
                start = nil
            }
            if isSame == nil { try compareBytes(part, body) }
            position = part.end
        }
        if let start { try body(.data(extent.part(from: start, to: extent.end))) }
    }

    /// Whether two ranges hold the same bytes, as far as their extents tell; nil where both must be read.
    private func holdsSame(_ part: FileExtent, _ before: FileExtent) -> Bool? {
        if comparison.options.contents == .identities {
            if let identity = part.identity, let known = before.identity { return identity == known }
            // What is inline on one side only has changed, or moved out of the tree.
            if part.identity != nil || before.identity != nil { return false }
        }
        return comparison.source.holdsData && comparison.base.holdsData ? nil : false
    }

    /// Reads both files and reports the blocks that differ.
    private func compareBytes(_ part: FileExtent, _ body: (Difference) throws -> Void) throws {
        var position = part.offset
        while position < part.end {
            let end = min(part.end, (position / FilePair.window + 1) * FilePair.window)
            let count = Int(end - position)
            let now = try comparison.source.read(new.number, at: position, count: count)
            let before = try comparison.base.read(old.number, at: position, count: count)
            if !now.hasSameBytes(as: before) { try compareBlocks(part, position..<end, now, before, body) }
            position = end
        }
    }

    private func compareBlocks(
        _ part: FileExtent, _ range: Range<UInt64>, _ now: ArraySlice<UInt8>, _ before: ArraySlice<UInt8>,
        _ body: (Difference) throws -> Void
    ) throws {
        var start = range.lowerBound
        while start < range.upperBound {
            let end = min(range.upperBound, (start / FilePair.block + 1) * FilePair.block)
            let skipped = Int(start - range.lowerBound)
            let count = Int(end - start)
            if !now.dropFirst(skipped).prefix(count).hasSameBytes(as: before.dropFirst(skipped).prefix(count)) {
                try body(.data(part.part(from: start, to: end)))
            }
            start = end
        }
    }

    /// An inline extent is known by its bytes; a bookmark keeps that identity in place of them.
    private mutating func isSameInline(_ extent: FileExtent) throws -> Bool {
        guard let before = try oldExtents.extent(at: extent.offset), before.offset == extent.offset,
            before.length == extent.length, old.size >= extent.end
        else { return false }
        let identity = try comparison.source.identity(ofInline: extent, of: new.number)
        return switch before.content {
        case .inline: try comparison.base.identity(ofInline: before, of: old.number) == identity
        case .data(let known): known == identity
        case .preallocated: false
        }
    }

    /// How far the old file reaches after it was cut.
    private var oldLimit: UInt64 { min(old.size, cut ?? .max) }

    /// What the old file has at a position, and to where.
    private mutating func old(at position: UInt64) throws -> (Old, end: UInt64) {
        guard let extent = try oldExtents.extent(at: position) else { return (.hole, .max) }
        if let cut, max(extent.offset, position) >= cut { return (.hole, .max) }
        if extent.offset > position { return (.hole, extent.offset) }
        if extent.content == .preallocated { return (.preallocated, min(extent.end, cut ?? .max)) }
        if position < oldLimit { return (.data(extent), min(extent.end, oldLimit)) }
        let blockEnd = (oldLimit + FilePair.block - 1) / FilePair.block * FilePair.block
        if position < blockEnd, extent.content != .inline { return (.tail, min(extent.end, blockEnd)) }
        return (.hole, max(extent.end, position + 1))
    }

    /// Whether the old file has anything but a hole from a position on.
    private mutating func hasOld(behind start: UInt64) throws -> Bool {
        var position = start
        while true {
            let (old, end) = try self.old(at: position)
            switch old {
            case .data, .preallocated: return true
            case .tail, .hole:
                if end == .max { return false }
                position = end
            }
        }
    }
}

extension ArraySlice<UInt8> {
    /// Whether two slices hold the same bytes: `==` goes byte by byte, this eight at a time.
    fileprivate func hasSameBytes(as other: ArraySlice<UInt8>) -> Bool {
        guard count == other.count else { return false }
        let (left, right) = unsafe (span.bytes, other.span.bytes)
        var offset = 0
        while offset + 8 <= left.byteCount {
            // Both are as long, and the loop's condition keeps the loads inside.
            let word = unsafe left.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
            if unsafe word != right.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self) { return false }
            offset += 8
        }
        return suffix(count - offset).elementsEqual(other.suffix(count - offset))
    }
}
