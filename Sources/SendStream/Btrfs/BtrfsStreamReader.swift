import Codecs
import SnapshotModel

/// Reads a btrfs send stream, one command after the other.
///
/// A stream is one or more times: header, snapshots, END. A snapshot ends at the next SUBVOL, SNAPSHOT or END;
/// a stream that ends otherwise was cut.
struct BtrfsStreamReader {
    private var reader: SourceReader
    private let replay: ReplayDriver
    /// Whether the stream ends for us at the first END.
    private let honoursEnd: Bool
    private var version: UInt32 = 0

    init(_ reader: SourceReader, replay: ReplayDriver, honoursEnd: Bool) {
        self.reader = reader
        self.replay = replay
        self.honoursEnd = honoursEnd
    }

    /// How many bytes were read.
    var offset: UInt64 { reader.offset }

    mutating func run() throws {
        try readStreamHeader()
        var isBehindEnd = false
        while true {
            let start = try reader.peek(BtrfsProtocol.commandHeaderLength)
            if isBehindEnd {
                if start.isEmpty { return }
                if start.elementsEqual(BtrfsProtocol.magic.prefix(start.count)) {
                    try readStreamHeader()
                    isBehindEnd = false
                    continue
                }
            }
            isBehindEnd = try readCommand()
            replay.progress(reader.offset)
            if isBehindEnd, honoursEnd { return }
        }
    }

    private mutating func readStreamHeader() throws {
        let header = try reader.take(BtrfsProtocol.streamHeaderLength)
        guard header.count == BtrfsProtocol.streamHeaderLength else { throw cut("inside its header") }
        guard header.starts(with: BtrfsProtocol.magic) else {
            throw SnapshotError.corruptStream("this is no btrfs send stream", at: reader.offset)
        }
        version = UInt32(littleEndianBytes: header.suffix(4))
        guard (1...3).contains(version) else {
            throw SnapshotError(
                .unsupported, "protocol \(version) of a btrfs send stream is not known",
                place: "at its first bytes", remedy: "send with --proto 2")
        }
    }

    /// - Returns: whether the command was END.
    private mutating func readCommand() throws -> Bool {
        let offset = reader.offset
        let header = try reader.take(BtrfsProtocol.commandHeaderLength)
        guard header.count == BtrfsProtocol.commandHeaderLength else {
            throw cut(header.isEmpty ? "without an END" : "inside a command")
        }
        let length = Int(UInt32(littleEndianBytes: header.prefix(4)))
        let number = UInt16(littleEndianBytes: header.dropFirst(4).prefix(2))
        guard length <= BtrfsProtocol.maximumPayloadLength else {
            throw SnapshotError(
                .limitExceeded,
                "a command of \(length) bytes is longer than \(BtrfsProtocol.maximumPayloadLength)",
                place: "at byte \(offset) of the stream")
        }
        let payload = try reader.take(length)
        guard payload.count == length else { throw cut("inside a command") }
        var check = CRC32C.update(0, header.prefix(6))
        check = CRC32C.update(check, [0, 0, 0, 0])
        guard CRC32C.update(check, payload) == UInt32(littleEndianBytes: header.suffix(4)) else {
            throw SnapshotError.corruptStream("a command does not have its CRC32C\(replay.lastPathText)", at: offset)
        }
        guard let command = BtrfsProtocol.Command(rawValue: number), command.firstProtocol <= version else {
            throw SnapshotError(
                .unsupported, "the command \(number) is not one of protocol \(version)",
                place: "at byte \(offset) of the stream")
        }
        return try perform(
            command, BtrfsAttributes(payload, of: command, version: version, offset: offset), offset: offset)
    }

    private mutating func perform(
        _ command: BtrfsProtocol.Command, _ attributes: BtrfsAttributes, offset: UInt64
    ) throws -> Bool {
        switch command {
        case .subvolume, .snapshot:
            let header = try BtrfsCommandDecoder.header(command, attributes)
            if replay.isInSnapshot { try replay.finish() }
            try replay.begin(header)
        case .end:
            if replay.isInSnapshot { try replay.finish() }
            return true
        default:
            guard replay.isInSnapshot else {
                throw SnapshotError.badStep("a step comes before the snapshot that it belongs to", at: offset)
            }
            if let instruction = try BtrfsCommandDecoder.instruction(command, attributes) {
                do {
                    try replay.apply(instruction.checked(at: offset))
                } catch let error as SnapshotError {
                    throw error.placed("at byte \(offset) of the stream")
                }
            }
        }
        return false
    }

    private func cut(_ place: String) -> SnapshotError {
        SnapshotError.corruptStream("the stream was cut: it ends \(place)\(replay.lastPathText)", at: reader.offset)
    }
}
