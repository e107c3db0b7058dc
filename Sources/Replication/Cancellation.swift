import Synchronization
package import SnapshotModel

/// A wish to stop, which may come from a signal handler, and which work asks for as it goes.
package final class Cancellation: Sendable {
    private let requested = Atomic<Bool>(false)

    package init() {}

    /// Asks the work to stop at its next step, or behind a few that take no time.
    package func cancel() {
        requested.store(true, ordering: .relaxed)
    }

    /// - Throws: ``SnapshotError`` with ``SnapshotError/Code/cancelled`` once ``cancel()`` was called.
    package func check() throws(SnapshotError) {
        if requested.load(ordering: .relaxed) {
            throw SnapshotError(.cancelled, "stopped before the end")
        }
    }
}

extension SnapshotError.Code {
    /// The user asked to stop.
    package static let cancelled = Self(rawValue: "cancelled")
}
