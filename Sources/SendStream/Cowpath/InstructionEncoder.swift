import SnapshotModel

/// Writes instructions one behind the other in the compact form of a frame.
///
/// A step is its number and its fields, numbers as varints. A path is given as what it shares with the path
/// before it in the frame and what follows, so that nothing outside the frame is needed to read it.
struct InstructionEncoder {
    private(set) var bytes: [UInt8] = []
    /// How many of the bytes are extents that are compressed already.
    private(set) var encodedBytes = 0
    /// The first path since the last ``take()``.
    private(set) var firstPath: RelativePath?
    private var previous: [UInt8] = []
    private let header: SnapshotHeader

    /// - Parameter header: of the snapshot that the instructions belong to; CLONE is written relative to it.
    init(header: SnapshotHeader) {
        self.header = header
    }

    var isEmpty: Bool { bytes.isEmpty }

    /// Puts the bytes so far in place of what is in `room`, whose memory is used again; the encoder is then at the
    /// start of a new frame.
    mutating func take(into room: inout [UInt8]) {
        room.removeAll(keepingCapacity: true)
        swap(&bytes, &room)
        previous = []
        firstPath = nil
        encodedBytes = 0
    }

    /// Makes room for a frame, so that its array is not moved as it grows.
    mutating func reserve(_ count: Int) {
        bytes.reserveCapacity(count)
    }

    /// Sees to it that the next step can be read without those before it.
    mutating func restartPaths() {
        previous = []
    }

    mutating func append(_ instruction: Instruction) {
        bytes.append(InstructionNumber(instruction).rawValue)
        let path = instruction.path
        if firstPath == nil { firstPath = path }
        append(path: path)
        switch instruction {
        case .makeFile(_, let inode), .makeDirectory(_, let inode), .makeFIFO(_, let inode),
            .makeSocket(_, let inode):
            append(inode)
        case .makeNode(_, let inode, let mode, let device):
            append(inode)
            append(UInt64(mode), device)
        case .makeSymbolicLink(_, let inode, let target):
            append(inode)
            bytes.append(counted: target)
        case .rename(_, let other), .link(_, let other): append(path: other)
        case .unlink, .removeDirectory: break
        case .setExtendedAttribute(_, let attribute):
            bytes.append(counted: attribute.name)
            bytes.append(counted: attribute.value)
        case .removeExtendedAttribute(_, let name): bytes.append(counted: name)
        case .changeMode(_, let permissions): append(UInt64(permissions))
        case .changeOwner(_, let owner, let group): append(UInt64(owner), UInt64(group))
        case .setTimes(_, let times): append(times)
        case .setFlags(_, let flags): append(flags)
        case .enableVerity(_, let parameters):
            append(UInt64(parameters.algorithm), UInt64(parameters.blockSize))
            bytes.append(counted: parameters.salt)
            bytes.append(counted: parameters.signature)
        case .write, .writeEncoded, .clone, .truncate, .updateExtent, .allocate: append(contents: instruction)
        }
    }

    private mutating func append(contents instruction: Instruction) {
        switch instruction {
        case .write(_, let offset, let data):
            append(offset)
            bytes.append(counted: data)
        case .writeEncoded(_, let offset, let extent):
            append(offset, UInt64(extent.encoding.rawValue))
            append(extent.decodedLength, extent.decodedOffset)
            append(extent.fileLength)
            bytes.append(counted: extent.bytes)
            encodedBytes += extent.bytes.count
        case .clone(_, let offset, let length, let source):
            append(offset, length)
            append(source.snapshot)
            append(path: source.path)
            append(source.offset)
        case .truncate(_, let size): append(size)
        case .updateExtent(_, let offset, let length, let content):
            append(offset, length)
            append(content)
        case .allocate(_, let mode, let offset, let length):
            append(UInt64(mode.rawValue))
            append(offset, length)
        default: break
        }
    }

    private mutating func append(_ first: UInt64, _ second: UInt64) {
        append(first)
        append(second)
    }

