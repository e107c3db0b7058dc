import Codecs
import SnapshotModel

/// Commands in bytes, one behind another: each a header and attributes with type, length and value.
///
/// Contents of files are not copied, but for a few bytes: they come in between as they were given.
struct BtrfsCommandEncoder {
    private typealias Attribute = BtrfsProtocol.Attribute

    /// From how many bytes on contents are kept as they are: of fewer, a copy costs less.
    private static let shortestKept = 4096

    let version: UInt32
    /// All but the contents that were kept.
    private var bytes: [UInt8] = []
    /// Those, and behind how many of ``bytes`` they belong.
    private var kept: [(position: Int, data: ArraySlice<UInt8>)] = []
    private var keptLength = 0
    /// Where in ``bytes`` the command begins that is being written.
    private var start = 0

    init(version: UInt32) {
        self.version = version
    }

    mutating func begin(_ command: BtrfsProtocol.Command) {
        start = bytes.count
        // The length and the check, of four bytes each, are set when they are known.
        append((0 as UInt16, 0 as UInt16, command.rawValue.littleEndian, 0 as UInt16, 0 as UInt16))
    }

    mutating func add(_ attribute: BtrfsProtocol.Attribute, bytes value: [UInt8]) {
        append(head(attribute, value.count))
        bytes.append(contentsOf: value)
    }

    mutating func add(_ attribute: BtrfsProtocol.Attribute, _ path: RelativePath) {
        add(attribute, bytes: path.bytes)
    }

    mutating func add(_ attribute: BtrfsProtocol.Attribute, _ uuid: SnapshotUUID) {
        let (first, second) = (halves(uuid.high.byteSwapped), halves(uuid.low.byteSwapped))
        append((head(attribute, 16), first.low, first.high, second.low, second.high))
    }

    mutating func add(_ attribute: BtrfsProtocol.Attribute, _ value: UInt64) {
        let (low, high) = halves(value)
        append((head(attribute, 8), low, high))
    }

    mutating func add(_ attribute: BtrfsProtocol.Attribute, _ value: UInt32) {
        append((head(attribute, 4), value.littleEndian))
    }

    mutating func add(_ attribute: BtrfsProtocol.Attribute, _ time: Timestamp) {
        let (low, high) = halves(UInt64(bitPattern: time.seconds))
        append((head(attribute, 12), low, high, time.nanoseconds.littleEndian))
    }

    /// What stands before a value: the number of the attribute and the length of the value, 16 bits each.
    private func head(_ attribute: BtrfsProtocol.Attribute, _ length: Int) -> UInt32 {
        (UInt32(attribute.rawValue) | UInt32(truncatingIfNeeded: length) << 16).littleEndian
    }

    private func halves(_ value: UInt64) -> (low: UInt32, high: UInt32) {
        (UInt32(truncatingIfNeeded: value).littleEndian, UInt32(truncatingIfNeeded: value >> 32).littleEndian)
    }

    /// Appends numbers of one width, which lie in memory as they do in a stream.
    private mutating func append<Numbers: BitwiseCopyable>(_ numbers: Numbers) {
        unsafe withUnsafeBytes(of: numbers) { unsafe bytes.append(contentsOf: $0) }
    }

    /// File contents: always the last attribute; from protocol 2 on without a length.
    mutating func add(data: ArraySlice<UInt8>) {
        if version >= 2 {
            bytes.append(littleEndian: BtrfsProtocol.Attribute.data.rawValue)
        } else {
            append(head(.data, data.count))
        }
        if data.count < BtrfsCommandEncoder.shortestKept {
            bytes.append(contentsOf: data)
        } else {
            kept.append((bytes.count, data))
            keptLength += data.count
        }
    }

    /// Gives the command its length and check. The check is of the whole command with its own field 0.
    mutating func finish() {
        let data = kept.last.flatMap { $0.position > start ? $0.data : nil } ?? []
        set(UInt32(bytes.count - start - BtrfsProtocol.commandHeaderLength + data.count), at: start)
        set(CRC32C.update(CRC32C.update(0, bytes[start...]), data), at: start + 6)
    }

    /// How many bytes ``finished`` has.
    var finishedLength: Int { bytes.count + keptLength }

    /// The commands that were finished.
    var finished: [ArraySlice<UInt8>] {
        var pieces: [ArraySlice<UInt8>] = []
        pieces.reserveCapacity(2 * kept.count + 1)
        var position = 0
        for (end, data) in kept {
            pieces.append(bytes[position..<end])
            pieces.append(data)
            position = end
        }
        pieces.append(bytes[position...])
        return pieces
    }

    /// Forgets them.
    mutating func removeFinished() {
        bytes.removeAll(keepingCapacity: true)
        kept.removeAll(keepingCapacity: true)
        keptLength = 0
    }

    private mutating func set(_ value: UInt32, at index: Int) {
        precondition(index >= 0 && index <= bytes.count - 4)
        unsafe bytes.withUnsafeMutableBytes {
            unsafe $0.storeBytes(of: value.littleEndian, toByteOffset: index, as: UInt32.self)
        }
    }
}
