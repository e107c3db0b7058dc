import SnapshotModel

/// Where the bytes of extents already lie: in what this stream has carried, in the base and in clone sources.
final class CloneIndex {
    typealias Place = ExtentPlaces.Place

    private let source: any SnapshotTree
    private let trees: [(tree: any SnapshotTree, reference: SnapshotReference)]
    /// No extent that is newer can be in any of the trees.
    private let newestGeneration: UInt64
    private var carried = CarriedPlaces()
    private var held: HeldPlaces
    /// Whether extents have moved since the index was begun.
    private var isMoving = false
    private var lastPath: (tree: Int32, inode: InodeNumber, path: RelativePath)?

    init(
        source: any SnapshotTree, base: (any SnapshotTree)?, baseReference: SnapshotReference?,
        cloneSources: [any SnapshotTree]
    ) {
        self.source = source
        var trees: [(tree: any SnapshotTree, reference: SnapshotReference)] = []
        if let base, let baseReference { trees.append((base, baseReference)) }
        trees += cloneSources.map { ($0, $0.identity.reference) }
        self.trees = trees.filter { source.domain != nil && $0.tree.domain == source.domain }
        newestGeneration = self.trees.map(\.tree.identity.generation).max() ?? 0
        held = HeldPlaces(trees: self.trees.map(\.tree))
    }

    /// A place from which an extent of a file can be shared, or the first part of it that can: one that this stream
    /// has carried, or one in the trees.
    ///
    /// - Parameter isShared: whether it may be found at another place than this (``SnapshotTree/isShared(_:)``).
    func find(_ extent: FileExtent, of inode: Inode, isShared: Bool) throws -> Place? {
        guard let identity = extent.identity,
            let place = try place(of: identity, extent, of: inode, isShared: isShared)
        else { return nil }
        if try haveMoved() { isMoving = true }
        return try isMoving && !isStillSame(extent, of: inode.number, identity, at: place) ? nil : place
    }

    /// Asks every tree, so that none goes on with what it has read before.
    private func haveMoved() throws -> Bool {
        let haveMoved = try trees.reduce(source.haveExtentsMoved()) { try $1.tree.haveExtentsMoved() || $0 }
        if haveMoved { held.removeAnswers() }
        return haveMoved
    }

    /// Where extents move while they are read, an address may mean another one by now: both are read anew.
    private func isStillSame(
        _ extent: FileExtent, of inode: InodeNumber, _ identity: ExtentIdentity, at place: Place
    ) throws -> Bool {
        let offset = extent.offset + (place.start - identity.offset)
        guard let here = try source.extent(of: inode, at: offset)?.identity else { return false }
        let tree = place.tree.map { trees[Int($0)].tree } ?? source
        return try tree.extent(of: place.inode, at: place.offset)?.identity == here && !haveMoved()
    }

    private func place(
        of identity: ExtentIdentity, _ extent: FileExtent, of inode: Inode, isShared: Bool
    ) throws -> Place? {
        let range = identity.offset..<identity.offset + extent.length
        let key = ExtentPlaces.Key(identity)
        var found: Place?
        /// Whether nothing better can be found: a place that has all of the range.
        func isWhole(_ place: Place?) -> Bool {
            found = better(found, place)
            return found?.start == range.lowerBound && found?.end == range.upperBound
        }
        if isShared, isWhole(carried.first(of: key, in: range, for: inode)) { return found }
        guard !trees.isEmpty, identity.generation <= newestGeneration else { return found }
        if isWhole(try held.samePlace(of: key, in: range, extent, of: inode.number)) { return found }
        if isShared { _ = isWhole(try held.first(of: key, in: range)) }
        return found
    }

    /// Remembers that this stream writes an extent to a file.
    func carry(_ identity: ExtentIdentity, _ extent: FileExtent, of inode: Inode) {
        carried.add(
            Place(tree: nil, inode: inode.number, offset: extent.offset, identity, length: extent.length),
            for: ExtentPlaces.Key(identity), in: inode)
    }

    /// The size of the file that a place lies in.
    func size(of place: Place) throws -> UInt64 {
        try (place.tree.map { trees[Int($0)].tree } ?? source).inode(place.inode)?.size ?? 0
    }

    /// By what name a stream speaks of a file in one of the trees.
    func path(of number: InodeNumber, in index: Int32) throws -> (SnapshotReference, RelativePath)? {
        let (tree, reference) = trees[Int(index)]
        if let (lastTree, inode, path) = lastPath, lastTree == index, inode == number { return (reference, path) }
        guard let path = try tree.path(of: number, below: tree.root) else { return nil }
        lastPath = (index, number, path)
        return (reference, path)
    }
}
