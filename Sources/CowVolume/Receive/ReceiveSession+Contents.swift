import Codecs
import SnapshotModel
import Workers

/// Contents of one file that follow one another and wait for more.
struct WriteBuffer {
    let number: UInt64
    let start: UInt64
    var bytes: [UInt8]

    var end: UInt64 { start + UInt64(bytes.count) }

    mutating func append(_ more: ArraySlice<UInt8>) {
        // A whole file that comes in one piece is not copied.
        if bytes.isEmpty { bytes = Array(more) } else { bytes.append(contentsOf: more) }
    }
}

/// Contents that are to become an extent, and where it goes.
struct PendingWrite: Sendable {
    enum Contents: Sendable {
        case raw([UInt8])
        /// Comes from the file of this path.
        case encoded(EncodedExtent, RelativePath)
    }

    let number: UInt64
    let offset: UInt64
    let contents: Contents

    func packed() throws -> PackedWrite {
        let packed =
            switch contents {
            case .raw(let bytes): try PackedExtent(packing: bytes)
            case .encoded(let extent, let path): try PackedExtent(extent, at: path)
            }
        return PackedWrite(number: number, offset: offset, packed: packed)
    }
}

/// An extent that has been through the workers, and where it goes.
struct PackedWrite: Sendable {
    let number: UInt64
    let offset: UInt64
    let packed: PackedExtent
}

/// Contents: what writes, cuts and sets them aside.
extension ReceiveSession {
    func write(_ path: RelativePath, offset: UInt64, _ data: ArraySlice<UInt8>) throws {
        let number = try regularFile(path)
        let end = try end(offset, UInt64(data.count), path)
        if data.isEmpty { return }
        if try writeInline(number, offset: offset, data) { return }
        try grow(number, to: end)
        var rest = data
        while !rest.isEmpty {
            let place = buffer?.end ?? offset
            // Extents end where every multiple of their length is, whatever the length of the writes.
            let room = ExtentLimits.maximumLength - Int(place % UInt64(ExtentLimits.maximumLength))
            buffer?.append(rest.prefix(room))
            rest = rest.dropFirst(room)
            if let full = buffer, full.end % UInt64(ExtentLimits.maximumLength) == 0 {
                try submit(full.number, full.start, full.bytes)
                buffer = WriteBuffer(number: number, start: full.end, bytes: [])
            }
        }
    }

    /// Makes the buffer continue at `offset`, or where the file is small enough to live in the tree and was there
    /// already, writes there; then the result is true.
    private func writeInline(_ number: UInt64, offset: UInt64, _ data: ArraySlice<UInt8>) throws -> Bool {
        if let buffer, buffer.number == number, buffer.end == offset { return false }
        try flushBuffer()
        guard try inode(number).size > 0, var inline = try tree.editor.find(ItemKey(number, .inline)).map(Array.init)
        else {
            buffer = WriteBuffer(number: number, start: offset, bytes: [])
            return false
        }
        let end = offset + UInt64(data.count)
        if end <= UInt64(FileLimits.inlineSize) {
            let missing = max(0, Int(end) - inline.count)
            inline.append(contentsOf: repeatElement(0, count: missing))
            inline.replaceSubrange(Int(offset)..<Int(end), with: data)
            try tree.editor.put(ItemKey(number, .inline), inline)
            try grow(number, to: end)
            try change(number) { _ in }
            return true
        }
        try tree.editor.remove(ItemKey(number, .inline))
        if offset == UInt64(inline.count) {
            buffer = WriteBuffer(number: number, start: 0, bytes: inline)
        } else {
            try submit(number, 0, inline)
            buffer = WriteBuffer(number: number, start: offset, bytes: [])
        }
        return false
    }

    func grow(_ number: UInt64, to end: UInt64) throws {
        try change(number) { $0.size = max($0.size, end) }
    }

    /// Stores what waits: in the tree where it is a whole small file, else as an extent.
    func flushBuffer() throws {
        guard let waiting = buffer else { return }
        buffer = nil
        if waiting.bytes.isEmpty { return }
        if waiting.start == 0, waiting.bytes.count <= FileLimits.inlineSize,
            try inode(waiting.number).size == UInt64(waiting.bytes.count), underway[waiting.number] == nil,
            try !hasExtents(waiting.number)
        {
            try tree.editor.put(ItemKey(waiting.number, .inline), waiting.bytes)
        } else {
            try submit(waiting.number, waiting.start, waiting.bytes)
        }
    }

    private func hasExtents(_ number: UInt64) throws -> Bool {
        var found = false
        try tree.editor.forEachItem(from: ItemKey(number, .extent), root: tree.editor.root) { _, _ in
            found = true
            return false
        }
        return found
    }

    private func submit(_ number: UInt64, _ offset: UInt64, _ bytes: [UInt8]) throws {
        try submit(PendingWrite(number: number, offset: offset, contents: .raw(bytes)), bytes.count)
    }

