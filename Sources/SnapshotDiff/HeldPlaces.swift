import SnapshotModel

/// Where trees that the other side has hold parts of extents.
///
/// A tree that can tell where an extent lies is asked for each; another one is gone through once, when the first
/// question comes, and what of it may be shared is remembered.
struct HeldPlaces {
    typealias Place = ExtentPlaces.Place

    /// The places of this many extents are remembered.
    private static let maximumAnswers = 1024
    /// So many places of an extent, one after another, that hold nothing new are enough.
    private static let maximumVain = 256

    private let trees: [any SnapshotTree]
    /// What was answered of extents, by trees that can tell.
    private var answers: [ExtentPlaces.Key: ExtentPlaces] = [:]
    /// What the trees hold that were gone through, and which of them were.
    private var walked = ExtentPlaces()
    private var walkedTrees: Set<Int> = []

    init(trees: [any SnapshotTree]) {
        self.trees = trees
    }

    /// The part of an extent that a tree has where the source has it, from the first byte on.
    ///
    /// - Parameters:
    ///   - range: of the bytes of the extent.
    ///   - extent: what the source has.
    func samePlace(
        of key: ExtentPlaces.Key, in range: Range<UInt64>, _ extent: FileExtent, of inode: InodeNumber
    ) throws -> Place? {
        for (index, tree) in trees.enumerated() where key.generation <= tree.identity.generation {
            guard let there = try tree.inode(inode), there.kind == .regular,
                let found = try tree.extent(of: inode, at: extent.offset),
                let (foundKey, place) = place(of: found, of: there, in: index), foundKey == key,
                place.offset == extent.offset, place.start == range.lowerBound
            else { continue }
            return place.part(range)
        }
        return nil
    }

    /// As ``ExtentPlaces/first(of:in:)``, in all trees.
    mutating func first(of key: ExtentPlaces.Key, in range: Range<UInt64>) throws -> Place? {
        let known: ExtentPlaces
        if let answer = answers[key] {
            known = answer
        } else {
            known = try ask(key)
            if answers.count >= HeldPlaces.maximumAnswers { answers.removeAll(keepingCapacity: true) }
            answers[key] = known
        }
        return better(known.first(of: key, in: range), walked.first(of: key, in: range))
    }

    /// Forgets what was answered, since addresses mean something else now.
    mutating func removeAnswers() {
        answers.removeAll()
    }

    /// What the trees that can tell hold of an extent; those that cannot are gone through.
    private mutating func ask(_ key: ExtentPlaces.Key) throws -> ExtentPlaces {
        var places = ExtentPlaces()
        for (index, tree) in trees.enumerated() where key.generation <= tree.identity.generation {
            guard let references = try tree.references(toExtentAt: key.address) else {
                if walkedTrees.insert(index).inserted { try walk(index, tree) }
                continue
            }
            var vain = 0
            for reference in references.sorted() where vain < HeldPlaces.maximumVain {
                guard let inode = try tree.inode(reference.inode), inode.kind == .regular,
                    let extent = try tree.extent(of: inode.number, at: reference.offset),
                    let (found, place) = place(of: extent, of: inode, in: index), found == key
                else { continue }
                let before = places.count
                places.add(place, for: key)
                vain = places.count > before ? 0 : vain + 1
            }
        }
        return places
    }

    private mutating func walk(_ index: Int, _ tree: any SnapshotTree) throws {
        try tree.forEachInode { inode in
            guard inode.kind == .regular else { return }
            try tree.forEachExtent(of: inode.number, from: 0) { extent in
                try extent.check(in: tree)
                guard let (key, place) = place(of: extent, of: inode, in: index), try tree.isShared(extent) else {
                    return
                }
                walked.add(place, for: key)
            }
        }
    }

    /// What of an extent lies in a file.
    private func place(
        of extent: FileExtent, of inode: Inode, in index: Int
    ) -> (ExtentPlaces.Key, Place)? {
        let end = min(extent.end, inode.size)
        guard extent.offset < end, let identity = extent.identity else { return nil }
        let place = Place(
            tree: Int32(index), inode: inode.number, offset: extent.offset, identity, length: end - extent.offset)
        return (ExtentPlaces.Key(identity), place)
    }
}
