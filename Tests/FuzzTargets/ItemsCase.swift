import BtrfsAccess
import SnapshotDiff
import SnapshotModel
import SnapshotTesting
import SystemCalls

/// Items of btrfs trees, read without a btrfs.
enum ItemsCase {
    private enum Way: UInt8, CaseIterable {
        case given, strange, made
    }

    private static let domain = SnapshotUUID(high: 0x6974_656D_7300_4000, low: 0x8000_0000_0000_0001)
    /// A file system in which nothing is found by its number, so that only what lies in the items can be read.
    private static let directory = Result {
        SharedDescriptor(try Descriptor.open("/proc", flags: OpenFlags.readDirectory))
    }

    static func run(_ bytes: [UInt8]) throws(FuzzFinding) {
        let pieces = ItemPieces(bytes)
        switch Way(rawValue: pieces.head[0] % UInt8(Way.allCases.count)) {
        case .given, nil: try read(pieces)
        case .strange:
            let items = StrangeItems(
                bytes: Array(bytes.dropFirst(ItemPieces.headLength)), count: Int(pieces.head[1]))
            _ = try TreeAnswers(tree(items, shared: 1))
        case .made: try make(bytes.dropFirst(ItemPieces.headLength))
        }
    }

    private static func tree(
        _ items: some ItemSource, shared generation: UInt64, last: UInt64 = .max - 1
    ) throws(FuzzFinding) -> BtrfsTree {
        guard let directory = try? directory.get() else { throw FuzzFinding("no directory") }
        let uuid = SnapshotUUID(high: 0x6974_656D_7300_4000, low: 0x8000 << 48 | last)
        var identity = SnapshotIdentity(name: "items", uuid: uuid, generation: last)
        identity.lineage = [
            SnapshotReference(uuid: uuid, generation: last), SnapshotReference(uuid: domain, generation: generation),
        ]
        return BtrfsTree(
            items: items, extentRecords: items, identity: identity, subvolume: Subvolume(uuid: uuid, generation: last),
            domain: domain,
            root: directory, place: "items")
    }

    /// Reads a tree in small pieces and in large ones, and what it says as a tree again; sends it, also from its base.
    private static func read(_ pieces: ItemPieces) throws(FuzzFinding) {
        let shared = pieces.sharedGeneration
        let source = try tree(ItemTable(pieces.source, nodeSize: 256), shared: shared)
        let answers = try TreeAnswers(source)
        let large = try TreeAnswers(tree(ItemTable(pieces.source, nodeSize: 65_536), shared: shared))
        guard answers.lines == large.lines, answers.errors == large.errors, answers.findsNames == large.findsNames
        else { throw FuzzFinding("a tree reads otherwise in larger pieces") }
        if answers.errors.isEmpty { try compare(source, answers) }
        let base = try tree(ItemTable(pieces.base, nodeSize: 256), shared: shared, last: .max - 2)
        try compareFiles(source, base)
        try compareTimes(source, base)
        for base in [nil, base] { try send(source, base) }

        // The same base, with what was written later in place of what it had.
        let (later, former) = pieces.following
        let past = try tree(ItemTable(former, nodeSize: 256), shared: shared, last: shared)
        for nodeSize in [256, 65_536] {
            try compareTimes(tree(ItemTable(later, nodeSize: nodeSize), shared: shared), past)
        }
    }

    /// What surely has new times alone has nothing else that is new.
    private static func compareTimes(_ source: BtrfsTree, _ base: BtrfsTree) throws(FuzzFinding) {
        try StreamCase.expected("comparing times") { () throws in
            var numbers: [InodeNumber] = []
            _ = try source.forEachDifference(from: base) {
                if case .commonInode(let number) = $0 { numbers.append(number) }
            }
            for number in numbers.sorted() {
                guard let change = source.timesChange(of: number, from: base) else { continue }
                guard let new = try source.inode(number), var old = try base.inode(number) else {
                    throw FuzzFinding("an inode that has new times is not there")
                }
                let isModified = new.times.modified != old.times.modified
                guard
                    (change.kind, change.flags, change.times, change.isModified)
                        == (new.kind, new.flags, new.times, isModified)
                else { throw FuzzFinding("an inode has other times than it surely had") }
                (old.times, old.changeGeneration) = (new.times, new.changeGeneration)
                guard old == new, try source.links(of: number) == [change.link],
                    try base.links(of: number) == [change.link],
                    try source.extendedAttributes(of: number) == base.extendedAttributes(of: number),
                    try extents(source, number) == extents(base, number)
                else { throw FuzzFinding("more is new of an inode than its times") }
            }
        }
    }

    /// The items of what a tree says are a tree that says the same.
    private static func compare(_ tree: any SnapshotTree, _ answers: TreeAnswers) throws(FuzzFinding) {
        var items: [ItemTable.Item] = []
        let isWritten = try StreamCase.expected("writing items") { () throws in items = try ItemWriter(tree).items }
        guard isWritten else { throw FuzzFinding("what was read cannot be written") }
        let again = try TreeAnswers(ItemsCase.tree(ItemTable(items, nodeSize: 256), shared: 1))
        guard again.errors.isEmpty, again.findsNames else { throw FuzzFinding("items that were written are wrong") }
        for (read, written) in zip(again.lines, answers.lines) where read != written {
            throw FuzzFinding("items read as\n  \(read)\nbut were made of\n  \(written)")
        }
        guard again.lines.count == answers.lines.count else { throw FuzzFinding("an inode is gone, or one too many") }
    }

    private static func extents(_ tree: BtrfsTree, _ number: InodeNumber) throws -> [FileExtent] {
        var extents: [FileExtent] = []
        try tree.forEachExtent(of: number, from: 0) { extents.append($0) }
        return extents
    }

    /// What looks the same at one glance is the same.
    private static func compareFiles(_ source: BtrfsTree, _ base: BtrfsTree) throws(FuzzFinding) {
        try StreamCase.expected("comparing files") { () throws in
            try source.forEachInode { inode in
                guard inode.kind == .regular, try base.inode(inode.number)?.kind == .regular,
                    try source.surelyHoldsSame(inode.number, as: base)
                else { return }
                guard try extents(source, inode.number) == extents(base, inode.number) else {
                    throw FuzzFinding("a file is not what it surely was")
                }
            }
        }
    }

    private static func send(_ source: BtrfsTree, _ base: BtrfsTree?) throws(FuzzFinding) {
        let readers = StreamReaders()
        try StreamCase.expected("sending") { () throws in
            var header = SnapshotHeader(name: "items", snapshot: source.identity.reference)
            // Without contents, so that one that is not there does not end it.
            (header.isBookmark, header.domain) = (base == nil, domain)
            if let base { header.base = .parent(base.identity.reference) }
            var options = PlannerOptions()
            options.readsData = base == nil
            let planner = Planner(source: source, base: base, options: options)
            if base == nil {
                try planner.run(into: readers, header)
            } else {
                _ = try planner.estimate(header, accepts: .everything)
            }
        }
        if let finding = readers.finding { throw finding }
    }

    /// A random tree, written as items, is read as what it is.
    private static func make(_ bytes: ArraySlice<UInt8>) throws(FuzzFinding) {
        var tree: MemoryTree?
        try StreamCase.expected("making a tree") { () throws in
            tree = try RandomTree(choices: Choices(bytes: bytes), size: 24).snapshot("made")
        }
        guard let tree else { throw FuzzFinding("no tree") }
        let answers = try TreeAnswers(tree)
        guard answers.errors.isEmpty else { throw FuzzFinding("a tree in memory says \(answers.errors)") }
        try compare(tree, answers)
    }
}
