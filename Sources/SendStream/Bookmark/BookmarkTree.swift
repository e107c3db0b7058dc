package import SnapshotModel

/// A bookmark that is read where it is asked, by way of its index.
///
/// Holds the frames as they are stored, some 35 bytes an inode, the index, some 20, and what was read of them last. Any
/// number of threads may ask at once.
package final class BookmarkTree: SharedTree {
    package let identity: SnapshotIdentity
    package let domain: SnapshotUUID?
    package let root = StreamTree.rootNumber
    package let holdsData = false
    package let identifiesExtents = true

    private let header: SnapshotHeader
    private let frames: [StoredFrame]
    private let index: BookmarkIndex
    /// Whether a frame tells of directories, and of nothing else.
    private let holdsDirectories: [Bool]
    /// The first blocks of directories in the order of the numbers of these.
    private let blocksByNumber: [Int]
    /// The directories in each, one behind the other, and where those of each begin.
    private let children: [Int]
    private let firstChildren: [Int]
    /// Further names in the order of the numbers of their inodes, and the first of each directory.
    private let namesByNumber: [Int]
    private let firstNames: [Int]
    /// How many inodes have their first names in each directory.
    private let fileCounts: [Int]
    /// By names, of some 250 bytes each: 16 MiB, or as much as there is.
    private let recentBlocks: BookmarkCache<BookmarkBlock>
    /// Of some 400 bytes each: 3 MiB.
    private let recentDirectories = BookmarkCache<BookmarkedDirectory>(8192)
    /// By bytes.
    private let recentFrames = BookmarkCache<ArraySlice<UInt8>>(32 << 20)

    /// - Parameter frames: of instructions.
    /// - Throws: ``SnapshotError`` where two inodes have one number, or the first is not the root.
    init(_ header: SnapshotHeader, frames: [StoredFrame], index: BookmarkIndex) throws(SnapshotError) {
        (self.header, self.frames, self.index) = (header, frames, index)
        (identity, domain) = (SnapshotIdentity(toldBy: header), header.domain)
        blocksByNumber = BookmarkTree.order(of: index.blocks.lazy.map(\.number)).filter {
            !index.blocks[$0].isFurther
        }
        namesByNumber = BookmarkTree.order(of: index.furtherNames.lazy.map(\.number))
        firstNames = BookmarkTree.beginnings(of: index.furtherNames.lazy.map(\.block), in: index.blocks.count)
        let directories = index.blocks.enumerated().dropFirst().filter { !$0.element.isFurther }
        firstChildren = BookmarkTree.beginnings(of: directories.lazy.map(\.element.parent), in: index.blocks.count)
        var (children, next) = ([Int](repeating: 0, count: directories.count), firstChildren)
        for (place, block) in directories {
            children[next[block.parent]] = place
            next[block.parent] += 1
        }
        self.children = children
        var counts = [Int](repeating: 0, count: index.blocks.count)
        // An index can say anything: for more, room is made as they come.
        let most = 4096
        for run in index.runs { counts[run.block] = min(counts[run.block] + Int(min(run.count, UInt64(most))), most) }
        fileCounts = counts
        var holdsDirectories = [Bool](repeating: false, count: frames.count)
        for block in index.blocks where frames.indices.contains(block.directory.frame) {
            holdsDirectories[block.directory.frame] = true
        }
        self.holdsDirectories = holdsDirectories
        // Where numbers do not follow directories, all blocks are wanted again and again.
        let isScattered = index.runs.count > index.blocks.count * 4
        let names = index.runs.reduce(UInt64(index.furtherNames.count)) { min($0 + min($1.count, 1 << 32), 1 << 32) }
        recentBlocks = BookmarkCache(max(65_536, isScattered ? 2 * Int(names) : 0))
        // Or a directory could lie in itself.
        let isDoubled = zip(blocksByNumber, blocksByNumber.dropFirst()).contains {
            index.blocks[$0].number == index.blocks[$1].number
        }
        guard !isDoubled, index.blocks[0].number == root.rawValue,
            blocksByNumber.allSatisfy({ filePlace(InodeNumber(index.blocks[$0].number)) == nil })
        else {
            throw SnapshotError(.corrupt, "the index of a bookmark has one number for two inodes", place: header.name)
        }
    }

    /// The places of numbers in their order; of equal ones in that in which they came.
    private static func order(of numbers: some Sequence<UInt64>) -> [Int] {
        numbers.enumerated().sorted { ($0.element, $0.offset) < ($1.element, $1.offset) }.map(\.offset)
    }

    /// Where the members of each of some groups begin, if they come one group behind the other, and where the last ends.
    private static func beginnings(of groups: some Sequence<Int>, in count: Int) -> [Int] {
        var beginnings = [Int](repeating: 0, count: count + 1)
        for group in groups { beginnings[group + 1] += 1 }
        for group in 0..<count { beginnings[group + 1] += beginnings[group] }
        return beginnings
    }

    package var totals: SnapshotTotals? {
        SnapshotTotals(inodes: index.runs.reduce(UInt64(blocksByNumber.count)) { $0 &+ $1.count })
    }

    package func record(of number: InodeNumber) throws -> InodeRecord? {
        guard let place = directoryPlace(number) else {
            var near = 0
            return try records(with: number)?.record(of: number, near: &near)
        }
        let directory = try directory(place)
        return directory.path.split.map {
            InodeRecord(
                inode: directory.inode, directory: self.number(of: index.blocks[place].parent),
                name: $0.name.bytes[...], attributes: directory.attributes, directorySize: index.blocks[place].size)
        }
    }

    package func records(with number: InodeNumber) throws -> (any InodeRecords)? { try block(with: number) }

    package func inode(_ number: InodeNumber) throws -> Inode? {
        if let place = directoryPlace(number) { return try directory(place).inode }
        return try block(with: number)?.inode(number)
    }

    package func directorySize(_ number: InodeNumber) throws -> UInt64? {
        directoryPlace(number).flatMap { index.blocks[$0].size }
    }

    package func lookup(_ name: FileName, in directory: InodeNumber) throws -> DirectoryEntry? {
        let place = try self.directoryPlace(of: directory)
        let blocks = blocks(of: place)
        let found = try blocks.firstIndex(behind: { try block($0).lastName.map { $0 < name } ?? true })
        if found < blocks.endIndex, let entry = try entry(name, in: found) { return entry }
        return try child(named: name, of: place).map {
            DirectoryEntry(name: name, inode: number(of: $0), kind: .directory)
        }
    }

    package func forEachEntry(in directory: InodeNumber, _ body: (DirectoryEntry) throws -> Void) throws {
        let place = try directoryPlace(of: directory)
        var entries: [DirectoryEntry] = []
        for place in blocks(of: place) {
            let block = try block(place)
            entries += block.entries
            for further in block.furtherNames.indices { entries.append(try entry(further, of: block, place)) }
        }
        for child in children(of: place) {
            entries.append(DirectoryEntry(name: try name(of: child), inode: number(of: child), kind: .directory))
        }
        entries.sort { $0.name < $1.name }
        for entry in entries { try body(entry) }
    }

    package func links(of number: InodeNumber) throws -> [InodeLink] {
        if let place = directoryPlace(number) {
            let name = try directory(place).path.split?.name
            return name.map { [InodeLink(directory: self.number(of: index.blocks[place].parent), name: $0)] } ?? []
        }
        guard let place = filePlace(number), let name = try block(place).name(of: number) else {
            throw StreamTree.missing(number, identity)
        }
        let first = InodeLink(directory: self.number(of: place), name: name)
        return try ([first] + furtherNames(of: number).map { try link($0) }).sorted()
    }

    package func forEachInode(_ body: (Inode) throws -> Void) throws {
        var directories = blocksByNumber[...]
        func visitDirectories(before number: UInt64?) throws {
            while let place = directories.first, number.map({ index.blocks[place].number < $0 }) ?? true {
                try body(directory(place).inode)
                directories.removeFirst()
            }
        }
        for run in index.runs {
            for number in run.first..<run.first + run.count {
                try visitDirectories(before: number)
                try body(existingInode(InodeNumber(number)))
            }
        }
        try visitDirectories(before: nil)
    }

    package func extendedAttributes(of number: InodeNumber) throws -> [ExtendedAttribute] {
        if let place = directoryPlace(number) { return try directory(place).attributes }
        guard let attributes = try block(with: number)?.attributes(of: number) else {
            throw StreamTree.missing(number, identity)
        }
        return attributes
    }

    package func symbolicLinkTarget(of number: InodeNumber) throws -> [UInt8] {
        guard try existingInode(number).kind == .symbolicLink,
            let target = try block(with: number)?.target(of: number)
        else { throw StreamTree.noLink(number, identity) }
        return target
    }

    package func forEachExtent(
        of number: InodeNumber, from offset: UInt64, _ body: (FileExtent) throws -> Void
    ) throws {
        guard directoryPlace(number) == nil else { return }
        guard let extents = try block(with: number)?.extents(of: number, from: offset) else {
            throw StreamTree.missing(number, identity)
        }
        for extent in extents { try body(extent) }
    }

    package func read(_ number: InodeNumber, at offset: UInt64, count: Int) throws -> ArraySlice<UInt8> {
        throw StreamTree.noContents(identity)
    }

    package func identity(ofInline extent: FileExtent, of number: InodeNumber) throws -> ExtentIdentity {
        throw StreamTree.noInlineContents(identity)
    }

    /// The same, read as any other stream: what an incremental stream can be replayed onto.
    func streamTree() throws -> StreamTree { try BookmarkTree.streamTree(of: header, frames) }

    static func streamTree(
        of header: SnapshotHeader, _ frames: [StoredFrame]
    ) throws -> StreamTree {
        let builder = StreamTreeBuilder()
        try builder.begin(header)
        for frame in frames {
            var decoder = InstructionDecoder(try frame.raw(), header: header)
            while let instruction = try decoder.next() { try builder.apply(instruction) }
        }
        try builder.finish()
        return try builder.lastTree()
    }

    // MARK: Blocks

    private func number(of place: Int) -> InodeNumber { InodeNumber(index.blocks[place].number) }

    /// The block of a directory.
    private func directoryPlace(_ number: InodeNumber) -> Int? {
        let found = blocksByNumber.firstIndex(behind: { index.blocks[$0].number < number.rawValue })
        guard found < blocksByNumber.endIndex else { return nil }
        let place = blocksByNumber[found]
        return index.blocks[place].number == number.rawValue ? place : nil
    }

    private func directoryPlace(of number: InodeNumber) throws -> Int {
        guard let place = directoryPlace(number) else { throw StreamTree.missing(number, identity) }
        return place
    }

    /// The block in which an inode that is no directory has its first name.
    private func filePlace(_ number: InodeNumber) -> Int? {
        let found = index.runs.firstIndex(behind: { $0.first + ($0.count - 1) < number.rawValue })
        guard found < index.runs.endIndex, index.runs[found].first <= number.rawValue else { return nil }
        return index.runs[found].block
    }

    private func children(of place: Int) -> ArraySlice<Int> {
        children[firstChildren[place]..<firstChildren[place + 1]]
    }

    /// All blocks of a directory.
    private func blocks(of place: Int) -> Range<Int> {
        let further = index.blocks[(place + 1)...].prefix(while: \.isFurther)
        return place..<further.endIndex
    }

    private func child(named name: FileName, of place: Int) throws -> Int? {
        let children = children(of: place)
        let found = try children.firstIndex(behind: { try self.name(of: $0) < name })
        guard found < children.endIndex, try self.name(of: children[found]) == name else { return nil }
        return children[found]
    }

    /// The name of a directory that is not the root.
    private func name(of place: Int) throws -> FileName {
        guard let name = try directory(place).path.split?.name else {
            throw SnapshotError(.corrupt, "a directory of a bookmark has no name", place: identity.name)
        }
        return name
    }

    /// The places of further names in the index.
    private func furtherNames(of number: InodeNumber) -> ArraySlice<Int> {
        let first = namesByNumber.firstIndex(behind: { index.furtherNames[$0].number < number.rawValue })
        let rest = namesByNumber[first...]
        return rest[..<rest.firstIndex(behind: { index.furtherNames[$0].number == number.rawValue })]
    }

    /// A further name, by its place in the index.
    private func link(_ place: Int) throws -> InodeLink {
        let directory = index.furtherNames[place].block
        let name = try block(directory).furtherNames[place - firstNames[directory]]
        return InodeLink(directory: number(of: directory), name: name)
    }

    /// The entry of one block with a name.
    private func entry(_ name: FileName, in place: Int) throws -> DirectoryEntry? {
        let block = try block(place)
        if let inode = block.inode(named: name) {
            return DirectoryEntry(name: name, inode: inode.number, kind: inode.kind)
        }
        let further = block.furtherNames.firstIndex(behind: { $0 < name })
        guard further < block.furtherNames.endIndex, block.furtherNames[further] == name else { return nil }
        return try entry(further, of: block, place)
    }

    /// The entry for a further name, by its place in the block.
    private func entry(_ further: Int, of block: BookmarkBlock, _ place: Int) throws -> DirectoryEntry {
        let number = InodeNumber(index.furtherNames[firstNames[place] + further].number)
        guard let inode = try self.block(with: number)?.inode(number) else {
            throw StreamTree.missing(number, identity)
        }
        return DirectoryEntry(name: block.furtherNames[further], inode: number, kind: inode.kind)
    }

    private func directory(_ place: Int) throws -> BookmarkedDirectory {
        try recentDirectories.value(place, cost: { _ in 1 }) {
            let told = index.blocks[place].directory
            guard frames.indices.contains(told.frame) else { throw isShort() }
            let directory = try located(in: told.frame) {
                var steps = try BookmarkSteps([piece(of: told.frame, from: told.offset)], header: header)
                return try steps.directory(number(of: place))
            }
            guard directory.path.isRoot == (place == 0) else {
                throw SnapshotError(.corrupt, "a bookmark does not begin with its root", place: identity.name)
            }
            return directory
        }
    }

    /// The block in which an inode that is no directory has its first name.
    private func block(with number: InodeNumber) throws -> BookmarkBlock? { try filePlace(number).map(block) }

    private func block(_ place: Int) throws -> BookmarkBlock {
        try recentBlocks.value(place, cost: { $0.cost }) {
            let first = index.blocks[place].isFurther ? index.blocks[place].parent : place
            let path = try directory(first).path
            let block = try located(in: index.blocks[place].files.frame) {
                try BookmarkBlock(steps(of: place), of: number(of: place), at: path, count: fileCounts[place]) {
                    filePlace($0) == place ? 1 + furtherNames(of: $0).count : nil
                }
            }
            guard block.furtherNames.count == firstNames[place + 1] - firstNames[place] else {
                throw SnapshotError(.corrupt, "a bookmark has other names than its index says", place: identity.name)
            }
            return block
        }
    }

    /// Says in errors from which frame on the steps lie that are wrong.
    private func located<Value>(in frame: Int, _ read: () throws -> Value) throws -> Value {
        do {
            return try read()
        } catch var error as SnapshotError {
            guard frames.indices.contains(frame) else { throw error }
            error = error.placed("in what begins in frame \(frames[frame].header.sequence) of the bookmark")
            error.remedy = StoredFrame.bookmarkRemedy
            throw error
        }
    }

    /// The steps of a block: up to where the next one begins, but for the frames that tell of directories.
    private func steps(of place: Int) throws -> BookmarkSteps {
        let start = index.blocks[place].files
        let end = place + 1 < index.blocks.count ? index.blocks[place + 1].files : nil
        var pieces: [ArraySlice<UInt8>] = []
        for frame in start.frame..<max(start.frame, min(frames.count, (end?.frame ?? frames.count) + 1))
        where !holdsDirectories[frame] {
            pieces.append(
                try piece(
                    of: frame, from: frame == start.frame ? start.offset : 0,
                    to: frame == end?.frame ? end?.offset : nil))
        }
        return try BookmarkSteps(pieces, header: header)
    }

    /// A part of a frame; to its end where that is not given.
    private func piece(of frame: Int, from start: Int, to end: Int? = nil) throws -> ArraySlice<UInt8> {
        if start == end { return [] }
        let raw = try recentFrames.value(frame, cost: { $0.count }) { try frames[frame].raw() }
        let end = end ?? raw.count
        guard start <= end, end <= raw.count else { throw isShort() }
        return raw[(raw.startIndex + start)..<(raw.startIndex + end)]
    }

    private func isShort() -> SnapshotError {
        SnapshotError(.corrupt, "a bookmark is shorter than its index says", place: identity.name)
    }
}
