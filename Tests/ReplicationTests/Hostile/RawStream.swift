import Crypto
import SnapshotModel
import SnapshotTesting

/// A stream of one snapshot, put together byte by byte.
struct RawStream {
    enum Encoding: String, CaseIterable {
        case cowpath, btrfs
    }

    /// What the targets hold before anything hostile comes.
    static let base = reference(1)
    static let snapshot = reference(2)

    static func reference(_ number: UInt64) -> SnapshotReference {
        SnapshotReference(
            uuid: SnapshotUUID(high: 0xBAD0_BAD0_BAD0_4BAD, low: 0x8000 << 48 | number), generation: number)
    }

    var name = Array("evil".utf8)
    var snapshot = RawStream.snapshot
    /// Of an incremental stream.
    var base: SnapshotReference?
    var steps: [RawStep]
    /// What the header of the snapshot says beside the rest, in JSON; only in a cowpath stream.
    var extra = ""
    /// The whole header in place of the right one; only in a cowpath stream.
    var document: String?

    init(_ steps: [RawStep]) {
        self.steps = steps
    }

    func bytes(_ encoding: Encoding) -> [UInt8] {
        switch encoding {
        case .cowpath: RawStream.preamble() + RawStream.joined(frames())
        case .btrfs: RawStream.btrfsHeader + commands().joined()
        }
    }

    // MARK: btrfs

    static let btrfsHeader = Array("btrfs-stream".utf8) + [0, 2, 0, 0, 0]

    func commands() -> [[UInt8]] {
        var payload = Raw.attribute(15, name) + Raw.attribute(1, snapshot.uuid.bytes)
        payload += Raw.attribute(2, snapshot.generation)
        if let base { payload += Raw.attribute(20, base.uuid.bytes) + Raw.attribute(21, base.generation) }
        let begin = Frames.btrfsCommand(base == nil ? 1 : 2, payload)
        return [begin] + steps.map(\.btrfs) + [Frames.btrfsCommand(21, [])]
    }

    // MARK: cowpath

    /// A frame that has no number yet.
    struct Frame {
        var kind: UInt8
        var codec: UInt8 = 0
        var raw: UInt32
        var stored: [UInt8]

        init(_ kind: UInt8, _ stored: [UInt8]) {
            (self.kind, self.stored) = (kind, stored)
            raw = UInt32(stored.count)
        }
    }

    static func preamble(version: UInt64 = 1, required: UInt64 = 0, optional: UInt64 = 0) -> [UInt8] {
        var bytes: [UInt8] = [0x89, 0x43, 0x4F, 0x57, 0x50, 0x0D, 0x0A, 0x1A]
        bytes += Frames.littleEndian(version, 4) + Frames.littleEndian(required, 8)
        bytes += Frames.littleEndian(optional, 8) + [0, 0, 0, 0]
        Frames.reseal(&bytes, headerAt: 0)
        return bytes
    }

    static func joined(_ frames: [Frame]) -> [UInt8] {
        frames.enumerated().flatMap { index, frame in
            Frames.frame(
                kind: frame.kind, codec: frame.codec, sequence: UInt64(index), raw: frame.raw, stored: frame.stored)
        }
    }

    /// Header, one frame of instructions, and both trailers, as they should be.
    func frames() -> [Frame] {
        var frames = [Frame(1, header)]
        if !steps.isEmpty { frames.append(Frame(2, steps.flatMap(\.cowpath))) }
        return closed(frames)
    }

    /// Frames of one snapshot with the trailers that belong to them.
    func closed(_ frames: [Frame]) -> [Frame] {
        let digest = [UInt8](SHA256.hash(data: RawStream.joined(frames)))
        let counts = [
            UInt64(steps.filter(\.makesInode).count), UInt64(steps.count), steps.reduce(0) { $0 &+ $1.bytes },
            UInt64(frames.count - 1),
        ]
        let trailer = Frame(3, counts.flatMap { Frames.littleEndian($0, 8) } + digest)
        return frames + [trailer, RawStream.end(snapshots: 1, frames: UInt64(frames.count + 1))]
    }

    static func end(snapshots: UInt64, frames: UInt64, index: UInt64 = 0) -> Frame {
        Frame(5, [snapshots, frames, index].flatMap { Frames.littleEndian($0, 8) })
    }

    private var header: [UInt8] {
        if let document { return Array(document.utf8) }
        var json = #""name":"\#(String(decoding: name, as: UTF8.self))","uuid":"\#(snapshot.uuid)""#
        json += #","generation":\#(snapshot.generation)"#
        if let base {
            json += #","base":{"kind":"parent","uuid":"\#(base.uuid)","generation":\#(base.generation)}"#
        }
        return Array("{\(json)\(extra)}".utf8)
    }
}
