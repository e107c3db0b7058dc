package import SnapshotModel
import Workers

/// An inode that was changed since a generation.
struct ChangedInode {
    enum Kind {
        /// It was there before, has a name and is no directory: its names alone tell where it is.
        case file
        /// A directory that was there before and got no new entry, with the size that all its names give it.
        case directory(size: UInt64)
        /// Anything may be new, or gone.
        case any
    }

    let number: InodeNumber
    var kind: Kind
}

extension BtrfsTree {
    /// How much one search of a scan reads.
    private static let scanSize = 1 << 20

    /// Goes through all items of one type, and those of another where that is named, of the whole tree, or of what of
    /// it was written in a generation or later; past the cache.
    ///
    /// - Parameters:
    ///   - read: makes something of an item, or nil where it is not wanted.
    ///   - visit: gets what was made, in the order of keys; may ask the tree.
    func scan<Value>(
        since generation: UInt64, _ type: UInt8, or otherType: UInt8? = nil,
        read: (ItemKey, borrowing RawSpan) throws(SnapshotError) -> Value?, visit: (Value) throws -> Void
    ) throws {
        let search = items.search
        var range = SearchRange(
            first: ItemKey(root.rawValue, 0), last: ItemKey(BtrfsTree.lastNumber, .max, .max), generation: generation)
        var pending: PendingResult<ItemRun>?
        while true {
            let window = ItemWindow(
                try located { try pending?.value() ?? ItemRun(of: search, range, size: BtrfsTree.scanSize) })
            // A thread reads on while this is gone through.
            if window.last < range.last, let next = window.last.next {
                range.first = next
                pending = WorkerPool.shared.start { [range] in
                    try ItemRun(of: search, range, size: BtrfsTree.scanSize)
                }
            }
            for place in window.places where place.key.type == type || place.key.type == otherType {
                let value = try located {
                    try window.withContents(place) { bytes throws(SnapshotError) in try read(place.key, bytes) }
                }
                if let value { try visit(value) }
            }
            guard window.last < range.last else { return }
        }
    }

    package func forEachInode(_ body: (Inode) throws -> Void) throws {
        try scan(since: 0, ItemKey.Kind.inode) { key, bytes throws(SnapshotError) in
            try key.checkInode()
            return try InodeItem.hasName(bytes) ? try InodeItem.parse(bytes, number: key.object) : nil
        } visit: {
            try body($0)
        }
    }

    /// The inodes that were changed in a generation or later, in order, those without a name too.
    func changedInodes(since generation: UInt64) throws -> [ChangedInode] {
        var inodes: [ChangedInode] = []
        try scan(since: generation, ItemKey.Kind.inode, or: ItemKey.Kind.entry) {
            key, bytes throws(SnapshotError) -> ChangedInode? in
            let number = InodeNumber(key.object)
            if key.type == ItemKey.Kind.entry {
                return try EntryItems.generation(bytes) >= generation ? ChangedInode(number: number, kind: .any) : nil
            }
            try key.checkInode()
            guard try InodeItem.changeGeneration(bytes) >= generation else { return nil }
            return ChangedInode(number: number, kind: try BtrfsTree.kind(of: bytes, since: generation))
        } visit: { inode in
            // The entries of a directory come right behind it.
            if inodes.last?.number == inode.number {
                inodes[inodes.count - 1].kind = .any
            } else {
                inodes.append(inode)
            }
        }
        return inodes
    }

    private static func kind(
        of bytes: borrowing RawSpan, since generation: UInt64
    ) throws(SnapshotError) -> ChangedInode.Kind {
        guard try InodeItem.birthGeneration(bytes) < generation else { return .any }
        if try InodeItem.isDirectory(bytes) { return .directory(size: try InodeItem.directorySize(bytes)) }
        return try InodeItem.hasName(bytes) ? .file : .any
    }

    /// The size of a directory by its inode: twice the lengths of all names in it. Nil where there is none.
    func directorySize(_ number: InodeNumber) throws -> UInt64? {
        let found = try located {
            try items.item(ItemKey(number.rawValue, ItemKey.Kind.inode))?.read { bytes throws(SnapshotError) in
                try InodeItem.isDirectory(bytes) ? try InodeItem.directorySize(bytes) : nil
            }
        }
        return found ?? nil
    }
}

extension ItemKey {
    /// Refuses a second item for one inode, which nobody who asks for the inode would find.
    fileprivate func checkInode() throws(SnapshotError) {
        guard offset == 0 else { throw .badItem("inode \(object) has an item with a wrong key") }
    }
}