    private func submit(_ write: PendingWrite, _ size: Int) throws {
        underway[write.number, default: 0] += 1
        batch.append(write)
        // Of the smallest, too, only so many: each takes memory of its own.
        batchSize += max(size, ReceiveSession.batchBytes / ReceiveSession.batchCount)
        if batchSize >= ReceiveSession.batchBytes { try submitBatch() }
    }

    private func submitBatch() throws {
        let writes = batch
        batch.removeAll()
        batchSize = 0
        try pipeline.submit { try writes.map { try $0.packed() } }
    }

    /// Waits until everything that was submitted stands in the tree.
    func drain() throws {
        if !batch.isEmpty { try submitBatch() }
        try pipeline.drain()
    }

    /// Puts extents that come from the workers where they belong.
    func deliver(_ writes: [PackedWrite]) throws {
        let extents = try tree.store(writes.map(\.packed))
        for (write, extent) in zip(writes, extents) {
            let count = (underway[write.number] ?? 1) - 1
            underway[write.number] = count == 0 ? nil : count
            let length = UInt64(write.packed.rawLength)
            try removeRange(write.number, write.offset..<write.offset + length)
            try tree.editor.put(
                ItemKey(write.number, .extent, offset: write.offset),
                ExtentItem(extent: extent, offset: 0, length: length).encoded)
        }
    }

    /// Waits until all contents of a file stand in the tree.
    func settle(_ number: UInt64) throws {
        if buffer?.number == number { try flushBuffer() }
        if underway[number] != nil { try drain() }
    }

    /// The same, and none of them inline.
    func settleAsExtents(_ number: UInt64) throws {
        try settle(number)
        guard let inline = try tree.editor.find(ItemKey(number, .inline)).map(Array.init) else { return }
        try tree.editor.remove(ItemKey(number, .inline))
        try submit(number, 0, inline)
        try drain()
    }

    func writeEncoded(_ path: RelativePath, offset: UInt64, _ extent: EncodedExtent) throws {
        let number = try regularFile(path)
        let range = try extent.decodedRange()
        let end = try end(offset, extent.fileLength, path)
        let isWhole = extent.decodedOffset == 0 && extent.fileLength == extent.decodedLength
        guard isWhole, extent.encoding == .zstd, extent.fileLength > UInt64(FileLimits.inlineSize) else {
            return try write(path, offset: offset, extent.decoded(by: PaddedFrame.decode)[range])
        }
        try flushBuffer()
        // What is on its way is never inline, and arrives first.
        if underway[number] == nil { try settleAsExtents(number) }
        try grow(number, to: end)
        // Without the frame of the stream that it lies in.
        let own = EncodedExtent(
            encoding: extent.encoding, bytes: Array(extent.bytes)[...], decodedLength: extent.decodedLength,
            decodedOffset: extent.decodedOffset, fileLength: extent.fileLength)
        let write = PendingWrite(number: number, offset: offset, contents: .encoded(own, path))
        try submit(write, Int(extent.decodedLength))
    }

    func truncate(_ path: RelativePath, size: UInt64) throws {
        let number = try regularFile(path)
        _ = try end(size, 0, path)
        try settle(number)
        let old = try inode(number).size
        if size < old, let inline = try tree.editor.find(ItemKey(number, .inline)) {
            if size == 0 {
                try tree.editor.remove(ItemKey(number, .inline))
            } else if size < UInt64(inline.count) {
                try tree.editor.put(ItemKey(number, .inline), Array(inline.prefix(Int(size))))
            }
        } else if size <= old {
            try removeRange(number, size..<FileLimits.maximumSize)
        }
        try change(number) { $0.size = size }
    }

    func allocate(_ path: RelativePath, _ mode: AllocationMode, offset: UInt64, length: UInt64) throws {
        let number = try regularFile(path)
        let end = try end(offset, length, path)
        guard mode.subtracting([.keepSize, .punchHole]).isEmpty, length > 0,
            !mode.contains(.punchHole) || mode.contains(.keepSize)
        else { throw invalid("an allocation has an unknown mode or no length", path) }
        try settleAsExtents(number)
        if mode.contains(.punchHole) {
            try removeRange(number, offset..<end)
        } else {
            try preallocate(number, offset..<end)
            if !mode.contains(.keepSize) { try grow(number, to: end) }
        }
        try change(number) { _ in }
    }
}

extension PackedExtent {
    /// Takes a frame that was made elsewhere, where it is one that can be kept.
    fileprivate init(_ extent: EncodedExtent, at path: RelativePath) throws {
        let raw: [UInt8]
        do {
            raw = try extent.decoded(by: PaddedFrame.decode)
        } catch {
            throw error.placed(ifNeeded: "\(path)")
        }
        // A frame that saves nothing is not worth decoding ever again; one that does not say how long it is
        // could not be decoded alone.
        if let frame = Zstd.firstFrame(of: extent.bytes, decodingTo: raw.count) {
            let isSmaller = frame.count < raw.count
            self.init(
                rawLength: raw.count, bytes: isSmaller ? Array(frame) : raw, encoding: isSmaller ? .zstd : .none)
        } else {
            try self.init(packing: raw)
        }
    }
}
