package import SnapshotModel
import Workers

/// Receives snapshots into a dataset of a volume.
///
/// Nothing of a snapshot can be seen before ``finish()``, which commits it and the dataset's new head together.
package final class VolumeTarget: ReplayTarget {
    /// What the instructions start from.
    package enum Start: Hashable, Sendable {
        /// The snapshot that the header names.
        case base
        /// The dataset as a tree of it showed it, which must still be so; nil where it was not there. An import
        /// needs no snapshot to compare with.
        case head(HeadPosition?)
    }

    /// Where to, and how.
    package struct Options: Sendable {
        /// The dataset's full name; it is made where it is not there.
        package var dataset: String
        /// The snapshot's name; nil for that of the stream.
        package var snapshotName: String?
        /// Whether a dataset that has moved on from the base returns to it, snapshots taken since destroyed, and
        /// a full stream may replace what a dataset holds.
        package var force: Bool
        /// Whether the snapshot is known as the one that was sent; not so for an import, which sends nothing.
        package var keepsReceivedUUID: Bool

        package var start: Start

        package init(
            dataset: String, snapshotName: String? = nil, force: Bool = false, keepsReceivedUUID: Bool = true,
            start: Start = .base
        ) {
            self.dataset = dataset
            self.snapshotName = snapshotName
            self.force = force
            self.keepsReceivedUUID = keepsReceivedUUID
            self.start = start
        }
    }

    package private(set) var losses = ReplayLosses()
    /// The snapshot that the last ``finish()`` made.
    package private(set) var received: SnapshotRecord?

    private let volume: Volume
    private let options: Options
    private let neighbour: VolumeTree?
    private let pool: WorkerPool
    private var session: ReceiveSession?

    init(_ volume: Volume, _ options: Options, beside neighbour: VolumeTree?, pool: WorkerPool) {
        self.volume = volume
        self.options = options
        self.neighbour = neighbour
        self.pool = pool
    }

    package var accepts: ReplayCapabilities { .everything }

    package func begin(_ header: SnapshotHeader) throws {
        abandon()
        received = nil
        try header.requireData()
        let plan = try ReceivePlan(volume, header, options)
        session = try ReceiveSession(volume, plan, header, beside: neighbour, pool: pool)
    }

    package func apply(_ instruction: Instruction) throws {
        guard let session else {
            throw SnapshotError(.invalidInstruction, "an instruction stands outside a snapshot")
        }
        do {
            try session.apply(instruction, &losses)
        } catch let error as SnapshotError {
            throw error.placed(ifNeeded: "\(instruction.path)")
        }
    }

    package func finish() throws {
        guard let session else {
            throw SnapshotError(.invalidInstruction, "a snapshot ends that did not begin")
        }
        received = try session.finish()
        self.session = nil
    }

    package func abandon() {
        session?.abandon()
        session = nil
    }
}

extension Volume {
    /// A target that receives into a dataset.
    ///
    /// - Parameter neighbour: a tree of this volume that is compared with meanwhile, on the same thread: what is read
    ///   of one serves for both.
    /// - Throws: `SnapshotError` with `invalidRequest` for an impossible name.
    package func target(
        _ options: VolumeTarget.Options, beside neighbour: VolumeTree? = nil
    ) throws -> VolumeTarget {
        try EntityName.check(dataset: options.dataset)
        if let name = options.snapshotName { try EntityName.check(part: name) }
        // Nodes have numbers of their own in each volume.
        let own = neighbour.flatMap { $0.store === store ? $0 : nil }
        return VolumeTarget(self, options, beside: own, pool: .shared)
    }
}
