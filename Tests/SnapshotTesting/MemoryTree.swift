package import SnapshotModel

/// What all trees of one store share, so that identities mean the same in each.
package final class MemoryStore {
    package let domain: SnapshotUUID
    private var lastAddress: UInt64 = 4096

    package init(domain: SnapshotUUID = SnapshotUUID(high: 0x6D65_6D6F_7279_4000, low: 0x8000_0000_0000_0001)) {
        self.domain = domain
    }

    func extent(of bytes: [UInt8], generation: UInt64) -> MemoryExtent {
        lastAddress += 4096
        return MemoryExtent(address: lastAddress, generation: generation, bytes: bytes)
    }
}

/// A tree of inodes in dictionaries: slow, plain and obviously right, the model for every other tree.
package final class MemoryTree: SnapshotTree {
    package struct Node {
        package var inode: Inode
        package var entries: [FileName: InodeNumber] = [:]
        package var links: Set<InodeLink> = []
        package var attributes: [[UInt8]: [UInt8]] = [:]
        package var target: [UInt8] = []
        package var contents = MemoryContents()
    }

    package var identity: SnapshotIdentity
    /// The store's domain; nil to make a tree whose numbers mean nothing elsewhere.
    package var domain: SnapshotUUID?
    package let root: InodeNumber
    package var holdsData = true
    /// Whether ``forEachDifference(from:_:)`` answers.
    package var knowsHistory = true
    /// Files of at most this many bytes, in one piece, are shown as inline.
    package var inlineLimit: UInt64 = 0
    /// Whether ``encodedExtent(_:of:)`` answers (with encoding ``ExtentEncoding/none``).
    package var offersEncodedExtents = false
    package let store: MemoryStore
    /// The generation that changes belong to.
    package var generation: UInt64
    /// The instant that changes leave as modification and change time.
    package var now: Timestamp = .epoch
    /// Whether a change sets the change time too, as a file system does by itself.
    package var keepsChangeTimes = true
    /// Whether a change leaves no time at all, as in a bookmark, which is only told.
    package var isTold = false
    package internal(set) var nodes: [InodeNumber: Node] = [:]

    package init(
        name: String, store: MemoryStore = MemoryStore(), generation: UInt64 = 1, root: InodeNumber = InodeNumber(256)
    ) {
        identity = SnapshotIdentity(
            name: name, uuid: SnapshotUUID(high: 0x7472_6565_0000_4000, low: 0x8000 << 48 | generation),
            generation: generation)
        self.store = store
        self.domain = store.domain
        self.generation = generation
        self.root = root
        let inode = Inode(number: root, birthGeneration: generation, kind: .directory, permissions: 0o755)
        nodes[root] = Node(inode: inode)
    }

    private init(copying tree: MemoryTree, identity: SnapshotIdentity) {
        self.identity = identity
        (domain, root, holdsData, knowsHistory) = (tree.domain, tree.root, tree.holdsData, tree.knowsHistory)
        (inlineLimit, offersEncodedExtents, store) = (tree.inlineLimit, tree.offersEncodedExtents, tree.store)
        (generation, now, keepsChangeTimes, nodes) = (tree.generation, tree.now, tree.keepsChangeTimes, tree.nodes)
    }

    /// The tree as it is now, under a name; what changes in this one afterwards belongs to the next generation.
    package func snapshot(_ name: String, uuid: SnapshotUUID? = nil) -> MemoryTree {
        let copy = MemoryTree(
            copying: self,
            identity: SnapshotIdentity(
                name: name,
                uuid: uuid ?? SnapshotUUID(high: 0x736E_6170_0000_4000, low: 0x8000 << 48 | generation),
                generation: generation))
        generation += 1
        return copy
    }

    /// An independent tree with the same inodes.
    package func copy() -> MemoryTree { MemoryTree(copying: self, identity: identity) }
}

extension MemoryTree {
    func node(_ number: InodeNumber) throws -> Node {
        guard let node = nodes[number] else {
            throw SnapshotError(.notFound, "there is no inode \(number.rawValue)", place: identity.name)
        }
        return node
    }

    package func inode(_ number: InodeNumber) throws -> Inode? { nodes[number]?.inode }

    package func lookup(_ name: FileName, in directory: InodeNumber) throws -> DirectoryEntry? {
        guard let number = try node(directory).entries[name] else { return nil }
        return DirectoryEntry(name: name, inode: number, kind: try node(number).inode.kind)
    }

