import SnapshotModel

/// The number of a node: the generation that wrote it above ``NodeID/sequenceBits`` bits of a sequence.
///
/// So every pointer to a child carries the generation of the child, two writers never take the same number,
/// and none is used again.
struct NodeID: RawRepresentable, Hashable, Comparable, Sendable {
    /// 2^20 nodes or extents in one generation, and 2^43 generations below the sign bit of SQLite's integers.
    static let sequenceBits: UInt64 = 20
    static let maximumSequence: UInt64 = 1 << sequenceBits - 1
    static let maximumGeneration: UInt64 = 1 << (63 - sequenceBits) - 1

    let rawValue: UInt64

    init(rawValue: UInt64) { self.rawValue = rawValue }

    init(generation: UInt64, sequence: UInt64) {
        rawValue = generation << NodeID.sequenceBits | sequence
    }

    var generation: UInt64 { rawValue >> NodeID.sequenceBits }

    static func < (left: NodeID, right: NodeID) -> Bool { left.rawValue < right.rawValue }
}

/// A node of a tree, decoded. A leaf has items, an inner node has children, each under a key that is not
/// greater than any key below it.
///
/// Changed only by the ``TreeEditor`` that made it; shared by everyone once it is committed.
final class Node {
    /// A node is split beyond this many bytes, and mended below a quarter: 16 KiB, as btrfs has it.
    static let targetSize = 16 << 10
    static let minimumSize = targetSize / 4
    /// Two neighbours become one only up to here, so that the next item does not split them again.
    static let mergedSize = targetSize * 3 / 4
    /// Levels beyond this are damage: fan-out is at least two, and 2^40 leaves are more than fit.
    static let maximumLevel: UInt8 = 40

    let id: NodeID
    /// 0 for a leaf.
    let level: UInt8
    /// The keys, and in a leaf what stands under each.
    var items: NodeItems
    /// Of an inner node: the child that begins at each key.
    var children: [NodeID]
    /// About how many bytes the node takes when encoded.
    var size: Int

    init(id: NodeID, level: UInt8, items: NodeItems, children: [NodeID] = []) {
        self.id = id
        self.level = level
        self.items = items
        self.children = children
        size = 0
        size = weigh(items.indices)
    }

    init(copying other: Node, id: NodeID) {
        self.id = id
        level = other.level
        items = other.items
        children = other.children
        size = other.size
    }

    var isLeaf: Bool { level == 0 }

    /// About how many bytes the decoded node takes in memory.
    var memory: Int { size + items.count * Node.itemMemory }

    /// Of a leaf: what stands under a key; nil where nothing does.
    func value(of key: ItemKey) -> ArraySlice<UInt8>? { items.value(of: key) }

    /// Of an inner node: the child below which `key` stands or would stand.
    func childIndex(_ key: ItemKey) -> Int { max(0, items.floor(key)) }

    /// Visits the extents to which the items of a leaf refer, one once for each item.
    func forEachExtent(_ body: (UInt64) -> Void) throws {
        guard isLeaf else { return }
        for index in items.indices where items.kind(at: index) == .extent {
            let item = try ExtentItem(parsing: items.value(at: index), start: items.offset(at: index))
            if !item.isPreallocated { body(item.extent) }
        }
    }

    /// About how many bytes an item takes encoded: the key's and value's lengths, and its integers packed.
    static func weigh(_ key: ItemKey, valueCount: Int) -> Int { itemWeight + key.name.count + valueCount }

    /// What an item weighs without its name and its value.
    private static let itemWeight = 8

    /// What an item takes in memory beyond its encoded bytes: its head, with room to grow.
    static let itemMemory = NodeItems.headSize * 3 / 2

    /// The weight of a pointer to a child.
    static let pointerWeight = 6

    /// About how many bytes some items take encoded.
    func weigh(_ range: Range<Int>) -> Int {
        items.byteCount(range) + range.count * (Node.itemWeight + (isLeaf ? 0 : Node.pointerWeight))
    }
}

/// Where nodes come from.
protocol NodeSource: AnyObject {
    /// - Throws: `SnapshotError` where the node is damaged or gone.
    func node(_ id: NodeID) throws -> Node
}

extension NodeSource {
    /// The child of an inner node at an index, which must stand one level lower.
    func child(of parent: Node, at index: Int) throws -> Node {
        let child = try node(parent.children[index])
        guard child.level == parent.level - 1 else {
            throw SnapshotError(.corrupt, "a node stands at the wrong level", place: "node \(child.id.rawValue)")
        }
        return child
    }
}
