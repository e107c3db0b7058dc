import DirectoryAccess
import Foundation
import SnapshotModel
import Testing

func path(_ text: String) throws -> RelativePath { try RelativePath(validating: text.utf8) }

@Suite struct DirectoryTargetTests {
    @Test func `a restored tree is what the source was`() throws {
        let scratch = try Scratch()
        try TreeOfEverything.make("tree", in: scratch)
        let before = try Shell.fingerprint(scratch("tree"))
        let target = try DirectoryTarget(mode: .restore(to: scratch("copy")), strict: Shell.isRoot)
        try PlainSender.send(try DirectoryTree(path: scratch("tree")), to: target)
        #expect(try Shell.fingerprint(scratch("copy")) == before)
        #expect(try Shell.fingerprint(scratch("tree")) == before)
        #expect(target.receivedPath == scratch("copy"))
        let blocks = try scratch.run("du -k copy/sparse copy/all-hole | cut -f1").split(separator: "\n").compactMap {
            Int($0)
        }
        #expect(blocks.reduce(0, +) < 100)
    }

    @Test func `a snapshot appears only when it is finished`() throws {
        let scratch = try Scratch()
        let target = try DirectoryTarget(mode: .snapshots(in: scratch.path))
        try target.begin(SnapshotHeader(name: "new", snapshot: SnapshotReference(uuid: .random(), generation: 7)))
        try target.apply(.makeFile(path("file"), InodeIdentity(number: InodeNumber(5))))
        #expect(try scratch.run("ls") == "")
        // Another receive into the same directory leaves what is in work alone.
        _ = try DirectoryTarget(mode: .snapshots(in: scratch.path))
        try target.apply(.write(path("file"), offset: 0, data: [65]))
        try target.finish()
        #expect(try scratch.run("ls; cat new/file; ls -A") == "new\nA.cowpath\nnew\n")
        #expect(throws: SnapshotError.self) {
            try target.begin(SnapshotHeader(name: "new", snapshot: SnapshotReference(uuid: .random(), generation: 8)))
        }
    }

    @Test func `what an abandoned or crashed receive left is removed`() throws {
        let scratch = try Scratch()
        try scratch.run(
            "mkdir -p .cowpath-partial-dead/deep/er; touch .cowpath-partial-dead/deep/file; chmod 0 .cowpath-partial-dead/deep"
        )
        let target = try DirectoryTarget(mode: .snapshots(in: scratch.path))
        #expect(try scratch.run("ls -A") == ".cowpath\n")
        try target.begin(SnapshotHeader(name: "new", snapshot: SnapshotReference(uuid: .random(), generation: 7)))
        try target.apply(.makeDirectory(path("directory"), InodeIdentity(number: InodeNumber(5))))
        target.abandon()
        #expect(try scratch.run("ls -A") == ".cowpath\n")
    }

    @Test func `a mirror is brought up to date and knows what it holds`() throws {
        let scratch = try Scratch()
        let first = SnapshotReference(uuid: .random(), generation: 1)
        let second = SnapshotReference(uuid: .random(), generation: 2)
        func receive(_ header: SnapshotHeader, _ instructions: [Instruction]) throws {
            let target = try DirectoryTarget(mode: .mirror(scratch("mirror")))
            try target.begin(header)
            for instruction in instructions { try target.apply(instruction) }
            try target.finish()
        }
        let step = SnapshotHeader(name: "two", snapshot: second, base: .parent(first))
        #expect(throws: SnapshotError.self) { try receive(step, []) }
        try receive(
            SnapshotHeader(name: "one", snapshot: first),
            [.makeFile(path("a"), InodeIdentity(number: InodeNumber(5))), .write(path("a"), offset: 0, data: [65])])
        try receive(step, [.rename(path("a"), to: path("b"))])
        #expect(try scratch.run("cat mirror/b; ls mirror") == "Ab\n")
        #expect(throws: SnapshotError.self) { try receive(step, []) }
        // A cut incremental stream is not built upon.
        let third = SnapshotHeader(
            name: "three", snapshot: SnapshotReference(uuid: .random(), generation: 3), base: .parent(second))
        let cut = try DirectoryTarget(mode: .mirror(scratch("mirror")))
        try cut.begin(third)
        try cut.apply(.unlink(path("b")))
        cut.abandon()
        #expect(throws: SnapshotError.self) { try receive(third, []) }
    }

    @Test func `setuid and capabilities stay whatever order the stream has`() throws {
        try #require(Shell.isRoot)
        let scratch = try Scratch()
        let target = try DirectoryTarget(mode: .restore(to: scratch("t")), strict: true)
        let capability: [UInt8] = [1, 0, 0, 2, 0, 0x20, 0, 0] + [UInt8](repeating: 0, count: 12)
        let attribute = ExtendedAttribute(name: Array("security.capability".utf8), value: capability)
        let file = try path("file")
        try target.begin(SnapshotHeader(name: "s", snapshot: SnapshotReference(uuid: .random(), generation: 1)))
        try target.apply(.makeFile(file, InodeIdentity(number: InodeNumber(5))))
        try target.apply(.setExtendedAttribute(file, attribute))
        try target.apply(.changeMode(file, permissions: 0o6755))
        try target.apply(.write(file, offset: 0, data: [1, 2, 3]))
        try target.apply(.changeOwner(file, owner: 1000, group: 1000))
        try target.finish()
        #expect(
            try scratch.run(
                "stat -c %a:%u t/file; getcap t/file 2>/dev/null || getfattr -n security.capability --only-values t/file | wc -c"
            ).hasPrefix("6755:1000\n"))
        #expect(try scratch.run("getfattr -n security.capability -e hex t/file").contains("0x01000002"))
    }

    @Test func `ranges are cloned, punched, allocated and decoded`() throws {
        let scratch = try Scratch()
        let target = try DirectoryTarget(mode: .restore(to: scratch("t")))
        let me = SnapshotReference(uuid: .random(), generation: 1)
        let a = try path("a")
        let b = try path("b")
        try target.begin(SnapshotHeader(name: "s", snapshot: me))
        try target.apply(.makeFile(a, InodeIdentity(number: InodeNumber(5))))
        try target.apply(.write(a, offset: 0, data: [UInt8](repeating: 7, count: 20_000)[...]))
        try target.apply(.makeFile(b, InodeIdentity(number: InodeNumber(6))))
        try target.apply(.clone(b, offset: 100, length: 10_000, from: CloneSource(snapshot: me, path: a, offset: 3)))
        try target.apply(.allocate(a, [.keepSize, .punchHole], offset: 4096, length: 4096))
        try target.apply(.allocate(a, [], offset: 0, length: 30_000))
        let stored: ArraySlice<UInt8> = [1, 2, 3, 4, 5]
        let extent = EncodedExtent(encoding: .none, bytes: stored, decodedLength: 8, decodedOffset: 2, fileLength: 4)
        try target.apply(.writeEncoded(b, offset: 0, extent))
        for (offset, length) in [(UInt64.max, 1), (1 << 63, 1), (19_999, 2)] as [(UInt64, UInt64)] {
            #expect(throws: SnapshotError.self) {
                try target.apply(
                    .clone(
                        b, offset: 0, length: length,
                        from: CloneSource(snapshot: me, path: a, offset: offset + 20_000 * (length - 1))))
            }
        }
        #expect(throws: SnapshotError.self) {
            try target.apply(
                .writeEncoded(
                    b, offset: 0,
                    EncodedExtent(
                        encoding: .zstd, bytes: stored, decodedLength: .max, decodedOffset: 2, fileLength: .max)))
        }
        try target.finish()
        let bytesOfA = [UInt8](try Data(contentsOf: URL(fileURLWithPath: scratch("t/a"))))
        let expected =
            [UInt8](repeating: 7, count: 4096) + [UInt8](repeating: 0, count: 4096)
            + [UInt8](repeating: 7, count: 20_000 - 8192) + [UInt8](repeating: 0, count: 10_000)
        #expect(bytesOfA == expected)
        let bytesOfB = [UInt8](try Data(contentsOf: URL(fileURLWithPath: scratch("t/b"))))
        #expect(bytesOfB == [3, 4, 5, 0] + [UInt8](repeating: 0, count: 96) + [UInt8](repeating: 7, count: 10_000))
    }
}
