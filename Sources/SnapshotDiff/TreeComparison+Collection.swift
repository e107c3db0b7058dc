import SnapshotModel

extension TreeComparison {
    /// Asks the source what changed since the base. False where it cannot say.
    func collectFromHistory(into lists: inout ChangeLists) throws -> Bool {
        var (added, removed, numbers) = ([EntryChange](), [EntryChange](), [InodeNumber]())
        let isAnswered = try source.forEachDifference(from: base) { difference in
            switch difference {
            case .entryAdded(let directory, let entry): added.append(EntryChange(directory, entry))
            case .entryRemoved(let directory, let entry): removed.append(EntryChange(directory, entry))
            case .inode(let number): if numbers.last != number { numbers.append(number) }
            case .commonInode(let number): lists.changed.append(InodePair(source: number, base: number))
            }
        }
        guard isAnswered else { return false }
        for number in numbers {
            guard let new = try source.inode(number), let old = try base.inode(number) else { continue }
            if let match = try correspondence.base(of: number) {
                lists.changed.append(InodePair(source: number, base: match))
            } else {
                try collectReplaced(new, old, added: &added, removed: &removed)
            }
        }
        for entry in added where try isWorthKeeping(added: entry) { lists.added.append(entry) }
        for entry in removed where try isWorthKeeping(removed: entry) { lists.removed.append(entry) }
        return true
    }

    private func isWorthKeeping(added entry: EntryChange) throws -> Bool {
        try correspondence.base(of: entry.directory) != nil || correspondence.base(of: entry.inode) != nil
    }

    private func isWorthKeeping(removed entry: EntryChange) throws -> Bool {
        try correspondence.source(of: entry.directory) != nil || correspondence.source(of: entry.inode) != nil
    }

    /// A number that was used again is another inode, even where every name and entry of it looks the same.
    private func collectReplaced(
        _ new: Inode, _ old: Inode, added: inout [EntryChange], removed: inout [EntryChange]
    ) throws {
        for link in try source.links(of: new.number) { added.append(EntryChange(link, new)) }
        for link in try base.links(of: old.number) { removed.append(EntryChange(link, old)) }
        if new.kind == .directory {
            try source.forEachEntry(in: new.number) { added.append(EntryChange(new.number, $0)) }
        }
        if old.kind == .directory {
            try base.forEachEntry(in: old.number) { removed.append(EntryChange(old.number, $0)) }
        }
    }

    /// Walks the source, and beside it what of the base corresponds.
    func collectByWalk(into lists: inout ChangeLists) throws {
        var walk = ComparisonWalk(comparison: self, lists: lists)
        try walk.run()
        correspondence.finishWalk()
        lists = walk.lists
    }
}

/// An entry of the source, and what has its name in the base.
private struct DeferredEntry {
    let entry: DirectoryEntry
    let directory: InodeNumber
    let oldDirectory: InodeNumber?
    let counterpart: DirectoryEntry?
}

/// One walk through all of the source.
private struct ComparisonWalk {
    let comparison: TreeComparison
    var lists: ChangeLists
    /// Directories to be visited, with what of the base corresponds.
    private var pending: [(directory: InodeNumber, match: InodeNumber?)] = []
    /// Inodes with several names that were visited under one of them.
    private var visited: Set<InodeNumber> = []
    /// Directories of the source that could not be listed.
    private var unlisted: Set<InodeNumber> = []
    /// What did not stand under its name, until all that does was seen.
    private var deferred: [DeferredEntry] = []
    /// What of the base was not found under its name, except for what was removed.
    private var unpaired: [InodeNumber] = []

    private var source: any SnapshotTree { comparison.source }
    private var base: any SnapshotTree { comparison.base }
    private var correspondence: Correspondence { comparison.correspondence }

    init(comparison: TreeComparison, lists: ChangeLists) {
        self.comparison = comparison
        self.lists = lists
    }

    mutating func run() throws {
        try compare(source.existingInode(source.root), base.root)
        pending = [(source.root, base.root)]
        try visitPending()
        if !deferred.isEmpty { try visitDeferred() }
        try noteMovedOut()
    }

    private mutating func visitPending() throws {
        while let (directory, match) = pending.popLast() { try visitEntries(of: directory, match) }
    }

    /// Looks for what did not stand under its name among all that was not found under its own.
    private mutating func visitDeferred() throws {
        let entries = deferred
        deferred = []
        try correspondence.findCandidates(among: unpaired + lists.removed.map(\.inode))
        for deferred in entries {
            try visitOrLose(deferred.entry, in: deferred.directory, deferred.oldDirectory, deferred.counterpart)
        }
        pending.reverse()
        try visitPending()
    }

