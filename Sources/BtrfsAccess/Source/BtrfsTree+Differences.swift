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
        let isPast = base.identity.lineage.first.map { $0.generation <= shared } ?? false
        let tree = base as? BtrfsTree
        guard tree != nil || isPast else { return false }
        let former = tree.map { .items($0.items.search) } ?? (base as? any SharedTree).map(FormerTree.tree)
        let found = try changedInodes(since: shared + 1, base: isPast ? former : nil)
        var changed = found.inodes
        if let tree, !isPast { changed = BtrfsTree.merged(changed, try tree.changedInodes(since: shared + 1).inodes) }
        if tree == nil { try BtrfsTree.compareSizes(of: &changed, base) }
        var entries: AnswersAhead<EntriesComparison>?
        if let former {
            entries = compareAhead(changed, found.times, base, former)
        } else {
            // Wanted when what has changed is told of.
            items.expect(changed.lazy.map(\.number.rawValue))
        }
        var differences = DirectoryDifferences(source: self, base: base)
        var heads: [UInt64] = []
        for inode in changed {
            switch inode.kind {
            case .known: try body(.commonInode(inode.number))
            case .directory(let size) where try tree?.directorySize(inode.number) == size:
                try body(.commonInode(inode.number))
            case .entries:
                if let answer = entries?.take(inode.number.rawValue) {
                    remember(answer.directory)
                    tree?.remember(answer.former)
                    heads.append(inode.number.rawValue)
                    heads += answer.removed.lazy.map(\.inode.rawValue)
                    try differences.tell(inode.number, answer, body)
                } else {
                    try differences.visit(inode.number, body)
                }
            case .directory, .any: try differences.visit(inode.number, body)
            }
        }
        // Where these directories are will be asked, and which of what was removed is elsewhere now.
        if !heads.isEmpty { items.expect(heads.sorted(), onlyHeads: true) }
        return true
    }

    /// Begins to read of the base, and to compare, what will be asked for of inodes that both trees have.
    ///
    /// - Parameter found: what is known of some of them.
    private func compareAhead(
        _ changed: [ChangedInode], _ found: [[FoundTimes]], _ base: any SnapshotTree, _ former: FormerTree
    ) -> AnswersAhead<EntriesComparison> {
        var (inodes, listed, heads) = ([CommonInode](), [CommonInode](), [UInt64]())
        var known = found.joined().lazy.map(\.number).makeIterator()
        var next = known.next()
        for inode in changed where inode.isCommon {
            if inode.number == next { next = known.next() } else { inodes.append(inode.common) }
            switch inode.kind {
            case .directory: heads.append(inode.number.rawValue)
            case .entries:
                listed.append(inode.common)
                heads.append(inode.number.rawValue)
            case .known, .any: break
            }
        }
        (base as? BtrfsTree)?.items.expect(heads, onlyHeads: true)
        let entries = AnswersAhead(listed, EntriesComparison(source: items.search, base: former))
        let times = TimesComparison(source: items.search, base: former)
        compared = ComparedTimes(base: base, found: found, others: inodes, times)
        return entries
    }

    package func timesChange(of number: InodeNumber, from base: any SnapshotTree) -> TimesChange? {
        guard compared?.base === base, let answer = compared?.take(number) else { return nil }
        if let directory = answer.directory {
            remember(directory.inode, links: [answer.change.link])
            (compared?.base as? BtrfsTree)?.remember(directory.former)
        }
        return answer.change
    }

    /// Looks which directories have the names that they had, where a base that is no tree of items knows that.
    private static func compareSizes(of changed: inout [ChangedInode], _ base: any SnapshotTree) throws {
        for index in changed.indices {
            guard case .directory(let size) = changed[index].kind else { continue }
            changed[index].kind = try base.directorySize(changed[index].number) == size ? .known : .entries
        }
    }

    /// Both lists as one. What changed in the base tells nothing of the state that both trees come from.
    private static func merged(_ changed: [ChangedInode], _ changedInBase: [ChangedInode]) -> [ChangedInode] {
        if changedInBase.isEmpty { return changed }
        var result: [ChangedInode] = []
        var rest = changed[...]
        for inode in changedInBase {
            while let first = rest.first, first.number < inode.number {
                result.append(first)
                rest.removeFirst()
            }
            if rest.first?.number == inode.number { rest.removeFirst() }
            result.append(ChangedInode(number: inode.number, kind: .any))
        }
        return result + rest
    }

    /// Compares the items as they are: equal ones tell of the same bytes.
    package func surelyHoldsSame(_ number: InodeNumber, as base: any SnapshotTree) throws -> Bool {
        guard let base = base as? BtrfsTree, base.domain == domain else { return false }
        let (first, last) = (
            ItemKey(number.rawValue, ItemKey.Kind.extent), ItemKey(number.rawValue, ItemKey.Kind.extent, .max)
        )
        return try located {
            try items.hasSameItems(from: first, through: last, as: base.items)
        }
    }
}

