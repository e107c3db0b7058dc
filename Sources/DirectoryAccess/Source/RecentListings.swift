import SnapshotModel

/// The entries of the directories that are being visited, and of some that were visited before, by inode.
struct RecentListings {
    /// How many entries of finished visits are kept: at about 100 bytes each, some six megabytes.
    static let capacity = 65_536

    private final class Listing {
        let directory: UInt64
        let entries: [DirectoryEntry]
        var visits = 0

        init(directory: UInt64, entries: [DirectoryEntry]) {
            self.directory = directory
            self.entries = entries
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

    /// Where an inode was listed.
    func place(of number: UInt64) -> Place? {
        positions[number].map { position in
            Place(directory: position.listing.directory, name: position.listing.entries[position.index].name.bytes)
        }
    }

    /// Keeps entries until ``end(_:)``.
    mutating func begin(_ entries: [DirectoryEntry], of directory: UInt64) {
        if let listing = visited[directory] {
            listing.visits += 1
            return
        }
        let listing = Listing(directory: directory, entries: entries)
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

    /// Keeps entries while there is room.
    mutating func remember(_ entries: [DirectoryEntry], of directory: UInt64) {
        let listing = Listing(directory: directory, entries: entries)
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
            for entry in oldest.entries where positions[entry.inode.rawValue]?.listing === oldest {
                positions[entry.inode.rawValue] = nil
            }
            finishedEntries -= oldest.entries.count
            dropped += 1
        }
        finished.removeFirst(dropped)
    }
}
