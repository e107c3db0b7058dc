import SnapshotModel

/// Compares inodes of two trees: most that have changed have new times and nothing else.
struct TimesComparison: InodeComparison {
    struct Answer: Sendable {
        let change: TimesChange
        /// Of a directory, which files are then found in.
        let directory: DirectoryState?
        /// Whether the names in a directory are as long as they were, together.
        let hasSameSize: Bool

        init(_ states: States, link: InodeLink) {
            change = TimesChange(states.inode, former: states.former.times, link: link)
            directory =
                states.inode.kind == .directory ? DirectoryState(states.inode, former: states.former) : nil
            hasSameSize = states.hasSameSize
        }
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
    struct States {
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
    let base: FormerTree

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
        var old = FormerInodes(base, searchSize: TimesComparison.searchSize)
        var answers: [Answer?] = []
        answers.reserveCapacity(inodes.count)
        TimesComparison.forEachAnswer(for: inodes, &new, &old) { answers.append($1) }
        return answers
    }

    /// The same with both trees as they are read.
    ///
    /// - Parameter body: gets how many inodes were before this one, and the answer.
    static func forEachAnswer(
        for inodes: ArraySlice<CommonInode>, _ new: inout ItemReader, _ old: inout FormerInodes,
        _ body: (Int, Answer?) -> Void
    ) {
        var count = 0
        var rest = inodes
        while let first = rest.first {
            let group = neighbours(in: rest)
            rest = rest.dropFirst(group.count)
            do {
                let last = last(of: group[group.endIndex - 1])
                new.begin(from: ItemKey(first.number, 0), through: last)
                old.begin(from: ItemKey(first.number, 0), through: last)
                for inode in group {
                    body(count, try old.compare(inode, &new))
                    count += 1
                }
            } catch {
                while count < group.endIndex - inodes.startIndex {
                    body(count, nil)
                    count += 1
                }
            }
        }
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
    static func last(of inode: CommonInode) -> ItemKey {
        ItemKey(inode.number, inode.isDirectory ? ItemKey.Kind.lastOfHead : .max, .max)
    }

    /// Nil where anything but times differs, or there is no such inode.
    static func compare(
        _ new: ItemRun, _ place: ItemRun.Place, _ old: ItemRun, _ former: ItemRun.Place, _ inode: CommonInode
    ) throws(SnapshotError) -> States? {
        guard place.key == former.key, let known = try InodeItem.named(old, former) else { return nil }
        return try compare(new, place, known.inode, size: known.size, inode)
    }

    /// The same for what is known of an inode already.
    ///
    /// - Parameter size: of a directory, where that is known.
    static func compare(
        _ new: ItemRun, _ place: ItemRun.Place, _ former: Inode, size: UInt64?, _ inode: CommonInode
    ) throws(SnapshotError) -> States? {
        guard place.key.offset == 0, let (state, newSize) = try InodeItem.named(new, place),
            state.linkCount == 1, (state.kind == .directory) == inode.isDirectory,
            state.times.born == former.times.born
        else { return nil }
        var expected = former
        (expected.times, expected.changeGeneration) = (state.times, state.changeGeneration)
        guard expected == state else { return nil }
        return States(inode: state, former: former, hasSameSize: size == newSize)
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
