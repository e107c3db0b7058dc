/// The key of an item in a tree of btrfs; keys are in order by object, type and offset.
///
/// The numbers are those of Linux, include/uapi/linux/btrfs_tree.h.
struct ItemKey: Hashable, Comparable {
    /// The kinds of item that make up the tree of a subvolume.
    enum Kind {
        static let inode: UInt8 = 1
        static let link: UInt8 = 12
        static let extendedLink: UInt8 = 13
        static let attribute: UInt8 = 24
        /// Up to here an inode has few items, all of which are asked for together.
        static let lastOfHead = attribute
        static let nameHash: UInt8 = 84
        static let entry: UInt8 = 96
        static let extent: UInt8 = 108
        /// In the tree of extents.
        static let extentRecord: UInt8 = 168
    }

    let object: UInt64
    let type: UInt8
    let offset: UInt64

    init(_ object: UInt64, _ type: UInt8, _ offset: UInt64 = 0) {
        (self.object, self.type, self.offset) = (object, type, offset)
    }

    static let last = ItemKey(.max, .max, .max)

    /// The key that follows; nil behind the last.
    var next: ItemKey? {
        if offset < .max { return ItemKey(object, type, offset + 1) }
        if type < .max { return ItemKey(object, type + 1, 0) }
        return object < .max ? ItemKey(object + 1, 0, 0) : nil
    }

    static func < (left: ItemKey, right: ItemKey) -> Bool {
        if left.object != right.object { return left.object < right.object }
        return left.type != right.type ? left.type < right.type : left.offset < right.offset
    }
}
