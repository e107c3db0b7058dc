import SnapshotModel

/// Compares inodes of two trees item by item: most that have changed have new times and nothing else.
struct TimesComparison: InodeComparison {
    struct Answer: Sendable {
        let change: TimesChange
        /// Of a directory, which files are then found in.
        let directory: DirectoryState?
    }

    /// Apart from the answers, of which few are directories.
    final class DirectoryState: Sendable {
        let inode: Inode

        init(_ inode: Inode) {
            self.inode = inode
        }
    }

    private typealias Found = (inode: Inode, former: FileTimes, link: InodeLink)

    /// Of some 150 bytes for each inode, 10 MiB: as many as most changes have, so that they are compared while names
    /// are brought to their places.
    static let window = 64
    /// How many inodes are looked at in one go, and how many groups of neighbours, each of which takes a search.
    private static let (inodesInBatch, groupsInBatch) = (1024, 64)
    /// Bytes of one search.
    private static let searchSize = 256 << 10

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
        var answers: [Answer?] = []
        answers.reserveCapacity(inodes.count)
        var new = ItemReader(source, size: TimesComparison.searchSize)
        var old = ItemReader(base, size: TimesComparison.searchSize)
        var rest = inodes
        while let first = rest.first {
            let group = TimesComparison.neighbours(in: rest)
            rest = rest.dropFirst(group.count)
            do {
                let last = TimesComparison.last(of: group[group.endIndex - 1])
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
        while end < inodes.endIndex, inodes[end].number - inodes[end - 1].number < ItemCache.neighbourInodes {
            end += 1
        }
        return inodes[..<end]
    }

    /// The last item of an inode that counts: a directory has its entries behind it.
    private static func last(of inode: CommonInode) -> ItemKey {
        ItemKey(inode.number, inode.isDirectory ? ItemKey.Kind.lastOfHead : .max, .max)
    }

    private func answer(
        for inode: CommonInode, _ new: inout ItemReader, _ old: inout ItemReader
    ) throws(SnapshotError) -> Answer? {
        guard let (found, former, link) = try compare(inode, &new, &old) else { return nil }
        return Answer(
            change: TimesChange(found, former: former, link: link),
            directory: inode.isDirectory ? DirectoryState(found) : nil)
    }

    private func compare(
        _ inode: CommonInode, _ new: inout ItemReader, _ old: inout ItemReader
    ) throws(SnapshotError) -> Found? {
        let (first, last) = (ItemKey(inode.number, 0), TimesComparison.last(of: inode))
        var newPlace = try new.skip(to: first, through: last)
        var oldPlace = try old.skip(to: first, through: last)
        var found: (inode: Inode, former: FileTimes)?
        var links: [InodeLink] = []
        while let place = newPlace, let former = oldPlace {
            if place.key.type == ItemKey.Kind.inode {
                found = try states(new.run, place, old.run, former, inode)
                if found == nil { return nil }
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
        guard newPlace == nil, oldPlace == nil, let found, links.count == 1 else { return nil }
        return (found.inode, found.former, links[0])
    }

    /// An inode as it is, and the times that it had, where nothing else differs.
    private func states(
        _ new: ItemRun, _ place: ItemRun.Place, _ old: ItemRun, _ former: ItemRun.Place, _ inode: CommonInode
    ) throws(SnapshotError) -> (inode: Inode, former: FileTimes)? {
        guard place.key == former.key, place.key.offset == 0,
            let state = try InodeItem.named(new, place), var known = try InodeItem.named(old, former),
            state.linkCount == 1, (state.kind == .directory) == inode.isDirectory,
            state.times.born == known.times.born
        else { return nil }
        let times = known.times
        (known.times, known.changeGeneration) = (state.times, state.changeGeneration)
        return known == state ? (state, times) : nil
    }
}

extension InodeItem {
    /// The inode of an item; nil where it has no name.
    static func named(_ run: ItemRun, _ place: ItemRun.Place) throws(SnapshotError) -> Inode? {
        try run.withContents(place) { bytes throws(SnapshotError) in
            try hasName(bytes) ? try parse(bytes, number: place.key.object) : nil
        }
    }
}
