import DirectoryAccess
package import Logging
package import SnapshotModel
import SnapshotDiff

/// Brings a snapshot, or what lies below a path in it, back into a directory.
package enum Restorer {
    /// Restores into a directory that is empty or not there yet; a single file is put into it under its name.
    ///
    /// - Returns: what was restored, and what could not be kept.
    package static func run(
        _ address: String, into directory: String, strict: Bool, opener: TreeOpener, cancellation: Cancellation,
        report: ProgressReport?, logger: Logger
    ) throws -> (totals: SnapshotTotals, losses: ReplayLosses) {
        let opened = try opener.tree(address)
        guard opened.tree.holdsData else {
            throw SnapshotError(.invalidRequest, "a bookmark has no data to restore", place: address)
        }
        guard let inode = try opened.tree.resolve(opened.path) else {
            throw SnapshotError(.notFound, "there is no such file in the snapshot", place: "\(opened.path)")
        }
        var options = PlannerOptions()
        // They are decoded on the threads that write the files.
        options.passesEncodedExtents = true
        if !opened.path.isRoot { options.root = inode.number }
        let target = try DirectoryTarget(mode: .restore(to: directory), strict: strict)
        let metered = MeteredTarget(target, cancellation: cancellation, report: report, logger: logger)
        let planner = Planner(source: opened.tree, options: options)
        let identity = opened.tree.identity
        var header = SnapshotHeader(name: identity.name, snapshot: identity.reference)
        if opened.path.isRoot { header.expected = opened.tree.totals }
        try planner.run(into: metered, header)
        var losses = target.losses
        losses.add(planner.losses)
        return (metered.finished, losses)
    }
}
