package import SnapshotModel
package import Workers

/// Writes instructions as a cowpath stream.
///
/// Frames are compressed on the workers and written in order on the calling thread, from within ``apply(_:)``.
/// Memory is ``Options/frameSize``, raw and compressed, times the window: a frame for each worker, and one that is
/// ready when the first is done.
package final class CowpathStreamWriter: ReplayTarget {
    package struct Options: Sendable {
        /// The largest frame that may be chosen: with the largest step behind it (128 KiB of data and its path)
        /// a frame stays below the 4 MiB that readers allow.
        package static let maximumFrameSize = 7 << 19

        package var codec: StreamCodec
        /// As the codec has it; zstd 1 to 19, zlib 1 to 9.
        package var level: Int
        /// How many bytes of instructions a frame gathers before it is closed.
        package var frameSize: Int
        /// Whether an index is written, for stored streams.
        package var index: Bool
        /// Where frames are compressed.
        package var pool: WorkerPool

        package init(
            codec: StreamCodec = .zstd, level: Int = 3, frameSize: Int = Options.maximumFrameSize, index: Bool = true,
            pool: WorkerPool = .shared
        ) {
            self.codec = codec
            self.level = level
            self.frameSize = frameSize
            self.index = index
            self.pool = pool
        }
    }

    private enum State { case idle, inSnapshot, abandoned, closed }

    private let options: Options
    private let output: FrameOutput
    private let pipeline: OrderedPipeline<(frame: SealedFrame, raw: [UInt8])>
    private let rooms = FrameRooms()
    private var encoder = InstructionEncoder(header: SnapshotHeader(name: "", snapshot: .none))
    private var totals = SnapshotTotals()
    private var frames: UInt64 = 0
    private var sequence: UInt64 = 0
    private var snapshots: UInt64 = 0
    private var state = State.idle
    /// What a bookmark is of that gets an index of its inodes.
    private let tree: (any SnapshotTree)?
    private var bookmarkIndex: BookmarkIndexBuilder?
    /// Of such a bookmark, what tells of directories, as long as there can be an index.
    private var directories: InstructionEncoder?

    package let losses = ReplayLosses()
    package let accepts = ReplayCapabilities.everything

    /// - Parameter tree: for a bookmark alone, what it is made of, so that it gets an index of its inodes.
    package init(to sink: any ByteSink, options: Options = Options(), bookmarking tree: (any SnapshotTree)? = nil) {
        self.options = options
        self.tree = tree
        let output = FrameOutput(sink, pool: options.pool)
        self.output = output
        pipeline = OrderedPipeline(pool: options.pool, window: options.pool.threadCount + 1) { [rooms] sealed in
            try output.write(sealed.frame)
            rooms.add(sealed.raw)
        }
    }

    package func begin(_ header: SnapshotHeader) throws {
        guard state == .idle else { throw streamMisuse("a snapshot cannot begin here") }
        guard (1...Options.maximumFrameSize).contains(options.frameSize) else {
            throw SnapshotError(
                .invalidRequest, "a frame of \(options.frameSize) bytes is not between 1 byte and 3.5 MiB")
        }
        guard tree == nil || header.isBookmark && snapshots == 0 else {
            throw streamMisuse("an index is for one bookmark")
        }
        _ = try FileName(validating: header.name.utf8)
        try startStream()
        state = .inSnapshot
        output.snapshot = snapshots
        totals = SnapshotTotals()
        frames = 0
        encoder = InstructionEncoder(header: header)
        bookmarkIndex = header.isBookmark ? try tree.map { try BookmarkIndexBuilder($0) } : nil
        directories = bookmarkIndex == nil ? nil : InstructionEncoder(header: header)
        let settings = "\(options.codec) level \(options.level) frame \(options.frameSize)"
        try submit(.snapshotHeader, HeaderDocument(header, encoder: settings).bytes())
    }

    package func apply(_ instruction: Instruction) throws {
        guard state == .inSnapshot else { throw streamMisuse("a step belongs to no snapshot") }
        if let fault = instruction.fault {
            throw SnapshotError(.invalidInstruction, fault, place: instruction.path.description)
        }
        guard case .write(let path, let offset, let data) = instruction, data.count > InstructionLimits.writeLength
        else { return try append(instruction) }
        var rest = data
        while !rest.isEmpty {
            let piece = rest.prefix(InstructionLimits.writeLength)
            try append(.write(path, offset: offset + UInt64(rest.startIndex - data.startIndex), data: piece))
            rest = rest.dropFirst(piece.count)
        }
    }

    package func finish() throws {
        guard state == .inSnapshot else { throw streamMisuse("no snapshot has begun") }
        try flush()
        try pipeline.drain()
        let trailer = try SnapshotTrailer(totals: totals, frames: frames, digest: output.digest())
        try submit(.snapshotTrailer, trailer.bytes)
        var index = bookmarkIndex?.finished()?.bytes[...] ?? []
        if index.count > BookmarkIndex.maximumLength(for: output.instructionBytes) { index = [] }
        while !index.isEmpty {
            try submit(.bookmarkIndex, [UInt8](index.prefix(options.frameSize)))
            index = index.dropFirst(options.frameSize)
        }
        try pipeline.drain()
        snapshots += 1
        state = .idle
    }

    /// Ends the stream with its index and trailer. Nothing may follow.
    package func close() throws {
        guard state == .idle else { throw streamMisuse("the stream is not at the end of a snapshot") }
        try startStream()
        state = .closed
        var indexOffset: UInt64 = 0
        if options.index {
            indexOffset = output.offset
            try submit(.index, output.index.bytes)
        }
        let trailer = StreamTrailer(snapshots: snapshots, frames: sequence, indexOffset: indexOffset)
        try submit(.streamTrailer, trailer.bytes)
        try pipeline.drain()
    }

    package func abandon() {
        guard state == .inSnapshot else { return }
        // Without its trailer, readers know that the snapshot is not whole.
        state = .abandoned
        pipeline.cancel()
    }

    private func startStream() throws {
        guard output.offset == 0 else { return }
        let preamble = StreamPreamble(
            required: tree == nil ? 0 : StreamPreamble.bookmarkIndexFeature,
            optional: options.index ? StreamPreamble.indexFeature : 0)
        try output.write(preamble: preamble.bytes)
    }

    private func append(_ instruction: Instruction) throws {
        if encoder.bytes.count >= options.frameSize { try flush() }
        totals.count(instruction)
        if try !appendToIndexed(instruction) { encoder.append(instruction) }
    }

    /// Writes a step of a bookmark to the frame in which its index expects it; false where there is no index.
    private func appendToIndexed(_ instruction: Instruction) throws -> Bool {
        if instruction.makesName, directories?.bytes.count ?? 0 >= options.frameSize { try flush() }
        guard let written = directories?.bytes.count else { return false }
        let step = try bookmarkIndex?.note(instruction, directories: written, files: encoder.bytes.count)
        // What a directory is must lie in one frame.
        guard let step, written < Options.maximumFrameSize else {
            try flush()
            (bookmarkIndex, directories) = (nil, nil)
            return false
        }
        if step.isOfDirectory {
            if step.isStart { directories?.restartPaths() }
            directories?.append(instruction)
        } else {
            if step.isStart { encoder.restartPaths() }
            encoder.append(instruction)
        }
        return true
    }

    private func flush() throws {
        if var directories {
            bookmarkIndex?.endPair(hasDirectories: !directories.isEmpty, hasFiles: !encoder.isEmpty)
            try flush(&directories)
            self.directories = directories
        }
        try flush(&encoder)
    }

    private func flush(_ encoder: inout InstructionEncoder) throws {
        if encoder.isEmpty { return }
        frames += 1
        // What is compressed already does not shrink again: trying costs more than all the rest.
        let isDense = encoder.encodedBytes > encoder.bytes.count / 2
        let firstPath = encoder.firstPath
        var raw = rooms.take()
        encoder.take(into: &raw)
        // The last step may reach beyond the frame's size.
        encoder.reserve(options.frameSize + options.frameSize / 16)
        try submit(.instructions, raw, codec: isDense ? StreamCodec.none : options.codec, firstPath)
    }

    private func submit(
        _ kind: FrameKind, _ raw: [UInt8], codec: StreamCodec? = nil, _ firstPath: RelativePath? = nil
    ) throws {
        let number = sequence
        let codec = codec ?? (raw.count < 256 ? StreamCodec.none : options.codec)
        let level = options.level
        sequence += 1
        try pipeline.submit {
            let frame = try SealedFrame.seal(
                raw, kind: kind, sequence: number, codec: codec, level: level, firstPath: firstPath)
            return (frame, raw)
        }
    }
}

extension Instruction {
    /// Whether it is the first that tells of what has a path.
    fileprivate var makesName: Bool {
        switch self {
        case .makeFile, .makeDirectory, .makeFIFO, .makeSocket, .makeNode, .makeSymbolicLink, .link: true
        case .rename, .unlink, .removeDirectory, .setExtendedAttribute, .removeExtendedAttribute, .write, .writeEncoded,
            .clone, .truncate, .changeMode, .changeOwner, .setTimes, .updateExtent, .allocate, .setFlags, .enableVerity:
            false
        }
    }
}

/// Arrays of frames that were written: as many as are in work at once, and no memory is asked for after that.
private final class FrameRooms {
    private var rooms: [[UInt8]] = []

    func add(_ room: [UInt8]) { rooms.append(room) }

    func take() -> [UInt8] { rooms.popLast() ?? [] }
}

extension SnapshotReference {
    /// Stands where there is no snapshot yet.
    static let none = SnapshotReference(uuid: SnapshotUUID(high: 0, low: 0), generation: 0)
}
