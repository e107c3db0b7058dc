/// The key of an item in a tree of btrfs; keys are in order by object, type and offset.
///
/// The numbers are those of Linux, include/uapi/linux/btrfs_tree.h.
package struct ItemKey: Hashable, Comparable, Sendable {
    /// The kinds of item that make up the tree of a subvolume.
    package enum Kind {
        package static let inode: UInt8 = 1
        package static let link: UInt8 = 12
        package static let extendedLink: UInt8 = 13
        package static let attribute: UInt8 = 24
        /// Up to here an inode has few items, all of which are asked for together.
        static let lastOfHead = attribute
        package static let nameHash: UInt8 = 84
        package static let entry: UInt8 = 96
        package static let extent: UInt8 = 108
        /// In the tree of extents.
        package static let extentRecord: UInt8 = 168
    }

    package let object: UInt64
    package let type: UInt8
    package let offset: UInt64

    package init(_ object: UInt64, _ type: UInt8, _ offset: UInt64 = 0) {
        (self.object, self.type, self.offset) = (object, type, offset)
    }

    static let last = ItemKey(.max, .max, .max)

    /// The key that follows; nil behind the last.
    var next: ItemKey? {
        if offset < .max { return ItemKey(object, type, offset + 1) }
        if type < .max { return ItemKey(object, type + 1, 0) }
        return object < .max ? ItemKey(object + 1, 0, 0) : nil
    }

    package static func < (left: ItemKey, right: ItemKey) -> Bool {
        if left.object != right.object { return left.object < right.object }
        return left.type != right.type ? left.type < right.type : left.offset < right.offset
    }
}
