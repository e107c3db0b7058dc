import SnapshotModel

/// The directories that a walk comes to, listed before it does: in a directory first all that are none, then one
/// subdirectory behind another with all below it.
struct WalkAhead {
    private struct Listing {
        let directory: InodeNumber
        let entries: [DirectoryEntry]
    }

    /// How many entries may wait to be visited, but for those of one directory.
    private static let mostEntries = 1024

    /// Subdirectories that come later, those of the deepest directory last.
    private var levels: [ArraySlice<DirectoryEntry>] = []
    private var listings: [Listing] = []
    private var entryCount = 0

    /// Says which directory is visited now. Where it was not expected, the walk begins anew with it.
    ///
    /// - Returns: what is in it, if it was listed; else ``enter(_:)`` must be told.
    mutating func take(_ directory: InodeNumber) -> (isExpected: Bool, entries: [DirectoryEntry]?) {
        if let first = listings.first {
            if first.directory == directory {
                listings.removeFirst()
                entryCount -= first.entries.count
                return (true, first.entries)
            }
        } else if comingNext()?.inode == directory {
            levels[levels.count - 1].removeFirst()
            return (true, nil)
        }
        self = WalkAhead()
        return (false, nil)
    }

    /// Says what is in a directory: the one that was expected, or that where a walk begins.
    mutating func enter(_ entries: [DirectoryEntry]) {
        levels.append(entries.filter { $0.kind == .directory }[...])
    }

    /// Lists the directory that comes behind all that were; nil where there is none, or enough waits.
    mutating func next(_ list: (InodeNumber) throws -> [DirectoryEntry]) -> [DirectoryEntry]? {
        guard entryCount < WalkAhead.mostEntries, listings.count < WalkAhead.mostEntries else { return nil }
        // One that cannot be listed is told of when it is visited.
        guard let entry = comingNext(), let entries = try? list(entry.inode) else { return nil }
        levels[levels.count - 1].removeFirst()
        listings.append(Listing(directory: entry.inode, entries: entries))
        entryCount += entries.count
        enter(entries)
        return entries
    }

    private mutating func comingNext() -> DirectoryEntry? {
        while let last = levels.last, last.isEmpty { levels.removeLast() }
        return levels.last?.first
    }
}
