import Codecs
import SnapshotModel

/// Commands as they follow each other in a stream, before they are checked and decoded.
struct BtrfsCommandBatch: Sendable {
    private struct StoredCommand: Sendable {
        let header: ArraySlice<UInt8>
        let payload: ArraySlice<UInt8>
        /// Of the header in the stream.
        let offset: UInt64
    }

    /// The payloads that fill a batch, in bytes; one command may exceed it.
    private static let fullLength = 128 << 10
    /// The commands that fill a batch.
    private static let fullCount = 512

    private let version: UInt32
    private var commands: [StoredCommand] = []
    private var length = 0

    /// - Parameter version: the protocol of the stream.
    init(version: UInt32) {
        self.version = version
    }

    var isEmpty: Bool { commands.isEmpty }
    var isFull: Bool { length >= BtrfsCommandBatch.fullLength || commands.count >= BtrfsCommandBatch.fullCount }

    /// Appends a command; `header` is whole, and `payload` as long as it says.
    mutating func append(_ header: ArraySlice<UInt8>, _ payload: ArraySlice<UInt8>, at offset: UInt64) {
        commands.append(StoredCommand(header: header, payload: payload, offset: offset))
        length += payload.count
    }

    /// What the commands mean, in their order; it ends with the first that is damaged.
    func decoded() -> [DecodedBtrfsCommand] {
        var decoded: [DecodedBtrfsCommand] = []
        decoded.reserveCapacity(commands.count)
        var lastPath = RelativePath.root
        for command in commands {
            let meaning = meaning(of: command, after: &lastPath)
            decoded.append(DecodedBtrfsCommand(offset: command.offset, meaning: meaning))
            if case .damage = meaning { break }
        }
        return decoded
    }

    private func meaning(of stored: StoredCommand, after lastPath: inout RelativePath) -> DecodedBtrfsCommand.Meaning {
        var check = CRC32C.update(0, stored.header.prefix(6))
        check = CRC32C.update(check, BtrfsCommandBatch.blankCheck)
        guard CRC32C.update(check, stored.payload) == UInt32(littleEndianBytes: stored.header.suffix(4)) else {
            return .damage(nil)
        }
        let number = UInt16(littleEndianBytes: stored.header.dropFirst(4).prefix(2))
        guard let command = BtrfsProtocol.Command(rawValue: number), command.firstProtocol <= version else {
            return .damage(
                SnapshotError(
                    .unsupported, "the command \(number) is not one of protocol \(version)",
                    place: "at byte \(stored.offset) of the stream"))
        }
        do throws(SnapshotError) {
            let attributes = try BtrfsAttributes(
                stored.payload, of: command, version: version, offset: stored.offset)
            switch command {
            case .subvolume, .snapshot: return .beginning(try BtrfsCommandDecoder.header(command, attributes))
            case .end: return .end
            default: return step(command, attributes, after: &lastPath)
            }
        } catch {
            return .damage(error)
        }
    }

    private func step(
        _ command: BtrfsProtocol.Command, _ attributes: BtrfsAttributes, after lastPath: inout RelativePath
    ) -> DecodedBtrfsCommand.Meaning {
        do throws(SnapshotError) {
            let path = try attributes.path(.path, sameAs: lastPath)
            lastPath = path
            let instruction = try BtrfsCommandDecoder.instruction(command, at: path, attributes)
            // What comes next is most often about the name that it was given.
            if case .rename(_, let newPath) = instruction { lastPath = newPath }
            return .step(try instruction.checked(at: attributes.offset))
        } catch {
            return .fault(error)
        }
    }

    /// What stands in place of the check while it is worked out.
    private static let blankCheck: ArraySlice<UInt8> = [0, 0, 0, 0]
}

/// A command of a btrfs send stream, decoded.
struct DecodedBtrfsCommand: Sendable {
    enum Meaning: Sendable {
        case beginning(SnapshotHeader)
        case step(Instruction)
        case end
        /// A step that can be none, or that lacks something.
        case fault(SnapshotError)
        /// No command; nil where it does not have its check.
        case damage(SnapshotError?)
    }

    /// In the stream.
    let offset: UInt64
    let meaning: Meaning
}
