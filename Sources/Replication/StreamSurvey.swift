import SendStream
package import SnapshotModel

/// What a stream holds, snapshot by snapshot, found by checking it from end to end.
package final class StreamSurvey: ReplayTarget {
    /// The most snapshots that are told of one by one, so that a stream cannot fill the memory.
    package static let maximumSnapshots = 10_000

    private let verifier = StreamVerifier()
    private var header: SnapshotHeader?
    private var totals = SnapshotTotals()

    /// The snapshots of the stream, in its order.
    package private(set) var snapshots: [(header: SnapshotHeader, totals: SnapshotTotals)] = []

    package init() {}

    package var losses: ReplayLosses { verifier.losses }
    package var accepts: ReplayCapabilities { verifier.accepts }

    package func begin(_ header: SnapshotHeader) throws {
        try verifier.begin(header)
        self.header = header
        totals = SnapshotTotals()
    }

    package func apply(_ instruction: Instruction) throws {
        try verifier.apply(instruction)
        totals.count(instruction)
    }

    package func finish() throws {
        try verifier.finish()
        if let header, snapshots.count < StreamSurvey.maximumSnapshots { snapshots.append((header, totals)) }
    }

    package func abandon() {
        verifier.abandon()
    }
}
