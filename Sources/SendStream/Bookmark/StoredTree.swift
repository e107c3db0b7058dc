package import SnapshotModel
import Workers

/// A stored stream as a tree.
package enum StoredTree {
    /// Reads a bookmark by its index, or all of a stream, each snapshot on top of its base. What is wrong with a
    /// bookmark behind its header is told when the tree is asked for the first time.
    ///
    /// - Parameter base: what the first snapshot starts from, where that is not nothing; it must have been read from a
    ///   stream too.
    /// - Returns: the tree of the last snapshot.
    package static func load(
        from source: any ByteSource, onto base: (any SnapshotTree)? = nil,
        options: StreamReader.Options = StreamReader.Options()
    ) throws -> any SnapshotTree {
        let reader = StreamReader(from: source, options: options)
        if try reader.hasBookmarkIndex() { return try reader.bookmark() }
        let builder = StreamTreeBuilder(base: try base.flatMap(streamTree))
        _ = try reader.replay(into: builder)
        return try builder.lastTree()
    }

    /// A tree that was read from a stream, in the form onto which another can be replayed; nil for others.
    private static func streamTree(_ tree: any SnapshotTree) throws -> StreamTree? {
        let tree = try (tree as? PendingTree)?.tree() ?? tree
        return try (tree as? BookmarkTree)?.streamTree() ?? tree as? StreamTree
    }
}

extension StreamTreeBuilder {
    /// The tree of the last snapshot of a stream that was read.
    func lastTree() throws -> StreamTree {
        guard let tree else { throw SnapshotError(.notFound, "the stream holds no snapshot") }
        return tree
    }
}
