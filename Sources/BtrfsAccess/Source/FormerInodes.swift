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
    private let tree: (any SharedTree)?

    /// - Parameter searchSize: how many bytes of items are read at once, at least.
    init(_ former: FormerTree, searchSize: Int) {
        switch former {
        case .items(let search): (items, tree) = (ItemReader(search, size: searchSize), nil)
        case .tree(let tree): (items, self.tree) = (nil, tree)
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
        if let tree { return try FormerInodes.compare(inode, &new, tree) }
        return try items.mutate { old throws(SnapshotError) in try FormerInodes.compare(inode, &new, &old) } ?? nil
    }

    /// A directory with a name; nil where there is none.
    mutating func directory(_ number: UInt64) throws -> Inode? {
        guard let tree else {
            return try items.mutate { old throws(SnapshotError) in try old.directory(number) } ?? nil
        }
        let inode = try tree.inode(InodeNumber(number))
        return inode?.kind == .directory ? inode : nil
    }

    /// The entries of a directory by name.
    mutating func entries(of number: UInt64) throws -> [DirectoryEntry] {
        guard let tree else {
            return try items.mutate { old throws(SnapshotError) in try old.entries(of: number) } ?? []
        }
        var entries: [DirectoryEntry] = []
        try tree.forEachEntry(in: InodeNumber(number)) { entries.append($0) }
        return entries
    }

    /// Compares item by item.
    private static func compare(
        _ inode: CommonInode, _ new: inout ItemReader, _ old: inout ItemReader
    ) throws(SnapshotError) -> TimesComparison.Answer? {
        let (first, last) = (ItemKey(inode.number, 0), TimesComparison.last(of: inode))
        var newPlace = try new.skip(to: first, through: last)
        var oldPlace = try old.skip(to: first, through: last)
        var states: TimesComparison.States?
        var links: [InodeLink] = []
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
        guard newPlace == nil, oldPlace == nil, let states, links.count == 1 else { return nil }
        return TimesComparison.Answer(states, link: links[0])
    }

    /// Compares what the items tell with what is remembered.
    private static func compare(
        _ inode: CommonInode, _ new: inout ItemReader, _ tree: any SharedTree
    ) throws -> TimesComparison.Answer? {
        guard let record = try tree.record(of: InodeNumber(inode.number)), record.links.count == 1 else { return nil }
        var comparison = RecordComparison(record, inode)
        let last = TimesComparison.last(of: inode)
        var next = try new.skip(to: ItemKey(inode.number, 0), through: last)
        while let place = next {
            guard try comparison.isSame(place, of: new.run) else { return nil }
            next = try new.next(through: last)
        }
        return comparison.answer
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

/// Compares the items of one inode with what was remembered of it.
private struct RecordComparison {
    private let record: InodeRecord
    private let inode: CommonInode
    private var states: TimesComparison.States?
    private var links: [InodeLink] = []
    private var attributes: [ExtendedAttribute] = []
    /// How many of the extents were seen, or whether the target was.
    private var extentCount = 0

    init(_ record: InodeRecord, _ inode: CommonInode) {
        (self.record, self.inode) = (record, inode)
    }

    /// What is new, when all items were seen; nil where that is more than times.
    var answer: TimesComparison.Answer? {
        let isLink = record.inode.kind == .symbolicLink
        guard let states, links == record.links, extentCount == (isLink ? 1 : record.extents.count),
            attributes.sorted(by: { $0.name.lexicographicallyPrecedes($1.name) }) == record.attributes
        else { return nil }
        return TimesComparison.Answer(states, link: links[0])
    }

    /// Takes the next item; false where the inode is not what it was.
    mutating func isSame(_ place: ItemRun.Place, of run: ItemRun) throws(SnapshotError) -> Bool {
        switch place.key.type {
        case ItemKey.Kind.inode:
            states = try TimesComparison.compare(
                run, place, record.inode, size: record.directorySize, inode)
            return states != nil
        case ItemKey.Kind.link:
            try run.withContents(place) { bytes throws(SnapshotError) in
                try LinkItems.parse(bytes, directory: place.key.offset, into: &links)
            }
            return links.count == 1
        case ItemKey.Kind.attribute:
            try run.withContents(place) { bytes throws(SnapshotError) in
                try EntryItems.parseAttributes(bytes, into: &attributes)
            }
            return attributes.count <= record.attributes.count
        case ItemKey.Kind.extent:
            return try run.withContents(place) { bytes throws(SnapshotError) in
                try isSame(extent: bytes, at: place.key.offset)
            }
        default: return false
        }
    }

    private mutating func isSame(extent bytes: borrowing RawSpan, at offset: UInt64) throws(SnapshotError) -> Bool {
        let item = try ExtentItem(parsing: bytes, start: offset)
        guard var content = item.content else { return true }
        defer { extentCount += 1 }
        if record.inode.kind == .symbolicLink {
            guard extentCount == 0, content == .inline else { return false }
            return try ExtentItem.inlineBytes(bytes) == record.target
        }
        guard extentCount < record.extents.count else { return false }
        if content == .inline {
            guard let contents = try item.decoded(inline: ExtentItem.inlineBytes(bytes)) else { return false }
            content = .data(ExtentItem.identity(ofInline: contents))
        }
        return record.extents[extentCount] == FileExtent(offset: item.start, length: item.length, content: content)
    }
}