    package func forEachEntry(in directory: InodeNumber, _ body: (DirectoryEntry) throws -> Void) throws {
        for (name, number) in try node(directory).entries.sorted(by: { $0.key < $1.key }) {
            try body(DirectoryEntry(name: name, inode: number, kind: try node(number).inode.kind))
        }
    }

    package func links(of number: InodeNumber) throws -> [InodeLink] {
        try node(number).links.sorted { ($0.directory, $0.name) < ($1.directory, $1.name) }
    }

    package func forEachInode(_ body: (Inode) throws -> Void) throws {
        for number in nodes.keys.sorted() { try body(node(number).inode) }
    }

    package func extendedAttributes(of number: InodeNumber) throws -> [ExtendedAttribute] {
        try node(number).attributes.sorted { $0.key.lexicographicallyPrecedes($1.key) }
            .map { ExtendedAttribute(name: $0.key, value: $0.value) }
    }

    package func symbolicLinkTarget(of number: InodeNumber) throws -> [UInt8] { try node(number).target }

    package func forEachExtent(
        of number: InodeNumber, from offset: UInt64, _ body: (FileExtent) throws -> Void
    ) throws {
        for extent in extents(of: try node(number)) where extent.end > offset { try body(extent) }
    }

    private func extents(of node: Node) -> [FileExtent] {
        let (segments, size) = (node.contents.segments, node.inode.size)
        if segments.count == 1, case .data = segments[0].body, segments[0].offset == 0, size <= inlineLimit,
            segments[0].length >= size
        {
            return [FileExtent(offset: 0, length: size, content: .inline)]
        }
        return segments.map { segment in
            let content: FileExtent.Content =
                switch segment.body {
                case .data(let extent, let start):
                    .data(ExtentIdentity(address: extent.address, generation: extent.generation, offset: start))
                case .skeleton(let identity): .data(identity)
                case .preallocated: .preallocated
                }
            return FileExtent(offset: segment.offset, length: segment.length, content: content)
        }
    }

    package func read(_ number: InodeNumber, at offset: UInt64, count: Int) throws -> ArraySlice<UInt8> {
        guard holdsData else { throw SnapshotError(.unsupported, "a bookmark has no data", place: identity.name) }
        let node = try node(number)
        guard offset < node.inode.size else { return [] }
        return node.contents.read(offset..<min(node.inode.size, offset + UInt64(count)))[...]
    }

    package func encodedExtent(_ extent: FileExtent, of number: InodeNumber) throws -> EncodedExtent? {
        guard offersEncodedExtents, case .data = extent.content else { return nil }
        let part = try node(number).contents.parts(in: extent.offset..<extent.end)
        guard part.count == 1, part[0].length == extent.length, case .data(let stored, let start) = part[0].body,
            stored.bytes.count <= EncodedExtent.maximumDecodedLength
        else { return nil }
        return EncodedExtent(
            encoding: .none, bytes: stored.bytes[...], decodedLength: UInt64(stored.bytes.count), decodedOffset: start,
            fileLength: extent.length)
    }

    package func identity(ofInline extent: FileExtent, of number: InodeNumber) throws -> ExtentIdentity {
        let bytes = try node(number).contents.read(0..<extent.length)
        return ExtentIdentity(address: Digest.of(bytes[...]), generation: UInt64(bytes.count), offset: 0)
    }

    package func forEachDifference(
        from base: any SnapshotTree, _ body: (TreeDifference) throws -> Void
    ) throws -> Bool {
        guard knowsHistory, let base = base as? MemoryTree, base.domain == domain, domain != nil, base.root == root
        else { return false }
        for number in Set(nodes.keys).union(base.nodes.keys).sorted() {
            let (new, old) = (nodes[number], base.nodes[number])
            if new?.inode != old?.inode { try body(.inode(number)) }
            let names = Set((new?.entries ?? [:]).keys).union((old?.entries ?? [:]).keys).sorted()
            for name in names where new?.entries[name] != old?.entries[name] {
                if let target = old?.entries[name] {
                    let kind = try base.node(target).inode.kind
                    try body(.entryRemoved(directory: number, DirectoryEntry(name: name, inode: target, kind: kind)))
                }
                if let target = new?.entries[name] {
                    let kind = try node(target).inode.kind
                    try body(.entryAdded(directory: number, DirectoryEntry(name: name, inode: target, kind: kind)))
                }
            }
        }
        return true
    }
}
