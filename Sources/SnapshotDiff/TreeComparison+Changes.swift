import SnapshotModel

extension TreeComparison {
    /// What will be told of one path. Aspects, and what lies below, are found when its turn comes.
    private enum Item {
        case removed(InodeNumber, FileKind)
        case unlinked(FileKind)
        case added(InodeNumber, FileKind)
        case linked(InodeNumber, FileKind)
        case renamed(from: RelativePath, InodePair, FileKind)
        case modified(InodePair)

        /// What goes is told before what comes.
        var rank: Int {
            switch self {
            case .removed, .unlinked: 0
            case .added, .linked, .renamed: 1
            case .modified: 2
            }
        }
    }

    private struct PathItem {
        let path: RelativePath
        let item: Item
    }

    /// Visits every change in the order of paths; what lies in a directory that is new or gone comes with it.
    package func forEachChange(_ body: (Change) throws -> Void) throws {
        let lists = try lists()
        var items: [PathItem] = []
        let renamed = try addNames(lists, to: &items)
        for pair in lists.changed where !renamed.contains(pair.source) {
            guard let path = try source.path(of: pair.source, below: source.root) else { continue }
            items.append(PathItem(path: path, item: .modified(pair)))
        }
        items.sort { $0.path != $1.path ? $0.path < $1.path : $0.item.rank < $1.item.rank }
        for item in items { try tell(item, lists, body) }
    }

    /// Sorts out which names are new, gone or moved. Returns the inodes that were renamed.
    private func addNames(_ lists: ChangeLists, to items: inout [PathItem]) throws -> Set<InodeNumber> {
        var gone: [InodeNumber: [EntryChange]] = [:]
        for entry in lists.removed {
            if try correspondence.source(of: entry.inode) != nil {
                gone[entry.inode, default: []].append(entry)
            } else if let path = try base.path(of: entry.link) {
                items.append(PathItem(path: path, item: .removed(entry.inode, entry.kind)))
            }
        }
        var renamed: Set<InodeNumber> = []
        for entry in lists.added {
            guard let path = try source.path(of: entry.link) else { continue }
            guard let match = try correspondence.base(of: entry.inode) else {
                items.append(PathItem(path: path, item: .added(entry.inode, entry.kind)))
                continue
            }
            if let former = gone[match]?.first, let from = try base.path(of: former.link) {
                gone[match]?.removeFirst()
                let pair = InodePair(source: entry.inode, base: match)
                items.append(PathItem(path: path, item: .renamed(from: from, pair, entry.kind)))
                renamed.insert(entry.inode)
            } else {
                items.append(PathItem(path: path, item: .linked(entry.inode, entry.kind)))
            }
        }
        for entry in gone.values.joined() {
            guard let path = try base.path(of: entry.link) else { continue }
            items.append(PathItem(path: path, item: .unlinked(entry.kind)))
        }
        return renamed
    }

    private func tell(_ item: PathItem, _ lists: ChangeLists, _ body: (Change) throws -> Void) throws {
        switch item.item {
        case .removed(let number, let kind):
            try forEachBelow(number, kind, at: item.path, in: base) { path, entry, directory in
                let link = InodeLink(directory: directory, name: entry.name)
                guard try correspondence.source(of: entry.inode) != nil else {
                    try body(.removed(path, entry.kind))
                    return true
                }
                // What is in the list is told of under its own path.
                if ChangeLists.index(of: link, in: lists.removed) == nil, entry.kind != .directory {
                    try body(.unlinked(path, entry.kind))
                }
                return false
            } top: {
                try body(.removed(item.path, kind))
            }
        case .added(let number, let kind):
            try forEachBelow(number, kind, at: item.path, in: source) { path, entry, _ in
                guard try correspondence.base(of: entry.inode) == nil else { return false }
                try body(.added(path, entry.kind))
                return true
            } top: {
                try body(.added(item.path, kind))
            }
        case .unlinked(let kind): try body(.unlinked(item.path, kind))
        case .linked(let number, let kind):
            let links = try source.links(of: number)
            let other = try links.lazy.compactMap { try self.source.path(of: $0) }.first { $0 != item.path }
            try body(.linked(item.path, to: other ?? item.path, kind))
        case .renamed(let from, let pair, let kind):
            let isListed = lists.changed.contains(sorted: pair)
            try body(.renamed(from: from, to: item.path, kind, isListed ? aspects(of: pair) : []))
        case .modified(let pair):
            let aspects = try aspects(of: pair)
            guard !aspects.isEmpty, let kind = try source.inode(pair.source)?.kind else { return }
            try body(.modified(item.path, kind, aspects))
        }
    }

    /// Visits all below a directory, names in order; `body` says whether to go on below an entry.
    private func forEachBelow(
        _ number: InodeNumber, _ kind: FileKind, at path: RelativePath, in tree: any SnapshotTree,
        _ body: (RelativePath, DirectoryEntry, _ directory: InodeNumber) throws -> Bool, top: () throws -> Void
    ) throws {
        try top()
        guard kind == .directory else { return }
        var pending: [(path: RelativePath, entry: DirectoryEntry, directory: InodeNumber)] = []
        func push(_ directory: InodeNumber, _ path: RelativePath) throws {
            let start = pending.count
            try tree.forEachEntry(in: directory) { pending.append((path.appending($0.name), $0, directory)) }
            pending[start...].reverse()
        }
        try push(number, path)
        while let (path, entry, directory) = pending.popLast() {
            if try body(path, entry, directory), entry.kind == .directory { try push(entry.inode, path) }
        }
    }
}

extension [InodePair] {
    /// Whether a list in the order of the source's numbers has a pair.
    func contains(sorted pair: InodePair) -> Bool {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if self[middle].source < pair.source { low = middle + 1 } else { high = middle }
        }
        return low < count && self[low] == pair
    }
}
