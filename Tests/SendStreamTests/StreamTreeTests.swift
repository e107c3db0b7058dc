import SendStream
import SnapshotModel
import Testing

@Suite struct StreamTreeTests {
    private static func load(_ instructions: [Instruction], header: SnapshotHeader? = nil) throws -> StreamTree {
        let snapshot = RecordingTarget.Snapshot(
            header: header ?? Samples.header("a", 1), instructions: instructions)
        let tree = try StoredTree.load(from: ArraySource(try Samples.cowpath([snapshot])))
        return try #require(tree as? StreamTree)
    }

    @Test func `a stored stream reads as the tree that it makes`() throws {
        let tree = try StreamTreeTests.load(Samples.full)
        let file = try #require(try tree.resolve(Samples.path("docs/read me")))
        #expect(file.number == InodeNumber(258))
        #expect(file.size == 8000 && file.linkCount == 2)
        #expect(file.owner == 1000 && file.group == 100 && file.permissions == 0o640)
        #expect(file.times.modified == Timestamp(seconds: 1_700_000_000, nanoseconds: 5))
        #expect(try tree.resolve(Samples.path("hard link"))?.number == file.number)
        #expect(try tree.links(of: file.number).map(\.name.description) == ["hard link", "read me"])
        #expect(try tree.extendedAttributes(of: file.number).map(\.value) == [Array("red".utf8)])
        var extents: [FileExtent] = []
        try tree.forEachExtent(of: file.number, from: 0) { extents.append($0) }
        #expect(
            extents == [
                FileExtent(offset: 0, length: 13, content: .data(nil)),
                FileExtent(offset: 4096, length: 3904, content: .data(nil)),
            ])
        let link = try #require(try tree.resolve(Samples.path("symlink")))
        #expect(try tree.symbolicLinkTarget(of: link.number) == Array("docs/read me".utf8))
        #expect(try tree.resolve(Samples.path("null"))?.device == 0x103)
        var names: [String] = []
        try tree.forEachEntry(in: tree.root) { names.append($0.name.description) }
        #expect(names == ["caf\\351\\n \\\\", "docs", "fifo", "hard link", "null", "socket", "symlink"])
        var numbers: [UInt64] = []
        try tree.forEachInode { numbers.append($0.number.rawValue) }
        #expect(numbers == [256, 257, 258, 259, 260, 261, 262, 263])
    }

    @Test func `an incremental stream is applied to the tree of its base`() throws {
        let base = try StreamTreeTests.load(Samples.full)
        let next = RecordingTarget.Snapshot(
            header: Samples.header("b", 2, base: .parent(Samples.reference(1))), instructions: Samples.incremental)
        let bytes = try Samples.btrfs([next])
        let tree = try StoredTree.load(from: ArraySource(bytes), onto: base)
        #expect(tree.identity.name == "b")
        let file = try #require(try tree.resolve(Samples.path("papers/read me")))
        #expect(file.number == InodeNumber(258) && file.linkCount == 1)
        #expect(try tree.extendedAttributes(of: file.number).isEmpty)
        #expect(try tree.resolve(Samples.path("docs")) == nil)
        #expect(try tree.resolve(Samples.path("fifo")) == nil)
        #expect(try base.resolve(Samples.path("fifo")) != nil, "the base stays as it was")
        let error = #expect(throws: SnapshotError.self) { try StoredTree.load(from: ArraySource(bytes)) }
        #expect(error?.code == .baseNotFound)
    }

    @Test func `a bookmark keeps the identity of every extent and inode`() throws {
        var header = Samples.header("a", 1)
        header.isBookmark = true
        header.domain = SnapshotUUID(high: 5, low: 6)
        let extent = ExtentIdentity(address: 1 << 50, generation: 9, offset: 4096)
        let file = Samples.path("f")
        let tree = try StreamTreeTests.load(
            [
                .makeFile(file, Samples.inode(300, 8)),
                .updateExtent(file, offset: 0, length: 8192, .data(extent)),
                .updateExtent(file, offset: 8192, length: 4096, .preallocated), .truncate(file, size: 5000),
            ], header: header)
        #expect(tree.domain == SnapshotUUID(high: 5, low: 6))
        let inode = try #require(try tree.resolve(file))
        #expect(inode.identity == Samples.inode(300, 8) && inode.size == 5000)
        var extents: [FileExtent] = []
        try tree.forEachExtent(of: inode.number, from: 0) { extents.append($0) }
        #expect(
            extents == [
                FileExtent(offset: 0, length: 8192, content: .data(extent)),
                FileExtent(offset: 8192, length: 4096, content: .preallocated),
            ])
        let error = #expect(throws: SnapshotError.self) { try tree.read(inode.number, at: 0, count: 1) }
        #expect(error?.code == .unsupported)
    }

    @Test func `a tree costs some 150 bytes an inode`() throws {
        var header = Samples.header("a", 1)
        header.isBookmark = true
        let count: UInt64 = 20_000
        var steps: [Instruction] = []
        for number in 0..<count {
            if number % 100 == 0 {
                steps.append(.makeDirectory(Samples.path("dir\(number / 100)"), Samples.inode(number + 1000)))
            }
            let path = Samples.path("dir\(number / 100)/picture-\(100_000 + number)")
            steps.append(.makeFile(path, Samples.inode(number + 100_000, 77)))
            let identity = ExtentIdentity(address: 1 << 36 + number << 16, generation: 77, offset: 0)
            steps.append(.updateExtent(path, offset: 0, length: 65536, .data(identity)))
        }
        let tree = try StreamTreeTests.load(steps, header: header)
        let perInode = Double(tree.byteCount) / Double(tree.totals?.inodes ?? 1)
        print("\(perInode) bytes an inode")
        #expect(perInode < 155)
    }

    @Test func `steps that do not fit the tree are errors and not surprises`() throws {
        let bad: [[Instruction]] = [
            [.makeFile(Samples.path("no/such"), Samples.inode(1))],
            [.makeDirectory(Samples.path("d"), Samples.inode(1)), .makeFile(Samples.path("d"), Samples.inode(2))],
            [.makeDirectory(Samples.path("d"), Samples.inode(1)), .unlink(Samples.path("d"))],
            [.makeDirectory(Samples.path("d"), Samples.inode(1)), .rename(Samples.path("d"), to: Samples.path("d/e"))],
            [
                .makeDirectory(Samples.path("d"), Samples.inode(1)), .makeFile(Samples.path("d/f"), Samples.inode(2)),
                .removeDirectory(Samples.path("d")),
            ],
            [.makeFile(Samples.path("f"), Samples.inode(1)), .makeFile(Samples.path("f/g"), Samples.inode(2))],
            [.write(Samples.path("gone"), offset: 0, data: [1])],
            [.makeFIFO(Samples.path("p"), Samples.inode(1)), .truncate(Samples.path("p"), size: 1)],
        ]
        for steps in bad {
            let error = #expect(throws: SnapshotError.self) { try StreamTreeTests.load(steps) }
            #expect(error?.code == .invalidInstruction)
        }
    }

    @Test func `inodes without a number of their own get one`() throws {
        let tree = try StreamTreeTests.load([
            .makeFile(Samples.path("a"), Samples.inode(0)), .makeFile(Samples.path("b"), Samples.inode(256)),
            .makeFile(Samples.path("c"), Samples.inode(300)), .makeFile(Samples.path("d"), Samples.inode(300)),
        ])
        let numbers = try ["a", "b", "c", "d"].map { try #require(try tree.resolve(Samples.path($0))).number }
        #expect(Set(numbers + [tree.root]).count == 5)
        #expect(numbers[2] == InodeNumber(300))
    }
}
