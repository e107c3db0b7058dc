import SnapshotModel

/// A place in a tree that can be moved in both directions. The tree must not change while it is used.
struct TreeCursor {
    private let source: any NodeSource
    private let root: NodeID
    /// From the root to a leaf: each node with the index of the child, or of the item.
    private var path: [(node: Node, index: Int)] = []

    init(_ source: any NodeSource, root: NodeID) {
        self.source = source
        self.root = root
    }

    /// The key at the place; nil behind the last item.
    var key: ItemKey? {
        guard let leaf = path.last, leaf.index < leaf.node.items.count else { return nil }
        return leaf.node.items.key(at: leaf.index)
    }

    /// The value at the place; empty behind the last item.
    var value: ArraySlice<UInt8> {
        guard let leaf = path.last, leaf.index < leaf.node.items.count else { return [] }
        return leaf.node.items.value(at: leaf.index)
    }

    /// The nodes from the root to the leaf.
    var nodes: [NodeID] { path.map(\.node.id) }

    /// The leaf at the place.
    var leaf: NodeID? { path.last?.node.id }

    /// Moves to the first item that is not before `key`.
    mutating func seek(_ key: ItemKey) throws {
        path.removeAll(keepingCapacity: true)
        var node = try source.node(root)
        while !node.isLeaf {
            let index = node.childIndex(key)
            path.append((node, index))
            node = try source.child(of: node, at: index)
        }
        path.append((node, node.items.lowerBound(key)))
        try settle()
    }

    /// Moves to the last item that is not behind `key`; false where there is none, and then the place is the
    /// first item behind it.
    mutating func seekFloor(_ key: ItemKey) throws -> Bool {
        try seek(key)
        if self.key == key { return true }
        return try retreat()
    }

    /// Moves to the next item.
    mutating func advance() throws {
        guard !path.isEmpty else { return }
        path[path.count - 1].index += 1
        try settle()
    }

    /// Moves to the item before; false, without moving, where there is none.
    mutating func retreat() throws -> Bool {
        guard let depth = path.lastIndex(where: { $0.index > 0 }) else { return false }
        path[depth].index -= 1
        path.removeSubrange((depth + 1)...)
        while let last = path.last, !last.node.isLeaf {
            let node = try source.child(of: last.node, at: last.index)
            path.append((node, node.items.count - 1))
        }
        return true
    }

    /// Behind the last item of a leaf, moves to the next leaf, where there is one.
    private mutating func settle() throws {
        guard let leaf = path.last, leaf.index >= leaf.node.items.count else { return }
        guard let depth = path.dropLast().lastIndex(where: { $0.index + 1 < $0.node.items.count }) else { return }
        path.removeSubrange((depth + 1)...)
        path[depth].index += 1
        while let last = path.last, !last.node.isLeaf {
            path.append((try source.child(of: last.node, at: last.index), 0))
        }
    }
}

extension NodeSource {
    /// The value under a key; nil where there is none.
    func find(_ key: ItemKey, root: NodeID) throws -> ArraySlice<UInt8>? {
        try leaf(for: key, root: root).value(of: key)
    }

    /// The leaf in which a key stands or would stand.
    func leaf(for key: ItemKey, root: NodeID) throws -> Node {
        var node = try node(root)
        while !node.isLeaf { node = try child(of: node, at: node.childIndex(key)) }
        return node
    }

    /// Visits the items of one kind of one inode, in order, from an offset and name on.
    ///
    /// `body` returns whether to go on.
    func forEachItem(from first: ItemKey, root: NodeID, _ body: (ItemKey, ArraySlice<UInt8>) throws -> Bool) throws {
        var cursor = TreeCursor(self, root: root)
        try cursor.seek(first)
        while let key = cursor.key, key.object == first.object, key.kind == first.kind {
            guard try body(key, cursor.value) else { return }
            try cursor.advance()
        }
    }
}
