import CowVolume
import Foundation
import SnapshotModel
import SnapshotTesting
import Testing

private let anySnapshot = SnapshotReference(uuid: SnapshotUUID(high: 1, low: 1), generation: 1)

@Suite struct ReceiveTests {
    @Test func `an abandoned receive leaves nothing behind`() throws {
        let place = try TemporaryVolume()
        var generator = SplitMix64(seed: 1)
        let target = try place.volume.target(.init(dataset: "d"))
        try target.begin(SnapshotHeader(name: "s", snapshot: SnapshotReference(uuid: .random(), generation: 1)))
        for step in makeFile("f", generator.bytes(3_000_000)) { try target.apply(step) }
        #expect(try place.volume.datasets().isEmpty)
        target.abandon()
        let summary = try place.check()
        #expect(summary.nodes == 0 && summary.extents == 0)
        #expect(try place.segmentBytes() == 0)
    }

    @Test func `what was planned against a head that has moved since is refused`() throws {
        let place = try TemporaryVolume()
        _ = try place.receive(makeFile("f", [1]), into: "d", as: "one")
        let planned = try place.volume.tree(of: "d").position
        _ = try place.receive([], into: "d", as: "two", base: place.volume.snapshots(of: "d")[0])
        _ = try place.receive(makeFile("g", [2]), into: "d", as: "three", base: place.volume.snapshots(of: "d")[1])
        for position in [planned, nil] {
            let target = try place.volume.target(
                .init(dataset: "d", snapshotName: "late", keepsReceivedUUID: false, start: .head(position)))
            let error = #expect(throws: SnapshotError.self) {
                try target.begin(SnapshotHeader(name: "late", snapshot: anySnapshot))
            }
            #expect(error?.code == .datasetChanged)
        }
    }

    @Test func `a segment that is a symbolic link is not followed`() throws {
        let place = try TemporaryVolume()
        let victim = place.path + "-victim"
        defer { try? FileManager.default.removeItem(atPath: victim) }
        try Data("precious".utf8).write(to: URL(filePath: victim))
        try FileManager.default.createSymbolicLink(
            atPath: place.path + "/segments/0000000001", withDestinationPath: victim)
        var generator = SplitMix64(seed: 6)
        #expect(throws: (any Error).self) {
            try place.receive(makeFile("f", generator.bytes(500_000)), into: "d", as: "s")
        }
        #expect(try Data(contentsOf: URL(filePath: victim)) == Data("precious".utf8))
    }

    @Test func `a lock that cannot be opened is held by somebody`() throws {
        let place = try TemporaryVolume()
        var generator = SplitMix64(seed: 5)
        let target = try place.volume.target(.init(dataset: "d"))
        try target.begin(SnapshotHeader(name: "s", snapshot: anySnapshot))
        for step in makeFile("f", generator.bytes(2_000_000)) { try target.apply(step) }
        // A lock behind a link that leads round in a circle cannot be opened, by anyone.
        let locks = place.path + "/writers"
        for name in try FileManager.default.contentsOfDirectory(atPath: locks) {
            try FileManager.default.moveItem(atPath: "\(locks)/\(name)", toPath: place.path + "/\(name)")
            try FileManager.default.createSymbolicLink(atPath: "\(locks)/\(name)", withDestinationPath: name)
        }
        _ = try place.receive(makeFile("g", generator.bytes(500_000)), into: "other", as: "one")
        try target.finish()
        #expect(try place.volume.snapshots().map(\.name).sorted() == ["d@s", "other@one"])
        _ = try place.check()
    }

    @Test func `a stream without its base, or onto a dataset that moved on, is refused and changes nothing`() throws {
        let place = try TemporaryVolume()
        let first = try place.receive(makeFile("f", [1]), into: "d", as: "one")
        let second = try place.receive(makeFile("g", [2]), into: "d", as: "two", base: first)
        let late = #expect(throws: SnapshotError.self) {
            try place.receive(makeFile("h", [3]), into: "d", as: "three", base: first)
        }
        #expect(late?.code == .datasetChanged)
        let full = #expect(throws: SnapshotError.self) { try place.receive(makeFile("h", [3]), into: "d", as: "three") }
        #expect(full?.code == .alreadyExists)
        let again = #expect(throws: SnapshotError.self) {
            try place.receive([], into: "d", as: "two", base: second)
        }
        #expect(again?.code == .alreadyExists)
        #expect(try place.volume.snapshots(of: "d").map(\.name) == ["d@one", "d@two"])
        let forced = try place.receive(makeFile("h", [3]), into: "d", as: "three", base: first, force: true)
        #expect(try place.volume.snapshots(of: "d").map(\.name) == ["d@one", "d@three"])
        #expect(try place.volume.tree(of: forced.name).resolve(RelativePath("g")) == nil)
        try place.check()
    }

    @Test func `a received snapshot answers to the UUID it was sent with`() throws {
        let place = try TemporaryVolume()
        let sender = SnapshotReference(uuid: .random(), generation: 77)
        let received = try place.receive(makeFile("f", [1]), into: "d", as: "one", from: sender)
        #expect(received.identity.reference == sender)
        #expect(try place.volume.snapshot(answeringTo: sender.uuid)?.name == "d@one")
        let imported = try place.receive(makeFile("f", [1]), into: "e", as: "one")
        #expect(imported.identity.receivedUUID == nil)
    }

    @Test(
        arguments: [
            [.makeFile(RelativePath("d/x"), InodeIdentity(number: InodeNumber(0)))],
            [.makeFile(RelativePath("f"), InodeIdentity(number: InodeNumber(0)))],
            [.makeFile(.root, InodeIdentity(number: InodeNumber(0)))],
            [.makeDirectory(RelativePath("f/x"), InodeIdentity(number: InodeNumber(0)))],
            [.unlink(RelativePath("missing"))], [.unlink(RelativePath("dir"))], [.removeDirectory(RelativePath("dir"))],
            [.removeDirectory(RelativePath("f"))], [.rename(RelativePath("missing"), to: RelativePath("x"))],
            [.rename(RelativePath("dir"), to: RelativePath("dir/sub"))],
            [.rename(RelativePath("dir"), to: RelativePath("f"))],
            [.rename(RelativePath("f"), to: RelativePath("dir"))],
            [.link(RelativePath("x"), to: RelativePath("dir"))], [.link(RelativePath("dir"), to: RelativePath("f"))],
            [.write(RelativePath("dir"), offset: 0, data: [1])],
            [.write(RelativePath("f"), offset: .max, data: [1])],
            [.write(RelativePath("f"), offset: UInt64(Int64.max), data: [1])],
            [.truncate(RelativePath("f"), size: 1 << 63)], [.truncate(RelativePath("dir"), size: 0)],
            [
                .clone(
                    RelativePath("f"), offset: 0, length: 10,
                    from: CloneSource(
                        snapshot: anySnapshot,
                        path: RelativePath("dir/g"), offset: .max))
            ],
            [.removeExtendedAttribute(RelativePath("f"), name: [1])],
            [.setExtendedAttribute(RelativePath("f"), ExtendedAttribute(name: [], value: []))],
            [
                .writeEncoded(
                    RelativePath("f"), offset: 0,
                    EncodedExtent(
                        encoding: .none, bytes: [1], decodedLength: 10, decodedOffset: .max, fileLength: .max))
            ],
            [.allocate(RelativePath("f"), AllocationMode(rawValue: 64), offset: 0, length: 1)],
            [.makeNode(RelativePath("x"), InodeIdentity(number: InodeNumber(0)), mode: 0, device: 0)],
        ] as [[Instruction]])
    func `an instruction that does not fit is refused by its path`(instructions: [Instruction]) throws {
        let place = try TemporaryVolume()
        let start: [Instruction] =
            makeFile("f", [1, 2, 3]) + [.makeDirectory(RelativePath("dir"), InodeIdentity(number: InodeNumber(0)))]
            + makeFile("dir/g", [4])
        let error = #expect(throws: SnapshotError.self) {
            try place.receive(start + instructions, into: "d", as: "s")
        }
        #expect(error?.code == .invalidInstruction)
        #expect(error?.place != nil)
        #expect(try place.volume.datasets().isEmpty)
        #expect(try place.check().nodes == 0)
    }

    @Test func `what a killed receive left is cleared by the next one`() throws {
        let place = try TemporaryVolume()
        var generator = SplitMix64(seed: 4)
        let target = try place.volume.target(.init(dataset: "d"))
        try target.begin(SnapshotHeader(name: "s", snapshot: SnapshotReference(uuid: .random(), generation: 1)))
        // 24,000 small files are more than one commit holds.
        for index in 0..<24_000 {
            for step in makeFile("f\(index)", generator.bytes(1500)) { try target.apply(step) }
        }
        #expect(try place.check().nodes > 1000)
        // A process that is killed loses its lock; so does one whose lock file is gone.
        for name in try FileManager.default.contentsOfDirectory(atPath: place.path + "/writers") {
            try FileManager.default.removeItem(atPath: place.path + "/writers/" + name)
        }
        try place.receive([], into: "e", as: "s")
        #expect(try place.check().nodes == 1)
        let error = #expect(throws: SnapshotError.self) { try target.finish() }
        #expect(error?.code == .inUse)
        target.abandon()
        #expect(try place.volume.datasets().map(\.name) == ["e"])
        try place.check()
    }

    @Test func `two receives at once both succeed`() async throws {
        let place = try TemporaryVolume()
        let path = place.path
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<2 {
                group.addTask {
                    let volume = try Volume.open(at: path)
                    let target = try volume.target(.init(dataset: "d\(index)"))
                    var generator = SplitMix64(seed: 5)
                    try target.begin(
                        SnapshotHeader(name: "s", snapshot: SnapshotReference(uuid: .random(), generation: 1)))
                    for file in 0..<200 {
                        for step in makeFile("f\(file)", generator.bytes(20_000)) { try target.apply(step) }
                    }
                    try target.finish()
                }
            }
            try await group.waitForAll()
        }
        try place.check(readingData: true)
        #expect(try place.volume.snapshots().count == 2)
        try place.volume.destroy("d0", recursive: true)
        let tree = try place.volume.tree(of: "d1@s")
        #expect(try tree.read(try #require(try tree.resolve(RelativePath("f9"))).number, at: 0, count: 9).count == 9)
    }

    @Test func `a frame that is a whole extent is stored and passed on untouched`() throws {
        let place = try TemporaryVolume()
        var generator = SplitMix64(seed: 3)
        let bytes = generator.bytes(60_000) + [UInt8](repeating: 1, count: 71_072)
        let first = try place.receive(makeFile("f", bytes), into: "d", as: "one")
        let tree = try place.volume.tree(of: first.name)
        let number = try #require(try tree.resolve(RelativePath("f"))).number
        var encoded: [EncodedExtent] = []
        try tree.forEachExtent(of: number, from: 0) { extent in
            encoded.append(try #require(try tree.encodedExtent(extent, of: number)))
        }
        #expect(encoded.map(\.decodedLength) == [131_072] && encoded[0].encoding == .zstd)
        let other = try TemporaryVolume()
        let copy = try other.receive(
            [
                .makeFile(RelativePath("g"), InodeIdentity(number: InodeNumber(5))),
                .writeEncoded(RelativePath("g"), offset: 0, encoded[0]),
            ], into: "d", as: "one")
        let received = try other.volume.tree(of: copy.name)
        let file = try #require(try received.resolve(RelativePath("g")))
        #expect(try received.read(file.number, at: 0, count: 200_000) == bytes[...])
        try other.check(readingData: true)
    }
}
