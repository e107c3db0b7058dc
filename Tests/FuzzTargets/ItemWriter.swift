import BtrfsAccess
import Codecs
import SnapshotModel

/// Writes the items that a btrfs would keep of a tree (Linux, include/uapi/linux/btrfs_tree.h), all but its data.
struct ItemWriter {
    private(set) var items: [ItemTable.Item] = []
    private var next: UInt64 = 2

    /// - Throws: what the tree throws.
    init(_ tree: any SnapshotTree) throws {
        try tree.forEachInode { inode in
            add(inode, ItemKey.Kind.inode, 0, ItemWriter.contents(of: inode))
            try addLinks(try tree.links(of: inode.number), of: inode)
            for attribute in try tree.extendedAttributes(of: inode.number) {
                let entry = ItemWriter.entry(key: [], type: 8, name: attribute.name, value: attribute.value)
                add(inode, ItemKey.Kind.attribute, number(), entry)
            }
            switch inode.kind {
            case .directory: try addEntries(of: inode, tree)
            case .symbolicLink:
                let target = try tree.symbolicLinkTarget(of: inode.number)
                add(inode, ItemKey.Kind.extent, 0, ItemWriter.inline(target, length: UInt64(target.count)))
            case .regular: try addExtents(of: inode, tree)
            case .fifo, .socket, .characterDevice, .blockDevice: break
            }
        }
    }

    private mutating func number() -> UInt64 {
        next += 1
        return next
    }

    private mutating func add(_ inode: Inode, _ type: UInt8, _ offset: UInt64, _ contents: [UInt8]) {
        let key = ItemKey(inode.number.rawValue, type, offset)
        items.append(ItemTable.Item(key: key, generation: inode.changeGeneration, contents: contents))
    }

    private static func contents(of inode: Inode) -> [UInt8] {
        let (major, minor) = (inode.device >> 8 & 0xFFF, inode.device & 0xFF | inode.device >> 12 & ~0xFF)
        var bytes: [UInt8] = []
        func add(_ value: UInt64, _ count: Int = 8) { bytes += LittleEndian.bytes(value, count) }
        for value in [inode.birthGeneration, inode.changeGeneration, inode.size, 0, 0] { add(value) }
        add(UInt64(inode.linkCount), 4)
        add(UInt64(inode.owner), 4)
        add(UInt64(inode.group), 4)
        add(UInt64(inode.kind.modeBits | inode.permissions), 4)
        add(major << 20 | minor)
        add(BtrfsInodeFlags.stored(inode.flags).flags)
        bytes += [UInt8](repeating: 0, count: 40)
        for time in [inode.times.accessed, inode.times.changed, inode.times.modified, inode.times.born ?? .epoch] {
            add(UInt64(bitPattern: time.seconds))
            add(UInt64(time.nanoseconds), 4)
        }
        return bytes
    }

    /// One item for the links of each directory, of the kind that most have or of the kind for many.
    private mutating func addLinks(_ links: [InodeLink], of inode: Inode) throws {
        for (directory, links) in Dictionary(grouping: links, by: \.directory) {
            let isExtended = directory.rawValue % 2 != 0
            let contents = links.flatMap { link in
                (isExtended ? LittleEndian.bytes(directory.rawValue, 8) : []) + LittleEndian.bytes(7, 8)
                    + LittleEndian.bytes(UInt64(link.name.bytes.count), 2) + link.name.bytes
            }
            add(inode, isExtended ? ItemKey.Kind.extendedLink : ItemKey.Kind.link, directory.rawValue, contents)
        }
    }

    /// Each entry by its place in the directory, and all of them by what their names hash to.
    private mutating func addEntries(of inode: Inode, _ tree: any SnapshotTree) throws {
        var hashed: [UInt64: [UInt8]] = [:]
        var entries: [DirectoryEntry] = []
        try tree.forEachEntry(in: inode.number) { entries.append($0) }
        for entry in entries {
            let key = LittleEndian.bytes(entry.inode.rawValue, 8) + [ItemKey.Kind.inode]
            let kinds: [FileKind: UInt8] = [
                .regular: 1, .directory: 2, .characterDevice: 3, .blockDevice: 4, .fifo: 5, .socket: 6,
                .symbolicLink: 7,
            ]
            let contents = ItemWriter.entry(key: key, type: kinds[entry.kind] ?? 0, name: entry.name.bytes, value: [])
            add(inode, ItemKey.Kind.entry, number(), contents)
            hashed[UInt64(CRC32C.update(~1, entry.name.bytes[...])), default: []] += contents
        }
        for (hash, contents) in hashed { add(inode, ItemKey.Kind.nameHash, hash, contents) }
    }

    private static func entry(key: [UInt8], type: UInt8, name: [UInt8], value: [UInt8]) -> [UInt8] {
        key + [UInt8](repeating: 0, count: 25 - key.count) + LittleEndian.bytes(UInt64(value.count), 2)
            + LittleEndian.bytes(UInt64(name.count), 2) + [type] + name + value
    }

    private mutating func addExtents(of inode: Inode, _ tree: any SnapshotTree) throws {
        var extents: [FileExtent] = []
        try tree.forEachExtent(of: inode.number, from: 0) { extents.append($0) }
        for extent in extents {
            var contents: [UInt8]
            switch extent.content {
            case .inline:
                let bytes = extent.offset > 0 ? [] : try tree.read(inode.number, at: 0, count: 1 << 20)
                contents = ItemWriter.inline(Array(bytes), length: extent.length)
            case .preallocated:
                let identity = ExtentIdentity(address: 1, generation: 1, offset: 0)
                contents = ItemWriter.extent(identity, type: 2, length: extent.length)
            case .data(let identity):
                let none = ExtentIdentity(address: 1, generation: 1, offset: 0)
                contents = ItemWriter.extent(identity ?? none, type: 1, length: extent.length)
            }
            add(inode, ItemKey.Kind.extent, extent.offset, contents)
        }
    }

    private static func inline(_ bytes: [UInt8], length: UInt64) -> [UInt8] {
        LittleEndian.bytes(0, 8) + LittleEndian.bytes(length, 8) + [0, 0, 0, 0, 0] + bytes
    }

    private static func extent(_ identity: ExtentIdentity, type: UInt8, length: UInt64) -> [UInt8] {
        LittleEndian.bytes(identity.generation, 8) + LittleEndian.bytes(length, 8) + [0, 0, 0, 0, type]
            + [identity.address, length, identity.offset, length].flatMap { LittleEndian.bytes($0, 8) }
    }
}
