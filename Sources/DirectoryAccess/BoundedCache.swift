/// A dictionary that forgets what was used longest ago.
///
/// Finding what to forget looks at every entry, so this is for some dozens of them: open descriptors.
struct BoundedCache<Key: Hashable, Value> {
    private var entries: [Key: (value: Value, used: UInt64)] = [:]
    private var clock: UInt64 = 0
    private let capacity: Int

    init(capacity: Int) {
        self.capacity = capacity
    }

    mutating func value(for key: Key) -> Value? {
        guard let index = entries.index(forKey: key) else { return nil }
        clock += 1
        entries.values[index].used = clock
        return entries.values[index].value
    }

    mutating func insert(_ value: Value, for key: Key) {
        if entries.count >= capacity, entries[key] == nil,
            let oldest = entries.min(by: { $0.value.used < $1.value.used })?.key
        {
            entries[oldest] = nil
        }
        clock += 1
        entries[key] = (value, clock)
    }

    mutating func removeValue(for key: Key) {
        entries[key] = nil
    }

    mutating func removeAll(where predicate: (Key) -> Bool) {
        for key in entries.keys where predicate(key) { entries[key] = nil }
    }

    mutating func removeAll() {
        entries.removeAll()
    }
}
