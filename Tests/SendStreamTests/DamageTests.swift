import Codecs
import SendStream
import SnapshotModel
import SnapshotTesting
import Testing

/// What happens to a stream between its writer and its reader.
@Suite struct DamageTests {
    private static let snapshots = [
        RecordingTarget.Snapshot(header: Samples.header("a", 1), instructions: Samples.full),
        RecordingTarget.Snapshot(
            header: Samples.header("b", 2, base: .parent(Samples.reference(1))), instructions: Samples.incremental),
    ]

    /// Both encodings of the same, in several small frames.
    private static func streams() throws -> [[UInt8]] {
        [
            try Samples.cowpath(snapshots, .init(frameSize: 200)),
            try Samples.cowpath(snapshots, .init(codec: .none, index: false)),
            try Samples.btrfs(snapshots, version: 1), try Samples.btrfs(snapshots, version: 2, ends: .last),
        ]
    }

    @Test func `a stream cut anywhere is recognised as cut`() throws {
        for stream in try DamageTests.streams() {
            // A btrfs stream in two parts is whole at the end of the first.
            let wholeAt = try Samples.btrfs(Array(DamageTests.snapshots.prefix(1))).count
            for length in 0..<stream.count where !(stream[0] == 0x62 && length == wholeAt) {
                let error = Samples.failure(Array(stream.prefix(length)))
                #expect(error?.code == .corrupt, "cut at \(length)")
            }
        }
    }

    @Test func `a bit turned over anywhere is never taken for data`() throws {
        for stream in try DamageTests.streams() {
            for index in stream.indices {
                var damaged = stream
                damaged[index] ^= 1 << UInt8(index % 8)
                // The set of optional features may be anything, but it is checked like all the rest.
                #expect(Samples.failure(damaged) != nil, "byte \(index)")
            }
        }
    }

    @Test func `a damaged frame is named with the paths that it touches`() throws {
        let options = CowpathStreamWriter.Options(codec: .none, frameSize: 20)
        var stream = try Samples.cowpath(DamageTests.snapshots, options)
        let text = Array("hello, world".utf8)
        let place = try #require(stream.indices.first { stream[$0...].starts(with: text) })
        stream[place] ^= 1
        let error = try #require(Samples.failure(stream))
        #expect(error.description.contains("docs/read me"), "\(error)")
        #expect(error.description.contains("in frame "), "\(error)")
        #expect(error.description.contains("snapshot 'a'"), "\(error)")
    }

    @Test func `doubled, dropped and swapped frames are recognised`() throws {
        let stream = try Samples.cowpath(DamageTests.snapshots, .init(frameSize: 200))
        let frames = Frames(stream)
        #expect(frames.pieces.count > 6)
        for index in frames.pieces.indices {
            var doubled = frames.pieces
            doubled.insert(doubled[index], at: index)
            #expect(Samples.failure(frames.joined(doubled))?.code == .corrupt)
            var dropped = frames.pieces
            dropped.remove(at: index)
            #expect(Samples.failure(frames.joined(dropped))?.code == .corrupt)
            if index + 1 < frames.pieces.count {
                var swapped = frames.pieces
                swapped.swapAt(index, index + 1)
                #expect(Samples.failure(frames.joined(swapped))?.code == .corrupt)
            }
        }
    }

    @Test func `bytes behind the end of a cowpath stream are an error`() throws {
        let stream = try Samples.cowpath(DamageTests.snapshots)
        #expect(Samples.failure(stream + [0])?.code == .corrupt)
        #expect(Samples.failure(stream + stream)?.code == .corrupt)
    }

