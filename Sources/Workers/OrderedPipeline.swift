import DequeModule

/// Work done on many threads whose results come out in the order in which it went in.
///
/// Back pressure is one rule: no more than `window` pieces are submitted and not yet delivered, so memory is
/// `window` times what one piece holds. Results are delivered on the submitting thread, which is the only one
/// that may use the pipeline.
package final class OrderedPipeline<Output: Sendable> {
    private let pool: WorkerPool
    private let window: Int
    private let deliver: (Output) throws -> Void
    private var pending: Deque<PendingResult<Output>> = []

    /// - Parameters:
    ///   - window: The most pieces in work at once, at least 1.
    ///   - deliver: Takes each result, in order of submission.
    package init(pool: WorkerPool, window: Int, deliver: @escaping (Output) throws -> Void) {
        self.pool = pool
        self.window = max(1, window)
        self.deliver = deliver
    }

    /// Starts a piece of work; where the window is full, first waits for the oldest and delivers it.
    ///
    /// - Throws: what an earlier piece of work or its delivery threw. The pipeline is then empty.
    package func submit(_ work: @escaping @Sendable () throws -> Output) throws {
        while pending.count >= window { try deliverOldest() }
        pending.append(pool.start(work))
    }

    /// Delivers everything that was submitted.
    package func drain() throws {
        while !pending.isEmpty { try deliverOldest() }
    }

    /// Waits for what is in work and drops its results.
    package func cancel() {
        while let result = pending.popFirst() { result.cancel() }
    }

    private func deliverOldest() throws {
        guard let result = pending.popFirst() else { return }
        do {
            try deliver(result.value())
        } catch {
            cancel()
            throw error
        }
    }
}
