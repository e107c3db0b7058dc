import SnapshotModel

/// Turns ranges of one file, given in order, into instructions, neighbours of a kind joined.
final class ContentWriter {
    enum Kind {
        case data, zeros, hole, preallocation
    }

    /// What one WRITE of protocol 1 carries, and what one may carry beyond it. Both are whole blocks; steps
    /// end at multiples of them in the file, so that equal files lie alike wherever they were received.
    private static let shortWrite: UInt64 = 49_152
    private static let longWrite: UInt64 = 131_072
    private static let block: UInt64 = 4096

    private let plan: Plan
    private let inode: Inode
    private let path: RelativePath
    private var pending: (kind: Kind, range: Range<UInt64>)?
    /// How far the target's file reaches by now.
    private var reached: UInt64
    private var hasChangedWhileRead = false
    /// Data up to an odd end, which comes last.
    private var last: FileExtent?

    var size: UInt64 { inode.size }

    init(plan: Plan, inode: Inode, path: RelativePath, reached: UInt64) {
        (self.plan, self.inode, self.path, self.reached) = (plan, inode, path, reached)
    }

    func add(_ kind: Kind, _ range: Range<UInt64>) throws {
        guard !range.isEmpty else { return }
        if let (last, before) = pending, last == kind, before.upperBound == range.lowerBound {
            pending = (kind, before.lowerBound..<range.upperBound)
            return
        }
        try flush()
        pending = (kind, range)
    }

    /// Adds data as it comes, but what ends at an odd end of the file not before ``finish()``: setting space aside
    /// behind such an end would write its block anew, and it were shared no longer.
    func addInTurn(_ extent: FileExtent) throws {
        if extent.end == size, size % ContentWriter.block != 0 { last = extent } else { try addData(extent) }
    }

    /// Adds data that lies within the file: shared, passed on as it is stored, or written.
    func addData(_ extent: FileExtent) throws {
        let range = extent.offset..<extent.end
        if plan.header.withoutData { return try add(.data, range) }
        guard plan.options.clonesExtents, extent.identity != nil else { return try addUnshared(extent) }
        let isShared = try plan.source.isShared(extent)
        var rest = extent
        while let place = try plan.cloneIndex.find(rest, of: inode, isShared: isShared),
            let cloned = try clone(rest, from: place)
        {
            guard cloned < rest.end else { return }
            rest = rest.part(from: cloned, to: rest.end)
        }
        try addUnshared(rest, isShared: isShared)
    }

    /// Adds data that lies nowhere else yet; remembers it where it may lie elsewhere too.
    private func addUnshared(_ extent: FileExtent, isShared: Bool = false) throws {
        if isShared, let identity = extent.identity { plan.cloneIndex.carry(identity, extent, of: inode) }
        if try !passOn(extent) { try add(.data, extent.offset..<extent.end) }
    }

    /// Cuts the file where its last data ends; ``finish()`` brings it to its size.
    func cut(to offset: UInt64) throws {
        try flush()
        try plan.emit(.truncate(path, size: offset))
        reached = offset
    }

    func finish() throws {
        if let last { try addData(last) }
        try flush()
        if reached != size { try plan.emit(.truncate(path, size: size)) }
        if hasChangedWhileRead { plan.losses.add(.changed, path.description) }
    }

    private func flush() throws {
        guard let (kind, range) = pending else { return }
        pending = nil
        switch kind {
        case .data where plan.header.withoutData, .zeros where plan.header.withoutData:
            let length = range.upperBound - range.lowerBound
            try plan.emit(.updateExtent(path, offset: range.lowerBound, length: length, nil))
        case .data: try write(range, zeros: false)
        case .zeros: try write(range, zeros: true)
        case .hole: try allocate([.keepSize, .punchHole], range)
        case .preallocation: try allocate(.keepSize, range)
        }
    }

    private func allocate(_ mode: AllocationMode, _ range: Range<UInt64>) throws {
        let length = range.upperBound - range.lowerBound
        try plan.emit(.allocate(path, mode, offset: range.lowerBound, length: length))
    }

