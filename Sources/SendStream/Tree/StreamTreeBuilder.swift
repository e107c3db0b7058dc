package import SnapshotModel

/// Replays a stream onto a tree in memory.
package final class StreamTreeBuilder: ReplayTarget {
    private var draft: TreeDraft?
    /// The tree of the last snapshot that was whole; at first what the stream starts from.
    package private(set) var tree: StreamTree?

    package let losses = ReplayLosses()
    package let accepts = ReplayCapabilities.everything

    /// - Parameter base: what an incremental stream starts from.
    package init(base: StreamTree? = nil) {
        tree = base
    }

    package func begin(_ header: SnapshotHeader) throws {
        guard let reference = header.base.reference else {
            draft = TreeDraft(header: header, base: nil)
            return
        }
        guard let tree, tree.identity.answers(to: reference.uuid) else {
            throw SnapshotError(
                .baseNotFound, "the stream starts from the snapshot \(reference.uuid), which was not given",
                place: header.name, remedy: "give the stream or bookmark of that snapshot first")
        }
        draft = TreeDraft(header: header, base: tree)
    }

    package func apply(_ instruction: Instruction) throws {
        guard draft != nil else { throw streamMisuse("a step belongs to no snapshot") }
        try draft?.apply(instruction)
    }

    package func finish() throws {
        tree = try draft?.finished()
        draft = nil
    }

    package func abandon() {
        draft = nil
    }
}

extension TreeDraft {
    mutating func apply(_ instruction: Instruction) throws {
        switch instruction {
        case .makeFile(let path, let inode): _ = try make(path, .regular, inode)
        case .makeDirectory(let path, let inode): _ = try make(path, .directory, inode)
        case .makeFIFO(let path, let inode): _ = try make(path, .fifo, inode)
        case .makeSocket(let path, let inode): _ = try make(path, .socket, inode)
        case .makeNode(let path, let inode, let mode, let device):
            guard let kind = FileKind(mode: mode) else { throw misfit("a node of no kind", path) }
            // mknod(2) takes a device number for a FIFO too, which then has none.
            let isDevice = kind == .characterDevice || kind == .blockDevice
            table.setPermissions(try make(path, kind, inode, device: isDevice ? device : 0), mode)
        case .makeSymbolicLink(let path, let inode, let target):
            let slot = try make(path, .symbolicLink, inode)
            table.contents[slot] = contents.append(target: target)
            table.setSize(slot, UInt64(target.count))
        case .rename(let path, let other): try rename(path, to: other)
        case .link(let path, let other): try link(path, to: other)
        case .unlink(let path): try unlink(path)
        case .removeDirectory(let path): try removeDirectory(path)
        case .setExtendedAttribute(let path, let attribute): try set(path, attribute.name, attribute.value)
        case .removeExtendedAttribute(let path, let name): try set(path, name, nil)
        case .changeMode(let path, let permissions): table.setPermissions(try resolve(path), permissions)
        case .changeOwner(let path, let owner, let group): table.setOwner(try resolve(path), owner, group)
        case .setTimes(let path, let times): table.setTimes(try resolve(path), times)
        case .setFlags(let path, let flags): table.setFlags(try resolve(path), flags)
        case .enableVerity(let path, _): _ = try resolve(path)
        case .write(let path, let offset, let data):
            try setContent(path, offset, UInt64(data.count), .data(nil))
        case .writeEncoded(let path, let offset, let extent):
            try setContent(path, offset, extent.fileLength, .data(nil))
        case .clone(let path, let offset, let length, let source): try clone(path, offset, length, source)
        case .truncate(let path, let size): try truncate(path, to: size)
        case .updateExtent(let path, let offset, let length, let content):
            try setContent(path, offset, length, content ?? .data(nil))
        case .allocate(let path, let mode, let offset, let length): try allocate(path, mode, offset, length)
        }
    }

    private mutating func set(_ path: RelativePath, _ name: [UInt8], _ value: [UInt8]?) throws {
        let slot = try resolve(path)
        let old = attributes.sets[Int(table.attributes[slot])]
        table.attributes[slot] = attributes.number(AttributeSets.changed(old, name, to: value))
        attributes.compact(&table)
    }

    /// The tree as it is now, its rows in order and without gaps.
    mutating func finished() throws -> StreamTree {
        try closeFile()
        try giveNumbers()
        let live = (0..<table.rowCount).filter { table.kind($0) != nil }
        let order = live.sorted { table.numbers[$0] < table.numbers[$1] }
        var translation = [UInt32](repeating: 0, count: table.rowCount)
        for (new, old) in order.enumerated() { translation[old] = UInt32(new) }
        var sorted = table.permuted(order)
        let children = names.compacted(translation).translatingChildren(translation)
        let packed = try packedContents(&sorted)
        return StreamTree(
            identity: SnapshotIdentity(toldBy: header), domain: header.domain, identifiesExtents: header.isBookmark,
            table: sorted,
            names: children,
            contents: packed, attributeSets: attributes.sets, rootSlot: Int(translation[rootSlot]))
    }

    /// Gives numbers of their own to inodes that came without one or with one that another has.
    private mutating func giveNumbers() throws {
        let slots = (0..<table.rowCount).filter { table.kind($0) != nil && $0 != rootSlot }
        let order = slots.sorted { (table.numbers[$0], $0) < (table.numbers[$1], $1) }
        var next = max(1 << 62, order.last.map { table.numbers[$0] } ?? 0)
        var previous: UInt64 = 0
        for slot in order {
            let number = table.numbers[slot]
            if number != previous, number != StreamTree.rootNumber.rawValue {
                previous = number
                continue
            }
            guard next < UInt64.max else {
                throw SnapshotError(.limitExceeded, "the inodes of the stream have no numbers of their own")
            }
            next += 1
            table.setNumber(slot, next)
        }
    }
}

extension SnapshotIdentity {
    /// By what a snapshot is known that was read from a stream.
    init(toldBy header: SnapshotHeader) {
        self.init(name: header.name, uuid: header.snapshot.uuid, generation: header.snapshot.generation)
        created = header.created
        lineage = header.lineage
    }
}
