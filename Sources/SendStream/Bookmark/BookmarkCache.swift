import Synchronization

/// What was read of a bookmark last, each under its place; for several threads.
final class BookmarkCache<Value: Sendable>: Sendable {
    /// What a part of the places share, so that threads seldom wait for each other.
    private final class Part: Sendable {
        let values: Mutex<RecentValues<Value>>

        init(_ limit: Int) {
            values = Mutex(RecentValues(limit))
        }
    }

    private let parts: [Part]

    /// - Parameter limit: how much the values may cost together.
    init(_ limit: Int) {
        let count = 8
        parts = (0..<count).map { _ in Part(limit / count) }
    }

    /// What is there, or else what is read, which two threads may do at once.
    func value(_ place: Int, cost: (Value) -> Int, _ read: () throws -> Value) throws -> Value {
        let part = parts[place % parts.count]
        if let value = part.values.withLock({ $0.value(place) }) { return value }
        let value = try read()
        let cost = cost(value)
        part.values.withLock { $0.add(value, cost: cost, at: place) }
        return value
    }
}

/// Values that were used last: at most so many as cost some amount, and one.
private struct RecentValues<Value: Sendable>: Sendable {
    private let limit: Int
    private var young: [Int: (value: Value, cost: Int)] = [:]
    private var old: [Int: (value: Value, cost: Int)] = [:]
    private var cost = 0

    init(_ limit: Int) {
        self.limit = limit
    }

    mutating func value(_ key: Int) -> Value? {
        if let found = young[key] { return found.value }
        guard let found = old[key] else { return nil }
        add(found.value, cost: found.cost, at: key)
        return found.value
    }

    mutating func add(_ value: Value, cost: Int, at key: Int) {
        if self.cost + cost > limit / 2 { (old, young, self.cost) = (young, [:], 0) }
        self.cost += cost - (young.updateValue((value, cost), forKey: key)?.cost ?? 0)
    }
}
