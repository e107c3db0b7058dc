import SnapshotModel
import Workers

/// Reads a btrfs send stream: commands are taken in order, checked and decoded in batches on the workers, and replayed
/// in order.
///
/// A stream is one or more times: header, snapshots, END. A snapshot ends at the next SUBVOL, SNAPSHOT or END;
/// a stream that ends otherwise was cut.
///
/// Memory is the window of batches, one for each worker and one that is ready, and those that a step holds on to. What
/// has come is replayed before anything is waited for.
struct BtrfsStreamReader {
    private var reader: SourceReader
    private let delivery: BtrfsDelivery
    private let pipeline: OrderedPipeline<DecodedBtrfsCommands>
    /// Whether the stream ends for us at the first END.
    private let honoursEnd: Bool
    private var version: UInt32 = 0
    private var batch = BtrfsCommandBatch(version: 0)

    init(_ reader: SourceReader, replay: ReplayDriver, honoursEnd: Bool, pool: WorkerPool) {
        self.reader = reader
        self.honoursEnd = honoursEnd
        let delivery = BtrfsDelivery(replay)
        self.delivery = delivery
        pipeline = OrderedPipeline(pool: pool, window: pool.threadCount + 1) { try delivery.deliver($0) }
    }

    mutating func run() throws {
        defer { pipeline.cancel() }
        try readStreamHeader()
        while true {
            guard try readCommands() else { continue }
            if honoursEnd { return }
            let next = try reader.peek(BtrfsProtocol.commandHeaderLength)
            if next.isEmpty { return }
            if next.elementsEqual(BtrfsProtocol.magic.prefix(next.count)) { try readStreamHeader() }
        }
    }

    private mutating func readStreamHeader() throws {
        let header = try reader.take(BtrfsProtocol.streamHeaderLength)
        guard header.count == BtrfsProtocol.streamHeaderLength else { throw try cut("inside its header") }
        guard header.starts(with: BtrfsProtocol.magic) else {
            throw SnapshotError.corruptStream("this is no btrfs send stream", at: reader.offset)
        }
        version = UInt32(littleEndianBytes: header.suffix(4))
        guard (1...3).contains(version) else {
            throw SnapshotError(
                .unsupported, "protocol \(version) of a btrfs send stream is not known",
                place: "at its first bytes", remedy: "send with --proto 2")
        }
        batch = BtrfsCommandBatch(version: version)
    }

    /// Reads commands, as many as have come and fill a batch.
    ///
    /// - Returns: whether the last was END; all that came before it is then replayed.
    private mutating func readCommands() throws -> Bool {
        if reader.isWaiting { try replayAll() }
        let front = batch.front(of: try reading { try $0.nextBytes() })
        guard let last = front.last else { return try readCommand() }
        let offset = reader.offset
        batch.append(try take(front.length), count: front.count, at: offset)
        return try goOn(behind: last)
    }

    /// Reads a command that has not come as a whole.
    private mutating func readCommand() throws -> Bool {
        let offset = reader.offset
        let start = try reading { try $0.peek(BtrfsProtocol.commandHeaderLength) }
        guard let header = unsafe BtrfsCommandHeader(start.span.bytes, at: 0) else {
            _ = try take(start.count)
            throw try cut(start.isEmpty ? "without an END" : "inside a command")
        }
        guard header.payloadLength <= BtrfsProtocol.maximumPayloadLength else {
            try replayAll()
            throw SnapshotError(
                .limitExceeded,
                "a command of \(header.payloadLength) bytes is longer than \(BtrfsProtocol.maximumPayloadLength)",
                place: "at byte \(offset) of the stream")
        }
        let length = BtrfsProtocol.commandHeaderLength + header.payloadLength
        let command = try take(length)
        guard command.count == length else { throw try cut("inside a command") }
        batch.append(command, count: 1, at: offset)
        return try goOn(behind: header)
    }

    /// - Returns: whether the command was END.
    private mutating func goOn(behind command: BtrfsCommandHeader) throws -> Bool {
        if command.isBoundary {
            // What cannot be received is refused before more is read.
            try replayAll()
        } else if batch.isFull {
            try submit()
        }
        return command.command == .end
    }

    private mutating func take(_ count: Int) throws -> ArraySlice<UInt8> {
        try reading { try $0.take(count) }
    }

    /// What came before a source fails is replayed.
    private mutating func reading(
        _ body: (inout SourceReader) throws -> ArraySlice<UInt8>
    ) throws -> ArraySlice<UInt8> {
        do {
            return try body(&reader)
        } catch {
            try replayAll()
            throw error
        }
    }

    /// Has the commands that were gathered decoded; those before them may be replayed meanwhile.
    private mutating func submit() throws {
        guard !batch.isEmpty else { return }
        let commands = batch
        batch = BtrfsCommandBatch(version: version)
        try pipeline.submit { commands.decoded() }
        delivery.replay.progress(reader.offset)
    }

    /// What came before may be wrong too, and is then what is to be told.
    private mutating func replayAll() throws {
        try submit()
        try pipeline.drain()
    }

    private mutating func cut(_ place: String) throws -> SnapshotError {
        try replayAll()
        return SnapshotError.corruptStream(
            "the stream was cut: it ends \(place)\(delivery.replay.lastPathText)", at: reader.offset)
    }
}

/// What the commands of a stream do, in their order.
private final class BtrfsDelivery {
    let replay: ReplayDriver

    init(_ replay: ReplayDriver) {
        self.replay = replay
    }

    func deliver(_ commands: DecodedBtrfsCommands) throws {
        if let first = commands.offsets.first {
            try requireSnapshot(first)
            var done = 0
            do {
                try replay.apply(commands.run, done: &done)
            } catch let error as SnapshotError {
                throw error.placed("at byte \(commands.offsets[min(done, commands.run.count - 1)]) of the stream")
            }
        }
        if let ending = commands.ending { try perform(ending.kind, at: ending.offset) }
    }

    private func perform(_ ending: DecodedBtrfsCommands.Ending, at offset: UInt64) throws {
        switch ending {
        case .beginning(let header):
            if replay.isInSnapshot { try replay.finish() }
            try replay.begin(header)
        case .end:
            if replay.isInSnapshot { try replay.finish() }
        case .fault(let error):
            try requireSnapshot(offset)
            throw error.placed("at byte \(offset) of the stream")
        case .damage(let error):
            throw error
                ?? SnapshotError.corruptStream(
                    "a command does not have its CRC32C\(replay.lastPathText)", at: offset)
        }
    }

    private func requireSnapshot(_ offset: UInt64) throws {
        guard replay.isInSnapshot else {
            throw SnapshotError.badStep("a step comes before the snapshot that it belongs to", at: offset)
        }
    }
}
