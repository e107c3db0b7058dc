import GRDB
import SnapshotModel

/// How the tables of a volume are laid out. A volume stays in the format in which it was made.
enum VolumeFormat: Int64, Sendable {
    /// Each node has its counts in its own row.
    case countsInNodes = 2
    /// The counts have a table of their own: a copied node adds one to each of some hundred children, whose rows fill
    /// half a page each.
    case countsApart = 3

    /// The one in which volumes are made.
    static let newest = VolumeFormat.countsApart

    /// The table that has `refs` and `marks` of each node under its `id`.
    var counts: String {
        switch self {
        case .countsInNodes: "nodes"
        case .countsApart: "counts"
        }
    }
}

/// Writes new nodes with the references that they begin with.
struct NodeInsertion {
    private let nodes: DirectStatement
    private let counts: DirectStatement?

    init(_ database: Database, _ format: VolumeFormat) throws {
        switch format {
        case .countsInNodes:
            nodes = try DirectStatement(
                database, "INSERT INTO nodes (id, level, crc, data, refs, marks) VALUES (?, ?, ?, ?, ?, 0)")
            counts = nil
        case .countsApart:
            nodes = try DirectStatement(database, "INSERT INTO nodes (id, level, crc, data) VALUES (?, ?, ?, ?)")
            counts = try DirectStatement(database, "INSERT INTO counts (id, refs, marks) VALUES (?, ?, 0)")
        }
    }

    func insert(_ node: PackedNode, refs: Int64) throws {
        let number = try stored(node.id.rawValue)
        try nodes.set(1, number)
        try nodes.set(2, Int64(node.level))
        try nodes.set(3, Int64(node.crc))
        try nodes.set(4, node.data[...])
        guard let counts else {
            try nodes.set(5, refs)
            return try nodes.run()
        }
        try nodes.run()
        try counts.set(1, number)
        try counts.set(2, refs)
        try counts.run()
    }
}
