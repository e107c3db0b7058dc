import SnapshotModel

/// A tree while instructions change it.
struct TreeDraft {
    let header: SnapshotHeader
    var table = InodeTable()
    var names = NameTable()
    var hash = NameHash()
    var contents = ContentStore()
    var attributes = AttributeSets()
    let rootSlot: Int
    private var freeNames = 0
    /// The last path that was resolved, until a name is moved or removed.
    private var lastPath: (RelativePath, Int)?
    /// The same of the path above it, which most steps have in common with the one before.
    private var lastParent: (RelativePath, Int)?
    /// The file whose extents are unpacked.
    private var openSlot: Int?
    private var openExtents = ExtentList()

    /// Rows of names without an entry, and wasted bytes of contents, beyond which room is made.
    private static let wasteLimit = 1 << 16

    init(header: SnapshotHeader, base: StreamTree?) {
        self.header = header
        if let base {
            table = base.table
            names = base.names
            contents = base.contents
            attributes = AttributeSets(base.attributeSets)
            rootSlot = base.rootSlot
            hash.rebuild(names)
        } else {
            rootSlot = table.append(
                kind: .directory, number: StreamTree.rootNumber.rawValue, generation: 0, device: 0)
        }
    }

    // MARK: Names

    /// The slot that a path names.
    mutating func resolve(_ path: RelativePath) throws(SnapshotError) -> Int {
        if let lastPath, lastPath.0 == path { return lastPath.1 }
        guard let slot = find(path) else { throw misfit("there is nothing under this path", path) }
        lastPath = (path, slot)
        return slot
    }

    private func find(_ path: RelativePath) -> Int? {
        var slot = rootSlot
        for name in path.bytes.split(separator: UInt8(ascii: "/")) {
            guard let row = hash.find(name, in: slot, names) else { return nil }
            slot = Int(names.children[row])
        }
        return slot
    }

    /// The directory that a path lies in, the last name, and the row of the entry where there is one.
    private mutating func place(_ path: RelativePath) throws(SnapshotError) -> (Int, ArraySlice<UInt8>, Int?) {
        guard let (parent, name) = path.split else { throw misfit("the root has no name", path) }
        let known = lastParent.flatMap { $0.0 == parent ? $0.1 : nil }
        guard let directory = known ?? find(parent), table.kind(directory) == .directory else {
            throw misfit("there is no such directory", path)
        }
        if known == nil { lastParent = (parent, directory) }
        let bytes = name.bytes[...]
        return (directory, bytes, hash.find(bytes, in: directory, names))
    }

    private mutating func enter(
        _ directory: Int, _ name: ArraySlice<UInt8>, _ child: Int
    ) throws(SnapshotError) {
        let row = try names.append(directory: directory, name: name, child: child)
        hash.insert(row, names)
        table.counts[directory] += 1
        if table.kind(child) != .directory { table.counts[child] += 1 }
    }

    private mutating func take(_ row: Int) {
        (lastPath, lastParent) = (nil, nil)
        let child = Int(names.children[row])
        table.counts[Int(names.directories[row])] -= 1
        if table.kind(child) != .directory { table.counts[child] -= 1 }
        hash.remove(row, names)
        names.remove(row)
        freeNames += 1
        guard freeNames > TreeDraft.wasteLimit, freeNames > names.rowCount / 2 else { return }
        names = names.compacted([UInt32](0..<UInt32(table.rowCount)))
        hash.rebuild(names)
        freeNames = 0
    }

    mutating func make(
        _ path: RelativePath, _ kind: FileKind, _ identity: InodeIdentity, device: UInt64 = 0
    ) throws(SnapshotError) -> Int {
        let (directory, name, row) = try place(path)
        guard row == nil else { throw misfit("there is something under this path already", path) }
        guard table.rowCount < Int(UInt32.max) - 1 else {
            throw SnapshotError(.limitExceeded, "the tree has too many inodes")
        }
        let slot = table.append(
            kind: kind, number: identity.number.rawValue, generation: identity.generation, device: device)
        try enter(directory, name, slot)
        lastPath = (path, slot)
        return slot
    }

    mutating func link(_ path: RelativePath, to other: RelativePath) throws(SnapshotError) {
        let slot = try resolve(other)
        let (directory, name, row) = try place(path)
        guard row == nil else { throw misfit("there is something under this path already", path) }
        guard table.kind(slot) != .directory else { throw misfit("a directory has one name only", other) }
        try enter(directory, name, slot)
    }

