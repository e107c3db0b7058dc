import Codecs
import SnapshotModel

/// Commands as they follow each other in a stream, before they are checked and decoded.
struct BtrfsCommandBatch: Sendable {
    /// Whole commands that lie behind each other.
    private struct Run: Sendable {
        let bytes: ArraySlice<UInt8>
        /// Of the first in the stream.
        let offset: UInt64
    }

    /// The bytes that fill a batch; one command may exceed it.
    private static let fullLength = 128 << 10
    /// The commands that fill a batch.
    private static let fullCount = 512

    private let version: UInt32
    private var runs: [Run] = []
    private var (length, count) = (0, 0)

    /// - Parameter version: the protocol of the stream.
    init(version: UInt32) {
        self.version = version
    }

    var isEmpty: Bool { runs.isEmpty }
    var isFull: Bool { length >= BtrfsCommandBatch.fullLength || count >= BtrfsCommandBatch.fullCount }

    /// The whole commands at the front of bytes, as many as still fit into the batch; up to the first that begins or
    /// ends a snapshot.
    func front(of bytes: ArraySlice<UInt8>) -> BtrfsCommandFront {
        let span = unsafe bytes.span.bytes
        var front = BtrfsCommandFront()
        while front.last?.isBoundary != true, length + front.length < BtrfsCommandBatch.fullLength,
            count + front.count < BtrfsCommandBatch.fullCount,
            let header = BtrfsCommandHeader(span, at: front.length),
            header.payloadLength <= min(header.payloadRoom, BtrfsProtocol.maximumPayloadLength)
        {
            front.length += BtrfsProtocol.commandHeaderLength + header.payloadLength
            front.count += 1
            front.last = header
        }
        return front
    }

    /// Appends whole commands.
    mutating func append(_ bytes: ArraySlice<UInt8>, count: Int, at offset: UInt64) {
        runs.append(Run(bytes: bytes, offset: offset))
        length += bytes.count
        self.count += count
    }

    /// What the commands mean, up to the first that is no step, or is damaged.
    func decoded() -> DecodedBtrfsCommands {
        var decoded = DecodedBtrfsCommands(capacity: count)
        var lastPath = RelativePath.root
        for run in runs {
            let bytes = unsafe run.bytes.span.bytes
            var start = 0
            while let header = BtrfsCommandHeader(bytes, at: start) {
                let payload = start + BtrfsProtocol.commandHeaderLength
                let end = payload + header.payloadLength
                let offset = run.offset + UInt64(start)
                guard header.isRight(for: bytes.extracting(start..<end)) else {
                    return decoded.ended(by: .damage(nil), at: offset)
                }
                let first = run.bytes.startIndex
                let stored = run.bytes[first + payload..<first + end]
                do throws(SnapshotError) {
                    if let ending = try take(header, stored, at: offset, &lastPath, into: &decoded) {
                        return decoded.ended(by: ending, at: offset)
                    }
                } catch {
                    return decoded.ended(by: .damage(error), at: offset)
                }
                start = end
            }
        }
        return decoded
    }

    /// Decodes a command; nil for a step, which is appended.
    private func take(
        _ header: BtrfsCommandHeader, _ payload: ArraySlice<UInt8>, at offset: UInt64, _ lastPath: inout RelativePath,
        into decoded: inout DecodedBtrfsCommands
    ) throws(SnapshotError) -> DecodedBtrfsCommands.Ending? {
        guard let command = header.command, command.firstProtocol <= version else {
            throw SnapshotError(
                .unsupported, "the command \(header.number) is not one of protocol \(version)",
                place: "at byte \(offset) of the stream")
        }
        let attributes = try BtrfsAttributes(payload, of: command, version: version, offset: offset)
        switch command {
        case .subvolume, .snapshot: return .beginning(try BtrfsCommandDecoder.header(command, attributes))
        case .end: return .end
        default:
            do throws(SnapshotError) {
                let isKnown = try attributes.bytes(.path) == lastPath.bytes[...]
                if !isKnown { lastPath = try attributes.path(.path) }
                let step = try BtrfsCommandDecoder.instruction(command, at: lastPath, attributes)
                    .checked(at: offset)
                decoded.append(step, repeatsPath: isKnown && decoded.run.steps.last?.path == lastPath, at: offset)
                // What comes next is most often about the name that it was given.
                if case .rename(_, let newPath) = step { lastPath = newPath }
                return nil
            } catch {
                return .fault(error)
            }
        }
    }
}

/// Whole commands at the front of some bytes.
struct BtrfsCommandFront {
    /// Their bytes together.
    var length = 0
    var count = 0
    var last: BtrfsCommandHeader?
}

/// What stands before the attributes of a command.
struct BtrfsCommandHeader {
    let payloadLength: Int
    let number: UInt16
    /// How many bytes there are behind it.
    let payloadRoom: Int
    private let check: UInt32

    var command: BtrfsProtocol.Command? { BtrfsProtocol.Command(rawValue: number) }

    /// Whether the command begins or ends a snapshot.
    var isBoundary: Bool {
        switch command {
        case .subvolume, .snapshot, .end: true
        default: false
        }
    }

    /// Reads a header; nil where the bytes end before it does.
    init?(_ bytes: RawSpan, at start: Int) {
        let room = bytes.byteCount - start - BtrfsProtocol.commandHeaderLength
        guard room >= 0 else { return nil }
        payloadRoom = room
        payloadLength = Int(UInt32(littleEndianBytes: bytes.extracting(start..<start + 4)))
        number = UInt16(littleEndianBytes: bytes.extracting(start + 4..<start + 6))
        check = UInt32(littleEndianBytes: bytes.extracting(start + 6..<start + 10))
    }

    /// Whether a command has the check that the header says.
    func isRight(for command: RawSpan) -> Bool {
        var found = CRC32C.update(0, command.extracting(first: 6))
        // What stands in place of the check while it is worked out.
        found = unsafe CRC32C.update(found, BtrfsCommandHeader.blankCheck.span.bytes)
        found = CRC32C.update(found, command.extracting(droppingFirst: BtrfsProtocol.commandHeaderLength))
        return found == check
    }

    private static let blankCheck: [UInt8] = [0, 0, 0, 0]
}

/// Commands of a btrfs send stream, decoded: steps, and what comes behind them.
struct DecodedBtrfsCommands: Sendable {
    /// What is no step; nothing is decoded behind it.
    enum Ending: Sendable {
        case beginning(SnapshotHeader)
        case end
        /// A step that can be none, or that lacks something.
        case fault(SnapshotError)
        /// No command; nil where it does not have its check.
        case damage(SnapshotError?)
    }

    private(set) var run: InstructionRun
    /// Of each step in the stream.
    private(set) var offsets: [UInt64] = []
    private(set) var ending: (kind: Ending, offset: UInt64)?

    init(capacity: Int) {
        run = InstructionRun(capacity: capacity)
        offsets.reserveCapacity(capacity)
    }

    mutating func append(_ step: Instruction, repeatsPath: Bool, at offset: UInt64) {
        run.append(step, repeatsPath: repeatsPath)
        offsets.append(offset)
    }

    consuming func ended(by kind: Ending, at offset: UInt64) -> DecodedBtrfsCommands {
        ending = (kind, offset)
        return self
    }
}
