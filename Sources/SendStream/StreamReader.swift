package import SnapshotModel
package import Workers

/// The two encodings of a stream.
package enum StreamEncoding: String, Sendable {
    case cowpath, btrfs
}

/// What a stream held.
package struct StreamSummary: Hashable, Sendable {
    package var encoding = StreamEncoding.cowpath
    package var snapshots: UInt64 = 0
    /// The name of the last snapshot that was whole; nil where there was none.
    package var lastSnapshot: String?
    package var totals = SnapshotTotals()
    /// The length of what was read.
    package var streamBytes: UInt64 = 0
}

/// Reads a stream in either encoding, recognised by its first bytes, and replays it onto a target.
package final class StreamReader {
    package struct Options {
        /// Whether a btrfs stream ends at its first END; nothing behind it is then read from the source.
        package var honoursEnd: Bool
        /// Called as bytes are read, with how many so far.
        package var onProgress: ((UInt64) -> Void)?
        /// Called with every snapshot before the target is; what it throws ends the replay.
        package var onSnapshot: ((SnapshotHeader) throws -> Void)?
        /// Where frames are decompressed and commands decoded.
        package var pool: WorkerPool

        package init(
            honoursEnd: Bool = false, pool: WorkerPool = .shared, onProgress: ((UInt64) -> Void)? = nil,
            onSnapshot: ((SnapshotHeader) throws -> Void)? = nil
        ) {
            self.honoursEnd = honoursEnd
            self.pool = pool
            self.onProgress = onProgress
            self.onSnapshot = onSnapshot
        }
    }

    private var reader: SourceReader
    private let options: Options

    package init(from source: any ByteSource, options: Options = Options()) {
        reader = SourceReader(source, readsAhead: !options.honoursEnd)
        self.options = options
    }

    /// The encoding, by the first bytes, which stay to be read.
    ///
    /// - Throws: ``SnapshotError`` with ``SnapshotError/Code/corrupt`` for bytes that begin no stream.
    package func encoding() throws -> StreamEncoding {
        let start = try reader.peek(StreamPreamble.magic.count)
        if start.elementsEqual(StreamPreamble.magic) { return .cowpath }
        if start.elementsEqual(BtrfsProtocol.magic.prefix(StreamPreamble.magic.count)) { return .btrfs }
        guard !start.isEmpty else {
            throw SnapshotError(
                .corrupt, "the stream is empty", place: "at its first byte", remedy: "see what the sender said")
        }
        throw SnapshotError(
            .corrupt, "this is neither a cowpath nor a btrfs send stream", place: "at its first bytes",
            remedy: "decompress it first, if a program compressed it")
    }

    /// Whether the stream is a bookmark with an index of its inodes, by the first bytes, which stay to be read.
    func hasBookmarkIndex() throws -> Bool {
        let start = try reader.peek(StreamPreamble.length)
        guard start.starts(with: StreamPreamble.magic), start.count == StreamPreamble.length else { return false }
        return try StreamPreamble(parsing: start).required & StreamPreamble.bookmarkIndexFeature != 0
    }

    /// Such a bookmark as a tree, which another thread reads; once only.
    func bookmark() throws -> PendingTree {
        var frames = BookmarkFrames(reader, pool: options.pool)
        let header = try frames.header()
        return PendingTree(header, pool: options.pool) { [frames] in
            var frames = frames
            return try frames.tree(of: header)
        }
    }

    /// Replays the whole stream; once only.
    ///
    /// On any error the target abandons the snapshot that had begun. Those finished before stay.
    /// - Throws: ``SnapshotError`` with the snapshot, the frame and the offset, and what the target threw.
    package func replay(into target: any ReplayTarget) throws -> StreamSummary {
        let driver = ReplayDriver(target: target, options: options)
        do {
            let encoding = try encoding()
            switch encoding {
            case .btrfs:
                var stream = BtrfsStreamReader(
                    reader, replay: driver, honoursEnd: options.honoursEnd, pool: options.pool)
                try stream.run()
            case .cowpath:
                var stream = CowpathStreamReader(reader, replay: driver, pool: options.pool)
                try stream.run()
            }
            var summary = driver.summary
            summary.encoding = encoding
            return summary
        } catch {
            target.abandon()
            throw driver.located(error)
        }
    }
}
