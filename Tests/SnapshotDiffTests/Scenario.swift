import SnapshotDiff
import SnapshotModel
import SnapshotTesting
import Testing

/// A tree, a change of it, and what was sent to bring the one to the other.
struct Scenario {
    let base: MemoryTree
    let new: MemoryTree
    let arrived: MemoryTree
    let instructions: [Instruction]

    /// Sends both states and fails where what arrived is not the second.
    init(
        accepts: ReplayCapabilities = .everything, options: PlannerOptions = PlannerOptions(),
        _ make: (TreeBuilder) throws -> Void, then change: (TreeBuilder) throws -> Void
    ) throws {
        let builder = TreeBuilder()
        try make(builder)
        base = builder.tree.snapshot("base")
        try change(builder)
        new = builder.tree.snapshot("new")
        let target = MemoryTarget(accepts: accepts)
        try Replay.send(base, to: target)
        arrived = try Replay.send(new, base: base, to: target, options: options)
        instructions = target.instructions
        try Replay.expectEqual(arrived, new, Replay.details(accepts))
    }

    /// The steps by name and path.
    var steps: [String] { instructions.map(\.summary) }

    /// The steps whose name begins so.
    func steps(_ prefix: String) -> [String] { steps.filter { $0.hasPrefix(prefix) } }
}
