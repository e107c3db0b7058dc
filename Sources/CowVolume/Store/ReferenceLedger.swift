import GRDB
import SnapshotModel

/// The changes of reference counts in one transaction, netted, and written at its end.
///
/// Counting is lazy (Rodeh, "B-trees, shadowing, and clones", 2008): a node counts once on each of its
/// children, however many trees share the node. What gains must be told before what loses.
final class ReferenceLedger {
    /// A reference that is to be given back: from a dataset or snapshot, or from a bookmark.
    struct Drop {
        var node: NodeID
        var isMark: Bool
    }

    private struct Counts {
        var refs: Int64 = 0
        var marks: Int64 = 0
    }

    private let database: Database
    private let nodes: CommittedNodes
    private let format: VolumeFormat
    private var changes: [NodeID: Counts] = [:]
    private var extents: [UInt64: Int64] = [:]
    private var storedCounts: [NodeID: Counts] = [:]
    private var dead: Set<NodeID> = []
    /// Bytes of the nodes that lost their last reference, as stored.
    private(set) var freedBytes: Int64 = 0

    init(_ database: Database, _ nodes: CommittedNodes, _ format: VolumeFormat) {
        self.database = database
        self.nodes = nodes
        self.format = format
    }

    /// One more reference on a tree.
    func hold(_ node: NodeID, isMark: Bool = false) {
        if isMark { changes[node, default: Counts()].marks += 1 } else { changes[node, default: Counts()].refs += 1 }
    }

    /// The references of a node that is new.
    func holdContents(of node: Node) throws {
        for child in node.children { changes[child, default: Counts()].refs += 1 }
        try node.forEachExtent { extents[$0, default: 0] += 1 }
    }

    /// How many references on an extent, or on a new node, the transaction adds.
    func change(ofExtent id: UInt64) -> Int64 { extents[id] ?? 0 }

    /// The count that a new node begins with; no longer a change.
    func takeCount(ofNew id: NodeID) -> Int64 { changes.removeValue(forKey: id)?.refs ?? 0 }

    /// The count that a new extent begins with; no longer a change.
    func takeCount(ofNewExtent id: UInt64) -> Int64 { extents.removeValue(forKey: id) ?? 0 }

    /// Gives references back, from the top downwards, and stops at what is still held.
    ///
    /// - Parameter budget: how many nodes may die; what is left then is returned.
    func drop(_ drops: [Drop], budget: Int = .max) throws -> [Drop] {
        var stack = drops
        var visited = 0
        while visited < budget, let drop = stack.popLast() {
            guard try release(drop) else { continue }
            visited += 1
            let node = try nodes.node(drop.node)
            let marks = try counts(of: drop.node).marks
            let isSkeleton = !drop.isMark && marks > 0
            if !drop.isMark { try node.forEachExtent { extents[$0, default: 0] -= 1 } }
            // What only bookmarks hold keeps its children by marks; those come before the references go.
            if isSkeleton {
                for child in node.children { changes[child, default: Counts()].marks += 1 }
            } else {
                dead.insert(drop.node)
            }
            for child in node.children { stack.append(Drop(node: child, isMark: drop.isMark)) }
        }
        return stack
    }

    /// Takes one reference away; whether the node's own references must follow.
    private func release(_ drop: Drop) throws -> Bool {
        var change = changes[drop.node] ?? Counts()
        if drop.isMark { change.marks -= 1 } else { change.refs -= 1 }
        changes[drop.node] = change
        // It had at least the one that is taken, so what gained as many is still held. Not so a mark, which may
        // be one that a reference became in this very transaction.
        if !drop.isMark, change.refs >= 0 { return false }
        let now = try counts(of: drop.node)
        guard now.refs >= 0, now.marks >= 0, !dead.contains(drop.node) else {
            throw SnapshotError(
                .corrupt, "a node has fewer references than are given back", place: "node \(drop.node.rawValue)",
                remedy: "run 'cowpath check'")
        }
        return drop.isMark ? now.marks == 0 && now.refs == 0 : now.refs == 0
    }

    /// The counts as they stand in this transaction.
    private func counts(of id: NodeID) throws -> Counts {
        var counts = try storedCounts[id] ?? loadCounts(of: id)
        storedCounts[id] = counts
        if let change = changes[id] {
            counts.refs += change.refs
            counts.marks += change.marks
        }
        return counts
    }

    private func loadCounts(of id: NodeID) throws -> Counts {
        let find = try DirectStatement(database, "SELECT refs, marks FROM \(format.counts) WHERE id = ?")
        try find.set(1, try stored(id.rawValue))
        guard let counts = try find.first({ Counts(refs: try $0.integer(0), marks: try $0.integer(1)) }) else {
            throw SnapshotError(.corrupt, "a node is missing", place: "node \(id.rawValue)")
        }
        guard ReferenceLedger.possibleCounts.contains(counts.refs),
            ReferenceLedger.possibleCounts.contains(counts.marks)
        else {
            throw SnapshotError(.corrupt, "a node has an impossible count", place: "node \(id.rawValue)")
        }
        return counts
    }

    /// A quarter of what the column holds, so that sums cannot overflow.
    private static let possibleCounts: ClosedRange<Int64> = 0...(1 << 62)

    /// Writes the changes and deletes the nodes that nothing refers to any more.
    func write() throws {
        let update = try DirectStatement(
            database, "UPDATE \(format.counts) SET refs = refs + ?, marks = marks + ? WHERE id = ?")
        let measure = try DirectStatement(database, "SELECT length(data) FROM nodes WHERE id = ?")
        let tables: Set<String> = ["nodes", format.counts]
        let deletions = try tables.map { try DirectStatement(database, "DELETE FROM \($0) WHERE id = ?") }
        for (id, change) in changes.sorted(by: { $0.key < $1.key }) {
            if dead.contains(id) {
                let number = try stored(id.rawValue)
                try measure.set(1, number)
                freedBytes += try measure.first { try $0.integer(0) } ?? 0
                for statement in deletions {
                    try statement.set(1, number)
                    try statement.run()
                }
            } else if change.refs != 0 || change.marks != 0 {
                try update.set(1, change.refs)
                try update.set(2, change.marks)
                try update.set(3, try stored(id.rawValue))
                try update.run()
                try expectChange("node \(id.rawValue)")
            }
        }
        let count = try DirectStatement(database, "UPDATE extents SET refs = refs + ? WHERE id = ?")
        for (id, change) in extents.sorted(by: { $0.key < $1.key }) where change != 0 {
            try count.set(1, change)
            try count.set(2, try stored(id))
            try count.run()
            try expectChange("extent \(id)")
        }
        changes.removeAll()
        extents.removeAll()
        storedCounts.removeAll()
        dead.removeAll()
    }

    private func expectChange(_ place: String) throws {
        guard database.changesCount == 1 else {
            throw SnapshotError(
                .corrupt, "something that is referred to is missing", place: place, remedy: "run 'cowpath check'")
        }
    }
}
