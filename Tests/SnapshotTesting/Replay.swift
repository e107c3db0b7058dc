package import SnapshotDiff
package import SnapshotModel

/// Sends trees to a strict target and compares what arrives.
package enum Replay {
    /// What can be compared where the target took less than everything.
    package static func details(_ accepts: ReplayCapabilities) -> TreeReport.Details {
        var details = TreeReport.Details.everything
        if !accepts.contains(.allocation) { details.subtract([.holes, .preallocation]) }
        if !accepts.contains(.flags) { details.remove(.flags) }
        if !accepts.contains(.birthTimes) { details.remove(.birthTimes) }
        return details
    }

    package static let settable = TreeReport.Details.everything.subtracting([.changeTimes, .accessTimes, .birthTimes])

    package static func header(
        _ tree: MemoryTree, base: SnapshotHeader.Base = .none, cloneSources: [MemoryTree] = [],
        isBookmark: Bool = false
    ) -> SnapshotHeader {
        SnapshotHeader(
            name: tree.identity.name, snapshot: tree.identity.reference, base: base,
            cloneSources: cloneSources.map(\.identity.reference), isBookmark: isBookmark,
            domain: isBookmark ? tree.domain : nil)
    }

    /// Sends a tree, whole or against a base, and returns what arrived.
    @discardableResult
    package static func send(
        _ tree: MemoryTree, base: MemoryTree? = nil, cloneSources: [MemoryTree] = [], to target: MemoryTarget,
        options: PlannerOptions = PlannerOptions()
    ) throws -> MemoryTree {
        let reference = base.map { SnapshotHeader.Base.parent($0.identity.reference) } ?? .none
        let planner = Planner(source: tree, base: base, cloneSources: cloneSources, options: options)
        try planner.run(into: target, header(tree, base: reference, cloneSources: cloneSources))
        return try newest(of: target)
    }

    package static func bookmark(_ tree: MemoryTree) throws -> MemoryTree {
        let target = MemoryTarget()
        try bookmark(tree, into: target)
        return try newest(of: target)
    }

    package static func bookmark(_ tree: MemoryTree, into target: any ReplayTarget) throws {
        try Planner(source: tree).run(into: target, header(tree, isBookmark: true))
    }

    private static func newest(of target: MemoryTarget) throws -> MemoryTree {
        guard let newest = target.newest else { throw SnapshotError(.notFound, "nothing has arrived") }
        return newest
    }

    /// Throws with the first line that differs.
    package static func check(
        _ tree: any SnapshotTree, _ expected: any SnapshotTree, _ details: TreeReport.Details = .everything
    ) throws {
        let report = try TreeReport(of: tree, details)
        if let difference = try report.firstDifference(from: TreeReport(of: expected, details)) {
            throw SnapshotError(.corrupt, "what arrived differs: \(difference)")
        }
    }
}
