import SnapshotDiff
import SnapshotModel
import SnapshotTesting
import Testing

/// What is told of two trees, what it costs, and what becomes of files that cannot be read.
@Suite struct ComparisonTests {
    private func path(_ text: String) throws -> RelativePath { try RelativePath(validating: text.utf8) }

    private func changes(
        _ options: TreeComparison.Options = .sameDomain, _ make: (TreeBuilder) throws -> Void,
        then change: (TreeBuilder) throws -> Void
    ) throws -> [Change] {
        let builder = TreeBuilder()
        try make(builder)
        let base = builder.tree.snapshot("base")
        try change(builder)
        let new = builder.tree.snapshot("new")
        if options.correspondence != .identities { new.domain = nil }
        var found: [Change] = []
        try TreeComparison(source: new, base: base, options: options).forEachChange { found.append($0) }
        return found.filter { if case .modified(_, .directory, _) = $0 { false } else { true } }
    }

    @Test func `each change is told once, in the order of paths`() throws {
        let found = try changes {
            try $0.directory("gone")
            try $0.file("gone/f")
            try $0.file("gone/moved")
            try $0.file("linked")
            try $0.link("second", to: "linked")
            try $0.file("written")
            try $0.directory("dir")
        } then: {
            try $0.move("gone/moved", to: "dir/here")
            try $0.remove("gone")
            try $0.directory("made")
            try $0.file("made/a")
            try $0.link("third", to: "linked")
            try $0.remove("second")
            try $0.link("fourth", to: "linked")
            try $0.write("written", at: 0, [5, 5])
            try $0.tree.change($0.number("written")) { $0.permissions = 0o600 }
        }
        let expected: [Change] = try [
            .renamed(from: path("gone/moved"), to: path("dir/here"), .regular, [.otherTimes]),
            .renamed(from: path("second"), to: path("fourth"), .regular, [.otherTimes]),
            .removed(path("gone"), .directory), .removed(path("gone/f"), .regular),
            .added(path("made"), .directory), .added(path("made/a"), .regular),
            .linked(path("third"), to: path("fourth"), .regular),
            .modified(path("written"), .regular, [.contents, .permissions, .modificationTime, .otherTimes]),
        ]
        #expect(found == expected)
    }

    @Test func `trees that know nothing of each other are compared by their bytes`() throws {
        let found = try changes(.unrelated) {
            try $0.file("same", patternBytes(9000))
            try $0.file("other", patternBytes(9000))
            try $0.file("a")
        } then: {
            // Rewritten with the same bytes.
            let times = try $0.tree.existingInode($0.number("same")).times
            try $0.write("same", at: 0, patternBytes(9000))
            try $0.tree.change($0.number("same")) { $0.times = times }
            try $0.write("other", at: 5000, [9])
            try $0.move("a", to: "b")
        }
        let expected: [Change] = try [
            .removed(path("a"), .regular), .added(path("b"), .regular),
            .modified(path("other"), .regular, [.contents, .modificationTime]),
        ]
        #expect(found == expected)
    }

    @Test func `a file that only became sparse is not told of as changed`() throws {
        let found = try changes(.unrelated) {
            try $0.file("f", [UInt8](repeating: 0, count: 16384) + patternBytes(4096))
        } then: {
            let times = try $0.tree.existingInode($0.number("f")).times
            try $0.tree.punchHole($0.number("f"), 0..<16384)
            try $0.tree.change($0.number("f")) { $0.times = times }
        }
        #expect(found.isEmpty)
    }

