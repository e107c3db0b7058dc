import SnapshotModel

/// Makes the index of a bookmark while its steps are written: those that tell of directories to one frame, the others to
/// the frame behind it.
struct BookmarkIndexBuilder {
    /// Names in a block, after which another goes on with the directory: who asks for one has all of them read.
    private static let mostNames = 128

    /// Where a step belongs.
    struct Step {
        let isOfDirectory: Bool
        /// Whether it is to be read without those before it.
        let isStart: Bool
    }

    private let tree: any SnapshotTree
    /// The places in it are those in pairs of frames, until it is finished.
    private var index = BookmarkIndex()
    /// How many names the last block has.
    private var nameCount = 0
    /// The directories from the root to the one that was begun last, and their first blocks.
    private var open: [(path: RelativePath, block: Int)]
    /// What the steps are about.
    private var current = RelativePath.root
    private var isOfDirectory = true
    /// Inodes that are no directories, and their blocks, as they come.
    private var files: [(number: UInt64, block: Int)] = []
    /// The frames of each pair that was written; nil for one in which there was nothing.
    private var pairs: [(directories: Int?, files: Int?)] = []
    private var frameCount = 0

    /// - Parameter tree: that the bookmark is of.
    init(_ tree: any SnapshotTree) throws {
        self.tree = tree
        open = [(.root, 0)]
        index.blocks = [
            BookmarkIndex.Block(
                number: StreamTree.rootNumber.rawValue, parent: 0, directory: .start, files: .start,
                size: try tree.directorySize(tree.root))
        ]
    }

    /// Takes note of a step that is about to be written.
    ///
    /// - Parameters:
    ///   - directories: how many bytes the frame has that tells of directories.
    ///   - files: how many the other one has.
    /// - Returns: where it belongs; nil where the steps allow no index.
    mutating func note(_ instruction: Instruction, directories: Int, files: Int) throws -> Step? {
        switch instruction {
        case .makeDirectory(let path, let inode): return try begin(path, inode, directories, files)
        case .makeFile(let path, let inode), .makeFIFO(let path, let inode), .makeSocket(let path, let inode),
            .makeNode(let path, let inode, _, _), .makeSymbolicLink(let path, let inode, _):
            guard isInLast(path), canBeNumber(inode.number) else { return nil }
            defer { self.files.append((inode.number.rawValue, lastBlock)) }
            return addName(path, files)
        case .link(let path, let existing):
            guard isInLast(path), let number = try tree.resolve(existing)?.number else { return nil }
            defer { index.furtherNames.append(BookmarkIndex.FurtherName(number: number.rawValue, block: lastBlock)) }
            return addName(path, files)
        default:
            return instruction.path == current ? Step(isOfDirectory: isOfDirectory, isStart: false) : nil
        }
    }

    /// Takes note that both frames were written, those that have anything.
    mutating func endPair(hasDirectories: Bool, hasFiles: Bool) {
        pairs.append((hasDirectories ? frameCount : nil, hasFiles ? frameCount + (hasDirectories ? 1 : 0) : nil))
        frameCount += (hasDirectories ? 1 : 0) + (hasFiles ? 1 : 0)
    }

    /// The index; nil where the steps allow none.
    mutating func finished() -> BookmarkIndex? {
        let directories = Set(index.blocks.lazy.filter { !$0.isFurther }.map(\.number))
        guard directories.count == index.blocks.lazy.filter({ !$0.isFurther }).count else { return nil }
        files.sort { $0.number < $1.number }
        for file in files {
            if directories.contains(file.number) { return nil }
            if let last = index.runs.last, last.first + last.count > file.number { return nil }
            if let last = index.runs.last, last.block == file.block, last.first + last.count == file.number {
                index.runs[index.runs.count - 1].count += 1
            } else {
                index.runs.append(BookmarkIndex.Run(first: file.number, count: 1, block: file.block))
            }
        }
        files = []
        // Behind the last, or where the next block is: there is nothing in it.
        var next = BookmarkIndex.Place(frame: frameCount, offset: 0)
        for place in index.blocks.indices.reversed() {
            let block = index.blocks[place]
            guard let directory = pairs[block.directory.frame].directories else { return nil }
            index.blocks[place].directory.frame = directory
            if let frame = block.files.frame < pairs.count ? pairs[block.files.frame].files : nil {
                next = BookmarkIndex.Place(frame: frame, offset: block.files.offset)
            }
            index.blocks[place].files = next
        }
        return index
    }

    private var lastBlock: Int { index.blocks.count - 1 }

    private mutating func begin(
        _ path: RelativePath, _ inode: InodeIdentity, _ directories: Int, _ files: Int
    ) throws -> Step? {
        guard let parent = path.split?.parent, canBeNumber(inode.number) else { return nil }
        while let last = open.last, last.path != parent { open.removeLast() }
        guard let last = open.last else { return nil }
        index.blocks.append(
            BookmarkIndex.Block(
                number: inode.number.rawValue, parent: last.block,
                directory: BookmarkIndex.Place(frame: pairs.count, offset: directories),
                files: BookmarkIndex.Place(frame: pairs.count, offset: files),
                size: try tree.directorySize(inode.number)))
        open.append((path, lastBlock))
        (current, isOfDirectory, nameCount) = (path, true, 0)
        return Step(isOfDirectory: true, isStart: true)
    }

    /// Counts a name in the directory that was begun last.
    private mutating func addName(_ path: RelativePath, _ offset: Int) -> Step {
        (current, isOfDirectory) = (path, false)
        nameCount += 1
        let place = BookmarkIndex.Place(frame: pairs.count, offset: offset)
        // What few names have can be long too.
        let isLong = nameCount > 1 && index.blocks[lastBlock].files.frame + 1 < pairs.count
        if nameCount > BookmarkIndexBuilder.mostNames || isLong {
            let last = index.blocks[lastBlock]
            index.blocks.append(
                BookmarkIndex.Block(
                    number: last.number, parent: last.isFurther ? last.parent : lastBlock, isFurther: true,
                    directory: last.directory, files: place))
            nameCount = 1
        } else if nameCount == 1 {
            index.blocks[lastBlock].files = place
        }
        return Step(isOfDirectory: false, isStart: nameCount == 1)
    }

    /// Whether a path lies in the directory that was begun last.
    private func isInLast(_ path: RelativePath) -> Bool {
        let block = index.blocks[lastBlock]
        guard let last = open.last, last.block == (block.isFurther ? block.parent : lastBlock) else { return false }
        return path.split?.parent == last.path
    }

    /// Whether a number can be that of one inode alone.
    private func canBeNumber(_ number: InodeNumber) -> Bool {
        number.rawValue > 0 && number.rawValue < .max && number != StreamTree.rootNumber
    }
}
