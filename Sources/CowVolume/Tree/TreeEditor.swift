import SnapshotModel

/// A tree that is being changed: nodes of the open generation are changed in place, all others are copied
/// first. Nothing is written before a commit takes the changed nodes.
final class TreeEditor: NodeSource {
    private let committed: any NodeSource
    private(set) var root: NodeID
    /// The generation that is open.
    private(set) var generation: UInt64
    /// The nodes of the open generation; exactly those that can be reached from the root.
    private(set) var dirty: [NodeID: Node] = [:]
    /// About how many bytes they take in memory.
    private(set) var dirtyMemory = 0
    private var nextSequence: UInt64 = 1

    /// Goes on from a committed tree.
    init(_ committed: any NodeSource, root: NodeID, generation: UInt64) {
        self.committed = committed
        self.root = root
        self.generation = generation
    }

    /// Starts a tree that has one item, since an empty one cannot be written.
    init(_ committed: any NodeSource, key: ItemKey, value: [UInt8], generation: UInt64) throws {
        self.committed = committed
        self.generation = generation
        root = NodeID(generation: generation, sequence: 0)
        var items = NodeItems()
        items.insert(key, value, at: 0)
        root = try makeNode(level: 0, items).id
    }

    /// After a commit of ``dirty``: goes on in another generation.
    func startGeneration(_ generation: UInt64) {
        self.generation = generation
        dirty.removeAll(keepingCapacity: true)
        dirtyMemory = 0
        nextSequence = 1
    }

    func node(_ id: NodeID) throws -> Node {
        if let node = dirty[id] { return node }
        return try committed.node(id)
    }

    func find(_ key: ItemKey) throws -> ArraySlice<UInt8>? { try find(key, root: root) }

    /// Sets what stands under a key.
    func put(_ key: ItemKey, _ value: [UInt8]) throws {
        let path = try openPath(to: key, lowering: true)
        let leaf = path[path.count - 1].node
        let index = path[path.count - 1].index
        if index < leaf.items.count, leaf.items.matches(index, key) {
            grow(leaf, by: value.count - leaf.items.value(at: index).count)
            leaf.items.replaceValue(at: index, with: value)
        } else {
            grow(leaf, by: Node.weigh(key, valueCount: value.count), items: 1)
            leaf.items.insert(key, value, at: index)
        }
        try split(path)
    }

    /// Removes what stands under a key; false where nothing does, and then nothing is copied.
    @discardableResult
    func remove(_ key: ItemKey) throws -> Bool {
        guard try find(key) != nil else { return false }
        let path = try openPath(to: key, lowering: false)
        let leaf = path[path.count - 1].node
        let index = path[path.count - 1].index
        grow(leaf, by: -leaf.weigh(index..<index + 1), items: -1)
        leaf.items.remove(at: index)
        try mend(path)
        return true
    }

    private typealias Path = [(node: Node, index: Int)]

    /// The nodes from the root to where `key` stands or would stand, all of them open for change.
    ///
    /// - Parameter lowering: whether keys of inner nodes are lowered to `key`, which is about to be inserted.
    private func openPath(to key: ItemKey, lowering: Bool) throws -> Path {
        var path: Path = []
        var node = try openNode(root)
        root = node.id
        while !node.isLeaf {
            guard !node.items.isEmpty else {
                throw SnapshotError(.corrupt, "an inner node is empty", place: "node \(node.id.rawValue)")
            }
            let index = node.childIndex(key)
            if lowering, !node.items.precedes(index, key), !node.items.matches(index, key) {
                grow(node, by: key.name.count - node.items.name(at: index).count)
                node.items.replaceKey(at: index, with: key)
            }
            let child = try openNode(node.children[index])
            guard child.level == node.level - 1 else {
                throw SnapshotError(.corrupt, "a node stands at the wrong level", place: "node \(child.id.rawValue)")
            }
            node.children[index] = child.id
            path.append((node, index))
            node = child
        }
        path.append((node, node.items.lowerBound(key)))
        return path
    }

    /// The node itself where the open generation wrote it, else a copy of it.
    private func openNode(_ id: NodeID) throws -> Node {
        if let node = dirty[id] { return node }
        let copy = Node(copying: try committed.node(id), id: try nextID())
        adopt(copy)
        return copy
    }

    private func makeNode(level: UInt8, _ items: NodeItems, children: [NodeID] = []) throws -> Node {
        let node = Node(id: try nextID(), level: level, items: items, children: children)
        adopt(node)
        return node
    }

    private func adopt(_ node: Node) {
        dirty[node.id] = node
        dirtyMemory += node.memory
    }