    private mutating func append(_ value: UInt64) {
        bytes.append(varint: value)
    }

    private mutating func append(path: RelativePath) {
        var shared = 0
        let limit = min(previous.count, path.bytes.count)
        while shared < limit, previous[shared] == path.bytes[shared] { shared += 1 }
        append(UInt64(shared))
        bytes.append(counted: path.bytes[shared...])
        previous = path.bytes
    }

    private mutating func append(_ inode: InodeIdentity) {
        append(inode.number.rawValue, inode.generation)
    }

    private mutating func append(_ times: FileTimes) {
        bytes.append(times.born == nil ? 0 : 1)
        for time in [times.accessed, times.modified, times.changed] { append(time) }
        if let born = times.born { append(born) }
    }

    private mutating func append(_ time: Timestamp) {
        append(ZigZag.encode(time.seconds), UInt64(time.nanoseconds))
    }

    private mutating func append(_ snapshot: SnapshotReference) {
        if snapshot == header.snapshot {
            bytes.append(CloneSourceTag.ownSnapshot.rawValue)
        } else if snapshot == header.base.reference {
            bytes.append(CloneSourceTag.base.rawValue)
        } else {
            bytes.append(CloneSourceTag.other.rawValue)
            bytes.append(contentsOf: snapshot.uuid.bytes)
            append(snapshot.generation)
        }
    }

    private mutating func append(_ content: FileExtent.Content?) {
        switch content {
        case nil: bytes.append(ContentTag.unknown.rawValue)
        case .data(nil): bytes.append(ContentTag.data.rawValue)
        case .data(let identity?):
            bytes.append(ContentTag.identified.rawValue)
            append(identity.address, identity.generation)
            append(identity.offset)
        case .inline: bytes.append(ContentTag.inline.rawValue)
        case .preallocated: bytes.append(ContentTag.preallocated.rawValue)
        }
    }
}

/// Signed numbers as unsigned ones, small where they are near zero.
enum ZigZag {
    static func encode(_ value: Int64) -> UInt64 { UInt64(bitPattern: value << 1 ^ value >> 63) }
    static func decode(_ value: UInt64) -> Int64 { Int64(bitPattern: value >> 1) ^ -Int64(value & 1) }
}

/// Which snapshot a CLONE takes from.
enum CloneSourceTag: UInt8 {
    case ownSnapshot = 0
    case base, other
}

/// What an UPDATE_EXTENT says of a range.
enum ContentTag: UInt8 {
    case unknown = 0
    case data, identified, inline, preallocated
}

/// The first byte of a step: the number of its command in the btrfs send protocol.
enum InstructionNumber: UInt8 {
    case makeFile = 3
    case makeDirectory, makeNode, makeFIFO, makeSocket, symbolicLink, rename, link, unlink
    case removeDirectory, setExtendedAttribute, removeExtendedAttribute, write, clone, truncate, changeMode
    case changeOwner, setTimes
    case updateExtent = 22
    case allocate, setFlags, writeEncoded, enableVerity

    init(_ instruction: Instruction) {
        self =
            switch instruction {
            case .makeFile: .makeFile
            case .makeDirectory: .makeDirectory
            case .makeNode: .makeNode
            case .makeFIFO: .makeFIFO
            case .makeSocket: .makeSocket
            case .makeSymbolicLink: .symbolicLink
            case .rename: .rename
            case .link: .link
            case .unlink: .unlink
            case .removeDirectory: .removeDirectory
            case .setExtendedAttribute: .setExtendedAttribute
            case .removeExtendedAttribute: .removeExtendedAttribute
            case .write: .write
            case .clone: .clone
            case .truncate: .truncate
            case .changeMode: .changeMode
            case .changeOwner: .changeOwner
            case .setTimes: .setTimes
            case .updateExtent: .updateExtent
            case .allocate: .allocate
            case .setFlags: .setFlags
            case .writeEncoded: .writeEncoded
            case .enableVerity: .enableVerity
            }
    }
}
