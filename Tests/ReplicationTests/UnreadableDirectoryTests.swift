import CowVolume
import Foundation
import Replication
import SnapshotDiff
import SnapshotModel
import SnapshotTesting
import Testing

/// A source of which some directories cannot be listed, as for a user without the right.
private final class ClosedTree: SnapshotTree {
    private let tree: MemoryTree
    private let closed: Set<InodeNumber>

    init(_ tree: MemoryTree, closed: Set<InodeNumber>) {
        (self.tree, self.closed) = (tree, closed)
    }

    var identity: SnapshotIdentity { tree.identity }
    var domain: SnapshotUUID? { nil }
    var root: InodeNumber { tree.root }
    var holdsData: Bool { true }

    /// What lies in a closed directory cannot be found.
    func inode(_ number: InodeNumber) throws -> Inode? {
        var next = number
        while let link = try tree.links(of: next).first {
            if closed.contains(link.directory) { return nil }
            next = link.directory
        }
        return try tree.inode(number)
    }

    func lookup(_ name: FileName, in directory: InodeNumber) throws -> DirectoryEntry? {
        try tree.lookup(name, in: directory)
    }

    func forEachEntry(in directory: InodeNumber, _ body: (DirectoryEntry) throws -> Void) throws {
        guard !closed.contains(directory) else {
            throw SnapshotError(.unreadable, "this directory cannot be listed", place: "closed")
        }
        try tree.forEachEntry(in: directory, body)
    }

    func links(of number: InodeNumber) throws -> [InodeLink] { try tree.links(of: number) }
    func forEachInode(_ body: (Inode) throws -> Void) throws { try tree.forEachInode(body) }
    func extendedAttributes(of number: InodeNumber) throws -> [ExtendedAttribute] {
        try tree.extendedAttributes(of: number)
    }
    func symbolicLinkTarget(of number: InodeNumber) throws -> [UInt8] { try tree.symbolicLinkTarget(of: number) }
    func forEachExtent(of number: InodeNumber, from offset: UInt64, _ body: (FileExtent) throws -> Void) throws {
        try tree.forEachExtent(of: number, from: offset, body)
    }
    func read(_ number: InodeNumber, at offset: UInt64, count: Int) throws -> ArraySlice<UInt8> {
        try tree.read(number, at: offset, count: count)
    }
    func identity(ofInline extent: FileExtent, of number: InodeNumber) throws -> ExtentIdentity {
        try tree.identity(ofInline: extent, of: number)
    }
}

@Suite struct UnreadableDirectoryTests {
    /// Imports a tree, then the same after `change` with the directory `closed` unreadable.
    private func names(
        after change: (TreeBuilder) throws -> Void, rule: CorrespondenceRule
    ) throws -> (names: [String], losses: ReplayLosses) {
        let scratch = try Scratch()
        let volume = try Volume.create(at: scratch("volume"))
        let builder = TreeBuilder()
        for path in ["closed", "closed/sub", "open"] { try builder.make(.directory, path) }
        for path in ["closed/file", "closed/sub/deep", "open/gone"] { try builder.make(.regular, path) }
        try Send(source: builder.tree).runDirectly(into: volume.receiver("home"))
        let closed = try builder.number("closed")
        try change(builder)
        let base = try volume.tree(of: "home")
        var options = PlannerOptions(comparison: .imported)
        options.comparison.correspondence = rule
        let source = ClosedTree(builder.tree, closed: [closed])
        let planner = Planner(source: source, base: base, options: options)
        let target = try volume.target(
            VolumeTarget.Options(dataset: "home", snapshotName: "after", start: .head(base.position)))
        try planner.run(
            into: target, SnapshotHeader(name: "after", snapshot: SnapshotReference(uuid: .random(), generation: 0)))
        var findings: [String] = []
        _ = try volume.check(readingData: true) { findings.append("\($0)") }
        #expect(findings.isEmpty)
        let names = try TreeReport(of: volume.tree(of: "home@after")).lines.map { String($0.prefix { $0 != " " }) }
        return (names, planner.losses)
    }

    @Test(arguments: [CorrespondenceRule.origins, .paths])
    func `an import keeps what lies in a directory that it cannot read, and counts it`(_ rule: CorrespondenceRule)
        throws
    {
        let (names, losses) = try names(after: { try $0.remove("open/gone") }, rule: rule)
        #expect(names == [".", "closed", "closed/file", "closed/sub", "closed/sub/deep", "open"])
        #expect(losses.counts == [.unreadable: 1])
        #expect(losses.examples == [.unreadable: ["closed"]])
    }

    @Test func `what was moved out of a directory that cannot be read has moved`() throws {
        let (names, _) = try names(
            after: {
                try $0.move("closed/sub", to: "open/sub")
                try $0.move("closed/file", to: "file")
            }, rule: .origins)
        #expect(names == [".", "closed", "file", "open", "open/gone", "open/sub", "open/sub/deep"])
    }

    @Test func `a directory that cannot be read keeps what it holds when it is renamed`() throws {
        let (names, losses) = try names(after: { try $0.move("closed", to: "open/closed") }, rule: .origins)
        #expect(
            names == [
                ".", "open", "open/closed", "open/closed/file", "open/closed/sub", "open/closed/sub/deep", "open/gone",
            ])
        #expect(losses.counts == [.unreadable: 1])
    }
}