    mutating func rename(_ path: RelativePath, to other: RelativePath) throws(SnapshotError) {
        let (_, _, source) = try place(path)
        guard let source else { throw misfit("there is nothing under this path", path) }
        guard !other.isWithin(path) || other == path else {
            throw misfit("a directory cannot be moved below itself", path)
        }
        let slot = Int(names.children[source])
        let (directory, name, occupant) = try place(other)
        if let occupant {
            // rename(2): two names of one inode stay as they are.
            if Int(names.children[occupant]) == slot { return }
            let isDirectory = table.kind(Int(names.children[occupant])) == .directory
            guard isDirectory == (table.kind(slot) == .directory) else {
                throw misfit("a directory and another kind of file cannot replace each other", other)
            }
            if isDirectory { try removeDirectory(other) } else { try unlink(other) }
        }
        // Making room may have moved the row.
        guard let row = try place(path).2 else { throw misfit("there is nothing under this path", path) }
        table.counts[slot] += 1
        take(row)
        try enter(directory, name, slot)
        table.counts[slot] -= 1
    }

    mutating func unlink(_ path: RelativePath) throws(SnapshotError) {
        guard let row = try place(path).2 else { throw misfit("there is nothing under this path", path) }
        let slot = Int(names.children[row])
        guard table.kind(slot) != .directory else { throw misfit("a directory cannot be unlinked", path) }
        take(row)
        if table.counts[slot] == 0 { try free(slot) }
    }

    mutating func removeDirectory(_ path: RelativePath) throws(SnapshotError) {
        guard let row = try place(path).2 else { throw misfit("there is nothing under this path", path) }
        let slot = Int(names.children[row])
        guard table.kind(slot) == .directory else { throw misfit("this is not a directory", path) }
        guard table.counts[slot] == 0 else { throw misfit("the directory is not empty", path) }
        take(row)
        try free(slot)
    }

    private mutating func free(_ slot: Int) throws(SnapshotError) {
        if openSlot == slot { openSlot = nil }
        if table.kind(slot) == .regular { try contents.drop(at: table.contents[slot]) }
        table.free(slot)
    }

    // MARK: Contents

    /// The slot of a regular file, its extents unpacked.
    mutating func open(_ path: RelativePath) throws -> Int {
        let slot = try resolve(path)
        guard table.kind(slot) == .regular else { throw misfit("this is not a regular file", path) }
        if slot == openSlot { return slot }
        try closeFile()
        openExtents = try contents.extents(at: table.contents[slot])
        try contents.drop(at: table.contents[slot])
        table.contents[slot] = 0
        openSlot = slot
        return slot
    }

    /// Packs the extents of the file that was changed last.
    mutating func closeFile() throws {
        guard let slot = openSlot else { return }
        openSlot = nil
        table.contents[slot] = contents.append(openExtents)
        openExtents = ExtentList()
        guard contents.wasted > TreeDraft.wasteLimit, contents.wasted > contents.byteCount / 2 else { return }
        contents = try packedContents(&table)
    }

    /// The contents that the rows of a table refer to, which then refer to the new place.
    func packedContents(_ table: inout InodeTable) throws -> ContentStore {
        var packed = ContentStore()
        for slot in 0..<table.rowCount where table.contents[slot] != 0 {
            table.contents[slot] = try contents.copy(
                at: table.contents[slot], isTarget: table.kind(slot) == .symbolicLink, to: &packed)
        }
        return packed
    }

    mutating func setContent(
        _ path: RelativePath, _ offset: UInt64, _ length: UInt64, _ content: FileExtent.Content?
    ) throws {
        let slot = try open(path)
        openExtents.replace(offset, length, with: content)
        grow(slot, to: offset + length)
    }

    mutating func truncate(_ path: RelativePath, to size: UInt64) throws {
        let slot = try open(path)
        // A bookmark's extents are told as the store has them, which may be longer than the file.
        if !header.isBookmark { openExtents.replace(size, InstructionLimits.fileSize - size, with: nil) }
        table.setSize(slot, size)
    }

    mutating func allocate(
        _ path: RelativePath, _ mode: AllocationMode, _ offset: UInt64, _ length: UInt64
    ) throws {
        let slot = try open(path)
        if mode.contains(.punchHole) { return openExtents.replace(offset, length, with: nil) }
        openExtents.preallocate(offset, length)
        if !mode.contains(.keepSize) { grow(slot, to: offset + length) }
    }

    /// What a file clones: the same extents where the source is in this tree, otherwise data of which nothing is known.
    mutating func clone(_ path: RelativePath, _ offset: UInt64, _ length: UInt64, _ source: CloneSource) throws {
        guard source.snapshot == header.snapshot else { return try setContent(path, offset, length, .data(nil)) }
        _ = try open(source.path)
        let pieces = openExtents.slice(source.offset, length)
        try setContent(path, offset, length, nil)
        for piece in pieces {
            let start = offset + (piece.offset - source.offset)
            openExtents.replace(start, piece.length, with: piece.content)
        }
    }

    private mutating func grow(_ slot: Int, to size: UInt64) {
        if size > table.sizes[slot] { table.setSize(slot, size) }
    }

    func misfit(_ message: String, _ path: RelativePath) -> SnapshotError {
        SnapshotError(.invalidInstruction, message, place: "'\(path)'")
    }
}
