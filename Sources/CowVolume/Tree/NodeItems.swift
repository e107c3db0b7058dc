/// The items of a node in the order of their keys: what is of fixed size in one array, and the bytes of all names and
/// values in another. So a node is read, copied and dropped with a handful of allocations, whatever it holds.
struct NodeItems {
    /// A key, and where its name and its value stand among the bytes.
    private struct Head {
        var object: UInt64
        var offset: UInt64
        var nameStart: UInt32
        var valueStart: UInt32
        var valueCount: UInt32
        var nameCount: UInt16
        var kind: ItemKey.Kind

        var name: Range<Int> { Int(nameStart)..<Int(nameStart) + Int(nameCount) }
        var value: Range<Int> { Int(valueStart)..<Int(valueStart) + Int(valueCount) }
    }

    private var heads: [Head] = []
    private var bytes: [UInt8] = []
    /// How many of the bytes belonged to items that are gone.
    private var unused = 0

    init() {}

    /// Items that are parts of `bytes`, to be told by ``append(_:_:offset:name:value:)``.
    init(within bytes: [UInt8], capacity: Int) {
        self.bytes = bytes
        heads.reserveCapacity(capacity)
    }

    var count: Int { heads.count }

    var isEmpty: Bool { heads.isEmpty }

    var indices: Range<Int> { heads.indices }

    /// How many bytes of memory an item takes beside its name and value.
    static let headSize = MemoryLayout<Head>.stride

    // MARK: Keys and values

    func key(at index: Int) -> ItemKey {
        let head = heads[index]
        return ItemKey(head.object, head.kind, offset: head.offset, name: Array(bytes[head.name]))
    }

    func kind(at index: Int) -> ItemKey.Kind { heads[index].kind }

    /// The inode number in a key.
    func object(at index: Int) -> UInt64 { heads[index].object }

    func offset(at index: Int) -> UInt64 { heads[index].offset }

    func name(at index: Int) -> ArraySlice<UInt8> { bytes[heads[index].name] }

    /// What stands under a key: a part of the node's bytes, not a copy. Empty in an inner node.
    func value(at index: Int) -> ArraySlice<UInt8> { bytes[heads[index].value] }

    /// Whether the key at an index comes before another.
    func precedes(_ index: Int, _ key: ItemKey) -> Bool {
        let head = heads[index]
        return ItemKey.precedes((head.object, head.kind, head.offset), (key.object, key.kind, key.offset))
            ?? bytes[head.name].lexicographicallyPrecedes(key.name)
    }

    /// Whether the key at an index is this one.
    func matches(_ index: Int, _ key: ItemKey) -> Bool {
        let head = heads[index]
        return head.object == key.object && head.kind == key.kind && head.offset == key.offset
            && bytes[head.name].elementsEqual(key.name)
    }

    /// The index of the first key that is not before `key`.
    func lowerBound(_ key: ItemKey) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if precedes(middle, key) { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The index of the last key that is not behind `key`; -1 where all are.
    func floor(_ key: ItemKey) -> Int {
        let index = lowerBound(key)
        return index < count && matches(index, key) ? index : index - 1
    }

    /// What stands under a key; nil where nothing does.
    func value(of key: ItemKey) -> ArraySlice<UInt8>? {
        let index = lowerBound(key)
        return index < count && matches(index, key) ? value(at: index) : nil
    }

    /// Whether a key lies between the first and the last one, or is one of them.
    func span(_ key: ItemKey) -> Bool {
        guard !isEmpty, !precedes(count - 1, key) || matches(count - 1, key) else { return false }
        return precedes(0, key) || matches(0, key)
    }

    /// How many bytes the names and values of some items have.
    func byteCount(_ range: Range<Int>) -> Int {
        heads[range].reduce(0) { $0 + Int($1.nameCount) + Int($1.valueCount) }
    }

    // MARK: Changes

    /// Adds an item behind the last one; its name and value are parts of the bytes that the items were made with.
    ///
    /// - Returns: whether its key comes behind the last one, as it must.
    mutating func append(
        _ object: UInt64, _ kind: ItemKey.Kind, offset: UInt64, name: Range<Int>, value: Range<Int>
    ) -> Bool {
        let head = Head(
            object: object, offset: offset, nameStart: UInt32(name.lowerBound), valueStart: UInt32(value.lowerBound),
            valueCount: UInt32(value.count), nameCount: UInt16(name.count), kind: kind)
        defer { heads.append(head) }
        guard let last = heads.last else { return true }
        return ItemKey.precedes((last.object, last.kind, last.offset), (object, kind, offset))
            ?? bytes[last.name].lexicographicallyPrecedes(bytes[name])
    }

    mutating func insert(_ key: ItemKey, _ value: some Collection<UInt8>, at index: Int) {
        let head = Head(
            object: key.object, offset: key.offset, nameStart: UInt32(bytes.count),
            valueStart: UInt32(bytes.count + key.name.count), valueCount: UInt32(value.count),
            nameCount: UInt16(key.name.count), kind: key.kind)
        bytes.append(contentsOf: key.name)
        bytes.append(contentsOf: value)
        heads.insert(head, at: index)
    }

    mutating func replaceValue(at index: Int, with value: [UInt8]) {
        let place = heads[index].value
        if value.count <= place.count {
            bytes.replaceSubrange(place.prefix(value.count), with: value)
            unused += place.count - value.count
        } else {
            heads[index].valueStart = UInt32(bytes.count)
            bytes.append(contentsOf: value)
            unused += place.count
        }
        heads[index].valueCount = UInt32(value.count)
        tidy()
    }

    mutating func replaceKey(at index: Int, with key: ItemKey) {
        let value = Array(value(at: index))
        remove(at: index)
        insert(key, value, at: index)
    }

    mutating func remove(at index: Int) {
        let head = heads.remove(at: index)
        unused += head.name.count + head.value.count
        tidy()
    }

    /// Adds the items of another node behind the last one.
    mutating func append(contentsOf other: NodeItems) {
        heads.reserveCapacity(count + other.count)
        for head in other.heads { append(head, of: other.bytes) }
    }

    /// Some of the items, with no more bytes than they need.
    func part(_ range: Range<Int>) -> NodeItems {
        var part = NodeItems()
        part.heads.reserveCapacity(range.count)
        part.bytes.reserveCapacity(byteCount(range))
        for head in heads[range] { part.append(head, of: bytes) }
        return part
    }

    private mutating func append(_ head: Head, of source: [UInt8]) {
        var head = head
        let (name, value) = (head.name, head.value)
        head.nameStart = UInt32(bytes.count)
        head.valueStart = UInt32(bytes.count + name.count)
        bytes.append(contentsOf: source[name])
        bytes.append(contentsOf: source[value])
        heads.append(head)
    }

    /// Gives back the room for more, where that is worth a copy.
    mutating func trim() {
        if bytes.capacity - bytes.count + unused > bytes.count / 4 { self = part(indices) }
    }

    /// Frees what belongs to no item once it is the larger part.
    private mutating func tidy() {
        if unused > bytes.count / 2 { self = part(indices) }
    }
}
