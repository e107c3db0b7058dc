import SnapshotModel

extension BtrfsTree {
    /// How much one search of a scan reads.
    private static let scanSize = 1 << 20

    /// Goes through the inode items of the whole tree, or of what of it was written in a generation or later, past
    /// the cache.
    ///
    /// - Parameters:
    ///   - parse: makes something of an item, or nil where it is not wanted.
    ///   - visit: gets what was made, in the order of inode numbers; may ask the tree.
    func forEachInodeItem<Value>(
        since generation: UInt64,
        parse: (UInt64, borrowing RawSpan) throws(SnapshotError) -> Value?, visit: (Value) throws -> Void
    ) throws {
        let window = ItemWindow(size: BtrfsTree.scanSize)
        var next: ItemKey? = ItemKey(root.rawValue, 0)
        let last = ItemKey(BtrfsTree.lastNumber, .max, .max)
        while let first = next, first <= last {
            try located {
                try window.fill(items.search, SearchRange(first: first, last: last, generation: generation))
            }
            for place in window.places where place.key.type == ItemKey.Kind.inode {
                let value = try located {
                    try window.withContents(place) { bytes throws(SnapshotError) in
                        try parse(place.key.object, bytes)
                    }
                }
                if let value { try visit(value) }
            }
            guard window.last < last else { return }
            next = window.last.next
        }
    }
}
