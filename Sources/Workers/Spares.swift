import Synchronization

/// What one piece of work is done with and the next can use again, such as a buffer: new memory takes longer to come by
/// than to fill.
///
/// There are never more of them than pieces of work were in work at once.
package final class Spares<Value: Sendable>: Sendable {
    private let values = Mutex<[Value]>([])

    package init() {}

    /// One that was given back, else a new one; for the time of some work.
    package func withOne<Result, Failure: Error>(
        or new: () -> Value, _ work: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        var value = values.withLock { $0.popLast() } ?? new()
        let result = try work(&value)
        values.withLock { $0.append(value) }
        return result
    }
}
