import SnapshotTesting

/// One step of a stream, in the bytes of either encoding and with nothing checked: what a writer would refuse to
/// write is what readers must refuse to read.
struct RawStep {
    /// The number of the command, which is the same in both encodings.
    let number: UInt8
    let path: [UInt8]
    /// What follows the path in a cowpath stream.
    var fields: [UInt8] = []
    /// What follows the path in a btrfs stream (protocol 2).
    var attributes: [UInt8] = []
    /// What the trailer of a cowpath stream counts as contents.
    var bytes: UInt64 = 0

    init(_ number: UInt8, _ path: String) {
        self.init(number, Array(path.utf8))
    }

    init(_ number: UInt8, _ path: [UInt8]) {
        self.number = number
        self.path = path
    }

    var makesInode: Bool { (3...8).contains(number) }

    var cowpath: [UInt8] { [number, 0] + Raw.counted(path) + fields }

    var btrfs: [UInt8] {
        let payload = Raw.attribute(15, path) + attributes
        return Frames.btrfsCommand(UInt16(number), payload)
    }
}

/// Numbers and lengths as the two encodings write them.
enum Raw {
    static func varint(_ value: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    static func varints(_ values: UInt64...) -> [UInt8] { values.flatMap { varint($0) } }

    static func counted(_ bytes: [UInt8]) -> [UInt8] { varint(UInt64(bytes.count)) + bytes }

    static func attribute(_ number: UInt16, _ value: [UInt8]) -> [UInt8] {
        Frames.littleEndian(UInt64(number), 2) + Frames.littleEndian(UInt64(value.count & 0xFFFF), 2) + value
    }

    static func attribute(_ number: UInt16, _ value: UInt64, width: Int = 8) -> [UInt8] {
        attribute(number, Frames.littleEndian(value, width))
    }

    /// File contents, which stand last and have no length.
    static func data(_ value: [UInt8]) -> [UInt8] { [19, 0] + value }
}

extension RawStep {
    static func make(_ number: UInt8, _ path: [UInt8], inode: UInt64 = 300) -> RawStep {
        var step = RawStep(number, path)
        step.fields = Raw.varints(inode, 0)
        step.attributes = Raw.attribute(3, inode)
        return step
    }

    static func file(_ path: String, inode: UInt64 = 300) -> RawStep { make(3, Array(path.utf8), inode: inode) }
    static func directory(_ path: String, inode: UInt64 = 301) -> RawStep { make(4, Array(path.utf8), inode: inode) }

    static func node(_ path: String, mode: UInt64, device: UInt64) -> RawStep {
        var step = make(5, Array(path.utf8))
        step.fields += Raw.varints(mode, device)
        step.attributes += Raw.attribute(8, device) + Raw.attribute(5, mode)
        return step
    }

    static func link(_ path: String, symbolicTo target: [UInt8]) -> RawStep {
        var step = make(8, Array(path.utf8))
        step.fields += Raw.counted(target)
        step.attributes += Raw.attribute(17, target)
        return step
    }

    static func rename(_ path: String, to other: String) -> RawStep { pair(9, path, other, attribute: 16) }
    static func link(_ path: String, to other: String) -> RawStep { pair(10, path, other, attribute: 17) }

    private static func pair(_ number: UInt8, _ path: String, _ other: String, attribute: UInt16) -> RawStep {
        var step = RawStep(number, path)
        step.fields = [0] + Raw.counted(Array(other.utf8))
        step.attributes = Raw.attribute(attribute, Array(other.utf8))
        return step
    }

    static func unlink(_ path: String) -> RawStep { RawStep(11, path) }
    static func removeDirectory(_ path: String) -> RawStep { RawStep(12, path) }

    static func attribute(_ path: String, _ name: [UInt8], _ value: [UInt8]?) -> RawStep {
        var step = RawStep(value == nil ? 14 : 13, path)
        step.fields = Raw.counted(name) + (value.map { Raw.counted($0) } ?? [])
        step.attributes = Raw.attribute(13, name) + (value.map { Raw.attribute(14, $0) } ?? [])
        return step
    }

    static func mode(_ path: String, _ mode: UInt64) -> RawStep {
        var step = RawStep(18, path)
        step.fields = Raw.varint(mode)
        step.attributes = Raw.attribute(5, mode)
        return step
    }

    static func owner(_ path: String, _ owner: UInt64, _ group: UInt64) -> RawStep {
        var step = RawStep(19, path)
        step.fields = Raw.varints(owner, group)
        step.attributes = Raw.attribute(6, owner) + Raw.attribute(7, group)
        return step
    }

    /// All times alike.
    static func times(_ path: String, _ seconds: Int64, _ nanoseconds: UInt64) -> RawStep {
        var step = RawStep(20, path)
        let zigzag = UInt64(bitPattern: seconds << 1 ^ seconds >> 63)
        step.fields = [0]
        for _ in 0..<3 { step.fields += Raw.varints(zigzag, nanoseconds) }
        let time = Frames.littleEndian(UInt64(bitPattern: seconds), 8) + Frames.littleEndian(nanoseconds, 4)
        for attribute: UInt16 in [11, 10, 9] { step.attributes += Raw.attribute(attribute, time) }
        return step
    }
}