    /// What of the base lies in a directory that cannot be listed stays there, but for what was found elsewhere and
    /// has only one name.
    private mutating func noteMovedOut() throws {
        guard !unlisted.isEmpty else { return }
        for entry in lists.added {
            guard let match = try correspondence.base(of: entry.inode), let new = try source.inode(entry.inode),
                let old = try base.inode(match), new.kind == .directory || new.linkCount == 1
            else { continue }
            for link in try base.links(of: match) {
                guard let directory = try correspondence.source(of: link.directory), unlisted.contains(directory)
                else { continue }
                lists.removed.append(EntryChange(link, old))
            }
        }
    }

    /// Counts what cannot be read and is taken for unchanged.
    private func lose(_ error: SnapshotError, _ number: InodeNumber) {
        let kind: ReplayLosses.Kind = error.code == .vanished ? .changed : .unreadable
        comparison.losses.add(kind, error.place ?? "inode \(number.rawValue)")
    }

    private mutating func visitEntries(of directory: InodeNumber, _ match: InodeNumber?) throws {
        var old: [DirectoryEntry] = []
        if let match { try base.forEachEntry(in: match) { old.append($0) } }
        var new: [DirectoryEntry] = []
        do {
            try source.forEachEntry(in: directory) { new.append($0) }
        } catch let error as SnapshotError where error.isLossOfSource {
            unlisted.insert(directory)
            if let match { unpaired.append(match) }
            return lose(error, directory)
        }
        // The last one is next: so directories are visited in the order in which a listing has them.
        let start = pending.count
        defer { pending[start...].reverse() }
        var next = 0
        for entry in new {
            while next < old.count, old[next].name < entry.name {
                if let match { lists.removed.append(EntryChange(match, old[next])) }
                next += 1
            }
            var counterpart: DirectoryEntry?
            if next < old.count, old[next].name == entry.name {
                counterpart = old[next]
                next += 1
            }
            try visitOrLose(entry, in: directory, match, counterpart)
        }
        if let match { lists.removed.append(contentsOf: old[next...].map { EntryChange(match, $0) }) }
    }

    private mutating func visitOrLose(
        _ entry: DirectoryEntry, in directory: InodeNumber, _ oldDirectory: InodeNumber?, _ counterpart: DirectoryEntry?
    ) throws {
        do {
            try visit(entry, in: directory, oldDirectory, counterpart)
        } catch let error as SnapshotError where error.isLossOfSource {
            if let counterpart { unpaired.append(counterpart.inode) }
            lose(error, entry.inode)
        }
    }

    private mutating func visit(
        _ entry: DirectoryEntry, in directory: InodeNumber, _ oldDirectory: InodeNumber?, _ counterpart: DirectoryEntry?
    ) throws {
        let paired = try counterpart.flatMap { try correspondence.pair(entry, with: $0) }
        if paired == nil, correspondence.findsLater {
            if let counterpart { unpaired.append(counterpart.inode) }
            return deferred.append(
                DeferredEntry(
                    entry: entry, directory: directory, oldDirectory: oldDirectory, counterpart: counterpart))
        }
        let match = try paired ?? correspondence.base(of: entry.inode)
        if match == nil || match != counterpart?.inode {
            if let counterpart, let oldDirectory {
                lists.removed.append(EntryChange(oldDirectory, counterpart))
            }
            if oldDirectory != nil || match != nil { lists.added.append(EntryChange(directory, entry)) }
            if let match { try noteFormerPlaces(of: match) }
        }
        if entry.kind == .directory { pending.append((entry.inode, match)) }
        guard let match, let inode = try source.inode(entry.inode) else { return }
        if inode.kind != .directory, inode.linkCount > 1, !visited.insert(inode.number).inserted { return }
        try compare(inode, match)
    }

    /// Names in directories that are gone are met by no walk of the source.
    private mutating func noteFormerPlaces(of number: InodeNumber) throws {
        // By path a directory may be paired later than this; the planner finds these names by itself.
        guard correspondence.rule != .paths, let inode = try base.inode(number) else { return }
        for link in try base.links(of: number) where try correspondence.source(of: link.directory) == nil {
            lists.removed.append(EntryChange(link, inode))
        }
    }

    private mutating func compare(_ new: Inode, _ match: InodeNumber) throws {
        guard let old = try base.inode(match), try comparison.mayDiffer(new, old) else { return }
        lists.changed.append(InodePair(source: new.number, base: match))
    }
}
