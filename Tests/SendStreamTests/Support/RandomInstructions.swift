import SnapshotModel
import SnapshotTesting

/// Steps at random, each valid by itself.
struct RandomInstructions {
    var generator: SplitMix64
    /// Whether only what protocol 2 of btrfs can carry is made.
    let fitsBtrfs: Bool
    private let own = Samples.reference(1)

    init(seed: UInt64, fitsBtrfs: Bool) {
        generator = SplitMix64(seed: seed)
        self.fitsBtrfs = fitsBtrfs
    }

    mutating func next() -> Instruction {
        let path = path()
        switch number(22) {
        case 0: return .makeFile(path, inode())
        case 1: return .makeDirectory(path, inode())
        case 2: return .makeFIFO(path, inode())
        case 3: return .makeSocket(path, inode())
        case 4: return .makeNode(path, inode(), mode: 0o060640, device: UInt64(number(1 << 31)))
        case 5: return .makeSymbolicLink(path, inode(), target: bytes(1...300).map { $0 | 1 })
        case 6: return .rename(path, to: self.path())
        case 7: return .link(path, to: self.path())
        case 8: return .unlink(path)
        case 9: return .removeDirectory(path)
        case 10:
            return .setExtendedAttribute(
                path, ExtendedAttribute(name: bytes(1...255).map { $0 | 1 }, value: bytes(0...2000)))
        case 11: return .removeExtendedAttribute(path, name: bytes(1...255).map { $0 | 1 })
        case 12: return .truncate(path, size: offset())
        case 13: return .changeMode(path, permissions: UInt32(number(0o10000)))
        case 14: return .changeOwner(path, owner: UInt32(number(1 << 32)), group: UInt32(number(1 << 32)))
        case 15: return .setTimes(path, times())
        case 16: return .updateExtent(path, offset: offset(), length: UInt64(number(1 << 40)), content())
        case 17: return .allocate(path, [.keepSize, .punchHole], offset: offset(), length: UInt64(number(1 << 40)))
        case 18: return .setFlags(path, flags: [0, 0x10, 0x20, 0x40_0080 & 0xF0, 0x0080_0000][number(5)])
        case 19:
            let from = CloneSource(
                snapshot: Samples.reference(UInt64(number(4))), path: self.path(), offset: offset())
            return .clone(path, offset: offset(), length: UInt64(number(1 << 40)), from: from)
        case 20: return .writeEncoded(path, offset: offset(), extent())
        default: return .write(path, offset: offset(), data: bytes(1...9000)[...])
        }
    }

    private mutating func number(_ limit: Int) -> Int { Int.random(in: 0..<limit, using: &generator) }

    private mutating func offset() -> UInt64 { UInt64.random(in: 0..<(1 << 62), using: &generator) }

    private mutating func bytes(_ count: ClosedRange<Int>) -> [UInt8] {
        (0..<Int.random(in: count, using: &generator)).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }

    private mutating func path() -> RelativePath {
        var path = RelativePath.root
        for _ in 0...number(4) {
            // Few names, so that paths share their beginnings; odd bytes in some of them.
            let name = number(3) == 0 ? [0xFF, 0x0A, UInt8(number(46)) + 0x30] : Array("name\(number(20)) x".utf8)
            path = path.appending(FileName(trusted: name))
        }
        return path
    }

    private mutating func inode() -> InodeIdentity {
        InodeIdentity(
            number: InodeNumber(UInt64(number(1 << 50))), generation: fitsBtrfs ? 0 : UInt64(number(1 << 20)))
    }

    private mutating func time() -> Timestamp {
        Timestamp(
            seconds: Int64.random(in: -(1 << 35)...(1 << 35), using: &generator),
            nanoseconds: UInt32(number(1_000_000_000)))
    }

    private mutating func times() -> FileTimes {
        FileTimes(
            accessed: time(), modified: time(), changed: time(), born: number(2) == 0 ? nil : time())
    }

    private mutating func content() -> FileExtent.Content? {
        if fitsBtrfs { return nil }
        switch number(5) {
        case 0: return .inline
        case 1: return .preallocated
        case 2: return .data(nil)
        case 3: return nil
        default: return .data(ExtentIdentity(address: offset(), generation: 7, offset: UInt64(number(4096))))
        }
    }

    private mutating func extent() -> EncodedExtent {
        let start = UInt64(number(4096))
        return EncodedExtent(
            encoding: .zstd, bytes: bytes(1...5000)[...], decodedLength: 131_072, decodedOffset: start,
            fileLength: UInt64(number(100_000)))
    }
}
