import SnapshotModel

/// Compares the entries of directories of two trees.
struct EntriesComparison: InodeComparison {
    struct Answer: Sendable {
        /// The directory as it is, and as it was.
        let directory: Inode
        let former: Inode
        var added: [DirectoryEntry] = []
        var removed: [DirectoryEntry] = []
    }

    /// With what is different alone, some 100 bytes an entry.
    static let window = 64
    private static let directoriesInBatch = 16
    /// Bytes of one search.
    private static let searchSize = 32 << 10

    let source: any ItemSource
    let base: FormerTree

    func batch(of inodes: ArraySlice<CommonInode>) -> ArraySlice<CommonInode> {
        inodes.prefix(EntriesComparison.directoriesInBatch)
    }

    func answers(for inodes: ArraySlice<CommonInode>) -> [Answer?] {
        var new = ItemReader(source, size: EntriesComparison.searchSize)
        var old = FormerInodes(base, searchSize: EntriesComparison.searchSize)
        return inodes.map { inode in try? answer(for: inode.number, &new, &old) }
    }

    /// Nil for what is not one directory in both trees.
    private func answer(
        for number: UInt64, _ new: inout ItemReader, _ old: inout FormerInodes
    ) throws -> Answer? {
        guard let state = try new.directory(number), let former = try old.directory(number),
            state.identity == former.identity
        else { return nil }
        let (entries, known) = (try new.entries(of: number), try old.entries(of: number))
        var answer = Answer(directory: state, former: former)
        var next = known.startIndex
        for entry in entries {
            while next < known.endIndex, known[next].name < entry.name {
                answer.removed.append(known[next])
                next += 1
            }
            guard next < known.endIndex, known[next].name == entry.name else {
                answer.added.append(entry)
                continue
            }
            if known[next] != entry {
                answer.removed.append(known[next])
                answer.added.append(entry)
            }
            next += 1
        }
        answer.removed += known[next...]
        return answer
    }
}

extension ItemReader {
    /// A directory with a name; nil where there is none.
    mutating func directory(_ number: UInt64) throws(SnapshotError) -> Inode? {
        let key = ItemKey(number, ItemKey.Kind.inode)
        begin(from: key, through: key)
        guard let place = try skip(to: key, through: key), let (inode, _) = try InodeItem.named(run, place) else {
            return nil
        }
        return inode.kind == .directory ? inode : nil
    }

    /// The entries of a directory by name.
    mutating func entries(of number: UInt64) throws(SnapshotError) -> [DirectoryEntry] {
        let (first, last) = (
            ItemKey(number, ItemKey.Kind.entry), ItemKey(number, ItemKey.Kind.entry, .max)
        )
        begin(from: first, through: last)
        var entries: [DirectoryEntry] = []
        var next = try skip(to: first, through: last)
        while let place = next {
            try run.withContents(place) { bytes throws(SnapshotError) in
                try EntryItems.parse(bytes, into: &entries)
            }
            next = try self.next(through: last)
        }
        entries.sort { $0.name < $1.name }
        return entries
    }
}
