import SnapshotModel

/// Keeps what is replayed onto it.
final class RecordingTarget: ReplayTarget {
    struct Snapshot: Equatable {
        var header: SnapshotHeader
        var instructions: [Instruction] = []
    }

    private(set) var finished: [Snapshot] = []
    private(set) var current: Snapshot?
    private(set) var abandoned = 0
    /// A step at which the target fails, as a full disk would.
    var failsAtStep: Int?

    let losses = ReplayLosses()
    let accepts = ReplayCapabilities.everything

    func begin(_ header: SnapshotHeader) throws {
        current = Snapshot(header: header)
    }

    func apply(_ instruction: Instruction) throws {
        if let failsAtStep, current?.instructions.count == failsAtStep {
            throw SnapshotError(.system, "no space left on the device")
        }
        current?.instructions.append(instruction)
    }

    func finish() throws {
        if let current { finished.append(current) }
        current = nil
    }

    func abandon() {
        if current != nil { abandoned += 1 }
        current = nil
    }
}
