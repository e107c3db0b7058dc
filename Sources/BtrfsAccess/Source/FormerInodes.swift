import SnapshotModel

/// A tree as it was before, which threads compare with.
enum FormerTree: Sendable {
    /// Another subvolume of the file system.
    case items(any ItemSource)
    /// What is remembered of one.
    case tree(any SharedTree)
}

/// Goes through the inodes of a tree as it was before.
struct FormerInodes {
    /// Nil for a tree that has no items.
    private var items: ItemReader?
    /// Nil for a tree that has items.
    private var records: FormerRecords?
    /// The names of the inode that is compared; kept for its room.
    private var links: [InodeLink] = []

    /// - Parameter searchSize: how many bytes of items are read at once, at least.
    init(_ former: FormerTree, searchSize: Int) {
        switch former {
        case .items(let search): items = ItemReader(search, size: searchSize)
        case .tree(let tree): records = FormerRecords(tree)
        }
    }

    /// Goes on with other inodes.
    mutating func begin(from first: ItemKey, through last: ItemKey) {
        items?.begin(from: first, through: last)
    }

    /// What is new of the next inode; nil where anything but times is, or it has more names than one.
    mutating func compare(
        _ inode: CommonInode, _ new: inout ItemReader
    ) throws -> TimesComparison.Answer? {
        links.removeAll(keepingCapacity: true)
        let fromItems = try items.mutate { old throws(SnapshotError) in
            try FormerInodes.compare(inode, &new, &old, &links)
        }
        guard let states = try fromItems ?? records.mutate({ try $0.compare(inode, &new, &links) }) ?? nil,
            links.count == 1
        else { return nil }
        return TimesComparison.Answer(states, link: links[0])
    }

    /// A directory with a name; nil where there is none.
    mutating func directory(_ number: UInt64) throws -> Inode? {
        guard let tree = records?.tree else {
            return try items.mutate { old throws(SnapshotError) in try old.directory(number) } ?? nil
        }
        let inode = try tree.inode(InodeNumber(number))
        return inode?.kind == .directory ? inode : nil
    }

    /// The entries of a directory by name.
    mutating func entries(of number: UInt64) throws -> [DirectoryEntry] {
        guard let tree = records?.tree else {
            return try items.mutate { old throws(SnapshotError) in try old.entries(of: number) } ?? []
        }
        var entries: [DirectoryEntry] = []
        try tree.forEachEntry(in: InodeNumber(number)) { entries.append($0) }
        return entries
    }

    /// Compares item by item; nil where anything but times is new.
    private static func compare(
        _ inode: CommonInode, _ new: inout ItemReader, _ old: inout ItemReader, _ links: inout [InodeLink]
    ) throws(SnapshotError) -> TimesComparison.States? {
        let (first, last) = (ItemKey(inode.number, 0), TimesComparison.last(of: inode))
        var newPlace = try new.skip(to: first, through: last)
        var oldPlace = try old.skip(to: first, through: last)
        var states: TimesComparison.States?
        while let place = newPlace, let former = oldPlace {
            if place.key.type == ItemKey.Kind.inode {
                states = try TimesComparison.compare(new.run, place, old.run, former, inode)
                if states == nil { return nil }
            } else {
                guard new.run.holdsSame(place, as: former, of: old.run) else { return nil }
                if place.key.type == ItemKey.Kind.link {
                    try new.run.withContents(place) { bytes throws(SnapshotError) in
                        try LinkItems.parse(bytes, directory: place.key.offset, into: &links)
                    }
                }
            }
            (newPlace, oldPlace) = (try new.next(through: last), try old.next(through: last))
        }
        return newPlace == nil && oldPlace == nil ? states : nil
    }
}

extension Optional where Wrapped: ~Copyable {
    /// Changes the value where it is.
    fileprivate mutating func mutate<Result, Failure: Error>(
        _ body: (inout Wrapped) throws(Failure) -> Result
    ) throws(Failure) -> Result? {
        guard self != nil else { return nil }
        return try body(&self!)
    }
}
