import SnapshotModel
import SystemCalls

/// The entries of the directories that are being visited, and of some that were visited before, by inode; with what
/// the kernel told of each.
struct RecentListings {
    /// How many entries of finished visits are kept: at about 250 bytes each, some sixteen megabytes.
    static let capacity = 65_536

    private final class Listing {
        let directory: UInt64
        let entries: [DirectoryEntry]
        var statuses: [FileStatus?]
        var visits = 0

        init(directory: UInt64, entries: [DirectoryEntry], statuses: [FileStatus?]) {
            self.directory = directory
            self.entries = entries
            self.statuses = statuses
        }
    }

    private struct Position {
        let listing: Listing
        let index: Int
    }

    private var positions: [UInt64: Position] = [:]
    /// Listings that no visit needs, oldest first.
    private var finished: [Listing] = []
    private var finishedEntries = 0
    private var visited: [UInt64: Listing] = [:]
    /// Where to look for entries that are no longer kept: by inode, the index of a directory in ``former``. Some
    /// twenty bytes an entry.
    private var formerPlaces: [UInt64: UInt32] = [:]
    private var former: [UInt64] = []

    /// Where an inode was listed.
    func place(of number: UInt64) -> Place? {
        positions[number].map { position in
            Place(directory: position.listing.directory, name: position.listing.entries[position.index].name.bytes)
        }
    }

    /// The directory in which an inode was listed whose entry is no longer kept, where it is small enough to be listed
    /// again for one entry.
    func formerDirectory(of number: UInt64) -> UInt64? {
        formerPlaces[number].map { former[Int($0)] }
    }

    /// What was told of an inode when it was listed.
    func status(of number: UInt64) -> FileStatus? {
        positions[number].flatMap { $0.listing.statuses[$0.index] }
    }

    /// Has an inode asked for again.
    func forgetStatus(of number: UInt64) {
        guard let position = positions[number] else { return }
        position.listing.statuses[position.index] = nil
    }

    /// Keeps entries until ``end(_:)``.
    ///
    /// - Parameter statuses: one for each entry, or nil.
    mutating func begin(_ entries: [DirectoryEntry], _ statuses: [FileStatus?], of directory: UInt64) {
        if let listing = visited[directory] {
            listing.visits += 1
            return
        }
        let listing = Listing(directory: directory, entries: entries, statuses: statuses)
        listing.visits = 1
        visited[directory] = listing
        insert(listing)
    }

    /// Says that a visit is over; its entries are kept while there is room.
    mutating func end(_ directory: UInt64) {
        guard let listing = visited[directory] else { return }
        listing.visits -= 1
        guard listing.visits == 0 else { return }
        visited[directory] = nil
        retire(listing)
    }

    /// Keeps an entry while there is room.
    mutating func remember(_ entry: DirectoryEntry, of directory: UInt64) {
        let listing = Listing(directory: directory, entries: [entry], statuses: [nil])
        insert(listing)
        retire(listing)
    }

    private mutating func insert(_ listing: Listing) {
        for (index, entry) in listing.entries.enumerated() where entry.kind != .directory {
            positions[entry.inode.rawValue] = Position(listing: listing, index: index)
        }
    }

    private mutating func retire(_ listing: Listing) {
        finished.append(listing)
        finishedEntries += listing.entries.count
        guard finishedEntries > RecentListings.capacity else { return }
        // Half at a time, so that the array's front is not closed up for every listing.
        var dropped = 0
        while finishedEntries > RecentListings.capacity / 2, dropped < finished.count {
            let oldest = finished[dropped]
            let index = UInt32(exactly: former.count)
            let isSmall = oldest.entries.count <= DirectoryListing.maximumStatuses
            former.append(oldest.directory)
            for entry in oldest.entries where positions[entry.inode.rawValue]?.listing === oldest {
                positions[entry.inode.rawValue] = nil
                if isSmall { formerPlaces[entry.inode.rawValue] = index }
            }
            finishedEntries -= oldest.entries.count
            dropped += 1
        }
        finished.removeFirst(dropped)
    }
}
