/// Decoded nodes, the recently used of them, up to a number of bytes.
///
/// Two halves: what is used moves to the young one, and when that is full the old one is dropped. That is
/// cheaper than an exact order of use and nearly as good.
final class NodeCache {
    /// In bytes of memory: some hundred nodes. A walk in order needs no more.
    static let defaultCapacity = 16 << 20

    private var halfCapacity: Int
    private var young: [NodeID: Node] = [:]
    private var old: [NodeID: Node] = [:]
    private var youngSize = 0

    init(capacity: Int) {
        halfCapacity = capacity / 2
    }

    /// Makes room for as many bytes, where there is less.
    func makeRoom(for bytes: Int) {
        halfCapacity = max(halfCapacity, bytes / 2)
    }

    func find(_ id: NodeID) -> Node? {
        if let node = young[id] { return node }
        guard let node = old[id] else { return nil }
        insert(node)
        return node
    }

    func insert(_ node: Node) {
        if young.updateValue(node, forKey: node.id) == nil { youngSize += node.memory }
        if youngSize > halfCapacity {
            old = young
            young = [:]
            youngSize = 0
        }
    }
}
