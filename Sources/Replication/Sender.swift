import BtrfsAccess
package import SnapshotModel
import SnapshotDiff

/// What to send, and how.
package struct SendRequest: Sendable {
    /// The addresses of the snapshots, oldest first: each after the first is sent against the one before it.
    package var snapshots: [String]
    /// The snapshot or bookmark that the first is sent against; nil for a full stream.
    package var base: String?
    /// Further snapshots that the receiver has, from which data may be cloned.
    package var cloneSources: [String] = []
    /// Whether stored extents are passed on as they are.
    package var compressedData = false
    /// Whether what the receiver has already, or what was sent before, is cloned.
    package var clonesExtents = true
    /// Whether contents are left out.
    package var withoutData = false

    package init(snapshots: [String], base: String? = nil) {
        self.snapshots = snapshots
        self.base = base
    }
}

/// Plans snapshots into a target: the encoder of a stream, or a counter.
package struct Sender {
    private let request: SendRequest
    private let opener: TreeOpener
    private let cloneSources: [any SnapshotTree]

    /// Opens the clone sources.
    ///
    /// - Throws: ``SnapshotError`` where the request cannot be met.
    package init(_ request: SendRequest, opener: TreeOpener) throws {
        guard !request.snapshots.isEmpty else {
            throw SnapshotError(.invalidRequest, "there is no snapshot to send")
        }
        self.request = request
        self.opener = opener
        cloneSources = try request.cloneSources.map { try opener.snapshot($0).tree }
    }

    /// Sends every snapshot in turn.
    ///
    /// - Parameters:
    ///   - announcesTotals: Whether headers say what is expected to follow, which a difference has to be planned
    ///     twice for.
    ///   - begins: called with the address of each snapshot before it is sent.
    /// - Returns: what could not be read.
    package func run(
        into target: any ReplayTarget, announcesTotals: Bool = true, begins: (String) throws -> Void = { _ in }
    ) throws -> ReplayLosses {
        var losses = ReplayLosses()
        try forEachStep { address, source, base in
            try begins(address)
            let planner = self.planner(source, base)
            var header = self.header(source, base)
            // A full stream has what the tree has; what a difference has is found by planning it.
            if announcesTotals {
                header.expected =
                    try base == nil ? source.tree.totals : planner.estimate(header, accepts: target.accepts)
            }
            try planner.run(into: target, header)
            losses.add(planner.losses)
            losses.add(source.losses())
        }
        return losses
    }

    /// Counts what would be sent, snapshot by snapshot, without reading contents.
    package func estimate() throws -> [(name: String, totals: SnapshotTotals)] {
        var estimates: [(String, SnapshotTotals)] = []
        try forEachStep { _, source, base in
            let totals = try planner(source, base).estimate(header(source, base), accepts: .everything)
            estimates.append((source.tree.identity.name, totals))
        }
        return estimates
    }

    private func forEachStep(
        _ body: (String, TreeOpener.OpenedTree, TreeOpener.OpenedTree?) throws -> Void
    ) throws {
        var base = try request.base.map { try opener.base($0) }
        for address in request.snapshots {
            let source = try opener.snapshot(address)
            guard source.path.isRoot else {
                throw SnapshotError(
                    .invalidRequest, "only a whole snapshot can be sent", place: address,
                    remedy: "leave the path away, or use restore")
            }
            if let base { try requireSameFileSystem(source.tree, base.tree, request.base ?? address) }
            for (tree, place) in zip(cloneSources, request.cloneSources) {
                try requireSameFileSystem(source.tree, tree, place)
            }
            try body(address, source, base)
            try (source.tree as? BtrfsTree)?.checkUnchanged()
            base = source
        }
    }

    /// Two subvolumes can tell what they have in common only where they lie in one file system.
    private func requireSameFileSystem(
        _ source: any SnapshotTree, _ other: any SnapshotTree, _ place: String
    ) throws {
        guard source is BtrfsTree, other.holdsData, !(other is BtrfsTree) || other.domain != source.domain else {
            return
        }
        throw SnapshotError(
            .invalidRequest, "not a btrfs subvolume of the same file system", place: place,
            remedy: "name a read-only snapshot beside the one that is sent, or a bookmark")
    }

    private func planner(_ source: TreeOpener.OpenedTree, _ base: TreeOpener.OpenedTree?) -> Planner {
        var options = PlannerOptions()
        if let base { options.comparison = .suiting(source.tree, base.tree) }
        options.passesEncodedExtents = request.compressedData
        options.clonesExtents = request.clonesExtents
        return Planner(source: source.tree, base: base?.tree, cloneSources: cloneSources, options: options)
    }

    private func header(_ source: TreeOpener.OpenedTree, _ base: TreeOpener.OpenedTree?) -> SnapshotHeader {
        let identity = source.tree.identity
        var header = SnapshotHeader(name: identity.name, snapshot: identity.reference, created: identity.created)
        header.dataset = source.volume?.name.dataset
        header.domain = source.tree.domain
        header.withoutData = request.withoutData
        header.cloneSources = cloneSources.map(\.identity.reference)
        if let base {
            let reference = base.tree.identity.reference
            header.base = base.tree.holdsData ? .parent(reference) : .bookmark(reference)
        }
        return header
    }
}