    private func write(_ range: Range<UInt64>, zeros: Bool) throws {
        let limit = plan.sink.accepts.contains(.longWrites) ? ContentWriter.longWrite : ContentWriter.shortWrite
        var position = range.lowerBound
        while position < range.upperBound {
            let end = min(range.upperBound, (position / limit + 1) * limit)
            let count = Int(end - position)
            if plan.sink.readsData {
                let data =
                    zeros
                    ? [UInt8](repeating: 0, count: count)[...]
                    : try plan.source.read(inode.number, at: position, count: count)
                guard !data.isEmpty, data.count <= count else {
                    hasChangedWhileRead = true
                    return
                }
                try plan.emit(.write(path, offset: position, data: data))
                reached = max(reached, position + UInt64(data.count))
                hasChangedWhileRead = hasChangedWhileRead || data.count < count
            }
            try plan.sink.count(bytes: UInt64(count), unsent: !plan.sink.readsData)
            if !plan.sink.readsData { reached = max(reached, end) }
            position = end
        }
    }

    /// Shares as much of what a place has of an extent as alignment allows, and adds what of it comes before; nil
    /// where that is nothing.
    ///
    /// - Returns: where in the file what was shared ends.
    private func clone(_ extent: FileExtent, from place: CloneIndex.Place) throws -> UInt64? {
        guard let identity = extent.identity else { return nil }
        let block = ContentWriter.block
        var (start, from) = (extent.offset + (place.start - identity.offset), place.offset)
        var length = place.end - place.start
        let skipped = (block - start % block) % block
        guard skipped < length, (from + skipped) % block == 0 else { return nil }
        (start, from, length) = (start + skipped, from + skipped, length - skipped)
        let isOwn = place.tree == nil && place.inode == inode.number
        // An odd length is taken only up to the end of both files (ioctl_ficlonerange(2)).
        if length % block != 0, try isOwn || start + length != size || from + length != plan.cloneIndex.size(of: place)
        {
            length -= length % block
        }
        guard length > 0, !isOwn || from + length <= start, let (snapshot, path) = try sourcePath(of: place) else {
            return nil
        }
        if start > extent.offset {
            try addUnshared(extent.part(from: extent.offset, to: start), isShared: true)
        }
        try flush()
        try plan.emit(
            .clone(
                self.path, offset: start, length: length,
                from: CloneSource(snapshot: snapshot, path: path, offset: from)))
        reached = max(reached, start + length)
        return start + length
    }

    private func sourcePath(of place: CloneIndex.Place) throws -> (SnapshotReference, RelativePath)? {
        if let tree = place.tree { return try plan.cloneIndex.path(of: place.inode, in: tree) }
        if place.inode == inode.number { return (plan.header.snapshot, path) }
        guard let path = try plan.firstPaths[place.inode] ?? plan.finalPath(of: place.inode) else { return nil }
        return (plan.header.snapshot, path)
    }

    /// Passes an extent on as it is stored, where that is asked for and both ends can.
    private func passOn(_ extent: FileExtent) throws -> Bool {
        guard plan.options.passesEncodedExtents, plan.sink.accepts.contains(.encodedWrites),
            extent.offset % ContentWriter.block == 0,
            extent.length % ContentWriter.block == 0 || extent.end == size,
            let encoded = try plan.source.encodedExtent(extent, of: inode.number),
            encoded.decodedLength <= EncodedExtent.maximumDecodedLength, encoded.decodedOffset < encoded.decodedLength,
            extent.length <= encoded.decodedLength - encoded.decodedOffset
        else { return false }
        try flush()
        let cut = EncodedExtent(
            encoding: encoded.encoding, bytes: encoded.bytes, decodedLength: encoded.decodedLength,
            decodedOffset: encoded.decodedOffset, fileLength: extent.length)
        try plan.emit(.writeEncoded(path, offset: extent.offset, cut))
        try plan.sink.count(bytes: extent.length)
        reached = max(reached, extent.end)
        return true
    }
}
