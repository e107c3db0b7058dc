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

    @Test func `nothing made below a default ACL inherits it unasked`() throws {
        let scratch = try Scratch()
        try scratch.run("mkdir t; setfacl -d -m u:1234:rwx t")
        let target = try DirectoryTarget(mode: .restore(to: scratch("t")), strict: true)
        let number = InodeIdentity(number: InodeNumber(5))
        try target.begin(SnapshotHeader(name: "s", snapshot: SnapshotReference(uuid: .random(), generation: 1)))
        try target.apply(.makeFile(path("file"), number))
        try target.apply(.makeDirectory(path("directory"), number))
        try target.apply(.makeFIFO(path("directory/fifo"), number))
        try target.apply(.makeFIFO(path("fifo"), number))
        for name in ["file", "directory", "fifo"] {
            try target.apply(.changeMode(path(name), permissions: 0o750))
        }
        try target.finish()
        #expect(
            try scratch.run("cd t; stat -c %A file directory fifo directory/fifo; getfacl -s file directory fifo")
                == "-rwxr-x---\ndrwxr-x---\nprwxr-x---\nprw-------\n")
    }

    @Test func `a damaged record is no base and stops nothing else`() throws {
        let scratch = try Scratch()
        let target = try DirectoryTarget(mode: .snapshots(in: scratch.path))
        let first = SnapshotReference(uuid: .random(), generation: 1)
        try target.begin(SnapshotHeader(name: "one", snapshot: first))
        try target.finish()
        let record = try scratch.run("cat .cowpath/*.json")
        for damaged in [record.dropLast(3), "{", "[]", "{\"version\": 99999999999999999999}", record + "x"]
            as [Substring]
        {
            try String(damaged).write(toFile: scratch(".cowpath/0.json"), atomically: true, encoding: .utf8)
            try target.begin(
                SnapshotHeader(
                    name: "two", snapshot: SnapshotReference(uuid: .random(), generation: 2), base: .parent(first)))
            target.abandon()
        }
        try scratch.run("sed -i 's/\"one\"/\"..\"/' .cowpath/*.json")
        let error = #expect(throws: SnapshotError.self) {
            try target.begin(
                SnapshotHeader(
                    name: "two", snapshot: SnapshotReference(uuid: .random(), generation: 2), base: .parent(first)))
        }
        #expect(error?.code == .baseNotFound)
    }

    @Test func `names that would leave the directory or hide in it are refused`() throws {
        let scratch = try Scratch()
        let target = try DirectoryTarget(mode: .snapshots(in: scratch.path))
        for name in [
            "..", ".", "", "a/b", "../x", ".cowpath", ".cowpath-partial-x", String(repeating: "n", count: 256),
        ] {
            #expect(throws: SnapshotError.self) {
                try target.begin(
                    SnapshotHeader(name: name, snapshot: SnapshotReference(uuid: .random(), generation: 1)))
            }
        }
        #expect(try scratch.run("ls -A") == ".cowpath\n")
    }

    @Test func `a directory that holds something is not restored into`() throws {
        let scratch = try Scratch()
        try scratch.run("mkdir t; touch t/mine")
        for mode in [DirectoryTarget.Mode.restore(to: scratch("t")), .mirror(scratch("t"))] {
            let target = try DirectoryTarget(mode: mode)
            let error = #expect(throws: SnapshotError.self) {
                try target.begin(SnapshotHeader(name: "s", snapshot: SnapshotReference(uuid: .random(), generation: 1)))
            }
            #expect(error?.code == .alreadyExists)
            target.abandon()
        }
        #expect(try scratch.run("ls t") == "mine\n")
    }

    @Test(.enabled(if: Shell.isRoot, "immutable files need root"), arguments: [true, false])
    func `immutable files are changed and immutable again`(_ isMirror: Bool) throws {
        let scratch = try Scratch()
        let place = isMirror ? DirectoryTarget.Mode.mirror(scratch("t")) : .snapshots(in: scratch.path)
        let target = try DirectoryTarget(mode: place, strict: true)
        let number = InodeIdentity(number: InodeNumber(5))
        let first = SnapshotReference(uuid: .random(), generation: 1)
        try target.begin(SnapshotHeader(name: "t", snapshot: first))
        for step: Instruction in try [
            .makeDirectory(path("d"), number), .setFlags(path("d"), flags: 0x10), .makeFile(path("d/file"), number),
            .setFlags(path("d/file"), flags: 0x10), .write(path("d/file"), offset: 0, data: [65]),
        ] {
            try target.apply(step)
        }
        try target.finish()
        #expect(try scratch.run("lsattr -d t/d t/d/file | cut -c5") == "i\ni\n")
        let second = SnapshotReference(uuid: .random(), generation: 2)
        try target.begin(SnapshotHeader(name: "two", snapshot: second, base: .parent(first)))
        for step: Instruction in try [
            .rename(path("d"), to: path("e")), .rename(path("e/file"), to: path("e/moved")),
            .setTimes(path("e"), .epoch), .write(path("e/moved"), offset: 1, data: [66]),
            .changeMode(path("e/moved"), permissions: 0o600),
        ] {
            try target.apply(step)
        }
        try target.finish()
        let now = isMirror ? "t" : "two"
        #expect(try scratch.run("lsattr -d \(now)/e \(now)/e/moved | cut -c5; cat \(now)/e/moved") == "i\ni\nAB")
    }

    @Test(.enabled(if: Shell.isRoot, "immutable files need root"), arguments: [true, false])
    func `a file with several names keeps and loses its flags under all of them`(_ isMirror: Bool) throws {
        let scratch = try Scratch()
        let place = isMirror ? DirectoryTarget.Mode.mirror(scratch("t")) : .snapshots(in: scratch.path)
        let target = try DirectoryTarget(mode: place, strict: true)
        let first = SnapshotReference(uuid: .random(), generation: 1)
        try target.begin(SnapshotHeader(name: "t", snapshot: first))
        for (number, name) in ["loses", "keeps", "gets"].enumerated() {
            let identity = InodeIdentity(number: InodeNumber(UInt64(5 + number)))
            try target.apply(.makeFile(path("\(name).a"), identity))
            try target.apply(.write(path("\(name).a"), offset: 0, data: [65]))
            try target.apply(.link(path("\(name).b"), to: path("\(name).a")))
            if name != "gets" { try target.apply(.setFlags(path("\(name).a"), flags: 0x10)) }
        }
        try target.finish()
        let second = SnapshotReference(uuid: .random(), generation: 2)
        try target.begin(SnapshotHeader(name: "two", snapshot: second, base: .parent(first)))
        for step: Instruction in try [
            // As a sender takes them off before it changes something, and says at the end what there is to be.
            .setFlags(path("loses.a"), flags: 0), .rename(path("loses.a"), to: path("loses.c")),
            .setFlags(path("loses.b"), flags: 0),
            // As a sender does that knows no flags.
            .unlink(path("keeps.a")), .write(path("keeps.b"), offset: 1, data: [66]),
            .link(path("keeps.c"), to: path("keeps.b")), .unlink(path("keeps.c")),
            .setFlags(path("gets.a"), flags: 0x10), .setFlags(path("gets.b"), flags: 0),
            .setFlags(path("gets.b"), flags: 0x20),
        ] {
            try target.apply(step)
        }
        try target.finish()
        let now = isMirror ? "t" : "two"
        let flags = try scratch.run("lsattr \(now) | sed 's,^....\\(..\\)[^ ]* .*/,\\1/,' | sort")
        #expect(
            flags == """
                --/loses.b
                --/loses.c
                -a/gets.a
                -a/gets.b
                i-/keeps.b

                """)
        #expect(try scratch.run("cat \(now)/keeps.b; stat -c ' %h' \(now)/keeps.b") == "AB 1\n")
    }
}
