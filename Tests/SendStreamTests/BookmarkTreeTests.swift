import Dispatch
import Foundation
import SendStream
import SnapshotModel
import SnapshotTesting
import Synchronization
import Testing

/// Bookmarks that are read where they are asked.
@Suite struct BookmarkTreeTests {
    private static func bookmark(_ tree: MemoryTree, frameSize: Int) throws -> [UInt8] {
        let sink = ArraySink()
        let options = CowpathStreamWriter.Options(frameSize: frameSize)
        let writer = CowpathStreamWriter(to: sink, options: options, bookmarking: tree)
        try Replay.bookmark(tree, into: writer)
        try writer.close()
        return sink.bytes
    }

    /// The same stream, read from its beginning to its end.
    private static func whole(_ bytes: [UInt8]) throws -> StreamTree {
        let builder = StreamTreeBuilder()
        _ = try StreamReader(from: ArraySource(bytes)).replay(into: builder)
        return try #require(builder.tree)
    }

    /// Throws where anything of an inode, or of what lies in it, is not the same.
    private static func compare(_ tree: any SharedTree, _ expected: StreamTree, _ inode: Inode) throws {
        let number = inode.number
        try #require(try tree.inode(number) == inode)
        let links = try expected.links(of: number)
        try #require(try tree.links(of: number) == links)
        try #require(try tree.extendedAttributes(of: number) == expected.extendedAttributes(of: number))
        var (extents, found): ([FileExtent], [FileExtent]) = ([], [])
        try expected.forEachExtent(of: number, from: 0) { extents.append($0) }
        try tree.forEachExtent(of: number, from: 0) { found.append($0) }
        try #require(joined(found) == extents)
        let target = inode.kind == .symbolicLink ? try expected.symbolicLinkTarget(of: number) : []
        if inode.kind == .symbolicLink { try #require(try tree.symbolicLinkTarget(of: number) == target) }
        let record = try tree.record(of: number)
        try #require((record != nil) == (links.count == 1))
        if let record {
            try #require(record.inode == inode)
            try #require(record.directory == links[0].directory && Array(record.name) == links[0].name.bytes)
            try #require(try record.attributes == expected.extendedAttributes(of: number))
            try #require(joined(Array(record.extents)) == extents)
            try #require(record.target == target)
        }
        guard inode.kind == .directory else { return }
        var (entries, known): ([DirectoryEntry], [DirectoryEntry]) = ([], [])
        try tree.forEachEntry(in: number) { entries.append($0) }
        try expected.forEachEntry(in: number) { known.append($0) }
        try #require(entries == known)
        for entry in known { try #require(try tree.lookup(entry.name, in: number) == entry) }
        try #require(try tree.lookup(FileName(validating: Array("nobody has this".utf8)), in: number) == nil)
    }

    /// Throws where an inode that is looked for behind the last one is not told of as if it were asked for alone.
    private static func compareNeighbours(_ tree: any SharedTree, _ inodes: [Inode]) throws {
        var (records, place): ((any InodeRecords)?, Int) = (nil, 0)
        for inode in inodes where inode.kind != .directory {
            var record = records?.record(of: inode.number, near: &place)
            if record == nil {
                records = try tree.records(with: inode.number)
                record = try #require(records).record(of: inode.number, near: &place)
            }
            let alone = try tree.record(of: inode.number)
            try #require(record?.inode == alone?.inode && (record == nil) == (inode.linkCount > 1))
            try #require(record?.name == alone?.name && record?.directory == alone?.directory)
            try #require(record?.extents == alone?.extents && record?.target == alone?.target)
            try #require(record?.attributes == alone?.attributes)
        }
    }

    /// Ranges that are set aside, as one where they touch.
    private static func joined(_ extents: [FileExtent]) -> [FileExtent] {
        var joined: [FileExtent] = []
        for extent in extents {
            if let last = joined.last, last.end == extent.offset, last.content == .preallocated,
                extent.content == .preallocated
            {
                joined[joined.count - 1] = FileExtent(
                    offset: last.offset, length: last.length + extent.length, content: .preallocated)
            } else {
                joined.append(extent)
            }
        }
        return joined
    }

    private static func inodes(_ tree: any SnapshotTree) throws -> [Inode] {
        var inodes: [Inode] = []
        try tree.forEachInode { inodes.append($0) }
        return inodes
    }

    @Test(arguments: [200, 4096, 64 << 10])
    func `a bookmark tells by its index what it tells as a whole`(_ frameSize: Int) throws {
        for seed: UInt64 in 0..<60 {
            let random = try RandomTree(seed: seed, size: 40)
            try random.edit(30)
            let bytes = try BookmarkTreeTests.bookmark(random.snapshot("a"), frameSize: frameSize)
            let expected = try BookmarkTreeTests.whole(bytes)
            let tree = try #require(try StoredTree.load(from: ArraySource(bytes)) as? any SharedTree)
            #expect(!(tree is StreamTree), "there is an index")
            #expect(tree.identity == expected.identity && tree.domain == expected.domain)
            let inodes = try BookmarkTreeTests.inodes(expected)
            #expect(try BookmarkTreeTests.inodes(tree) == inodes)
            #expect(tree.totals?.inodes == UInt64(inodes.count))
            if seed % 20 == 0 { try BookmarkTreeTests.readIndependently(bytes) }
            for inode in inodes.shuffled() { try BookmarkTreeTests.compare(tree, expected, inode) }
            try BookmarkTreeTests.compareNeighbours(tree, inodes)
            try BookmarkTreeTests.compareNeighbours(tree, inodes.shuffled())
            #expect(try tree.inode(InodeNumber(1 << 40)) == nil)
        }
    }

    @Test func `large directories and many names are found by several threads`() throws {
        let builder = TreeBuilder()
        try builder.directory("many")
        try builder.directory("named")
        for index in 0..<2500 {
            try builder.file("many/\(index * 7919 % 2500)")
            // In another directory, among files of its own.
            if index % 5 != 0 { try builder.link("named/\(index)", to: "many/\(index * 7919 % 2500)") }
            if index % 5 == 0 { try builder.file("named/\(index)") }
            if index % 500 == 0 { try builder.directory("many/\(index) in between") }
        }
        let bytes = try BookmarkTreeTests.bookmark(builder.tree.snapshot("large"), frameSize: 10_000)
        let expected = try BookmarkTreeTests.whole(bytes)
        let shared = try #require(try StoredTree.load(from: ArraySource(bytes)) as? any SharedTree)
        #expect(!(shared is StreamTree))
        let inodes = try BookmarkTreeTests.inodes(expected)
        let failure = Mutex<String?>(nil)
        DispatchQueue.concurrentPerform(iterations: 4) { index in
            do {
                for inode in index % 2 == 0 ? inodes : inodes.reversed() {
                    try BookmarkTreeTests.compare(shared, expected, inode)
                }
            } catch {
                failure.withLock { $0 = "\(error)" }
            }
        }
        #expect(failure.withLock { $0 } == nil)
        try BookmarkTreeTests.readIndependently(bytes)
    }

    /// Has the reader of the specification compare the index with the steps.
    private static func readIndependently(_ bytes: [UInt8]) throws {
        guard Shell.has("python3"), Shell.has("zstd") else { return }
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("bookmark-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data(bytes).write(to: file)
        let script = VectorTests.formatFolder.appendingPathComponent("read_stream.py").path
        try Shell.run("python3 '\(script)' '\(file.path)' > /dev/null")
    }

    @Test func `a damaged bookmark is an error, and no other tree`() throws {
        let random = try RandomTree(seed: 7, size: 12)
        let bytes = try BookmarkTreeTests.bookmark(random.snapshot("a"), frameSize: 300)
        let expected = try TreeReport(of: BookmarkTreeTests.whole(bytes))
        func read(_ bytes: [UInt8]) throws -> TreeReport {
            try TreeReport(of: StoredTree.load(from: ArraySource(bytes)))
        }
        #expect(try read(bytes) == expected)
        for index in bytes.indices {
            var damaged = bytes
            damaged[index] ^= 1 << (index % 8)
            let error = #expect(throws: SnapshotError.self, "byte \(index)") { try read(damaged) }
            if error == nil { break }
        }
        for count in stride(from: 0, to: bytes.count, by: 7) {
            #expect(throws: SnapshotError.self, "\(count) bytes") { try read([UInt8](bytes.prefix(count))) }
        }
    }
}
