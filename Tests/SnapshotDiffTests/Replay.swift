import SnapshotDiff
import SnapshotModel
import SnapshotTesting
import Testing

/// Sends trees to a strict target and compares what arrives.
enum Replay {
    /// What can be compared where the target took less than everything.
    static func details(_ accepts: ReplayCapabilities) -> TreeReport.Details {
        var details = TreeReport.Details.everything
        if !accepts.contains(.allocation) { details.subtract([.holes, .preallocation]) }
        if !accepts.contains(.flags) { details.remove(.flags) }
        if !accepts.contains(.birthTimes) { details.remove(.birthTimes) }
        return details
    }

    static let settable = TreeReport.Details.everything.subtracting([.changeTimes, .accessTimes, .birthTimes])

    static func header(
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
    static func send(
        _ tree: MemoryTree, base: MemoryTree? = nil, cloneSources: [MemoryTree] = [], to target: MemoryTarget,
        options: PlannerOptions = PlannerOptions()
    ) throws -> MemoryTree {
        let reference = base.map { SnapshotHeader.Base.parent($0.identity.reference) } ?? .none
        let planner = Planner(source: tree, base: base, cloneSources: cloneSources, options: options)
        try planner.run(into: target, header(tree, base: reference, cloneSources: cloneSources))
        return try #require(target.newest)
    }

    static func bookmark(_ tree: MemoryTree) throws -> MemoryTree {
        let target = MemoryTarget()
        try Planner(source: tree).run(into: target, header(tree, isBookmark: true))
        return try #require(target.newest)
    }

    /// Fails with the first line that differs.
    static func expectEqual(
        _ tree: any SnapshotTree, _ expected: any SnapshotTree, _ details: TreeReport.Details = .everything,
        _ note: String = ""
    ) throws {
        let report = try TreeReport(of: tree, details)
        if let difference = try report.firstDifference(from: TreeReport(of: expected, details)) {
            Issue.record("\(note): \(difference)")
        }
    }
}
