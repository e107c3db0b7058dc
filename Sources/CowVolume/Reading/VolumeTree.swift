import GRDB
package import SnapshotModel

/// A snapshot, a bookmark or a dataset's head, as it was when it was opened: commits of others are not seen, and
/// nodes that they drop stay readable. Data of a snapshot that is destroyed meanwhile may vanish under it, which
/// gives an error and never wrong bytes.
package final class VolumeTree: SnapshotTree {
    package let identity: SnapshotIdentity
    package let holdsData: Bool
    /// The full name in the volume.
    package let name: String
    let store: VolumeStore
    let record: RootRecord
    let snapshot: DatabaseSnapshot
    let nodes: CommittedNodes
    let extents: ExtentReader
    var sharing = SharingCache()
    /// The inode that was asked for last: one is asked for again and again while it is compared and sent.
    private var lastInode: Inode?

    init(_ store: VolumeStore, _ record: RootRecord, name: String, _ snapshot: DatabaseSnapshot) {
        self.store = store
        self.record = record
        self.name = name
        self.snapshot = snapshot
        identity = record.identity
        holdsData = !record.kind.isBookmark
        nodes = CommittedNodes(snapshot)
        extents = ExtentReader(store, snapshot)
    }

    package var domain: SnapshotUUID? { store.uuid }

    package var root: InodeNumber { InodeNumber(FileLimits.rootDirectory) }

    package var totals: SnapshotTotals? { record.totals }

    /// How many nodes were read from the database so far: the cost of what was asked.
    package var nodeReads: Int { nodes.reads }

    var rootNode: NodeID { record.node }

    /// Where the dataset, snapshot or bookmark stood when the tree was opened.
    package var position: HeadPosition { HeadPosition(record) }

    package func inode(_ number: InodeNumber) throws -> Inode? {
        if let lastInode, lastInode.number == number { return lastInode }
        let inode = try located {
            try nodes.find(ItemKey(number.rawValue, .inode), root: rootNode).map {
                try InodeItem.parse($0, number: number.rawValue)
            }
        }
        if inode != nil { lastInode = inode }
        return inode
    }

    package func lookup(_ name: FileName, in directory: InodeNumber) throws -> DirectoryEntry? {
        let key = ItemKey(directory.rawValue, .entry, name: name.bytes)
        guard let value = try located({ try nodes.find(key, root: rootNode) }) else {
            _ = try existingInode(directory)
            return nil
        }
        let item = try located { try EntryItem(parsing: value) }
        return DirectoryEntry(name: name, inode: InodeNumber(item.inode), kind: item.kind)
    }

    package func forEachEntry(in directory: InodeNumber, _ body: (DirectoryEntry) throws -> Void) throws {
        _ = try existingInode(directory)
        try nodes.forEachItem(from: ItemKey(directory.rawValue, .entry), root: rootNode) { key, value in
            let item = try located { try EntryItem(parsing: value) }
            try body(
                DirectoryEntry(
                    name: try FileName(validating: key.name), inode: InodeNumber(item.inode), kind: item.kind))
            return true
        }
    }

    package func links(of number: InodeNumber) throws -> [InodeLink] {
        _ = try existingInode(number)
        var links: [InodeLink] = []
        try nodes.forEachItem(from: ItemKey(number.rawValue, .link), root: rootNode) { key, _ in
            links.append(
                InodeLink(directory: InodeNumber(key.offset), name: try FileName(validating: key.name)))
            return true
        }
        return links
    }

    package func forEachInode(_ body: (Inode) throws -> Void) throws {
        var cursor = TreeCursor(nodes, root: rootNode)
        try cursor.seek(.first)
        while let key = cursor.key {
            guard key.kind == .inode else {
                // Entries of a directory and extents of a file can be many: past them in one step.
                if key.kind == .entry || key.kind == .extent {
                    guard key.object < .max else { return }
                    try cursor.seek(ItemKey(key.object + 1, .inode))
                } else {
                    try cursor.advance()
                }
                continue
            }
            let value = cursor.value
            try body(try located { try InodeItem.parse(value, number: key.object) })
            try cursor.advance()
        }
    }

    package func extendedAttributes(of number: InodeNumber) throws -> [ExtendedAttribute] {
        _ = try existingInode(number)
        var attributes: [ExtendedAttribute] = []
        try nodes.forEachItem(from: ItemKey(number.rawValue, .extendedAttribute), root: rootNode) { key, value in
            attributes.append(ExtendedAttribute(name: key.name, value: Array(value)))
            return true
        }
        return attributes
    }

    package func symbolicLinkTarget(of number: InodeNumber) throws -> [UInt8] {
        guard let target = try nodes.find(ItemKey(number.rawValue, .symbolicLinkTarget), root: rootNode) else {
            throw SnapshotError(.notFound, "inode \(number.rawValue) is no symbolic link", place: name)
        }
        return Array(target)
    }

    /// Says in errors which tree they are about.
    func located<Value>(_ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch var error as SnapshotError {
            error.place = error.place.map { "\($0) of \(name)" } ?? name
            throw error
        }
    }
}

extension Volume {
    /// Opens a snapshot (`DATASET@SNAPSHOT`), a bookmark (`DATASET#BOOKMARK`) or a dataset as it stands.
    package func tree(of name: String) throws -> VolumeTree {
        try VolumeStore.guarded(store.path) {
            let snapshot = try store.pool.makeSnapshot()
            let record = try snapshot.read { try existing(name, $0).record }
            return VolumeTree(store, record, name: name, snapshot)
        }
    }
}
