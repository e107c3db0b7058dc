import DequeModule
import Foundation

/// Work done on many threads whose results come out in the order in which it went in.
///
/// Back pressure is one rule: no more than `window` pieces are submitted and not yet delivered, so memory is
/// `window` times what one piece holds. Results are delivered on the submitting thread, which is the only one
/// that may use the pipeline.
package final class OrderedPipeline<Output: Sendable> {
    private let pool: WorkerPool
    private let window: Int
    private let deliver: (Output) throws -> Void
    private var pending: Deque<Slot<Output>> = []

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
        let slot = Slot<Output>()
        pending.append(slot)
        pool.submit { slot.fill(Result(catching: work)) }
    }

    /// Delivers everything that was submitted.
    package func drain() throws {
        while !pending.isEmpty { try deliverOldest() }
    }

    /// Waits for what is in work and drops its results.
    package func cancel() {
        while let slot = pending.popFirst() { _ = slot.wait() }
    }

    private func deliverOldest() throws {
        guard let slot = pending.popFirst() else { return }
        do {
            try deliver(slot.wait().get())
        } catch {
            cancel()
            throw error
        }
    }
}

/// The place of one result. `@unchecked`: every access holds the condition's lock.
private final class Slot<Output: Sendable>: @unchecked Sendable {
    private let condition = NSCondition()
    private var result: Result<Output, any Error>?

    func fill(_ result: Result<Output, any Error>) {
        condition.lock()
        self.result = result
        condition.signal()
        condition.unlock()
    }

    func wait() -> Result<Output, any Error> {
        condition.lock()
        defer { condition.unlock() }
        while true {
            if let result { return result }
            condition.wait()
        }
    }
}
