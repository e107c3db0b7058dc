import SnapshotModel

/// The sets of extended attributes in a tree, each kept once, since most inodes share theirs with many others.
struct AttributeSets {
    /// The sets; the first is empty.
    private(set) var sets: [[ExtendedAttribute]]
    private var numbers: [[ExtendedAttribute]: UInt32]

    init(_ sets: [[ExtendedAttribute]] = [[]]) {
        self.sets = sets
        numbers = Dictionary(
            sets.enumerated().map { ($0.element, UInt32($0.offset)) }, uniquingKeysWith: { first, _ in first })
    }

    /// The number of a set, entered where it is new.
    mutating func number(_ set: [ExtendedAttribute]) -> UInt32 {
        if let number = numbers[set] { return number }
        let number = UInt32(sets.count)
        sets.append(set)
        numbers[set] = number
        return number
    }

    /// Adds an attribute, or changes its value, or takes it out; in byte order of the names.
    static func changed(_ set: [ExtendedAttribute], _ name: [UInt8], to value: [UInt8]?) -> [ExtendedAttribute] {
        var set = set.filter { $0.name != name }
        if let value {
            let place = set.firstIndex { name.lexicographicallyPrecedes($0.name) } ?? set.count
            set.insert(ExtendedAttribute(name: name, value: value), at: place)
        }
        return set
    }

    /// Drops the sets that no row refers to, where they are the most.
    mutating func compact(_ table: inout InodeTable) {
        guard sets.count > 1024, sets.count / 2 > table.rowCount else { return }
        var kept = AttributeSets()
        for slot in 0..<table.rowCount {
            table.attributes[slot] = kept.number(sets[Int(table.attributes[slot])])
        }
        self = kept
    }
}
