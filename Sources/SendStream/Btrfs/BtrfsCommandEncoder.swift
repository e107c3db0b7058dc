import Codecs
import SnapshotModel

/// Commands in bytes, one behind another: each a header and attributes with type, length and value.
struct BtrfsCommandEncoder {
    private typealias Attribute = BtrfsProtocol.Attribute

    let version: UInt32
    private var bytes: [UInt8] = []
    /// Where the command begins that is being written.
    private var start = 0

    init(version: UInt32) {
        self.version = version
    }

    mutating func begin(_ command: BtrfsProtocol.Command) {
        start = bytes.count
        bytes.append(littleEndian: 0 as UInt32)
        bytes.append(littleEndian: command.rawValue)
        bytes.append(littleEndian: 0 as UInt32)
    }

    mutating func add(_ attribute: BtrfsProtocol.Attribute, bytes value: some Collection<UInt8>) {
        bytes.append(littleEndian: attribute.rawValue)
        bytes.append(littleEndian: UInt16(truncatingIfNeeded: value.count))
        bytes.append(contentsOf: value)
    }

    mutating func add(_ attribute: BtrfsProtocol.Attribute, _ path: RelativePath) {
        add(attribute, bytes: path.bytes)
    }

    mutating func add(_ attribute: BtrfsProtocol.Attribute, _ value: some FixedWidthInteger & UnsignedInteger) {
        bytes.append(littleEndian: attribute.rawValue)
        bytes.append(littleEndian: UInt16(value.bitWidth / 8))
        bytes.append(littleEndian: value)
    }

    mutating func add(_ attribute: BtrfsProtocol.Attribute, _ time: Timestamp) {
        bytes.append(littleEndian: attribute.rawValue)
        bytes.append(littleEndian: 12 as UInt16)
        bytes.append(littleEndian: UInt64(bitPattern: time.seconds))
        bytes.append(littleEndian: time.nanoseconds)
    }

    /// File contents: always the last attribute; from protocol 2 on without a length.
    mutating func add(data: ArraySlice<UInt8>) {
        if version >= 2 {
            bytes.append(littleEndian: BtrfsProtocol.Attribute.data.rawValue)
            bytes.append(contentsOf: data)
        } else {
            add(.data, bytes: data)
        }
    }

    /// Gives the command its length and check. The check is of the whole command with its own field 0.
    mutating func finish() {
        set(UInt32(bytes.count - start - BtrfsProtocol.commandHeaderLength), at: start)
        set(CRC32C.update(0, bytes[start...]), at: start + 6)
    }

    /// The commands that were finished.
    var finished: ArraySlice<UInt8> { bytes[...] }

    /// Forgets them.
    mutating func removeFinished() {
        bytes.removeAll(keepingCapacity: true)
    }

    private mutating func set(_ value: UInt32, at index: Int) {
        for position in 0..<4 {
            bytes[index + position] = UInt8(truncatingIfNeeded: value >> (8 * UInt32(position)))
        }
    }
}
