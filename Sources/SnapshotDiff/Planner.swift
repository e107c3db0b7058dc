package import SnapshotModel

/// What a plan does beyond bringing a tree to a target.
package struct PlannerOptions: Sendable {
    /// How the source is compared with the base.
    package var comparison: TreeComparison.Options
    /// Whether extents are passed on as they are stored, where source and target can.
    package var passesEncodedExtents = false
    /// Whether extents that lie elsewhere already become CLONE.
    package var clonesExtents = true
    /// The directory, or the single file, that is sent as if it were the root; only without a base.
    package var root: InodeNumber?
    /// Whether contents are read. Without it a plan only counts, for ``Planner/estimate(_:accepts:)``.
    package var readsData = true
    /// Called again and again with what was done so far; what it throws ends the plan.
    package var progress: (@Sendable (SnapshotTotals) throws -> Void)?

    package init(comparison: TreeComparison.Options = .sameDomain) {
        self.comparison = comparison
    }
}

/// Two trees → instructions, in an order that replays.
///
/// Every inode is made under its final name wherever nothing stands in the way. The instructions depend on
/// names, numbers, attributes and extents alone, so that equal trees give equal instructions.
package final class Planner {
    package let source: any SnapshotTree
    package let base: (any SnapshotTree)?
    package let cloneSources: [any SnapshotTree]
    package let options: PlannerOptions
    /// What the last plan sent.
    package private(set) var totals = SnapshotTotals()
    /// What of the source could not be read in the last plan and was left out.
    package private(set) var losses = ReplayLosses()
    private let comparison: TreeComparison?

    package init(
        source: any SnapshotTree, base: (any SnapshotTree)? = nil, cloneSources: [any SnapshotTree] = [],
        options: PlannerOptions = PlannerOptions()
    ) {
        (self.source, self.base, self.cloneSources, self.options) = (source, base, cloneSources, options)
        comparison = base.map { TreeComparison(source: source, base: $0, options: options.comparison) }
    }

    /// Begins the snapshot, replays all steps and finishes it; abandons it on any error.
    package func run(into target: any ReplayTarget, _ header: SnapshotHeader) throws {
        try target.begin(header)
        do {
            try apply(to: target, header)
            try target.finish()
        } catch {
            target.abandon()
            throw error
        }
    }

    /// Replays the steps alone, between a begin and a finish of the caller's.
    package func apply(to target: any ReplayTarget, _ header: SnapshotHeader) throws {
        try perform(InstructionSink(target: target, accepts: target.accepts, options: options), header)
    }

    /// What ``run(into:_:)`` would send to a target that accepts this, found without reading contents.
    package func estimate(_ header: SnapshotHeader, accepts: ReplayCapabilities) throws -> SnapshotTotals {
        var options = options
        options.readsData = false
        try perform(InstructionSink(target: nil, accepts: accepts, options: options), header)
        return totals
    }

    private func perform(_ sink: InstructionSink, _ header: SnapshotHeader) throws {
        let plan = Plan(
            source: source, comparison: comparison, cloneSources: cloneSources, options: options, header: header,
            sink: sink)
        defer {
            totals = sink.totals
            losses = plan.losses
            if let comparison { losses.add(comparison.losses) }
        }
        try plan.perform()
    }
}

/// Where the instructions of one plan go, counted.
final class InstructionSink {
    private let target: (any ReplayTarget)?
    let accepts: ReplayCapabilities
    let readsData: Bool
    private let progress: (@Sendable (SnapshotTotals) throws -> Void)?
    private(set) var totals = SnapshotTotals()

    init(target: (any ReplayTarget)?, accepts: ReplayCapabilities, options: PlannerOptions) {
        (self.target, self.accepts) = (target, accepts)
        (readsData, progress) = (options.readsData, options.progress)
    }

    func apply(_ instruction: Instruction) throws {
        totals.instructions += 1
        try target?.apply(instruction)
    }

    func countInode() throws {
        totals.inodes += 1
        try progress?(totals)
    }

    /// Counts bytes of contents; `unsent` where their instruction is only counted too.
    func count(bytes: UInt64, unsent: Bool = false) throws {
        totals.bytes &+= bytes
        if unsent { totals.instructions += 1 }
        try progress?(totals)
    }
}