    @Test func `one change in a large tree costs what one change costs`() throws {
        let builder = TreeBuilder()
        for directory in 0..<100 {
            try builder.directory("d\(directory)")
            for file in 0..<50 { try builder.file("d\(directory)/f\(file)") }
        }
        let base = builder.tree.snapshot("base")
        try builder.write("d50/f7", at: 0, [4])
        try builder.move("d3/f1", to: "d4/moved")
        try builder.remove("d9/f9")
        let new = builder.tree.snapshot("new")
        let (countedNew, countedBase) = (CountingTree(new), CountingTree(base))
        let target = MemoryTarget()
        try Replay.send(base, to: target)
        let header = Replay.header(new, base: .parent(base.identity.reference))
        try Planner(source: countedNew, base: countedBase).run(into: target, header)
        #expect(countedNew.calls + countedBase.calls < 300, "\(countedNew.calls) + \(countedBase.calls) calls")
        try Replay.expectEqual(#require(target.newest), new)
    }

    @Test func `an import reads only the files that changed`() throws {
        let builder = TreeBuilder()
        for index in 0..<50 { try builder.file("f\(index)", patternBytes(10_000)) }
        let first = builder.tree.snapshot("first")
        let target = MemoryTarget()
        let base = try Replay.send(first, to: target)
        try builder.write("f7", at: 4096, [UInt8](repeating: 9, count: 4096))
        try builder.move("f8", to: "renamed")
        let now = builder.tree.snapshot("now")
        now.domain = nil
        let counted = CountingTree(now)
        let header = Replay.header(now, base: .parent(base.identity.reference))
        try Planner(source: counted, base: base, options: PlannerOptions(comparison: .imported))
            .run(into: target, header)
        // All of f7 to find what differs, and the block that does; f8 for its new change time.
        #expect(counted.bytesRead <= 10_000 + 4096 + 10_000)
        #expect(target.instructions.contains { $0.summary == "rename f8 renamed" })
        #expect(target.instructions.contains { $0.summary == "write f7 offset=4096 length=4096" })
        try Replay.expectEqual(#require(target.newest), now)
    }

    @Test func `what cannot be read is left out, counted, and ends nothing`() throws {
        let builder = TreeBuilder()
        try builder.directory("closed")
        try builder.file("closed/f")
        try builder.file("secret")
        try builder.file("open")
        let tree = builder.tree.snapshot("t")
        let source = CountingTree(tree)
        source.unreadable = try [builder.number("secret"), builder.number("closed")]
        let target = MemoryTarget()
        let planner = Planner(source: source)
        try planner.run(into: target, Replay.header(tree))
        let paths = try TreeReport(of: #require(target.newest)).lines.map { String($0.prefix { $0 != " " }) }
        #expect(paths == [".", "closed", "open"])
        #expect(planner.losses.counts[.unreadable] == 3)
        #expect(planner.losses.examples[.unreadable]?.contains("secret") == true)
    }

    @Test func `a plan ends when progress throws, and the target drops what it had`() throws {
        struct Cancelled: Error {}
        let builder = TreeBuilder()
        for index in 0..<20 { try builder.file("f\(index)") }
        let tree = builder.tree.snapshot("t")
        var options = PlannerOptions()
        options.progress = { if $0.inodes > 5 { throw Cancelled() } }
        let target = MemoryTarget()
        let planner = Planner(source: tree, options: options)
        #expect(throws: Cancelled.self) { try planner.run(into: target, Replay.header(tree)) }
        #expect(target.newest == nil)
        #expect(planner.totals.inodes == 6)
    }

    @Test func `an extent that no file can have is an error and no trap`() throws {
        let builder = TreeBuilder()
        let number = try builder.file("f")
        let tree = builder.tree.snapshot("t")
        let broken = BrokenTree(tree, number)
        #expect(throws: SnapshotError.self) {
            try Planner(source: broken).run(into: MemoryTarget(), Replay.header(tree))
        }
    }
}

/// A tree with an extent that reaches beyond what a number can say.
private final class BrokenTree: SnapshotTree {
    let tree: MemoryTree
    let number: InodeNumber

    init(_ tree: MemoryTree, _ number: InodeNumber) { (self.tree, self.number) = (tree, number) }

    var identity: SnapshotIdentity { tree.identity }
    var domain: SnapshotUUID? { tree.domain }
    var root: InodeNumber { tree.root }
    var holdsData: Bool { true }
    func inode(_ number: InodeNumber) throws -> Inode? { try tree.inode(number) }
    func lookup(_ name: FileName, in directory: InodeNumber) throws -> DirectoryEntry? {
        try tree.lookup(name, in: directory)
    }
    func forEachEntry(in directory: InodeNumber, _ body: (DirectoryEntry) throws -> Void) throws {
        try tree.forEachEntry(in: directory, body)
    }
    func links(of number: InodeNumber) throws -> [InodeLink] { try tree.links(of: number) }
    func forEachInode(_ body: (Inode) throws -> Void) throws { try tree.forEachInode(body) }
    func extendedAttributes(of number: InodeNumber) throws -> [ExtendedAttribute] { [] }
    func symbolicLinkTarget(of number: InodeNumber) throws -> [UInt8] { [] }
    func forEachExtent(of number: InodeNumber, from offset: UInt64, _ body: (FileExtent) throws -> Void) throws {
        try body(FileExtent(offset: .max - 4, length: 4096, content: .data(nil)))
    }
    func read(_ number: InodeNumber, at offset: UInt64, count: Int) throws -> ArraySlice<UInt8> { [] }
    func identity(ofInline extent: FileExtent, of number: InodeNumber) throws -> ExtentIdentity {
        ExtentIdentity(address: 0, generation: 0, offset: 0)
    }
}
