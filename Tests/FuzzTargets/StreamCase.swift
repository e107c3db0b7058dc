import SendStream
import SnapshotDiff
import SnapshotModel
import SnapshotTesting
import Workers

/// A stream from outside, taken by everything that takes streams.
enum StreamCase {
    /// One thread: inputs are small, and its order is always the same.
    private static let pool = WorkerPool(threads: 1)
    static var options: StreamReader.Options { StreamReader.Options(pool: pool) }
    static var writerOptions: CowpathStreamWriter.Options {
        CowpathStreamWriter.Options(codec: .none, frameSize: 256, pool: pool)
    }

    static func run(_ bytes: [UInt8]) throws(FuzzFinding) {
        let readers = StreamReaders()
        try expected("reading") { () throws in
            _ = try StreamReader(from: ArraySource(bytes), options: options).replay(into: readers)
        }
        if let finding = readers.finding { throw finding }
        try askStored(bytes)
        guard readers.keepsAll else { return }
        if let snapshot = readers.snapshots.first { try rewrite(snapshot) }
        for (index, tree) in readers.trees.enumerated() {
            try walk(tree)
            try bookmark(tree)
            if index > 0 { try compare(tree, with: readers.trees[index - 1]) }
        }
    }

    /// Runs what may throw typed errors and nothing else; whether it threw none.
    @discardableResult
    static func expected(_ what: String, _ body: () throws -> Void) throws(FuzzFinding) -> Bool {
        do {
            try body()
            return true
        } catch let error as FuzzFinding {
            throw error
        } catch let error as SnapshotError {
            // Shown to a user: that must not trap either, and say something.
            if error.description.isEmpty { throw FuzzFinding("\(what): an error without words") }
            return false
        } catch {
            throw FuzzFinding("\(what): an error without a type: \(error)")
        }
    }

    /// What was read can be written and read again, and is then the same.
    private static func rewrite(_ snapshot: StreamReaders.Snapshot) throws(FuzzFinding) {
        let sink = ArraySink()
        let again = StreamReaders()
        let isWritten = try expected("writing") { () throws in
            let writer = CowpathStreamWriter(to: sink, options: writerOptions)
            try snapshot.replay(onto: writer)
            try writer.close()
        }
        guard isWritten else { throw FuzzFinding("what was read cannot be written") }
        let isRead = try expected("reading again") { () throws in
            _ = try StreamReader(from: ArraySource(sink.bytes), options: options).replay(into: again)
        }
        guard isRead, again.snapshots == [snapshot] else { throw FuzzFinding("what was written reads otherwise") }
        try rewriteAsBtrfs(snapshot)
    }

    /// A btrfs stream holds less, so that only what was written once can be the same.
    private static func rewriteAsBtrfs(_ snapshot: StreamReaders.Snapshot) throws(FuzzFinding) {
        func write(_ snapshot: StreamReaders.Snapshot) throws(FuzzFinding) -> [UInt8]? {
            let sink = ArraySink()
            let isWritten = try expected("writing for btrfs") { () throws in
                let writer = try BtrfsStreamWriter(to: sink, protocolVersion: 2)
                try snapshot.replay(onto: writer)
                try writer.close()
            }
            return isWritten ? sink.bytes : nil
        }
        guard let once = try write(snapshot) else { return }
        let again = StreamReaders()
        let isRead = try expected("reading from btrfs") { () throws in
            _ = try StreamReader(from: ArraySource(once), options: options).replay(into: again)
        }
        if let finding = again.finding { throw finding }
        guard isRead, let read = again.snapshots.first else { throw FuzzFinding("what was written cannot be read") }
        guard try write(read) == once else { throw FuzzFinding("what was read is written otherwise") }
    }

    /// Asks a bookmark by its index, which can say anything.
    private static func askStored(_ bytes: [UInt8]) throws(FuzzFinding) {
        try expected("reading as a tree") { () throws in
            let tree = try StoredTree.load(from: ArraySource(bytes), options: options)
            guard !(tree is StreamTree) else { return }
            try expected("visiting") { () throws in try tree.forEachInode { _ in } }
            var numbers: [InodeNumber] = [tree.root]
            var asked: Set<InodeNumber> = []
            while let number = numbers.popLast() {
                guard asked.insert(number).inserted else { continue }
                try expected("asking") { () throws in
                    _ = try tree.links(of: number)
                    _ = try tree.lookup(FileName(validating: Array("f".utf8)), in: number)
                    try tree.forEachEntry(in: number) { numbers.append($0.inode) }
                }
            }
        }
    }

    /// Asks a tree for everything.
    private static func walk(_ tree: any SnapshotTree) throws(FuzzFinding) {
        let isWhole = try expected("walking") { () throws in
            try tree.forEachInode { inode in
                for link in try tree.links(of: inode.number) {
                    guard try tree.lookup(link.name, in: link.directory)?.inode == inode.number else {
                        throw FuzzFinding("a link is no entry: \(link)")
                    }
                }
                if inode.kind == .directory { try tree.forEachEntry(in: inode.number) { _ in } }
                var end: UInt64 = 0
                try tree.forEachExtent(of: inode.number, from: 0) { extent in
                    guard extent.length > 0, extent.offset >= end else { throw FuzzFinding("extents overlap") }
                    end = extent.end
                }
            }
        }
        guard isWhole else { throw FuzzFinding("a tree that was built cannot be walked") }
    }

    /// A bookmark of a tree, read as a tree, is that tree.
    private static func bookmark(_ tree: StreamTree) throws(FuzzFinding) {
        let builder = StreamTreeBuilder()
        let isSent = try expected("bookmarking") { () throws in
            var header = SnapshotHeader(name: tree.identity.name, snapshot: tree.identity.reference)
            (header.isBookmark, header.domain) = (true, tree.domain)
            try Planner(source: tree).run(into: builder, header)
        }
        guard isSent, let copy = builder.tree else { return }
        try index(tree, as: copy)
        var details = TreeReport.Details.everything.subtracting(.contents)
        // Ranges of which nothing is known but that they are data may lie behind the end of the file.
        if !tree.identifiesExtents { details.subtract([.holes, .preallocation]) }
        try expected("comparing") { () throws in
            let difference = try TreeReport(of: copy, details).firstDifference(from: TreeReport(of: tree, details))
            if let difference { throw FuzzFinding("a bookmark of a tree is another: \(difference)") }
        }
    }

    /// A bookmark with an index tells the same as one that is read from its beginning.
    private static func index(_ tree: StreamTree, as copy: StreamTree) throws(FuzzFinding) {
        try expected("indexing") { () throws in
            var header = SnapshotHeader(name: tree.identity.name, snapshot: tree.identity.reference)
            (header.isBookmark, header.domain) = (true, tree.domain)
            let sink = ArraySink()
            let writer = CowpathStreamWriter(to: sink, options: writerOptions, bookmarking: tree)
            try Planner(source: tree).run(into: writer, header)
            try writer.close()
            let indexed = try StoredTree.load(from: ArraySource(sink.bytes), options: options)
            try walk(indexed)
            let difference = try TreeReport(of: indexed).firstDifference(from: TreeReport(of: copy))
            if let difference { throw FuzzFinding("a bookmark tells another tree by its index: \(difference)") }
        }
    }

    private static func compare(_ tree: StreamTree, with base: StreamTree) throws(FuzzFinding) {
        for options in [TreeComparison.Options.sameDomain, .unrelated] {
            try expected("comparing two trees") { () throws in
                let comparison = TreeComparison(source: tree, base: base, options: options)
                try comparison.forEachChange { _ in }
            }
        }
    }
}
