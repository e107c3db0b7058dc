import SnapshotModel

/// Makes the index of a bookmark while its steps are written.
struct BookmarkIndexBuilder {
    /// Names in a block, after which another goes on with the directory: who asks for one has all of them read.
    private static let mostNames = 1024

    private let tree: any SnapshotTree
    private var index = BookmarkIndex()
    /// How many names the last block has.
    private var nameCount = 0
    /// The directories from the root to the one that was begun last, and their first blocks.
    private var open: [(path: RelativePath, block: Int)]
    /// What the steps are about.
    private var current = RelativePath.root
    /// Inodes that are no directories, and their blocks, as they come.
    private var files: [(number: UInt64, block: Int)] = []
    /// Whether the steps are in an order of which an index can be made.
    private var isOrdered = true

    /// - Parameter tree: that the bookmark is of.
    init(_ tree: any SnapshotTree) throws {
        self.tree = tree
        open = [(.root, 0)]
        index.blocks = [
            BookmarkIndex.Block(
                number: StreamTree.rootNumber.rawValue, parent: 0, frame: 0, offset: 0,
                size: try tree.directorySize(tree.root))
        ]
    }

    /// Takes note of a step that is about to be written.
    ///
    /// - Returns: whether a block begins with it.
    mutating func note(_ instruction: Instruction, frame: Int, offset: Int) throws -> Bool {
        guard isOrdered else { return false }
        switch instruction {
        case .makeDirectory(let path, let inode): return try begin(path, inode, frame, offset)
        case .makeFile(let path, let inode), .makeFIFO(let path, let inode), .makeSocket(let path, let inode),
            .makeNode(let path, let inode, _, _), .makeSymbolicLink(let path, let inode, _):
            guard isInLast(path), canBeNumber(inode.number) else { return fail() }
            defer { files.append((inode.number.rawValue, lastBlock)) }
            return addName(path, frame, offset)
        case .link(let path, let existing):
            guard isInLast(path), let number = try tree.resolve(existing)?.number else { return fail() }
            defer { index.furtherNames.append(BookmarkIndex.FurtherName(number: number.rawValue, block: lastBlock)) }
            return addName(path, frame, offset)
        default:
            if instruction.path != current { return fail() }
        }
        return false
    }

    /// The index; nil where the steps allow none.
    mutating func finished() -> BookmarkIndex? {
        files.sort { $0.number < $1.number }
        for file in files {
            if let last = index.runs.last, last.first + last.count > file.number { return nil }
            if let last = index.runs.last, last.block == file.block, last.first + last.count == file.number {
                index.runs[index.runs.count - 1].count += 1
            } else {
                index.runs.append(BookmarkIndex.Run(first: file.number, count: 1, block: file.block))
            }
        }
        files = []
        return isOrdered ? index : nil
    }

    private var lastBlock: Int { index.blocks.count - 1 }

    private mutating func begin(
        _ path: RelativePath, _ inode: InodeIdentity, _ frame: Int, _ offset: Int
    ) throws -> Bool {
        guard let parent = path.split?.parent, canBeNumber(inode.number) else { return fail() }
        while let last = open.last, last.path != parent { open.removeLast() }
        guard let last = open.last else { return fail() }
        index.blocks.append(
            BookmarkIndex.Block(
                number: inode.number.rawValue, parent: last.block, frame: frame, offset: offset,
                size: try tree.directorySize(inode.number)))
        open.append((path, lastBlock))
        (current, nameCount) = (path, 0)
        return true
    }

    /// Counts a name in the directory that was begun last; whether another block begins with it.
    private mutating func addName(_ path: RelativePath, _ frame: Int, _ offset: Int) -> Bool {
        current = path
        nameCount += 1
        guard nameCount > BookmarkIndexBuilder.mostNames else { return false }
        let last = index.blocks[lastBlock]
        index.blocks.append(
            BookmarkIndex.Block(
                number: last.number, parent: last.isFurther ? last.parent : lastBlock, isFurther: true, frame: frame,
                offset: offset))
        nameCount = 1
        return true
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

    private mutating func fail() -> Bool {
        isOrdered = false
        return false
    }
}
