import Foundation
import SendStream
import SnapshotModel
import SnapshotTesting
import Testing

/// The streams in `stream-format/vectors`, each with what it must dump to. Written anew, where the format has
/// changed on purpose, by running these tests with `COWPATH_WRITE_VECTORS=1`.
@Suite(.serialized) struct VectorTests {
    static let formatFolder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("stream-format")
    static let folder = formatFolder.appendingPathComponent("vectors")

    private static let several = [
        RecordingTarget.Snapshot(header: Samples.header("monday", 1), instructions: Samples.full),
        RecordingTarget.Snapshot(
            header: Samples.header("tuesday", 2, base: .parent(Samples.reference(1))),
            instructions: Samples.incremental),
    ]

    private static func random(_ seed: UInt64, fitsBtrfs: Bool) -> RecordingTarget.Snapshot {
        var random = RandomInstructions(seed: seed, fitsBtrfs: fitsBtrfs)
        let header = Samples.header("ev ery\tthing", 1, base: fitsBtrfs ? .none : .bookmark(Samples.reference(2)))
        return RecordingTarget.Snapshot(header: header, instructions: (0..<60).map { _ in random.next() })
    }

    private static var bookmark: RecordingTarget.Snapshot {
        var header = Samples.header("monday", 1)
        header.isBookmark = true
        header.domain = SnapshotUUID(high: 7, low: 8)
        let identity = ExtentIdentity(address: 1 << 40, generation: 41, offset: 4096)
        let file = Samples.oddName
        let steps: [Instruction] = [
            .makeFile(file, Samples.inode(257, 41)),
            .updateExtent(file, offset: 0, length: 8192, .data(identity)),
            .updateExtent(file, offset: 8192, length: 4096, .preallocated),
            .updateExtent(file, offset: 16384, length: 4096, .data(nil)),
            .updateExtent(file, offset: 32768, length: 10, .inline), .truncate(file, size: 40000),
            .enableVerity(
                file, VerityParameters(algorithm: 1, blockSize: 4096, salt: [1, 2], signature: [3])),
        ]
        return RecordingTarget.Snapshot(header: header, instructions: steps)
    }

    private static func indexedBookmark() throws -> [UInt8] {
        let builder = TreeBuilder()
        for path in ["empty", "papers", "papers/old"] { try builder.directory(path) }
        for path in ["last", "papers/one", "papers/old/first"] { try builder.file(path) }
        try builder.link("papers/two", to: "papers/old/first")
        try builder.make(.symbolicLink, "papers/link", target: "one")
        try builder.attribute("papers", "user.of", [1])
        let sink = ArraySink()
        let options = CowpathStreamWriter.Options(codec: .none, frameSize: 200)
        let writer = CowpathStreamWriter(to: sink, options: options, bookmarking: builder.tree)
        try Replay.bookmark(builder.tree, into: writer)
        try writer.close()
        return sink.bytes
    }

    private static func vectors() throws -> [String: [UInt8]] {
        var vectors: [String: [UInt8]] = [:]
        for codec in StreamCodec.allCases {
            let options = CowpathStreamWriter.Options(codec: codec, frameSize: 300, index: codec != .none)
            vectors["cowpath-several-\(codec)"] = try Samples.cowpath(several, options)
        }
        vectors["cowpath-everything"] = try Samples.cowpath([random(1, fitsBtrfs: false)], .init(frameSize: 4000))
        vectors["cowpath-bookmark"] = try Samples.cowpath([bookmark])
        vectors["cowpath-bookmark-indexed"] = try indexedBookmark()
        vectors["cowpath-empty"] = try Samples.cowpath([])
        vectors["btrfs-1-full"] = try Samples.btrfs([several[0]])
        vectors["btrfs-1-incremental"] = try Samples.btrfs([several[1]])
        vectors["btrfs-1-several"] = try Samples.btrfs(several)
        vectors["btrfs-2-several-one-end"] = try Samples.btrfs(several, version: 2, ends: .last)
        vectors["btrfs-2-everything"] = try Samples.btrfs([random(2, fitsBtrfs: true)], version: 2)
        return vectors
    }

    private static func names() throws -> [String] {
        if ProcessInfo.processInfo.environment["COWPATH_WRITE_VECTORS"] != nil {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            for (name, bytes) in try vectors() {
                try Data(bytes).write(to: folder.appendingPathComponent(name + ".stream"))
                try Data(Samples.dump(bytes).utf8).write(to: folder.appendingPathComponent(name + ".dump"))
            }
        }
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        return files.filter { $0.hasSuffix(".stream") }.map { String($0.dropLast(7)) }.sorted()
    }

    @Test func `every vector dumps as it always has`() throws {
        let names = try VectorTests.names()
        #expect(names.count >= 11)
        for name in names {
            let bytes = [UInt8](try Data(contentsOf: VectorTests.folder.appendingPathComponent(name + ".stream")))
            let expected = try String(
                contentsOf: VectorTests.folder.appendingPathComponent(name + ".dump"), encoding: .utf8)
            #expect(try Samples.dump(bytes) == expected, "\(name)")
        }
    }

    @Test(.enabled(if: Shell.has("python3") && Shell.has("zstd"), "needs python3 and zstd"))
    func `the independent reader reads every vector alike`() throws {
        let script = VectorTests.formatFolder.appendingPathComponent("read_stream.py").path
        for name in try VectorTests.names() {
            let stream = VectorTests.folder.appendingPathComponent(name + ".stream").path
            let expected = try String(
                contentsOf: VectorTests.folder.appendingPathComponent(name + ".dump"), encoding: .utf8)
            #expect(try Shell.run("python3 '\(script)' '\(stream)'") == expected, "\(name)")
        }
    }

    @Test func `the writer still writes the bytes of the vectors that no library compresses`() throws {
        for (name, bytes) in try VectorTests.vectors() where name.hasPrefix("btrfs") || name.hasSuffix("none") {
            let stored = try Data(contentsOf: VectorTests.folder.appendingPathComponent(name + ".stream"))
            #expect(bytes == [UInt8](stored), "\(name)")
        }
    }
}
