package import Logging
package import SnapshotModel

/// How far a replay has come.
package struct ReplayProgress: Sendable {
    /// The snapshot in work, by its name.
    package var snapshot = ""
    /// What has been replayed of it.
    package var done = SnapshotTotals()
    /// What there is of it, where that is known.
    package var expected: SnapshotTotals?

    package init(snapshot: String = "", expected: SnapshotTotals? = nil) {
        self.snapshot = snapshot
        self.expected = expected
    }
}

/// What happens to be told of a replay as it goes.
package typealias ProgressReport = (ReplayProgress) -> Void

/// A target between the instructions and another target: it counts, reports and stops on request.
package final class MeteredTarget: ReplayTarget {
    private let target: any ReplayTarget
    private let cancellation: Cancellation
    private let report: ProgressReport?
    private let logger: Logger

    /// What has been replayed of the snapshot in work.
    package private(set) var progress = ReplayProgress()
    /// What was replayed of all snapshots that were finished.
    package private(set) var finished = SnapshotTotals()

    /// - Parameter logger: Told of each snapshot as information, and of each step as a trace.
    package init(
        _ target: any ReplayTarget, cancellation: Cancellation, report: ProgressReport? = nil, logger: Logger
    ) {
        self.target = target
        self.cancellation = cancellation
        self.report = report
        self.logger = logger
    }

    package var losses: ReplayLosses { target.losses }
    package var accepts: ReplayCapabilities { target.accepts }

    package func begin(_ header: SnapshotHeader) throws {
        progress = ReplayProgress(snapshot: header.name, expected: header.expected)
        logger.info("at snapshot \(header.name) (\(header.snapshot.uuid))")
        try target.begin(header)
    }

    package func apply(_ instruction: Instruction) throws {
        try cancellation.check()
        logger.trace("\(instruction)")
        try target.apply(instruction)
        progress.done.count(instruction)
        report?(progress)
    }

    package func apply(_ run: InstructionRun, done: inout Int) throws {
        // Otherwise nobody could stop it, nor see how far it has come, in less than the whole run takes.
        guard logger.logLevel > .trace, !run.mayTakeLong else { return try applyEach(of: run, done: &done) }
        let first = done
        defer { progress.done += run.totals(of: first..<done) }
        try cancellation.check()
        try target.apply(run, done: &done)
        report?(progress)
    }

    package func finish() throws {
        try cancellation.check()
        try target.finish()
        finished += progress.done
        logger.info("\(progress.snapshot): \(progress.done.inodes) inodes, \(progress.done.bytes) bytes")
    }

    package func abandon() {
        target.abandon()
    }
}
