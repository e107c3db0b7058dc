package import SnapshotModel

/// An extent that a store in memory keeps, possibly for many files.
package final class MemoryExtent {
    package let address: UInt64
    package let generation: UInt64
    package let bytes: [UInt8]

    init(address: UInt64, generation: UInt64, bytes: [UInt8]) {
        self.address = address
        self.generation = generation
        self.bytes = bytes
    }
}

/// The contents of a regular file as ranges that are not holes.
package struct MemoryContents {
    /// What a range holds.
    package enum Body {
        /// Bytes of an extent, from an offset in it on.
        case data(MemoryExtent, start: UInt64)
        /// A range of which only the identity is known, as in a bookmark.
        case skeleton(ExtentIdentity?)
        case preallocated

        func advanced(by bytes: UInt64) -> Body {
            switch self {
            case .data(let extent, let start): .data(extent, start: start + bytes)
            case .skeleton(let identity): .skeleton(identity?.advanced(by: bytes))
            case .preallocated: .preallocated
            }
        }
    }

    package struct Segment {
        package var offset: UInt64
        package var length: UInt64
        package var body: Body
        package var end: UInt64 { offset + length }

        /// The part of the segment from `start` to `end`.
        func part(from start: UInt64, to end: UInt64) -> Segment {
            Segment(offset: start, length: end - start, body: body.advanced(by: start - offset))
        }
    }

    /// In order and without overlap.
    package private(set) var segments: [Segment] = []

    /// Makes a hole of a range.
    mutating func clear(_ range: Range<UInt64>) {
        segments = segments.flatMap { segment -> [Segment] in
            if segment.end <= range.lowerBound || segment.offset >= range.upperBound { return [segment] }
            var rest: [Segment] = []
            if segment.offset < range.lowerBound {
                rest.append(segment.part(from: segment.offset, to: range.lowerBound))
            }
            if segment.end > range.upperBound { rest.append(segment.part(from: range.upperBound, to: segment.end)) }
            return rest
        }
    }

    /// Puts a segment in place of what was there.
    mutating func put(_ segment: Segment) {
        guard segment.length > 0 else { return }
        clear(segment.offset..<segment.end)
        let index = segments.firstIndex { $0.offset > segment.offset } ?? segments.count
        segments.insert(segment, at: index)
    }

    /// Sets aside what of a range is a hole.
    mutating func preallocate(_ range: Range<UInt64>) {
        var position = range.lowerBound
        for segment in segments where segment.end > range.lowerBound && segment.offset < range.upperBound {
            if segment.offset > position { putPreallocated(position..<segment.offset) }
            position = max(position, segment.end)
        }
        if position < range.upperBound { putPreallocated(position..<range.upperBound) }
    }

    private mutating func putPreallocated(_ range: Range<UInt64>) {
        put(Segment(offset: range.lowerBound, length: range.upperBound - range.lowerBound, body: .preallocated))
    }

    /// What lies in a range, cut to it.
    func parts(in range: Range<UInt64>) -> [Segment] {
        segments.filter { $0.end > range.lowerBound && $0.offset < range.upperBound }
            .map { $0.part(from: max($0.offset, range.lowerBound), to: min($0.end, range.upperBound)) }
    }

    /// The bytes of a range; holes, and what is only known by identity, as zeros.
    func read(_ range: Range<UInt64>) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Int(range.upperBound - range.lowerBound))
        for part in parts(in: range) {
            guard case .data(let extent, let start) = part.body else { continue }
            let available = extent.bytes.dropFirst(Int(start)).prefix(Int(part.length))
            let at = Int(part.offset - range.lowerBound)
            bytes.replaceSubrange(at..<at + available.count, with: available)
        }
        return bytes
    }
}
