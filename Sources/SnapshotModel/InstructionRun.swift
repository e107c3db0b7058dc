/// Steps that follow each other, and what is to be known of them before they are replayed.
package struct InstructionRun: Sendable {
    package private(set) var steps: [Instruction] = []
    /// What all of them come to.
    package private(set) var totals = SnapshotTotals()
    /// The most bytes that one of them writes.
    package private(set) var longestWrite = 0
    /// Whether one of them may take much longer than its length in a stream tells.
    package private(set) var mayTakeLong = false
    /// Of each, whether it is known to be about the path of the one before.
    private var repeatsPath: [Bool] = []

    /// - Parameter capacity: how many steps will be appended.
    package init(capacity: Int) {
        steps.reserveCapacity(capacity)
        repeatsPath.reserveCapacity(capacity)
    }

    package var count: Int { steps.count }

    /// - Parameter repeatsPath: whether the step is known to be about the path of the one before.
    package mutating func append(_ step: Instruction, repeatsPath: Bool) {
        totals.count(step)
        switch step {
        case .write(_, _, let data): longestWrite = max(longestWrite, data.count)
        // Where they are not known, a range is copied, or written as zeros.
        case .clone, .allocate: mayTakeLong = true
        default: break
        }
        self.repeatsPath.append(repeatsPath && !steps.isEmpty)
        steps.append(step)
    }

    /// How far the steps go that are known to be about the same path as one of them.
    package func end(ofPathAt index: Int) -> Int {
        var end = index + 1
        while end < steps.count, repeatsPath[end] { end += 1 }
        return end
    }

    /// What some of the steps come to.
    package func totals(of range: Range<Int>) -> SnapshotTotals {
        guard range != steps.indices else { return totals }
        var totals = SnapshotTotals()
        for step in steps[range] { totals.count(step) }
        return totals
    }
}
