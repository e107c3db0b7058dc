import CowVolume
package import DirectoryAccess
import Foundation
import SnapshotDiff
package import Logging
package import SnapshotModel

/// Brings a dataset to what a directory holds now, and keeps it as a snapshot: a send from the directory and
/// a receive into the volume, with no bytes between.
package struct Importer {
    private let directory: String
    private let volume: Volume
    private let name: VolumeName
    private let options: DirectoryTree.Options

    /// What an import did.
    package struct Summary: Sendable {
        /// `DATASET@SNAPSHOT`
        package let snapshot: String
        package let totals: SnapshotTotals
        package let losses: ReplayLosses
    }

    /// - Parameters:
    ///   - directory: The directory's path.
    ///   - address: `VOLUME/DATASET[@SNAPSHOT]`; without a name the snapshot is named after the time.
    /// - Throws: ``SnapshotError`` with ``SnapshotError/Code/invalidRequest``.
    package init(directory: String, into address: String, options: DirectoryTree.Options, opener: TreeOpener) throws {
        (volume, name) = try opener.volumeName(address)
        guard !name.dataset.isEmpty, name.path.isRoot else {
            throw SnapshotError(
                .invalidRequest, "an import needs a dataset", place: address,
                remedy: "write VOLUME/DATASET or VOLUME/DATASET@SNAPSHOT")
        }
        if case .bookmark = name.part {
            throw SnapshotError(.invalidRequest, "an import cannot make a bookmark", place: address)
        }
        self.directory = directory
        self.options = options
    }

    /// Imports.
    package func run(cancellation: Cancellation, report: ProgressReport?, logger: Logger) throws -> Summary {
        let source = try DirectoryTree(path: directory, options: options)
        let snapshotName: String
        if case .snapshot(let part) = name.part { snapshotName = part } else { snapshotName = Importer.timeName() }

        let hasDataset = try volume.datasets().contains { $0.name == name.dataset }
        let base = hasDataset ? try volume.tree(of: name.dataset) : nil
        let header = SnapshotHeader(
            name: snapshotName, snapshot: SnapshotReference(uuid: .random(), generation: 0), created: .now)

        let target = try volume.target(
            VolumeTarget.Options(
                dataset: name.dataset, snapshotName: snapshotName, keepsReceivedUUID: false,
                start: .head(base?.position)), beside: base)
        let metered = MeteredTarget(target, cancellation: cancellation, report: report, logger: logger)
        let planner = try planner(source: source, base: base)
        try planner.run(into: metered, header)
        var losses = target.losses
        losses.add(planner.losses)
        losses.add(source.losses)
        return Summary(
            snapshot: "\(name.dataset)@\(snapshotName)", totals: metered.finished, losses: losses)
    }

    private func planner(source: DirectoryTree, base: VolumeTree?) throws -> Planner {
        var options = PlannerOptions(comparison: .imported)
        if let base, try !comesFromSameDirectory(source, base) { options.comparison.correspondence = .paths }
        return Planner(source: source, base: base, options: options)
    }

    /// Whether the base was imported from this very directory, so that inode numbers tell renames: some name in
    /// its root still means the same inode, or it is empty.
    private func comesFromSameDirectory(_ source: DirectoryTree, _ base: VolumeTree) throws -> Bool {
        var isEmpty = true
        var isSame = false
        try base.forEachEntry(in: base.root) { entry in
            isEmpty = false
            guard !isSame, let there = try lookup(entry.name, in: source) else { return }
            isSame = try base.existingInode(entry.inode).origin == there.inode
        }
        return isEmpty || isSame
    }

    /// What a name in the root means; nil, too, where that cannot be said.
    private func lookup(_ name: FileName, in source: DirectoryTree) throws -> DirectoryEntry? {
        do {
            return try source.lookup(name, in: source.root)
        } catch let error as SnapshotError where error.isLossOfSource {
            return nil
        }
    }

    /// A name for a snapshot that got none: the time, to the second, without characters that shells dislike.
    private static func timeName() -> String {
        let now = Timestamp.now
        return Timestamp(seconds: now.seconds, nanoseconds: 0).description.replacing(":", with: "")
    }
}

extension Timestamp {
    /// The present, by the system's clock.
    package static var now: Timestamp {
        let interval = Date().timeIntervalSince1970
        let seconds = interval.rounded(.down)
        return Timestamp(
            seconds: Int64(seconds), nanoseconds: UInt32(min(999_999_999, (interval - seconds) * 1_000_000_000)))
    }
}