/// What is new of one inode.
struct FoundTimes: Sendable {
    let number: InodeNumber
    let answer: TimesComparison.Answer
}

/// New times of inodes that are otherwise as they were in a base.
struct ComparedTimes {
    let base: any SnapshotTree
    private let found: [[FoundTimes]]
    /// Those that are not there.
    private let others: [CommonInode]
    private let comparison: TimesComparison
    /// Where in ``found`` the next one is.
    private var (chunk, index) = (0, 0)
    private var ahead: AnswersAhead<TimesComparison>
    private var last = InodeNumber(0)

    /// - Parameters:
    ///   - found: in the order of numbers.
    ///   - others: further inodes, of which is asked while threads compare them.
    init(base: any SnapshotTree, found: [[FoundTimes]], others: [CommonInode], _ comparison: TimesComparison) {
        (self.base, self.found, self.others, self.comparison) = (base, found, others, comparison)
        ahead = AnswersAhead(others, comparison)
    }

    /// What is known of an inode. Who asks goes from lower numbers to higher ones, and may begin anew.
    mutating func take(_ number: InodeNumber) -> TimesComparison.Answer? {
        if number < last { self = ComparedTimes(base: base, found: found, others: others, comparison) }
        last = number
        while chunk < found.count {
            let count = found[chunk].count
            while index < count, found[chunk][index].number < number { index += 1 }
            if index < count {
                return found[chunk][index].number == number ? found[chunk][index].answer : ahead.take(number.rawValue)
            }
            (chunk, index) = (chunk + 1, 0)
        }
        return ahead.take(number.rawValue)
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

    /// Tells of entries that were compared.
    mutating func tell(
        _ number: InodeNumber, _ answer: EntriesComparison.Answer, _ body: (TreeDifference) throws -> Void
    ) throws {
        try body(.commonInode(number))
        for entry in answer.added { try body(.entryAdded(directory: number, entry)) }
        for entry in answer.removed {
            try body(.entryRemoved(directory: number, entry))
            try noteGone(entry, body)
        }
    }

    mutating func visit(_ number: InodeNumber, _ body: (TreeDifference) throws -> Void) throws {
        try body(.inode(number))
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
        if try isGone(entry) { try remove(entry.inode, body) }
    }

    /// Whether an entry of the base names a directory that the source does not have.
    private func isGone(_ entry: DirectoryEntry) throws -> Bool {
        guard entry.kind == .directory, let old = try base.inode(entry.inode) else { return false }
        return try source.inode(entry.inode)?.identity != old.identity
    }

    private mutating func remove(_ directory: InodeNumber, _ body: (TreeDifference) throws -> Void) throws {
        var pending = [directory]
        while let directory = pending.popLast() {
            guard gone.insert(directory).inserted else { continue }
            try base.forEachEntry(in: directory) { entry in
                try body(.entryRemoved(directory: directory, entry))
                if try isGone(entry) { pending.append(entry.inode) }
            }
        }
    }
}