    private func nextID() throws -> NodeID {
        guard nextSequence <= NodeID.maximumSequence else {
            throw SnapshotError(.limitExceeded, "more nodes in one generation than have numbers")
        }
        defer { nextSequence += 1 }
        return NodeID(generation: generation, sequence: nextSequence)
    }

    private func grow(_ node: Node, by bytes: Int, items: Int = 0) {
        node.size += bytes
        dirtyMemory += bytes + items * Node.itemMemory
    }

    // MARK: Splitting and merging

    /// Splits what has grown too large, from the leaf upwards.
    private func split(_ path: Path) throws {
        var depth = path.count - 1
        while path[depth].node.size > Node.targetSize, path[depth].node.items.count > 1 {
            let node = path[depth].node
            let right = try splitOff(node, inserted: path[depth].index)
            if depth == 0 {
                var items = NodeItems()
                for (index, half) in [node, right].enumerated() { items.insert(half.items.key(at: 0), [], at: index) }
                root = try makeNode(level: node.level + 1, items, children: [node.id, right.id]).id
                return
            }
            depth -= 1
            let parent = path[depth].node
            let first = right.items.key(at: 0)
            parent.items.insert(first, [], at: path[depth].index + 1)
            parent.children.insert(right.id, at: path[depth].index + 1)
            grow(parent, by: Node.weigh(first, valueCount: Node.pointerWeight), items: 1)
        }
    }

    /// Moves the upper part of a node into a new one.
    private func splitOff(_ node: Node, inserted: Int) throws -> Node {
        let middle = startOfEnd(of: node, inserted: inserted) ?? middle(of: node)
        let right = try makeNode(
            level: node.level, node.items.part(middle..<node.items.count),
            children: node.isLeaf ? [] : Array(node.children[middle...]))
        // In arrays of their own: the old ones would keep room for twice as much, and most nodes stay as they are.
        node.items = node.items.part(0..<middle)
        if !node.isLeaf { node.children = Array(node.children[..<middle]) }
        grow(node, by: -right.size, items: -right.items.count)
        return right
    }

    /// What to move of a node that grew at its end, so that a tree that is filled in order has full nodes: all of the
    /// last inode, whose items do not come in their order, or the last item alone. Nil where it grew elsewhere.
    private func startOfEnd(of node: Node, inserted: Int) -> Int? {
        let last = node.items.count - 1
        // The second of two inner nodes stands behind the first.
        guard node.isLeaf else { return inserted + 1 >= last ? last : nil }
        let start = node.items.lowerBound(ItemKey(node.items.object(at: last), .inode))
        if start > 0, start <= inserted, node.weigh(start..<last + 1) < Node.minimumSize { return start }
        return inserted == last ? last : nil
    }

    /// Where the upper half of a node begins.
    private func middle(of node: Node) -> Int {
        var middle = 0
        var lower = 0
        while middle < node.items.count - 1, lower < node.size / 2 {
            lower += node.weigh(middle..<middle + 1)
            middle += 1
        }
        return middle
    }

    /// Merges what has become too small, from the leaf upwards, and drops what has become empty.
    private func mend(_ path: Path) throws {
        for depth in path.indices.dropFirst().reversed() {
            let node = path[depth].node
            let (parent, index) = path[depth - 1]
            if node.items.isEmpty {
                forget(node)
                removeChild(of: parent, at: index)
            } else if node.size < Node.minimumSize, parent.items.count > 1 {
                try merge(parent, at: index + 1 < parent.items.count ? index : index - 1)
            } else {
                break
            }
        }
        while let top = dirty[root], !top.isLeaf, top.items.count == 1 {
            root = top.children[0]
            forget(top)
        }
    }

    /// Makes one of a child and its right neighbour, where both fit.
    private func merge(_ parent: Node, at index: Int) throws {
        let right = try child(of: parent, at: index + 1)
        let leftSize = try child(of: parent, at: index).size
        guard leftSize + right.size <= Node.mergedSize else { return }
        let left = try openNode(parent.children[index])
        parent.children[index] = left.id
        left.items.append(contentsOf: right.items)
        left.children.append(contentsOf: right.children)
        grow(left, by: right.size, items: right.items.count)
        if dirty[right.id] != nil { forget(right) }
        removeChild(of: parent, at: index + 1)
    }

    private func removeChild(of parent: Node, at index: Int) {
        grow(parent, by: -parent.weigh(index..<index + 1), items: -1)
        parent.items.remove(at: index)
        parent.children.remove(at: index)
    }

    private func forget(_ node: Node) {
        dirty[node.id] = nil
        dirtyMemory -= node.memory
    }
}