    @Test func `a frame that says it is huge is refused before it is read`() throws {
        for length: UInt32 in [4 << 20 + 1, 0x7FFF_FFFF, 0xFFFF_FFFF] {
            var stream = try Samples.cowpath(DamageTests.snapshots)
            let bytes = (0..<4).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) }
            stream.replaceSubrange(48..<52, with: bytes)
            stream.replaceSubrange(52..<56, with: bytes)
            Frames.reseal(&stream, headerAt: 32)
            #expect(Samples.failure(stream)?.code == .limitExceeded)
        }
    }

    @Test(arguments: [StreamCodec.zlib, .zstd])
    func `a frame that decompresses to more than it says is refused`(codec: StreamCodec) throws {
        let zeros = [UInt8](repeating: 0, count: 64 << 20)
        let bomb = codec == .zstd ? try Zstd.compress(zeros[...], level: 19) : try Zlib.compress(zeros[...], level: 9)
        var stream = try Samples.cowpath([])
        // A header frame in the place of the index, with the bomb in it.
        stream.removeSubrange(32...)
        stream += Frames.frame(kind: 1, codec: codec.rawValue, sequence: 0, raw: 1 << 20, stored: bomb)
        let error = Samples.failure(stream)
        #expect(error?.code == .corrupt)
        #expect(error?.message.contains("decompress") == true)
    }

    @Test func `an index of many long paths in few bytes is refused`() throws {
        let long = (0..<10).flatMap { _ in [UInt8](repeating: 0x61, count: 200) + [0x2F] }
        var index: [UInt8] = [0xB8, 0x17, 0, 0, 0, 0] + [0xDB, 0x0F] + long + [0x62]
        // 2,999 further paths, each the first again but for its last byte.
        for number in 1..<3000 { index += [1, 1, 0, 0xDA, 0x0F, 1, 0x63 + UInt8(number % 20)] }
        var stream = Array(try Samples.cowpath([]).prefix(32))
        stream += Frames.frame(kind: 4, codec: 0, sequence: 0, raw: UInt32(index.count), stored: index)
        #expect(Samples.failure(stream)?.code == .limitExceeded)
    }

    @Test func `a long stream keeps an index that is short and right`() throws {
        let file = RelativePath(
            trusted: Array((0..<18).map { _ in String(repeating: "n", count: 200) }.joined(separator: "/").utf8))
        let steps = (0..<3000).map { Instruction.truncate(file, size: $0) }
        let sent = RecordingTarget.Snapshot(header: Samples.header("a", 1), instructions: steps)
        #expect(try Samples.read(Samples.cowpath([sent], .init(frameSize: 1))) == [sent])
    }

    @Test func `a feature that must be known is refused by its name, another is ignored`() throws {
        let whole = try Samples.cowpath(DamageTests.snapshots, .init(index: false))
        var required = whole
        required[12] = 0x20
        Frames.reseal(&required, headerAt: 0)
        let error = Samples.failure(required)
        #expect(error?.code == .unsupported)
        #expect(error?.message.contains("required feature 5") == true)
        var optional = whole
        optional[27] = 0x80
        Frames.reseal(&optional, headerAt: 0)
        #expect(try Samples.read(optional) == DamageTests.snapshots)
    }

    @Test func `what is no stream is said to be none`() throws {
        #expect(Samples.failure([])?.code == .corrupt)
        #expect(Samples.failure(Array("#!/bin/sh\necho this is not a stream\n".utf8))?.code == .corrupt)
        #expect(Samples.failure(Array("btrfs-stream".utf8) + [0, 9, 0, 0, 0])?.code == .unsupported)
    }

    @Test(arguments: [11, 12, 13, 14] as [UInt64])
    func `bytes at random never bring a reader down`(seed: UInt64) throws {
        print("seed \(seed)")
        var generator = SplitMix64(seed: seed)
        for _ in 0..<300 {
            let count = Int.random(in: 0...400, using: &generator)
            let noise = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
            var stream = try Samples.cowpath([], .init(index: false))
            stream.removeSubrange(32...)
            let header = try Samples.cowpath(DamageTests.snapshots, .init(codec: .none))
            stream += Frames(header).pieces[0]
            stream += Frames.frame(kind: 2, codec: 0, sequence: 1, raw: UInt32(count), stored: noise)
            #expect(Samples.failure(stream) != nil)
            let command = Frames.btrfsCommand(UInt16.random(in: 0...27, using: &generator), noise)
            #expect(Samples.failure(Array("btrfs-stream".utf8) + [0, 2, 0, 0, 0] + command) != nil)
        }
    }

    @Test func `lengths near the largest numbers are refused in every step`() throws {
        let path = Samples.path("f")
        let huge: [Instruction] = [
            .truncate(path, size: .max), .write(path, offset: UInt64(Int64.max), data: [1]),
            .updateExtent(path, offset: .max, length: .max, nil),
            .clone(
                path, offset: 1, length: .max,
                from: CloneSource(snapshot: Samples.reference(1), path: path, offset: .max)),
            .allocate(path, [], offset: UInt64(Int64.max), length: 1),
        ]
        for step in huge {
            for target in [
                CowpathStreamWriter(to: ArraySink()), try BtrfsStreamWriter(to: ArraySink(), protocolVersion: 2),
            ]
                as [any ReplayTarget]
            {
                try target.begin(Samples.header("a", 1))
                let error = #expect(throws: SnapshotError.self) { try target.apply(step) }
                #expect(error?.code == .invalidInstruction)
            }
        }
    }
}
