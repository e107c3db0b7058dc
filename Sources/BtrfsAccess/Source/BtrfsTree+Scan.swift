package import SnapshotModel
import Workers

extension BtrfsTree {
    /// Goes through the whole tree, or what of it was written in a generation or later; past the cache.
    ///
    /// - Parameters:
    ///   - values: what it makes of some objects, on any thread, in the order of their numbers.
    ///   - visit: gets what was made, in that order; may ask the tree.
    private func scan<Value: Sendable>(
        since generation: UInt64,
        values: @escaping @Sendable (TreeScan, ClosedRange<UInt64>) throws(SnapshotError) -> [Value],
        visit: (Value) throws -> Void
    ) throws {
        let scan = TreeScan(search: items.search, generation: generation)
        let last = try located { try scan.lastObject(from: root.rawValue) }
        let step = max(TreeScan.shortestStep, (last - root.rawValue) / TreeScan.mostSteps)
        // Nil behind the last, which can be the highest number there is.
        var next: UInt64? = root.rawValue
        var pending: [PendingResult<[Value]>] = []
        while true {
            while let first = next, pending.count < 2 * WorkerPool.shared.threadCount {
                let end = last - first <= step ? last : first + step
                pending.append(WorkerPool.shared.start { try values(scan, first...end) })
                next = end < last ? end + 1 : nil
            }
            guard !pending.isEmpty else { return }
            let values = try located { try pending.removeFirst().value() }
            for value in values { try visit(value) }
        }
    }

    package func forEachInode(_ body: (Inode) throws -> Void) throws {
        try scan(since: 0) { scan, objects throws(SnapshotError) in
            try scan.values(of: objects, [ItemKey.Kind.inode]) { key, bytes, inodes throws(SnapshotError) in
                try key.checkInode()
                if try InodeItem.hasName(bytes) { inodes.append(try InodeItem.parse(bytes, number: key.object)) }
            }
        } visit: {
            try body($0)
        }
    }

    /// The inodes that were changed in a generation or later, those without a name too.
    ///
    /// - Parameter base: the tree as it was in the generation before, with which they are compared at once.
    func changedInodes(since generation: UInt64, base: FormerTree? = nil) throws -> ChangedInodes {
        var changed = ChangedInodes()
        let readers = Spares<FormerInodes>()
        try scan(since: generation) { scan, objects throws(SnapshotError) in
            var found = ChangedInodes()
            try scan.forEachRun(of: objects) { run throws(SnapshotError) in
                let first = try found.read(run, since: generation)
                // Where numbers are far apart elsewhere, one range can have any number of inodes.
                guard let base, found.inodes.count < ChangedInodes.mostInRange else { return }
                readers.withOne(or: { FormerInodes(base, searchSize: TimesComparison.searchSize) }) {
                    found.compare(from: first, in: run, with: &$0)
                }
            }
            return [found]
        } visit: {
            changed.append($0)
        }
        return changed
    }

    /// Twice the lengths of all names in it.
    package func directorySize(_ number: InodeNumber) throws -> UInt64? {
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
    func checkInode() throws(SnapshotError) {
        guard offset == 0 else { throw .badItem("inode \(object) has an item with a wrong key") }
    }
}
