import GRDB
package import SnapshotModel

/// Where the extent that was visited last stands, and which nodes are shared, as far as it was asked.
struct SharingCache {
    /// Nodes whose sharing is remembered: some hundred kilobytes.
    private static let maximumNodes = 8192

    private(set) var extent: UInt64 = 0
    /// From the root to its leaf.
    private(set) var path: [NodeID] = []
    private var isShared: [NodeID: Bool] = [:]

    mutating func visit(_ extent: UInt64, _ cursor: TreeCursor) {
        self.extent = extent
        if path.last != cursor.leaf { path = cursor.nodes }
    }

    mutating func isShared(_ node: NodeID, _ find: () throws -> Bool) rethrows -> Bool {
        if let known = isShared[node] { return known }
        let found = try find()
        if isShared.count >= SharingCache.maximumNodes { isShared.removeAll(keepingCapacity: true) }
        isShared[node] = found
        return found
    }
}

extension VolumeTree {
    /// Whether another item refers to the extent, or another tree to a node above the item.
    ///
    /// Heads of datasets do not count for the root: nothing is ever sent against them. An extent that is not the
    /// one that was visited last is said to be shared, since it is not known where it stands.
    package func isShared(_ extent: FileExtent) throws -> Bool {
        guard case .data(let identity?) = extent.content else { return false }
        if sharing.extent != identity.address { return true }
        if try extents.record(identity.address).refs > 1 { return true }
        for node in sharing.path {
            let isShared = try sharing.isShared(node) {
                node == rootNode
                    ? try count("SELECT count(*) FROM roots WHERE node = ? AND kind IN (2, 3)", node) > 1
                    : try count("SELECT refs + marks FROM nodes WHERE id = ?", node) > 1
            }
            if isShared { return true }
        }
        return false
    }

    private func count(_ sql: String, _ node: NodeID) throws -> Int64 {
        try VolumeStore.guarded(store.path) {
            try snapshot.read { try StoredRow.one($0, sql, [try stored(node.rawValue)]).integer(0) }
        }
    }
}
