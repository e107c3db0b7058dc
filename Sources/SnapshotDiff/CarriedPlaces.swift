import SnapshotModel

/// Where this stream has written extents, the newest at least.
struct CarriedPlaces {
    /// A dictionary that is full takes 15 MiB; of what was carried before, as many again are remembered.
    private static let maximumPlaces = 196_608
    /// A file no longer than this a receiving btrfs keeps in its tree, from which only such a file can take it
    /// over; a longer one would get a copy (btrfs(5), `max_inline`).
    private static let longestInline: UInt64 = 2048

    /// In files that are long enough for blocks of their own.
    private var places = ExtentPlaces()
    private var placesBefore = ExtentPlaces()
    /// In the others.
    private var inlinePlaces = ExtentPlaces()

    /// As ``ExtentPlaces/first(of:in:)``, of what a file can share.
    func first(of key: ExtentPlaces.Key, in range: Range<UInt64>, for inode: Inode) -> ExtentPlaces.Place? {
        let place = better(places.first(of: key, in: range), placesBefore.first(of: key, in: range))
        if inode.size > CarriedPlaces.longestInline { return place }
        return better(place, inlinePlaces.first(of: key, in: range))
    }

    /// Remembers that a place in a file holds part of an extent.
    mutating func add(_ place: ExtentPlaces.Place, for key: ExtentPlaces.Key, in inode: Inode) {
        if places.count + inlinePlaces.count >= CarriedPlaces.maximumPlaces {
            placesBefore = places
            (places, inlinePlaces) = (ExtentPlaces(), ExtentPlaces())
        }
        if inode.size > CarriedPlaces.longestInline {
            places.add(place, for: key)
        } else {
            inlinePlaces.add(place, for: key)
        }
    }
}
