import Codecs
import SnapshotModel
import SnapshotTesting

/// The envelope of a cowpath stream: its header, frames, counts and digests.
extension HostileCase {
    private static let good = RawStream(groundwork)

    private static func cowpath(
        _ name: String, _ code: SnapshotError.Code, leavesSnapshot: Bool = false,
        _ bytes: @escaping @Sendable () -> [UInt8]
    ) -> HostileCase {
        .whole(name, .byReader(code), .cowpath, leavesSnapshot: leavesSnapshot, bytes)
    }

    /// A stream with its frames changed; the trailers are left as they are.
    private static func frames(
        _ name: String, _ code: SnapshotError.Code, leavesSnapshot: Bool = false,
        _ change: @escaping @Sendable (inout [RawStream.Frame]) -> Void
    ) -> HostileCase {
        cowpath(name, code, leavesSnapshot: leavesSnapshot) {
            var frames = good.frames()
            change(&frames)
            return RawStream.preamble() + RawStream.joined(frames)
        }
    }

    private static func header(_ name: String, _ code: SnapshotError.Code, _ document: String) -> HostileCase {
        cowpath(name, code) {
            var stream = good
            stream.document = document
            return stream.bytes(.cowpath)
        }
    }

    private static func extra(_ name: String, _ refusal: Refusal, _ json: String) -> HostileCase {
        .whole(name, refusal, .cowpath) {
            var stream = good
            stream.extra = json
            return stream.bytes(.cowpath)
        }
    }

    static let cowpathFrames: [HostileCase] = [
        cowpath("nothing at all", .corrupt) { [] },
        cowpath("what is no stream", .corrupt) { Array("#!/bin/sh\nrm -rf ~\n".utf8) },
        cowpath("an unknown version", .unsupported) { RawStream.preamble(version: 9) },
        cowpath("an unknown feature that is required", .unsupported) { RawStream.preamble(required: 1 << 7) },
        cowpath("a damaged start", .corrupt) {
            var bytes = good.bytes(.cowpath)
            bytes[20] ^= 1
            return bytes
        },
        cowpath("a stream without a snapshot and without an end", .corrupt) { RawStream.preamble() },
        frames("a frame of an unknown kind", .unsupported) { $0[1].kind = 77 },
        frames("a frame in an unknown compression", .unsupported) { $0[1].codec = 77 },
        frames("a frame longer than any", .limitExceeded) { $0[1].raw = .max },
        frames("a frame that says it shrank and did not", .limitExceeded) { $0[1].raw = 3 },
        frames("a frame that is not what it says", .corrupt) { frames in
            frames[1].codec = 2
            frames[1].raw = 1 << 20
        },
        frames("a bomb in a frame", .corrupt) { frames in
            frames[1].codec = 2
            frames[1].raw = 1 << 20
            frames[1].stored = (try? Zstd.compress([UInt8](repeating: 0, count: 64 << 20)[...], level: 3)) ?? []
        },
        frames("a bomb in a frame of zlib", .corrupt) { frames in
            frames[1].codec = 1
            frames[1].raw = 1 << 20
            frames[1].stored = (try? Zlib.compress([UInt8](repeating: 0, count: 64 << 20)[...], level: 9)) ?? []
        },
        frames("instructions before a snapshot", .corrupt) { $0.swapAt(0, 1) },
        frames("a second header in the middle", .corrupt) { $0.insert($0[0], at: 2) },
        frames("a stream that ends in the middle of a snapshot", .corrupt) { $0.remove(at: 2) },
        frames("instructions behind a snapshot", .corrupt, leavesSnapshot: true) { $0.insert($0[1], at: 3) },
        frames("an index that was not announced", .corrupt, leavesSnapshot: true) {
            $0.insert(RawStream.Frame(4, [0]), at: 3)
        },
        frames("a trailer of a few bytes", .corrupt) { $0[2] = RawStream.Frame(3, [1, 2, 3]) },
        frames("counts of inodes that are too small", .corrupt) { $0[2].stored[0] = 0 },
        frames("counts of instructions beyond all measure", .corrupt) {
            $0[2].stored.replaceSubrange(8..<16, with: [UInt8](repeating: 0xFF, count: 8))
        },
        frames("counts of bytes that are too small", .corrupt) { $0[2].stored[16] = 1 },
        frames("counts of frames that are too small", .corrupt) { $0[2].stored[24] = 0 },
        frames("another digest", .corrupt) { $0[2].stored[40] ^= 1 },
        frames("an end that counts no snapshot", .corrupt, leavesSnapshot: true) {
            $0[3] = RawStream.end(snapshots: 0, frames: 3)
        },
        frames("an end with an index that is not there", .corrupt, leavesSnapshot: true) {
            $0[3] = RawStream.end(snapshots: 1, frames: 3, index: 32)
        },
        frames("an end of a few bytes", .corrupt, leavesSnapshot: true) { $0[3] = RawStream.Frame(5, [1]) },
        cowpath("a byte behind the end", .corrupt, leavesSnapshot: true) { good.bytes(.cowpath) + [0] },
        cowpath("a stream behind the end", .corrupt, leavesSnapshot: true) {
            good.bytes(.cowpath) + good.bytes(.cowpath)
        },
    ]

