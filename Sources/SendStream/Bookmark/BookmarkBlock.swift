import SnapshotModel

/// What a bookmark tells of all in one directory that is no directory.
final class BookmarkBlock: Sendable {
    /// Of the directory.
    private let number: InodeNumber
    /// The inodes whose first names lie here, in byte order of these; each as if it had no other.
    private let inodes: [Inode]
    /// Their names and extents, one behind the other, and where those of each end.
    private let names: [UInt8]
    private let nameEnds: [Int]
    private let extents: [FileExtent]
    private let extentEnds: [Int]
    /// What few inodes have, by their places.
    private let attributes: [Int: [ExtendedAttribute]]
    private let targets: [Int: [UInt8]]
    /// The places in the order of numbers; nil where that is theirs.
    private let order: [Int]?
    /// Further names of inodes, in byte order too.
    let furtherNames: [FileName]

    /// - Parameters:
    ///   - number: of the directory.
    ///   - parent: its path.
    ///   - count: how many inodes have their first names in it, at a guess.
    /// - Throws: ``SnapshotError`` for what is no block of a bookmark.
    init(_ steps: BookmarkSteps, of number: InodeNumber, at parent: RelativePath, count: Int)
        throws(SnapshotError)
    {
        var steps = steps
        let parent = parent.bytes
        var (inodes, extents, furtherNames) = ([Inode](), [FileExtent](), [FileName]())
        var (names, nameEnds, extentEnds) = ([UInt8](), [Int](), [Int]())
        var (attributes, targets) = ([Int: [ExtendedAttribute]](), [Int: [UInt8]]())
        inodes.reserveCapacity(count)
        extents.reserveCapacity(count)
        while true {
            let start = names.count
            if let file = try steps.file(in: parent, &names, &extents) {
                let last = names[(nameEnds.count < 2 ? 0 : nameEnds[nameEnds.count - 2])..<start]
                guard last.lexicographicallyPrecedes(names[start...]) else {
                    throw BookmarkBlock.disorder(names[start...])
                }
                if !file.attributes.isEmpty { attributes[inodes.count] = file.attributes }
                if !file.target.isEmpty { targets[inodes.count] = file.target }
                inodes.append(file.inode)
                nameEnds.append(names.count)
                extentEnds.append(extents.count)
            } else if let name = try steps.furtherName(in: parent) {
                if let last = furtherNames.last, !(last < name) { throw BookmarkBlock.disorder(name.bytes[...]) }
                furtherNames.append(name)
            } else {
                break
            }
        }
        (self.number, self.inodes, self.furtherNames) = (number, inodes, furtherNames)
        (self.names, self.nameEnds) = (names, nameEnds)
        (self.extents, self.extentEnds, self.attributes, self.targets) = (extents, extentEnds, attributes, targets)
        let isInOrder = inodes.indices.dropFirst().allSatisfy { inodes[$0 - 1].number < inodes[$0].number }
        order = isInOrder ? nil : inodes.indices.sorted { inodes[$0].number < inodes[$1].number }
    }

    /// The last of all names; nil where there is none.
    var lastName: FileName? {
        let first = inodes.isEmpty ? nil : FileName(trusted: [UInt8](name(at: inodes.count - 1)))
        return [first, furtherNames.last].compactMap(\.self).max()
    }

    /// How much it takes, in inodes with one extent.
    var cost: Int { 1 + inodes.count + furtherNames.count + extents.count / 5 }

    /// The inode with a number that has its first name here.
    func inode(_ number: InodeNumber) -> Inode? { place(of: number).map { inodes[$0] } }

    /// The same with all that is known of it; without its extents where they are not wanted.
    func record(_ number: InodeNumber, withExtents: Bool) -> InodeRecord? {
        place(of: number).map { record(at: $0, withExtents) }
    }

    /// The extents of such an inode, from the one that holds or follows an offset on.
    func extents(of number: InodeNumber, from offset: UInt64) -> ArraySlice<FileExtent>? {
        place(of: number).map { place in
            let own = extents(at: place)
            return own[own.firstIndex(behind: { $0.end <= offset })...]
        }
    }

    private func place(of number: InodeNumber) -> Int? {
        let found = inodes.indices.firstIndex(behind: { inodes[order?[$0] ?? $0].number < number })
        guard found < inodes.endIndex else { return nil }
        let place = order?[found] ?? found
        return inodes[place].number == number ? place : nil
    }

    /// The inode whose first name this is.
    func inode(named name: FileName) -> Inode? {
        let found = inodes.indices.firstIndex(behind: { self.name(at: $0).lexicographicallyPrecedes(name.bytes) })
        guard found < inodes.endIndex, self.name(at: found).elementsEqual(name.bytes) else { return nil }
        return inodes[found]
    }

    /// The entries of the directory that are first names.
    var entries: [DirectoryEntry] {
        inodes.indices.map { place in
            let inode = inodes[place]
            return DirectoryEntry(
                name: FileName(trusted: [UInt8](name(at: place))), inode: inode.number, kind: inode.kind)
        }
    }

    private func name(at place: Int) -> ArraySlice<UInt8> {
        names[(place == 0 ? 0 : nameEnds[place - 1])..<nameEnds[place]]
    }

    private func extents(at place: Int) -> ArraySlice<FileExtent> {
        extents[(place == 0 ? 0 : extentEnds[place - 1])..<extentEnds[place]]
    }

    private func record(at place: Int, _ withExtents: Bool) -> InodeRecord {
        InodeRecord(
            inode: inodes[place],
            links: [InodeLink(directory: number, name: FileName(trusted: [UInt8](name(at: place))))],
            attributes: attributes[place] ?? [], extents: withExtents ? [FileExtent](extents(at: place)) : [],
            target: targets[place] ?? [])
    }

    private static func disorder(_ name: ArraySlice<UInt8>) -> SnapshotError {
        SnapshotError(
            .corrupt, "names of a bookmark are not in their order", place: EscapedBytes.describe(name))
    }
}
