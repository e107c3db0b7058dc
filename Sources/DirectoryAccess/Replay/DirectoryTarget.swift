package import SnapshotModel

/// A plain directory that snapshots are received into.
///
/// What it makes is a directory like any other: nothing keeps a user from changing a received snapshot, and an
/// incremental stream onto a changed one gives a changed result.
package final class DirectoryTarget: ReplayTarget {
    /// What becomes of a received snapshot.
    package enum Mode: Sendable {
        /// A directory in this one, named by the stream. An incremental one starts from a copy of its parent,
        /// by reflink or by hard links; the parent stays as it was (but for link counts and change times).
        case snapshots(in: String)
        /// This directory itself, brought up to date in place. Its record lies beside it, as `DIR.cowpath`.
        case mirror(String)
        /// This directory, which must be empty or is made; no record is kept.
        case restore(to: String)
    }

    private let destination: any ReplayDestination
    private var replay: TreeReplay?
    private var finishedLosses = ReplayLosses()

    /// Where the last finished snapshot lies.
    package private(set) var receivedPath: String?

    package let accepts = ReplayCapabilities.everything

    package var losses: ReplayLosses {
        var losses = finishedLosses
        if let replay { losses.add(replay.losses) }
        return losses
    }

    /// Opens the target and removes what a crash left there.
    ///
    /// - Parameter strict: whether what cannot be kept is an error, instead of being counted.
    package init(mode: Mode, strict: Bool = false) throws {
        switch mode {
        case .snapshots(let path): destination = try SnapshotsDestination(path: path, isStrict: strict)
        case .mirror(let path): destination = try MirrorDestination(path: path, isStrict: strict)
        case .restore(let path): destination = try RestoreDestination(path: path, isStrict: strict)
        }
    }

    /// A target that replays where a destination says, on a file system that can do more.
    package init(destination: any ReplayDestination) {
        self.destination = destination
    }

    package func begin(_ header: SnapshotHeader) throws {
        guard replay == nil else {
            throw SnapshotError(.invalidInstruction, "a snapshot begins inside another", place: header.name)
        }
        try header.requireData()
        replay = try destination.begin(header)
    }

    package func apply(_ instruction: Instruction) throws {
        try begun(instruction).apply(instruction)
    }

    package func apply(_ run: InstructionRun, done: inout Int) throws {
        guard let next = run.steps[done...].first else { return }
        try begun(next).apply(run, done: &done)
    }

    private func begun(_ instruction: Instruction) throws -> TreeReplay {
        guard let replay else {
            throw SnapshotError(
                .invalidInstruction, "an instruction outside a snapshot", place: instruction.path.description)
        }
        return replay
    }

    package func finish() throws {
        guard let replay else {
            throw SnapshotError(.invalidInstruction, "a snapshot ends that did not begin")
        }
        try replay.finish()
        receivedPath = try destination.finish(replay)
        finishedLosses.add(replay.losses)
        self.replay = nil
    }

    package func abandon() {
        guard let replay else { return }
        replay.abandon()
        self.replay = nil
        destination.abandon()
    }
}

/// Where replays take place, and what is made of them.
package protocol ReplayDestination: AnyObject {
    /// Finds the base and makes a directory ready.
    func begin(_ header: SnapshotHeader) throws -> TreeReplay
    /// Makes a finished replay visible and durable, and says where it is.
    func finish(_ replay: TreeReplay) throws -> String
    /// Drops what was begun.
    func abandon()
}
