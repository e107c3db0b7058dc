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
    private let pipeline: OrderedPipeline<[DecodedBtrfsCommand]>
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
            guard try readCommand() else { continue }
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

    /// - Returns: whether the command was END; all that came before it is then replayed.
    private mutating func readCommand() throws -> Bool {
        if reader.isWaiting { try replayAll() }
        let offset = reader.offset
        let header = try take(BtrfsProtocol.commandHeaderLength)
        guard header.count == BtrfsProtocol.commandHeaderLength else {
            throw try cut(header.isEmpty ? "without an END" : "inside a command")
        }
        let length = Int(UInt32(littleEndianBytes: header.prefix(4)))
        let number = UInt16(littleEndianBytes: header.dropFirst(4).prefix(2))
        guard length <= BtrfsProtocol.maximumPayloadLength else {
            try replayAll()
            throw SnapshotError(
                .limitExceeded,
                "a command of \(length) bytes is longer than \(BtrfsProtocol.maximumPayloadLength)",
                place: "at byte \(offset) of the stream")
        }
        let payload = try take(length)
        guard payload.count == length else { throw try cut("inside a command") }
        batch.append(header, payload, at: offset)
        let command = BtrfsProtocol.Command(rawValue: number)
        switch command {
        // What cannot be received is refused before more is read.
        case .subvolume, .snapshot, .end: try replayAll()
        default: if batch.isFull { try submit() }
        }
        return command == .end
    }

    /// What came before a source fails is replayed.
    private mutating func take(_ count: Int) throws -> ArraySlice<UInt8> {
        do {
            return try reader.take(count)
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

    func deliver(_ commands: [DecodedBtrfsCommand]) throws {
        for command in commands { try perform(command.meaning, at: command.offset) }
    }

    private func perform(_ meaning: DecodedBtrfsCommand.Meaning, at offset: UInt64) throws {
        switch meaning {
        case .step(let instruction):
            try requireSnapshot(offset)
            do {
                try replay.apply(instruction)
            } catch let error as SnapshotError {
                throw error.placed("at byte \(offset) of the stream")
            }
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
