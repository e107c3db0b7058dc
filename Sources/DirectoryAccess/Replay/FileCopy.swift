import SystemCalls

/// Copies of file contents where nothing can be shared.
enum FileCopy {
    /// Bytes that one call copies: large enough to keep a disk busy, small enough to be interrupted.
    private static let step: UInt64 = 16 << 20

    /// Copies a range, of which what is a hole in the source becomes one in the target.
    ///
    /// The source must reach as far as the range. Ranges of one file must not overlap.
    static func copy(
        from source: borrowing Descriptor, at sourceOffset: UInt64, to target: borrowing Descriptor,
        at targetOffset: UInt64, length: UInt64
    ) throws(SystemCallError) {
        let end = sourceOffset + length
        if try target.status().size < targetOffset + length { try target.truncate(to: targetOffset + length) }
        var position = sourceOffset
        while position < end {
            let data = try nextData(source, position, end)
            if data.lowerBound > position {
                let start = targetOffset + (position - sourceOffset)
                try makeHole(target, start..<(start + (data.lowerBound - position)))
            }
            position = data.lowerBound
            while position < data.upperBound {
                let copied = try copySome(
                    from: source, at: position, to: target, at: targetOffset + (position - sourceOffset),
                    count: min(step, data.upperBound - position))
                guard copied > 0 else { return }
                position += copied
            }
        }
    }

    /// The first range at or behind `position` that is not a hole; an empty one at `end` where none follows.
    private static func nextData(
        _ source: borrowing Descriptor, _ position: UInt64, _ end: UInt64
    ) throws(SystemCallError) -> Range<UInt64> {
        do throws(SystemCallError) {
            guard let start = try source.nextData(from: position), start < end else { return end..<end }
            return start..<max(start, min(end, try source.nextHole(from: start)))
        } catch  where error.isInvalid || error.isUnsupported {
            return position..<end
        }
    }

    private static func copySome(
        from source: borrowing Descriptor, at sourceOffset: UInt64, to target: borrowing Descriptor,
        at offset: UInt64, count: UInt64
    ) throws(SystemCallError) -> UInt64 {
        do throws(SystemCallError) {
            let copied = try target.copy(from: source, at: sourceOffset, count: Int(count), to: offset)
            if copied > 0 { return UInt64(copied) }
        } catch  where !error.isNoSpace {
            // Not between these file systems: through memory.
        }
        let bytes = try source.read(at: sourceOffset, count: Int(min(count, 1 << 20)))
        try target.write(bytes[...], at: offset)
        return UInt64(bytes.count)
    }

    /// Makes a range read as zeros, without space where that can be.
    static func makeHole(_ target: borrowing Descriptor, _ range: Range<UInt64>) throws(SystemCallError) {
        let punchKeepingSize: UInt32 = 3
        do throws(SystemCallError) {
            try target.allocate(
                mode: punchKeepingSize, offset: range.lowerBound, length: range.upperBound - range.lowerBound)
        } catch  where error.isUnsupported {
            try writeZeros(target, range)
        }
    }

    static func writeZeros(_ target: borrowing Descriptor, _ range: Range<UInt64>) throws(SystemCallError) {
        let zeros = [UInt8](repeating: 0, count: Int(min(1 << 16, range.upperBound - range.lowerBound)))
        var position = range.lowerBound
        while position < range.upperBound {
            let count = min(UInt64(zeros.count), range.upperBound - position)
            try target.write(zeros.prefix(Int(count)), at: position)
            position += count
        }
    }
}
