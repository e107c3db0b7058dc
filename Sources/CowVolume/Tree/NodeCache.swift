/// Decoded nodes, the recently used of them, up to a number of bytes.
///
/// Two halves: what is used moves to the young one, and when that is full the old one is dropped. That is
/// cheaper than an exact order of use and nearly as good.
struct NodeCache {
    /// In bytes of memory: some hundred nodes. A walk in order needs no more.
    static let defaultCapacity = 16 << 20

    private let halfCapacity: Int
    private var young: [NodeID: Node] = [:]
    private var old: [NodeID: Node] = [:]
    private var youngSize = 0

    init(capacity: Int) {
        halfCapacity = capacity / 2
    }

    mutating func find(_ id: NodeID) -> Node? {
        if let node = young[id] { return node }
        guard let node = old[id] else { return nil }
        insert(node)
        return node
    }

    mutating func insert(_ node: Node) {
        if young.updateValue(node, forKey: node.id) == nil { youngSize += node.memory }
        if youngSize > halfCapacity {
            old = young
            young = [:]
            youngSize = 0
        }
    }
}