    private static let uuid = "\(RawStream.snapshot.uuid)"

    static let cowpathHeaders: [HostileCase] = [
        header("a header that is no JSON", .corrupt, "rm -rf /"),
        header("a header of open brackets", .corrupt, String(repeating: "[", count: 100_000)),
        header("a header beyond its limit", .limitExceeded, "{\"name\":\"\(String(repeating: "n", count: 1 << 20))\"}"),
        header("a header without a UUID", .corrupt, #"{"name":"evil","generation":1}"#),
        header("a header with a number for a name", .corrupt, #"{"name":7,"uuid":"\#(uuid)","generation":1}"#),
        header("a header with a negative generation", .corrupt, #"{"name":"evil","uuid":"\#(uuid)","generation":-1}"#),
        header("a header with a UUID that is none", .corrupt, #"{"name":"evil","uuid":"zz","generation":1}"#),
        header("a snapshot that climbs out", .invalidName, #"{"name":"../evil","uuid":"\#(uuid)","generation":1}"#),
        header("a snapshot without a name", .invalidName, #"{"name":"","uuid":"\#(uuid)","generation":1}"#),
        header(
            "a snapshot's name of 300 bytes", .invalidName,
            #"{"name":"\#(String(repeating: "n", count: 300))","uuid":"\#(uuid)","generation":1}"#),
        extra("a dataset that climbs out", .byReader(.invalidName), #","dataset":"../../evil""#),
        extra("a dataset without a name", .byReader(.invalidName), #","dataset":"""#),
        extra(
            "a snapshot's time of too many nanoseconds", .byReader(.corrupt),
            #","created":{"seconds":1,"nanoseconds":4000000000}"#),
        extra(
            "a base of an unknown kind", .byReader(.corrupt), #","base":{"kind":"x","uuid":"\#(uuid)","generation":1}"#),
        extra("a clone source that is none", .byReader(.corrupt), #","cloneSources":[{"uuid":"x","generation":1}]"#),
        extra("a bookmark", .byTarget(.unsupported), #","bookmark":true"#),
        extra("a stream without contents", .byTarget(.unsupported), #","withoutData":true"#),
    ]

    /// A frame of these bytes in place of the instructions.
    private static func body(_ name: String, _ code: SnapshotError.Code, _ bytes: [UInt8]) -> HostileCase {
        cowpath(name, code) {
            let stream = RawStream([])
            return RawStream.preamble()
                + RawStream.joined(stream.closed([stream.frames()[0], RawStream.Frame(2, bytes)]))
        }
    }

    static let cowpathBodies: [HostileCase] = [
        body("an instruction that does not exist", .unsupported, [99, 0, 1, 0x61]),
        body("an instruction that is cut", .corrupt, [3, 0, 1, 0x61, 0x80]),
        body("a path longer than its frame", .corrupt, [3, 0, 200, 1, 0x61]),
        body("a path that shares what was never there", .limitExceeded, [3, 9, 1, 0x61, 0, 0]),
        body("a number of more than 64 bits", .corrupt, [3, 0, 1, 0x61] + [UInt8](repeating: 0xFF, count: 9) + [0x7F]),
        body("a number longer than it need be", .corrupt, [3, 0, 1, 0x61, 0x81, 0x00, 0]),
        body(
            "a number longer than it need be, before others", .corrupt,
            [3, 0, 1, 0x61, 0x81, 0x00] + [UInt8](repeating: 0, count: 9)),
        body("more data than a write may have", .limitExceeded, [15, 0, 1, 0x61, 0] + Raw.varint(1 << 40)),
        body("times with fields that nobody knows", .corrupt, [20, 0, 1, 0x61, 7, 0, 0, 0, 0, 0, 0]),
        body("a clone from an unknown kind of source", .corrupt, [16, 0, 1, 0x61, 0, 1, 9, 0, 1, 0x62, 0]),
        body("an extent of an unknown kind", .corrupt, [22, 0, 1, 0x61, 0, 1, 9]),
    ]
}
