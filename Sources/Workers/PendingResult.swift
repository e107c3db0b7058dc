import Foundation

/// A piece of work that is done once, by a thread of a pool or by the one that asks for its result first.
///
/// `@unchecked`: every access holds the condition's lock.
package final class PendingResult<Output: Sendable>: @unchecked Sendable {
    private enum State {
        case waiting(@Sendable () throws -> Output)
        case running
        case done(Result<Output, any Error>)
    }

    private let condition = NSCondition()
    private var state: State

    /// Work that is done by who asks for it first, unless a pool is given it.
    package init(_ work: @escaping @Sendable () throws -> Output) {
        state = .waiting(work)
    }

    /// The result: done here where no thread has begun with it, else waited for.
    ///
    /// - Throws: what the work threw.
    package func value() throws -> Output {
        try wait().get()
    }

    /// Sees to it that the work is not begun any more, or waits until it is over; drops the result.
    package func cancel() {
        condition.lock()
        if case .waiting = state { state = .done(.failure(CancellationError())) }
        condition.unlock()
        _ = wait()
    }

    private func wait() -> Result<Output, any Error> {
        begin()
        condition.lock()
        defer { condition.unlock() }
        while true {
            if case .done(let result) = state { return result }
            condition.wait()
        }
    }

    /// Does the work, unless another thread has it.
    fileprivate func begin() {
        condition.lock()
        guard case .waiting(let work) = state else { return condition.unlock() }
        state = .running
        condition.unlock()
        let result = Result(catching: work)
        condition.lock()
        state = .done(result)
        condition.broadcast()
        condition.unlock()
    }
}

extension WorkerPool {
    /// Has work done on one of the threads.
    package func start<Output: Sendable>(_ work: @escaping @Sendable () throws -> Output) -> PendingResult<Output> {
        let pending = PendingResult(work)
        submit { pending.begin() }
        return pending
    }
}
