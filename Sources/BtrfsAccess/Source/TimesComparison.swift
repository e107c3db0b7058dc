import SnapshotModel

/// Compares inodes of two trees item by item: most that have changed have new times and nothing else.
struct TimesComparison: InodeComparison {
    struct Answer: Sendable {
        let change: TimesChange
        /// Of a directory, which files are then found in.
        let directory: DirectoryState?
        /// Whether the names in a directory are as long as they were, together.
        let hasSameSize: Bool
    }

    /// A directory as it is, and as it was. Apart from the answers, few of which have one.
    final class DirectoryState: Sendable {
        let inode: Inode
        let former: Inode

        init(_ inode: Inode, former: Inode) {
            (self.inode, self.former) = (inode, former)
        }
    }

    /// An inode as it is, and what it was.
    private struct States {
        let inode: Inode
        let former: Inode
        let hasSameSize: Bool
    }

    /// Of some 200 bytes for each inode, 13 MiB: as many as most changes have, so that they are compared while names
    /// are brought to their places.
    static let window = 64
    /// How many inodes are looked at in one go, and how many groups of neighbours, each of which takes a search.
    private static let (inodesInBatch, groupsInBatch) = (1024, 128)
    /// Bytes of one search.
    static let searchSize = 256 << 10

    let source: any ItemSource
    let base: any ItemSource

    func batch(of inodes: ArraySlice<CommonInode>) -> ArraySlice<CommonInode> {
        let most = inodes.prefix(TimesComparison.inodesInBatch)
        var (end, groups) = (most.startIndex, 0)
        while end < most.endIndex, groups < TimesComparison.groupsInBatch {
            end = TimesComparison.neighbours(in: most[end...]).endIndex
            groups += 1
        }
        return most[..<end]
    }

    func answers(for inodes: ArraySlice<CommonInode>) -> [Answer?] {
        var new = ItemReader(source, size: TimesComparison.searchSize)
        var old = ItemReader(base, size: TimesComparison.searchSize)
        return TimesComparison.answers(for: inodes, &new, &old)
    }

    /// The same with both trees as they are read.
    static func answers(
        for inodes: ArraySlice<CommonInode>, _ new: inout ItemReader, _ old: inout ItemReader
    ) -> [Answer?] {
        var answers: [Answer?] = []
        answers.reserveCapacity(inodes.count)
        var rest = inodes
        while let first = rest.first {
            let group = neighbours(in: rest)
            rest = rest.dropFirst(group.count)
            do {
                let last = last(of: group[group.endIndex - 1])
                new.begin(from: ItemKey(first.number, 0), through: last)
                old.begin(from: ItemKey(first.number, 0), through: last)
                for inode in group { answers.append(try answer(for: inode, &new, &old)) }
            } catch {
                while answers.count < group.endIndex - inodes.startIndex { answers.append(nil) }
            }
        }
        return answers
    }

    /// The first inodes whose items are read together.
    private static func neighbours(in inodes: ArraySlice<CommonInode>) -> ArraySlice<CommonInode> {
        var end = inodes.startIndex + 1
        while end < inodes.endIndex, !inodes[end - 1].isLarge,
            inodes[end].number &- inodes[end - 1].number < ItemCache.neighbourInodes
        {
            end += 1
        }
        return inodes[..<end]
    }

    /// The last item of an inode that counts: a directory has its entries behind it.
    private static func last(of inode: CommonInode) -> ItemKey {
        ItemKey(inode.number, inode.isDirectory ? ItemKey.Kind.lastOfHead : .max, .max)
    }

    private static func answer(
        for inode: CommonInode, _ new: inout ItemReader, _ old: inout ItemReader
    ) throws(SnapshotError) -> Answer? {
        let (first, last) = (ItemKey(inode.number, 0), last(of: inode))
        var newPlace = try new.skip(to: first, through: last)
        var oldPlace = try old.skip(to: first, through: last)
        var states: States?
        var links: [InodeLink] = []
        while let place = newPlace, let former = oldPlace {
            if place.key.type == ItemKey.Kind.inode {
                states = try compare(new.run, place, old.run, former, inode)
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
        return Answer(
            change: TimesChange(states.inode, former: states.former.times, link: links[0]),
            directory: inode.isDirectory ? DirectoryState(states.inode, former: states.former) : nil,
            hasSameSize: states.hasSameSize)
    }

    /// Nil where anything but times differs, or there is no such inode.
    private static func compare(
        _ new: ItemRun, _ place: ItemRun.Place, _ old: ItemRun, _ former: ItemRun.Place, _ inode: CommonInode
    ) throws(SnapshotError) -> States? {
        guard place.key == former.key, place.key.offset == 0,
            let (state, size) = try InodeItem.named(new, place), let known = try InodeItem.named(old, former),
            state.linkCount == 1, (state.kind == .directory) == inode.isDirectory,
            state.times.born == known.inode.times.born
        else { return nil }
        var expected = known.inode
        (expected.times, expected.changeGeneration) = (state.times, state.changeGeneration)
        guard expected == state else { return nil }
        return States(inode: state, former: known.inode, hasSameSize: size == known.size)
    }
}

extension InodeItem {
    /// The inode of an item, and what that has for a size; nil where it has no name.
    static func named(
        _ run: ItemRun, _ place: ItemRun.Place
    ) throws(SnapshotError) -> (inode: Inode, size: UInt64)? {
        try run.withContents(place) { bytes throws(SnapshotError) in
            guard try hasName(bytes) else { return nil }
            return (try parse(bytes, number: place.key.object), try directorySize(bytes))
        }
    }
}
