import GRDB
package import SnapshotModel

/// Where the extents that were visited last stand, and which nodes are shared, as far as it was asked.
struct SharingCache {
    /// Nodes whose sharing is remembered: some hundred kilobytes.
    private static let maximumNodes = 8192
    /// At least so many extents are remembered, and at most twice as many: who goes through a file asks for some
    /// hundreds before the first of them is looked at.
    private static let rememberedExtents = 512

    /// The nodes from the root to the leaf where each stands.
    private var paths: [UInt64: [NodeID]] = [:]
    private var olderPaths: [UInt64: [NodeID]] = [:]
    private var path: [NodeID] = []
    private var isShared: [NodeID: Bool] = [:]

    mutating func visit(_ extent: UInt64, _ cursor: TreeCursor) {
        if path.last != cursor.leaf { path = cursor.nodes }
        if paths.count >= SharingCache.rememberedExtents {
            olderPaths = paths
            paths.removeAll(keepingCapacity: true)
        }
        paths[extent] = path
    }

    /// The nodes above an extent; nil where it was visited too long ago.
    func path(of extent: UInt64) -> [NodeID]? { paths[extent] ?? olderPaths[extent] }

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
    /// Heads of datasets do not count for the root: nothing is ever sent against them. An extent that is not among
    /// those that were visited last is said to be shared, since it is not known where it stands.
    package func isShared(_ extent: FileExtent) throws -> Bool {
        guard case .data(let identity?) = extent.content else { return false }
        guard let path = sharing.path(of: identity.address) else { return true }
        if try extents.record(identity.address).refs > 1 { return true }
        for node in path {
            let isShared = try sharing.isShared(node) {
                node == rootNode
                    ? try count("SELECT count(*) FROM roots WHERE node = ? AND kind IN (2, 3)", node) > 1
                    : try count("SELECT refs + marks FROM \(store.format.counts) WHERE id = ?", node) > 1
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
