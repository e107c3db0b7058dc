import SnapshotModel

/// Where parts of extents lie, by extent.
///
/// What a place holds beyond all others of its extent is what it is kept for: of places that hold the same, the first
/// one stays.
struct ExtentPlaces {
    /// A range of a file that holds part of an extent.
    struct Place {
        /// Which of the index's trees; nil for the snapshot that is being sent. Short, since there are many places.
        let tree: Int32?
        let inode: InodeNumber
        /// Where in the file the range begins.
        let offset: UInt64
        /// Where in the extent the range begins, and where it ends.
        let start: UInt64
        let end: UInt64

        /// What the place has of a range of the extent, which begins in it.
        func part(_ range: Range<UInt64>) -> Place {
            Place(
                tree: tree, inode: inode, offset: offset + (range.lowerBound - start), start: range.lowerBound,
                end: min(end, range.upperBound))
        }
    }

    /// Of an extent, whose address can be used again.
    struct Key: Hashable {
        let address: UInt64
        let generation: UInt64

        init(_ identity: ExtentIdentity) {
            (address, generation) = (identity.address, identity.generation)
        }
    }

    /// Most extents lie at one place alone.
    private var lone: [Key: Place] = [:]
    /// In order of where they begin, and thus of where they end, since none holds all that another one has.
    private var several: [Key: [Place]] = [:]
    private(set) var count = 0

    /// The place that has the longest part of a range from its beginning on; where none has its first byte, the
    /// place that begins first within it.
    func first(of key: Key, in range: Range<UInt64>) -> Place? {
        if let place = lone[key] {
            return place.end > range.lowerBound && place.start < range.upperBound ? place.within(range) : nil
        }
        guard let places = several[key] else { return nil }
        let following = ExtentPlaces.count(places, from: range.lowerBound)
        if following > 0, places[following - 1].end > range.lowerBound { return places[following - 1].part(range) }
        guard following < places.count, places[following].start < range.upperBound else { return nil }
        return places[following].within(range)
    }

    mutating func add(_ place: Place, for key: Key) {
        if let known = lone[key] {
            if known.start <= place.start, place.end <= known.end { return }
            lone[key] = nil
            several[key] = [known]
        } else if several[key] == nil {
            lone[key] = place
            count += 1
            return
        }
        let before = several[key]?.count ?? 0
        ExtentPlaces.insert(place, into: &several[key, default: []])
        count += (several[key]?.count ?? 0) - before
    }

    private static func insert(_ place: Place, into places: inout [Place]) {
        let index = count(places, from: place.start)
        if index > 0, places[index - 1].end >= place.end { return }
        let first = index > 0 && places[index - 1].start == place.start ? index - 1 : index
        let last = places[index...].firstIndex { $0.end > place.end } ?? places.endIndex
        places.replaceSubrange(first..<last, with: CollectionOfOne(place))
    }

    /// How many places begin at an offset or before.
    private static func count(_ places: [Place], from offset: UInt64) -> Int {
        var (low, high) = (0, places.count)
        while low < high {
            let middle = (low + high) / 2
            if places[middle].start <= offset { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

extension ExtentPlaces.Place {
    /// The place of a range of a file, which lies in an extent from an offset on.
    init(tree: Int32?, inode: InodeNumber, offset: UInt64, _ identity: ExtentIdentity, length: UInt64) {
        self.init(
            tree: tree, inode: inode, offset: offset, start: identity.offset, end: identity.offset + length)
    }

    /// What the place has of a range, which it has some of.
    fileprivate func within(_ range: Range<UInt64>) -> ExtentPlaces.Place {
        part(max(start, range.lowerBound)..<range.upperBound)
    }
}

/// The place that has more of a range, reckoned from its beginning on; of equal ones, the first.
func better(_ one: ExtentPlaces.Place?, _ other: ExtentPlaces.Place?) -> ExtentPlaces.Place? {
    guard let one, let other else { return one ?? other }
    let isOther = other.start != one.start ? other.start < one.start : other.end > one.end
    return isOther ? other : one
}
