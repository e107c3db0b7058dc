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
        let leaf = try makeNode(level: 0, keys: [key], values: [value[...]])
        root = leaf.id
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
        if index < leaf.keys.count, leaf.keys[index] == key {
            grow(leaf, by: value.count - leaf.values[index].count)
            leaf.values[index] = value[...]
        } else {
            grow(leaf, by: Node.weigh(key, valueCount: value.count), items: 1)
            leaf.keys.insert(key, at: index)
            leaf.values.insert(value[...], at: index)
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
        grow(leaf, by: -Node.weigh(key, valueCount: leaf.values[index].count), items: -1)
        leaf.keys.remove(at: index)
        leaf.values.remove(at: index)
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
            guard !node.keys.isEmpty else {
                throw SnapshotError(.corrupt, "an inner node is empty", place: "node \(node.id.rawValue)")
            }
            let index = node.childIndex(key)
            if lowering, key < node.keys[index] {
                grow(node, by: key.name.count - node.keys[index].name.count)
                node.keys[index] = key
            }
            let child = try openNode(node.children[index])
            guard child.level == node.level - 1 else {
                throw SnapshotError(.corrupt, "a node stands at the wrong level", place: "node \(child.id.rawValue)")
            }
            node.children[index] = child.id
            path.append((node, index))
            node = child
        }
        path.append((node, node.lowerBound(key)))
        return path
    }

    /// The node itself where the open generation wrote it, else a copy of it.
    private func openNode(_ id: NodeID) throws -> Node {
        if let node = dirty[id] { return node }
        let copy = Node(copying: try committed.node(id), id: try nextID())
        adopt(copy)
        return copy
    }

    private func makeNode(
        level: UInt8, keys: [ItemKey], values: [ArraySlice<UInt8>] = [], children: [NodeID] = []
    ) throws -> Node {
        let node = Node(id: try nextID(), level: level, keys: keys, values: values, children: children)
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
        while path[depth].node.size > Node.targetSize, path[depth].node.keys.count > 1 {
            let node = path[depth].node
            let right = try splitOff(node, inserted: path[depth].index)
            if depth == 0 {
                let keys = [node.keys[0], right.keys[0]]
                root = try makeNode(level: node.level + 1, keys: keys, children: [node.id, right.id]).id
                return
            }
            depth -= 1
            let parent = path[depth].node
            parent.keys.insert(right.keys[0], at: path[depth].index + 1)
            parent.children.insert(right.id, at: path[depth].index + 1)
            grow(parent, by: Node.weigh(right.keys[0], valueCount: Node.pointerWeight), items: 1)
        }
    }

    /// Moves the upper part of a node into a new one.
    private func splitOff(_ node: Node, inserted: Int) throws -> Node {
        let middle = startOfEnd(of: node, inserted: inserted) ?? middle(of: node)
        let right = try makeNode(
            level: node.level, keys: Array(node.keys[middle...]),
            values: node.isLeaf ? Array(node.values[middle...]) : [],
            children: node.isLeaf ? [] : Array(node.children[middle...]))
        // In arrays of their own: the old ones would keep room for twice as much, and most nodes stay as they are.
        node.keys = Array(node.keys[..<middle])
        if node.isLeaf { node.values = Array(node.values[..<middle]) }
        if !node.isLeaf { node.children = Array(node.children[..<middle]) }
        grow(node, by: -right.size, items: -right.keys.count)
        return right
    }

    /// What to move of a node that grew at its end, so that a tree that is filled in order has full nodes: all of the
    /// last inode, whose items do not come in their order, or the last item alone. Nil where it grew elsewhere.
    private func startOfEnd(of node: Node, inserted: Int) -> Int? {
        let last = node.keys.count - 1
        // The second of two inner nodes stands behind the first.
        guard node.isLeaf else { return inserted + 1 >= last ? last : nil }
        let start = node.lowerBound(ItemKey(node.keys[last].object, .inode))
        if start > 0, start <= inserted, Node.weigh(node, start..<last + 1) < Node.minimumSize { return start }
        return inserted == last ? last : nil
    }

    /// Where the upper half of a node begins.
    private func middle(of node: Node) -> Int {
        var middle = 0
        var lower = 0
        while middle < node.keys.count - 1, lower < node.size / 2 {
            lower += Node.weigh(node, middle..<middle + 1)
            middle += 1
        }
        return middle
    }

    /// Merges what has become too small, from the leaf upwards, and drops what has become empty.
    private func mend(_ path: Path) throws {
        for depth in path.indices.dropFirst().reversed() {
            let node = path[depth].node
            let (parent, index) = path[depth - 1]
            if node.keys.isEmpty {
                forget(node)
                removeChild(of: parent, at: index)
            } else if node.size < Node.minimumSize, parent.keys.count > 1 {
                try merge(parent, at: index + 1 < parent.keys.count ? index : index - 1)
            } else {
                break
            }
        }
        while let top = dirty[root], !top.isLeaf, top.keys.count == 1 {
            root = top.children[0]
            forget(top)
        }
    }

    /// Makes one of a child and its right neighbour, where both fit.
    private func merge(_ parent: Node, at index: Int) throws {
        let right = try node(parent.children[index + 1])
        let leftSize = try node(parent.children[index]).size
        guard leftSize + right.size <= Node.mergedSize else { return }
        let left = try openNode(parent.children[index])
        parent.children[index] = left.id
        left.keys.append(contentsOf: right.keys)
        left.values.append(contentsOf: right.values)
        left.children.append(contentsOf: right.children)
        grow(left, by: right.size, items: right.keys.count)
        if dirty[right.id] != nil { forget(right) }
        removeChild(of: parent, at: index + 1)
    }

    private func removeChild(of parent: Node, at index: Int) {
        grow(parent, by: -Node.weigh(parent.keys[index], valueCount: Node.pointerWeight), items: -1)
        parent.keys.remove(at: index)
        parent.children.remove(at: index)
    }

    private func forget(_ node: Node) {
        dirty[node.id] = nil
        dirtyMemory -= node.memory
    }
}
