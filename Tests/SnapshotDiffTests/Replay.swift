import SnapshotModel
import SnapshotTesting
import Testing

extension Replay {
    /// Fails with the first line that differs.
    static func expectEqual(
        _ tree: any SnapshotTree, _ expected: any SnapshotTree, _ details: TreeReport.Details = .everything,
        _ note: String = ""
    ) throws {
        do {
            try check(tree, expected, details)
        } catch {
            Issue.record("\(note): \(error)")
        }
    }
}
