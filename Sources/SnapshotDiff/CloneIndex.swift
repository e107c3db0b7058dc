import SnapshotModel

/// Where the bytes of extents already lie: in what this stream has carried, in the base and in clone sources.
///
/// Only extents that may be shared are remembered, each with at most ``placesPerExtent`` places, so that a
/// file with thousands of references to one extent costs no more than one with as many extents.
final class CloneIndex {
    /// A range of a file that holds part of an extent.
    struct Place {
        /// Which of ``CloneIndex/trees``; nil for the snapshot that is being sent.
        let tree: Int?
        let inode: InodeNumber
        /// Where in the file the range begins.
        var offset: UInt64
        /// Where in the extent the range begins.
        var start: UInt64
        var length: UInt64

        /// The place of a range of the extent, where this one holds all of it.
        func part(from start: UInt64, length: UInt64) -> Place? {
            guard start >= self.start, start - self.start <= self.length,
                length <= self.length - (start - self.start)
            else { return nil }
            return Place(tree: tree, inode: inode, offset: offset + (start - self.start), start: start, length: length)
        }
    }

    private struct Key: Hashable {
        let address: UInt64
        let generation: UInt64
    }

    private static let placesPerExtent = 8

    private let source: any SnapshotTree
    private let trees: [(tree: any SnapshotTree, reference: SnapshotReference)]
    /// No extent that is newer can be in any of the trees.
    private let newestGeneration: UInt64
    private var carried: [Key: [Place]] = [:]
    /// Filled by one walk through the extents of all trees when the first question comes.
    private var held: [Key: [Place]]?
    /// Whether extents have moved since the index was begun.
    private var isMoving = false
    private var lastPath: (tree: Int, inode: InodeNumber, path: RelativePath)?

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
    }

    /// A place from which an extent of a file can be shared: first in this stream, then in the trees.
    func find(_ extent: FileExtent, of inode: InodeNumber) throws -> Place? {
        guard let identity = extent.identity, let place = try place(of: identity, length: extent.length) else {
            return nil
        }
        if try haveMoved() { isMoving = true }
        return try isMoving && !isStillSame(extent, of: inode, at: place) ? nil : place
    }

    /// Asks every tree, so that none goes on with what it has read before.
    private func haveMoved() throws -> Bool {
        try trees.reduce(source.haveExtentsMoved()) { try $1.tree.haveExtentsMoved() || $0 }
    }

    /// Where extents move while they are read, an address may mean another one by now: both are read anew.
    private func isStillSame(_ extent: FileExtent, of inode: InodeNumber, at place: Place) throws -> Bool {
        func identity(in tree: any SnapshotTree, _ number: InodeNumber, _ offset: UInt64) throws -> ExtentIdentity? {
            var cursor = ExtentCursor(tree, number)
            guard let found = try cursor.extent(at: offset), found.offset <= offset else { return nil }
            return found.part(from: offset, to: found.end).identity
        }
        guard let here = try identity(in: source, inode, extent.offset) else { return false }
        let tree = place.tree.map { trees[$0].tree } ?? source
        return try identity(in: tree, place.inode, place.offset) == here && !haveMoved()
    }

    private func place(of identity: ExtentIdentity, length: UInt64) throws -> Place? {
        let key = Key(address: identity.address, generation: identity.generation)
        if let place = CloneIndex.first(in: carried[key], identity.offset, length) { return place }
        guard !trees.isEmpty, identity.generation <= newestGeneration else { return nil }
        if held == nil { held = try readTrees() }
        return CloneIndex.first(in: held?[key], identity.offset, length)
    }

    private static func first(in places: [Place]?, _ start: UInt64, _ length: UInt64) -> Place? {
        for place in places ?? [] {
            if let part = place.part(from: start, length: length) { return part }
        }
        return nil
    }

    /// Remembers that this stream writes an extent to a file.
    func carry(_ identity: ExtentIdentity, _ extent: FileExtent, of inode: Inode) {
        let place = Place(
            tree: nil, inode: inode.number, offset: extent.offset, start: identity.offset, length: extent.length)
        CloneIndex.add(place, for: identity, to: &carried)
    }

    private static func add(_ place: Place, for identity: ExtentIdentity, to places: inout [Key: [Place]]) {
        let key = Key(address: identity.address, generation: identity.generation)
        guard first(in: places[key], place.start, place.length) == nil,
            places[key, default: []].count < placesPerExtent
        else { return }
        places[key, default: []].append(place)
    }

    private func readTrees() throws -> [Key: [Place]] {
        var places: [Key: [Place]] = [:]
        for (index, (tree, _)) in trees.enumerated() {
            try tree.forEachInode { inode in
                guard inode.kind == .regular else { return }
                try tree.forEachExtent(of: inode.number, from: 0) { extent in
                    try extent.check(in: tree)
                    let end = min(extent.end, inode.size)
                    guard extent.offset < end, let identity = extent.identity, try tree.isShared(extent) else {
                        return
                    }
                    let place = Place(
                        tree: index, inode: inode.number, offset: extent.offset, start: identity.offset,
                        length: end - extent.offset)
                    CloneIndex.add(place, for: identity, to: &places)
                }
            }
        }
        return places
    }

    /// The size of the file that a place lies in.
    func size(of place: Place) throws -> UInt64 {
        try (place.tree.map { trees[$0].tree } ?? source).inode(place.inode)?.size ?? 0
    }

    /// By what name a stream speaks of a file in one of the trees.
    func path(of number: InodeNumber, in index: Int) throws -> (SnapshotReference, RelativePath)? {
        let (tree, reference) = trees[index]
        if let (lastTree, inode, path) = lastPath, lastTree == index, inode == number { return (reference, path) }
        guard let path = try tree.path(of: number, below: tree.root) else { return nil }
        lastPath = (index, number, path)
        return (reference, path)
    }
}
