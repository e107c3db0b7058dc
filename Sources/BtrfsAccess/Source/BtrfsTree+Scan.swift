package import SnapshotModel
import Workers

/// An inode that was changed since a generation.
struct ChangedInode: Sendable {
    enum Kind: Sendable {
        /// It was there before, has a name and is no directory: its names alone tell where it is.
        case file
        /// A directory that was there before and got no new entry, with the size that all its names give it.
        case directory(size: UInt64)
        /// A directory that was there before, with a new entry.
        case entries
        /// Anything may be new, or gone.
        case any
    }

    let number: InodeNumber
    var kind: Kind}

extension BtrfsTree {
    /// Goes through all items of some types, of the whole tree, or of what of it was written in a generation or later;
    /// past the cache.
    ///
    /// - Parameters:
    ///   - read: adds to the values what it makes of an item, on any thread; all of one object are read in order.
    ///   - visit: gets what was made, in the order of keys; may ask the tree.
    func scan<Value: Sendable>(
        since generation: UInt64, _ types: [UInt8], read: @escaping TreeScan.Reader<Value>,
        visit: (Value) throws -> Void
    ) throws {
        let scan = TreeScan(search: items.search, generation: generation, types: types)
        let last = try located { try scan.lastObject(from: root.rawValue) }
        let step = max(TreeScan.shortestStep, (last - root.rawValue) / TreeScan.mostSteps)
        // Nil behind the last, which can be the highest number there is.
        var next: UInt64? = root.rawValue
        var pending: [PendingResult<[Value]>] = []
        while true {
            while let first = next, pending.count < 2 * WorkerPool.shared.threadCount {
                let end = last - first <= step ? last : first + step
                pending.append(WorkerPool.shared.start { try scan.values(of: first...end, read) })
                next = end < last ? end + 1 : nil
            }
            guard !pending.isEmpty else { return }
            let values = try located { try pending.removeFirst().value() }
            for value in values { try visit(value) }
        }
    }

    package func forEachInode(_ body: (Inode) throws -> Void) throws {
        try scan(since: 0, [ItemKey.Kind.inode]) { key, bytes, inodes throws(SnapshotError) in
            try key.checkInode()
            if try InodeItem.hasName(bytes) { inodes.append(try InodeItem.parse(bytes, number: key.object)) }
        } visit: {
            try body($0)
        }
    }

    /// The inodes that were changed in a generation or later, in order, those without a name too.
    func changedInodes(since generation: UInt64) throws -> [ChangedInode] {
        var inodes: [ChangedInode] = []
        try scan(since: generation, [ItemKey.Kind.inode, ItemKey.Kind.entry]) {
            key, bytes, inodes throws(SnapshotError) in
            let number = InodeNumber(key.object)
            if key.type == ItemKey.Kind.inode {
                try key.checkInode()
                guard try InodeItem.changeGeneration(bytes) >= generation else { return }
                inodes.append(ChangedInode(number: number, kind: try BtrfsTree.kind(of: bytes, since: generation)))
            } else if try EntryItems.generation(bytes) >= generation {
                // The entries of a directory come right behind it.
                guard let last = inodes.last, last.number == number else {
                    return inodes.append(ChangedInode(number: number, kind: .any))
                }
                if case .directory = last.kind { inodes[inodes.count - 1].kind = .entries }
            }
        } visit: {
            inodes.append($0)
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
