/// Where an item stands in a tree: by inode number, then kind of item, then offset, then name in byte order.
struct ItemKey: Hashable, Sendable {
    /// The kinds of item, in the order in which those of one inode stand.
    ///
    /// The numbers are part of the format of volumes.
    enum Kind: UInt8, Sendable {
        case inode = 1
        /// A name of the inode: the offset is the directory's number.
        case link = 2
        case extendedAttribute = 3
        case symbolicLinkTarget = 4
        /// The contents of a small file.
        case inline = 5
        /// A range of a regular file, by its offset.
        case extent = 6
        /// An entry of the directory, by its name.
        case entry = 7
    }

    var object: UInt64
    var kind: Kind
    var offset: UInt64
    var name: [UInt8]

    init(_ object: UInt64, _ kind: Kind, offset: UInt64 = 0, name: [UInt8] = []) {
        self.object = object
        self.kind = kind
        self.offset = offset
        self.name = name
    }

    /// The key at or before every key.
    static let first = ItemKey(0, .inode)
}

extension ItemKey: Comparable {
    static func < (left: ItemKey, right: ItemKey) -> Bool {
        precedes((left.object, left.kind, left.offset), (right.object, right.kind, right.offset))
            ?? left.name.lexicographicallyPrecedes(right.name)
    }

    /// Whether one key comes before another, by all but their names; nil where only the names can tell.
    @inline(__always)
    static func precedes(_ left: (UInt64, Kind, UInt64), _ right: (UInt64, Kind, UInt64)) -> Bool? {
        if left.0 != right.0 { return left.0 < right.0 }
        if left.1 != right.1 { return left.1.rawValue < right.1.rawValue }
        return left.2 != right.2 ? left.2 < right.2 : nil
    }
}
