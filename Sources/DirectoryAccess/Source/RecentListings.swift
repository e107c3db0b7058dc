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

    /// The index of a listing, and that of the entry in it: numbers, since there is one of these for each entry, and
    /// references would be counted.
    private struct Position {
        let listing: Int
        let index: Int
    }

    private var positions = Dictionary<UInt64, Position>(minimumCapacity: RecentListings.capacity)
    /// All that there were; nil where it is kept no more.
    private var listings: [Listing?] = []
    /// The directory of each.
    private var directories: [UInt64] = []
    /// Listings that no visit needs, oldest first.
    private var finished: [Int] = []
    private var finishedEntries = 0
    private var visited: [UInt64: Int] = [:]
    /// Where to look for entries that are no longer kept: by inode, the index of the listing. Some twenty bytes an
    /// entry.
    private var formerPlaces: [UInt64: UInt32] = [:]

    /// Where an inode was listed.
    func place(of number: UInt64) -> Place? {
        guard let position = positions[number], let listing = listings[position.listing] else { return nil }
        return Place(directory: listing.directory, name: listing.entries[position.index].name.bytes)
    }

    /// The directory in which an inode was listed whose entry is no longer kept, where it is small enough to be listed
    /// again for one entry.
    func formerDirectory(of number: UInt64) -> UInt64? {
        formerPlaces[number].map { directories[Int($0)] }
    }

    /// What was told of an inode when it was listed.
    func status(of number: UInt64) -> FileStatus? {
        positions[number].flatMap { listings[$0.listing]?.statuses[$0.index] }
    }

    /// Has an inode asked for again.
    func forgetStatus(of number: UInt64) {
        guard let position = positions[number] else { return }
        listings[position.listing]?.statuses[position.index] = nil
    }

    /// Keeps entries until ``end(_:)``.
    ///
    /// - Parameter statuses: one for each entry, or nil.
    mutating func begin(_ entries: [DirectoryEntry], _ statuses: [FileStatus?], of directory: UInt64) {
        if let known = visited[directory] {
            listings[known]?.visits += 1
            return
        }
        let listing = Listing(directory: directory, entries: entries, statuses: statuses)
        listing.visits = 1
        visited[directory] = insert(listing)
    }

    /// Says that a visit is over; its entries are kept while there is room.
    mutating func end(_ directory: UInt64) {
        guard let index = visited[directory], let listing = listings[index] else { return }
        listing.visits -= 1
        guard listing.visits == 0 else { return }
        visited[directory] = nil
        retire(index, listing.entries.count)
    }

    /// Keeps an entry while there is room.
    mutating func remember(_ entry: DirectoryEntry, of directory: UInt64) {
        retire(insert(Listing(directory: directory, entries: [entry], statuses: [nil])), 1)
    }

    private mutating func insert(_ listing: Listing) -> Int {
        let number = listings.count
        listings.append(listing)
        directories.append(listing.directory)
        // By index, since an entry that is copied has its name counted.
        for index in listing.entries.indices where listing.entries[index].kind != .directory {
            positions[listing.entries[index].inode.rawValue] = Position(listing: number, index: index)
        }
        return number
    }

    private mutating func retire(_ index: Int, _ count: Int) {
        finished.append(index)
        finishedEntries += count
        guard finishedEntries > RecentListings.capacity else { return }
        // Half at a time, so that the array's front is not closed up for every listing.
        var dropped = 0
        while finishedEntries > RecentListings.capacity / 2, dropped < finished.count {
            finishedEntries -= forget(finished[dropped])
            dropped += 1
        }
        finished.removeFirst(dropped)
    }

    /// Drops a listing; says how many entries it had.
    private mutating func forget(_ index: Int) -> Int {
        guard let entries = listings[index]?.entries else { return 0 }
        listings[index] = nil
        let place = entries.count <= DirectoryListing.maximumStatuses ? UInt32(exactly: index) : nil
        for number in entries.lazy.map(\.inode.rawValue) where positions[number]?.listing == index {
            positions[number] = nil
            if let place { formerPlaces[number] = place }
        }
        return entries.count
    }
}
