import SnapshotModel

/// What a bookmark tells of all in one directory that is no directory.
final class BookmarkBlock: InodeRecords {
    /// Of the directory.
    private let number: InodeNumber
    /// The inodes whose first names lie here.
    private let files: BookmarkedFiles
    /// The places in the order of numbers; nil where that is theirs.
    private let order: [Int]?
    /// Further names of inodes, in byte order too.
    let furtherNames: [FileName]

    /// - Parameters:
    ///   - number: of the directory.
    ///   - parent: its path.
    ///   - count: how many inodes have their first names in it, at a guess.
    ///   - linkCount: how many names an inode has; nil for one whose first name is not here.
    /// - Throws: ``SnapshotError`` for what is no block of a bookmark.
    init(
        _ steps: BookmarkSteps, of number: InodeNumber, at parent: RelativePath, count: Int,
        linkCount: (InodeNumber) -> Int?
    ) throws(SnapshotError) {
        var steps = steps
        let parent = parent.bytes
        var (files, furtherNames) = (BookmarkedFiles(), [FileName]())
        files.inodes.reserveCapacity(count)
        files.extents.reserveCapacity(count)
        while true {
            let place = files.inodes.count
            if try steps.readFile(in: parent, into: &files) {
                guard place == 0 || files.name(at: place - 1).lexicographicallyPrecedes(files.name(at: place)) else {
                    throw BookmarkBlock.disorder(files.name(at: place))
                }
                guard let count = linkCount(files.inodes[place].number) else {
                    throw BookmarkBlock.misplaced(files.name(at: place))
                }
                files.inodes[place].linkCount = UInt32(clamping: count)
            } else if let name = try steps.furtherName(in: parent) {
                if let last = furtherNames.last, !(last < name) { throw BookmarkBlock.disorder(name.bytes[...]) }
                furtherNames.append(name)
            } else {
                break
            }
        }
        (self.number, self.files, self.furtherNames) = (number, files, furtherNames)
        let inodes = files.inodes
        let isInOrder = inodes.indices.dropFirst().allSatisfy { inodes[$0 - 1].number < inodes[$0].number }
        let order = isInOrder ? nil : inodes.indices.sorted { inodes[$0].number < inodes[$1].number }
        if let order, let pair = zip(order, order.dropFirst()).first(where: { inodes[$0].number == inodes[$1].number })
        {
            throw BookmarkBlock.misplaced(files.name(at: max(pair.0, pair.1)))
        }
        self.order = order
    }

    private var inodes: [Inode] { files.inodes }

    /// The last of all names; nil where there is none.
    var lastName: FileName? {
        let first = inodes.isEmpty ? nil : fileName(at: inodes.count - 1)
        return [first, furtherNames.last].compactMap(\.self).max()
    }

    /// How much it takes, in inodes with one extent.
    var cost: Int { 1 + inodes.count + furtherNames.count + files.extents.count / 5 }

    /// The inode with a number that has its first name here.
    func inode(_ number: InodeNumber) -> Inode? { place(of: number).map { inodes[$0] } }

    /// The first name of such an inode.
    func name(of number: InodeNumber) -> FileName? { place(of: number).map { fileName(at: $0) } }

    /// The extended attributes of such an inode.
    func attributes(of number: InodeNumber) -> [ExtendedAttribute]? {
        place(of: number).map { files.attributes[$0] ?? [] }
    }

    /// The target of such an inode; none for what is no symbolic link.
    func target(of number: InodeNumber) -> [UInt8]? {
        place(of: number).map { files.targets[$0] ?? [] }
    }

    /// The extents of such an inode, from the one that holds or follows an offset on.
    func extents(of number: InodeNumber, from offset: UInt64) -> ArraySlice<FileExtent>? {
        place(of: number).map { place in
            let own = files.extents(at: place)
            return own[own.firstIndex(behind: { $0.end <= offset })...]
        }
    }

    func record(of number: InodeNumber, near place: inout Int) -> InodeRecord? {
        // They are mostly asked for in their order.
        let next = place &+ 1
        if inodes.indices.contains(next), inode(inOrder: next).number == number {
            place = next
        } else {
            guard let found = index(of: number) else { return nil }
            place = found
        }
        let found = order?[place] ?? place
        guard inodes[found].linkCount == 1 else { return nil }
        return InodeRecord(
            inode: inodes[found], directory: self.number, name: files.name(at: found),
            attributes: files.attributes[found] ?? [],
            extents: files.extents(at: found), target: files.targets[found] ?? [])
    }

    /// How many inodes have smaller numbers than one that is here.
    private func index(of number: InodeNumber) -> Int? {
        let found = inodes.indices.firstIndex(behind: { inode(inOrder: $0).number < number })
        return found < inodes.endIndex && inode(inOrder: found).number == number ? found : nil
    }

    private func inode(inOrder index: Int) -> Inode { inodes[order?[index] ?? index] }

    private func place(of number: InodeNumber) -> Int? { index(of: number).map { order?[$0] ?? $0 } }

    /// The inode whose first name this is.
    func inode(named name: FileName) -> Inode? {
        let found = inodes.indices.firstIndex(behind: { files.name(at: $0).lexicographicallyPrecedes(name.bytes) })
        guard found < inodes.endIndex, files.name(at: found).elementsEqual(name.bytes) else { return nil }
        return inodes[found]
    }

    /// The entries of the directory that are first names.
    var entries: [DirectoryEntry] {
        inodes.indices.map { place in
            let inode = inodes[place]
            return DirectoryEntry(name: fileName(at: place), inode: inode.number, kind: inode.kind)
        }
    }

    private func fileName(at place: Int) -> FileName { FileName(trusted: [UInt8](files.name(at: place))) }

    private static func misplaced(_ name: ArraySlice<UInt8>) -> SnapshotError {
        SnapshotError(
            .corrupt, "a bookmark has another inode than its index says", place: EscapedBytes.describe(name))
    }

    private static func disorder(_ name: ArraySlice<UInt8>) -> SnapshotError {
        SnapshotError(
            .corrupt, "names of a bookmark are not in their order", place: EscapedBytes.describe(name))
    }
}
