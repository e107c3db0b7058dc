import SnapshotModel

/// An entry that one of two trees has and the other has not. The numbers are those of the tree that has it.
struct EntryChange: Hashable {
    let directory: InodeNumber
    let name: FileName
    let inode: InodeNumber
    let kind: FileKind

    init(_ directory: InodeNumber, _ entry: DirectoryEntry) {
        (self.directory, name, inode, kind) = (directory, entry.name, entry.inode, entry.kind)
    }

    init(_ link: InodeLink, _ inode: Inode) {
        (directory, name, self.inode, kind) = (link.directory, link.name, inode.number, inode.kind)
    }

    var link: InodeLink { InodeLink(directory: directory, name: name) }

    static func isOrdered(_ left: EntryChange, _ right: EntryChange) -> Bool {
        left.directory != right.directory ? left.directory < right.directory : left.name < right.name
    }
}

/// An inode that both trees have and that may differ.
struct InodePair: Hashable {
    let source: InodeNumber
    let base: InodeNumber
}

/// What differs between two trees, as numbers and names: some 60 bytes a change, whatever the sizes of files.
///
/// Of directories that are new, and of those that are gone, there are only the entries of inodes that both
/// trees have; the rest is found by a walk when its turn comes.
struct ChangeLists {
    /// By directory and name, in numbers of the source.
    var added: [EntryChange] = []
    /// By directory and name, in numbers of the base.
    var removed: [EntryChange] = []
    /// By number in the source.
    var changed: [InodePair] = []

    /// Puts the lists in order and drops what is there twice.
    mutating func sort() {
        added = ChangeLists.sorted(added)
        removed = ChangeLists.sorted(removed)
        changed.sort { $0.source < $1.source }
    }

    private static func sorted(_ entries: [EntryChange]) -> [EntryChange] {
        var result: [EntryChange] = []
        for entry in entries.sorted(by: EntryChange.isOrdered) where result.last?.link != entry.link {
            result.append(entry)
        }
        return result
    }

    /// Where in a sorted list an entry stands.
    static func index(of link: InodeLink, in entries: [EntryChange]) -> Int? {
        var (low, high) = (0, entries.count)
        while low < high {
            let middle = (low + high) / 2
            let entry = entries[middle]
            let isBefore =
                entry.directory != link.directory ? entry.directory < link.directory : entry.name < link.name
            if isBefore { low = middle + 1 } else { high = middle }
        }
        return low < entries.count && entries[low].link == link ? low : nil
    }
}
