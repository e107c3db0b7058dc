package import SnapshotModel

extension BtrfsTree {
    package func generationShared(with base: any SnapshotTree) -> UInt64 {
        domain == base.domain ? identity.generationShared(with: base.identity) : 0
    }

    /// Reads only leaves that were written after the histories parted, of this tree and of the base. What an inode
    /// holds never changes without its item being written anew.
    ///
    /// A base that is a bookmark tells nothing of what changed in it: it helps only where nothing did.
    package func forEachDifference(
        from base: any SnapshotTree, _ body: (TreeDifference) throws -> Void
    ) throws -> Bool {
        let shared = generationShared(with: base)
        guard shared > 0, shared < .max else { return false }
        var changed = try changedInodes(since: shared + 1)
        if let base = base as? BtrfsTree {
            changed = BtrfsTree.merged(changed, try base.changedInodes(since: shared + 1))
        } else {
            guard let last = base.identity.lineage.first?.generation, last <= shared else { return false }
        }
        var differences = DirectoryDifferences(source: self, base: base)
        for number in changed {
            try body(.inode(number))
            try differences.visit(number, body)
        }
        return true
    }

    /// The inodes that were changed in a generation or later, in order, those without a name too.
    private func changedInodes(since generation: UInt64) throws -> [InodeNumber] {
        var numbers: [InodeNumber] = []
        try forEachInodeItem(since: generation) { number, bytes throws(SnapshotError) in
            try InodeItem.changeGeneration(bytes) >= generation ? InodeNumber(number) : nil
        } visit: {
            numbers.append($0)
        }
        return numbers
    }

    private static func merged(_ left: [InodeNumber], _ right: [InodeNumber]) -> [InodeNumber] {
        if right.isEmpty { return left }
        var result = (left + right).sorted()
        var count = 0
        for number in result where count == 0 || result[count - 1] != number {
            result[count] = number
            count += 1
        }
        result.removeLast(result.count - count)
        return result
    }
}

/// Entries that differ, found by listing the directories that changed in both trees.
private struct DirectoryDifferences {
    let source: BtrfsTree
    let base: any SnapshotTree
    /// Directories of the base that are gone and were told of.
    private var gone: Set<InodeNumber> = []

    init(source: BtrfsTree, base: any SnapshotTree) {
        (self.source, self.base) = (source, base)
    }

    mutating func visit(_ number: InodeNumber, _ body: (TreeDifference) throws -> Void) throws {
        let (new, old) = (try source.inode(number), try base.inode(number))
        let isSame = number == source.root || new?.identity == old?.identity && new?.kind == old?.kind
        let entries = new?.kind == .directory ? try source.entries(of: number) : []
        guard isSame else {
            for entry in entries { try body(.entryAdded(directory: number, entry)) }
            if old?.kind == .directory { try remove(number, body) }
            return
        }
        guard new?.kind == .directory else { return }
        var next = entries.startIndex
        try base.forEachEntry(in: number) { entry in
            while next < entries.endIndex, entries[next].name < entry.name {
                try body(.entryAdded(directory: number, entries[next]))
                next += 1
            }
            if next < entries.endIndex, entries[next].name == entry.name {
                defer { next += 1 }
                if entries[next] == entry { return }
                try body(.entryAdded(directory: number, entries[next]))
            }
            try body(.entryRemoved(directory: number, entry))
            try noteGone(entry, body)
        }
        for entry in entries[next...] { try body(.entryAdded(directory: number, entry)) }
    }

    /// What lay in a directory that is gone may be elsewhere now: such a directory is told of as a whole.
    private mutating func noteGone(_ entry: DirectoryEntry, _ body: (TreeDifference) throws -> Void) throws {
        guard entry.kind == .directory, let old = try base.inode(entry.inode),
            try source.inode(entry.inode)?.identity != old.identity
        else { return }
        try remove(entry.inode, body)
    }

    private mutating func remove(_ directory: InodeNumber, _ body: (TreeDifference) throws -> Void) throws {
        var pending = [directory]
        while let directory = pending.popLast() {
            guard gone.insert(directory).inserted else { continue }
            try base.forEachEntry(in: directory) { entry in
                try body(.entryRemoved(directory: directory, entry))
                guard entry.kind == .directory, let old = try base.inode(entry.inode),
                    try source.inode(entry.inode)?.identity != old.identity
                else { return }
                pending.append(entry.inode)
            }
        }
    }
}
