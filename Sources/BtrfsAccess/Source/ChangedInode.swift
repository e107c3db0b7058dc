import SnapshotModel

/// An inode that was changed since a generation.
struct ChangedInode: Sendable {
    enum Kind: Sendable {
        /// It was there before, has a name and is no directory: its names alone tell where it is. Or it is a directory
        /// with the entries that it had.
        case known
        /// A directory that was there before and got no new entry, with the size that all its names give it.
        case directory(size: UInt64)
        /// A directory that was there before, with a new entry.
        case entries
        /// Anything may be new, or gone.
        case any
    }

    let number: InodeNumber
    var kind: Kind
    var isDirectory = false

    init(number: InodeNumber, kind: Kind) {
        (self.number, self.kind) = (number, kind)
        if case .directory = kind { isDirectory = true }
    }

    /// The items that tell of changes.
    static let types = [ItemKey.Kind.inode, ItemKey.Kind.entry]

    /// Makes of such items the inodes that were changed in a generation or later.
    static func reader(_ generation: UInt64) -> TreeScan.Reader<ChangedInode> {
        { key, bytes, inodes throws(SnapshotError) in
            let number = InodeNumber(key.object)
            if key.type == ItemKey.Kind.inode {
                try key.checkInode()
                guard try InodeItem.changeGeneration(bytes) >= generation else { return }
                inodes.append(ChangedInode(number: number, kind: try kind(of: bytes, since: generation)))
            } else if try EntryItems.generation(bytes) >= generation {
                // The entries of a directory come right behind it.
                guard let last = inodes.last, last.number == number else {
                    return inodes.append(ChangedInode(number: number, kind: .any))
                }
                if case .directory = last.kind { inodes[inodes.count - 1].kind = .entries }
            }
        }
    }

    private static func kind(of bytes: borrowing RawSpan, since generation: UInt64) throws(SnapshotError) -> Kind {
        guard try InodeItem.birthGeneration(bytes) < generation else { return .any }
        if try InodeItem.isDirectory(bytes) { return .directory(size: try InodeItem.directorySize(bytes)) }
        return try InodeItem.hasName(bytes) ? .known : .any
    }

    /// Whether it was there before.
    var isCommon: Bool {
        if case .any = kind { false } else { true }
    }

    /// The inode as one of both trees.
    var common: CommonInode {
        switch kind {
        case .known, .any: CommonInode(number: number.rawValue, isDirectory: isDirectory)
        case .directory(let size):
            CommonInode(number: number.rawValue, isDirectory: true, isLarge: size >= CommonInode.largeSize)
        case .entries: CommonInode(number: number.rawValue, isDirectory: true, isLarge: true)
        }
    }
}

/// What was changed in a part of a tree, or in all of it.
struct ChangedInodes: Sendable {
    /// How many of a range are compared while it is scanned; those behind them are later.
    static let mostInRange = 16_384
    /// How many times are kept, of some 200 bytes each with the name: 25 MiB. Of what changed beyond these they are
    /// found again.
    private static let mostTimes = 131_072

    /// In order.
    private(set) var inodes: [ChangedInode] = []
    /// What is new of some that only have new times, in order; as they were found, since they are many.
    private(set) var times: [[FoundTimes]] = []
    private var timesCount = 0

    /// Appends what was changed behind that.
    mutating func append(_ others: ChangedInodes) {
        inodes += others.inodes
        guard timesCount < ChangedInodes.mostTimes else { return }
        times += others.times
        timesCount += others.timesCount
    }

    /// Appends what was changed in a generation or later, by some items that come behind those before.
    ///
    /// - Returns: from where on in ``inodes``.
    mutating func read(_ run: ItemRun, since generation: UInt64) throws(SnapshotError) -> Int {
        let first = inodes.count
        try TreeScan.read(run, ChangedInode.types, ChangedInode.reader(generation), into: &inodes)
        return first
    }

    /// Compares inodes with the tree as it was in the last generation before. Its leaves that were not read here are
    /// as they were: what they hold of an inode is missing here, and so the inode is not taken for the same.
    ///
    /// - Parameter run: what was read of those from an index on, and perhaps not all of the last.
    mutating func compare(from first: Int, in run: ItemRun, with base: inout FormerInodes) {
        guard let last = run.places.last?.key.object else { return }
        let whole = inodes.indices[first...].filter { inodes[$0].isCommon && inodes[$0].number.rawValue < last }
        var found: [FoundTimes] = []
        var source = ItemReader(run)
        let common = whole.map { inodes[$0].common }
        TimesComparison.forEachAnswer(for: common[...], &source, &base) { index, answer in
            guard let answer else { return }
            if answer.hasSameSize, case .directory = inodes[whole[index]].kind { inodes[whole[index]].kind = .known }
            found.append(FoundTimes(number: inodes[whole[index]].number, answer: answer))
        }
        if found.isEmpty { return }
        timesCount += found.count
        times.append(found)
    }
}
