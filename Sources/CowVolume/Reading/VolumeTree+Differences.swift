package import SnapshotModel

/// A place in a tree where whole subtrees can be passed over.
private struct SubtreeCursor {
    /// What stands at the place.
    enum Element {
        /// A subtree that begins at or before its first key.
        case subtree(NodeID, level: UInt8, from: ItemKey)
        case item(ItemKey, ArraySlice<UInt8>)
    }

    private let source: any NodeSource
    private var path: [(node: Node, index: Int)] = []
    /// The root, until it is entered or passed.
    private var root: NodeID?
    private let rootLevel: UInt8

    init(_ source: any NodeSource, root: NodeID) throws {
        self.source = source
        self.root = root
        rootLevel = try source.node(root).level
    }

    var element: Element? {
        if let root { return .subtree(root, level: rootLevel, from: .first) }
        guard let (node, index) = path.last else { return nil }
        if node.isLeaf { return .item(node.items.key(at: index), node.items.value(at: index)) }
        // The leftmost pointers of the tree begin where the tree does.
        let isLeftmost = path.allSatisfy { $0.index == 0 }
        let first = isLeftmost ? .first : node.items.key(at: index)
        return .subtree(node.children[index], level: node.level - 1, from: first)
    }

    /// Enters the subtree at the place.
    mutating func descend() throws {
        guard case .subtree(let id, let level, _)? = element else { return }
        let node = try source.node(id)
        guard node.level == level else {
            throw SnapshotError(.corrupt, "a node stands at the wrong level", place: "node \(id.rawValue)")
        }
        root = nil
        path.append((node, 0))
    }

    /// Moves behind the item or the whole subtree at the place.
    mutating func pass() {
        if root != nil {
            root = nil
            return
        }
        while let (node, index) = path.last {
            if index + 1 < node.items.count {
                path[path.count - 1].index = index + 1
                return
            }
            path.removeLast()
        }
    }
}

extension VolumeTree {
    /// No two inodes of a volume ever have one number, and no generation writes an inode twice.
    package func generationShared(with base: any SnapshotTree) -> UInt64 {
        (base as? VolumeTree)?.store.uuid == store.uuid ? .max : 0
    }

    /// Walks both trees side by side and passes over every subtree that they share.
    package func forEachDifference(
        from base: any SnapshotTree, _ body: (TreeDifference) throws -> Void
    ) throws -> Bool {
        guard let base = base as? VolumeTree, base.store.uuid == store.uuid else { return false }
        var reporter = DifferenceReporter()
        var new = try SubtreeCursor(nodes, root: rootNode)
        var old = try SubtreeCursor(base.nodes, root: base.rootNode)
        while true {
            switch (new.element, old.element) {
            case (nil, nil): return true
            case (.subtree(let left, _, _)?, .subtree(let right, _, _)?) where left == right:
                new.pass()
                old.pass()
            case (.subtree(_, let left, let newFrom)?, .subtree(_, let right, let oldFrom)?):
                // The taller one first; of equals the one that begins first, so that both stay in step.
                if left > right || (left == right && newFrom <= oldFrom) { try new.descend() }
                if right > left || (left == right && oldFrom <= newFrom) { try old.descend() }
            case (.subtree(_, _, let from)?, .item(let key, let value)?):
                if key < from {
                    try reporter.report(key, new: nil, old: value, body)
                    old.pass()
                } else {
                    try new.descend()
                }
            case (.item(let key, let value)?, .subtree(_, _, let from)?):
                if key < from {
                    try reporter.report(key, new: value, old: nil, body)
                    new.pass()
                } else {
                    try old.descend()
                }
            case (.subtree?, nil): try new.descend()
            case (nil, .subtree?): try old.descend()
            case (.item(let key, let value)?, .item(let other, let oldValue)?) where key == other:
                if value != oldValue { try reporter.report(key, new: value, old: oldValue, body) }
                new.pass()
                old.pass()
            case (.item(let key, let value)?, .item(let other, let oldValue)?):
                if key < other {
                    try reporter.report(key, new: value, old: nil, body)
                    new.pass()
                } else {
                    try reporter.report(other, new: nil, old: oldValue, body)
                    old.pass()
                }
            case (.item(let key, let value)?, nil):
                try reporter.report(key, new: value, old: nil, body)
                new.pass()
            case (nil, .item(let key, let value)?):
                try reporter.report(key, new: nil, old: value, body)
                old.pass()
            }
        }
    }
}

/// Makes differences of items that differ.
private struct DifferenceReporter {
    private var lastInode: UInt64?

    mutating func report(
        _ key: ItemKey, new: ArraySlice<UInt8>?, old: ArraySlice<UInt8>?, _ body: (TreeDifference) throws -> Void
    ) throws {
        guard key.kind == .entry else {
            if lastInode != key.object {
                lastInode = key.object
                try body(.inode(InodeNumber(key.object)))
            }
            return
        }
        let directory = InodeNumber(key.object)
        if let old { try body(.entryRemoved(directory: directory, try entry(key, old))) }
        if let new { try body(.entryAdded(directory: directory, try entry(key, new))) }
    }

    private func entry(_ key: ItemKey, _ value: ArraySlice<UInt8>) throws -> DirectoryEntry {
        let item = try EntryItem(parsing: value)
        return DirectoryEntry(
            name: try FileName(validating: key.name), inode: InodeNumber(item.inode), kind: item.kind)
    }
}
