import SnapshotModel

/// What a tree says when it is asked for everything, however little of it fits together: no entry is followed.
struct TreeAnswers {
    /// One line for each inode.
    private(set) var lines: [String] = []
    /// Whether an entry was found by its name, for all of them.
    private(set) var findsNames = true
    /// The code of each error.
    private(set) var errors: [String] = []
    private let tree: any SnapshotTree

    init(_ tree: any SnapshotTree) throws(FuzzFinding) {
        self.tree = tree
        var inodes: [Inode] = []
        try ask { () throws in try tree.forEachInode { inodes.append($0) } }
        for inode in inodes { try add(inode) }
    }

    private mutating func ask(_ body: () throws -> Void) throws(FuzzFinding) {
        var code: SnapshotError.Code?
        let isAnswered = try StreamCase.expected("asking a tree") { () throws in
            do {
                try body()
            } catch let error as SnapshotError {
                code = error.code
                throw error
            }
        }
        if !isAnswered { errors.append("\(code.map { "\($0)" } ?? "none")") }
    }

    private mutating func add(_ inode: Inode) throws(FuzzFinding) {
        let (number, tree) = (inode.number, tree)
        var words = [TreeAnswers.words(inode)]
        try ask { () throws in
            guard try tree.inode(number) == inode else { throw FuzzFinding("inode \(number.rawValue) is another") }
        }
        try ask { () throws in
            words += try tree.links(of: number).map { "\($0.directory.rawValue)/\($0.name)" }
        }
        try ask { () throws in words += try tree.extendedAttributes(of: number).map { "\($0.name)=\($0.value)" } }
        switch inode.kind {
        case .directory: words += try entries(of: number)
        case .symbolicLink: try ask { () throws in words.append("\(try tree.symbolicLinkTarget(of: number))") }
        case .regular: words += try contents(of: number)
        case .fifo, .socket, .characterDevice, .blockDevice: break
        }
        lines.append(words.joined(separator: " "))
    }

    /// What every tree has of an inode: not where it came from, nor flags that btrfs has not.
    private static func words(_ inode: Inode) -> String {
        var inode = inode
        inode.flags = BtrfsInodeFlags.shown(BtrfsInodeFlags.stored(inode.flags).flags)
        inode.times.born = inode.times.born ?? .epoch
        inode.origin = InodeNumber(0)
        return "\(inode)"
    }

    private mutating func entries(of number: InodeNumber) throws(FuzzFinding) -> [String] {
        let tree = tree
        var words: [String] = []
        var isFound = true
        try ask { () throws in
            var last: FileName?
            try tree.forEachEntry(in: number) { entry in
                if let last, entry.name < last { throw FuzzFinding("entries are out of order") }
                last = entry.name
                words.append("\(entry.name):\(entry.inode.rawValue)\(entry.kind.letter)")
                if try tree.lookup(entry.name, in: number)?.name != entry.name { isFound = false }
            }
        }
        findsNames = findsNames && isFound
        return words
    }

    private mutating func contents(of number: InodeNumber) throws(FuzzFinding) -> [String] {
        let tree = tree
        var words: [String] = []
        var isInline = false
        try ask { () throws in
            try tree.forEachExtent(of: number, from: 0) { extent in
                isInline = isInline || extent.offset == 0 && extent.content == .inline
                words.append("\(extent)")
            }
        }
        if isInline {
            try ask { () throws in words.append("\(try tree.read(number, at: 0, count: 1 << 20))") }
        }
        return words
    }
}
