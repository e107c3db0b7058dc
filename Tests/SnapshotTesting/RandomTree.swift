import SnapshotModel

/// A tree that grows and changes at random, the same way for the same seed or the same bytes.
///
/// Sizes are small and names few, so that names are taken again, inode numbers used again, and conflicts
/// between moves happen all the time.
package final class RandomTree {
    package let tree: MemoryTree
    var random: Choices
    /// Numbers given back by removed inodes, each with the generation of its removal.
    private var freeNumbers: [(number: InodeNumber, generation: UInt64)] = []
    private var lastNumber: UInt64

    /// Makes a tree of about `size` inodes.
    package convenience init(seed: UInt64, size: Int = 24, store: MemoryStore = MemoryStore()) throws {
        try self.init(choices: Choices(seed: seed), size: size, store: store)
    }

    /// The same, chosen by `choices`; with their last the tree stops to change.
    package init(choices: Choices, size: Int, store: MemoryStore = MemoryStore()) throws {
        random = choices
        tree = MemoryTree(name: "random", store: store)
        tree.now = Timestamp(seconds: 1_000_000, nanoseconds: 1)
        lastNumber = tree.root.rawValue
        if random.onceIn(2) { tree.inlineLimit = 2048 }
        for _ in 0..<random.below(size) + 1 where !random.isExhausted { try makeAny() }
        try edit(random.below(size / 2 + 1))
    }

    /// The tree as it is now; later changes belong to the next generation.
    package func snapshot(_ name: String) -> MemoryTree { tree.snapshot(name) }

    /// Changes the tree by `count` random steps, some of them in several parts.
    package func edit(_ count: Int) throws {
        for _ in 0..<count where !random.isExhausted { try step() }
    }

    func tick() {
        tree.now.seconds += 1
        tree.now.nanoseconds = UInt32(random.below(1_000_000_000))
    }

    func pick<Element>(_ elements: [Element]) -> Element? {
        elements.isEmpty ? nil : elements[random.below(elements.count)]
    }

    func inodes(where condition: (Inode) -> Bool) -> [InodeNumber] {
        tree.nodes.values.map(\.inode).filter(condition).map(\.number).sorted()
    }

    var directories: [InodeNumber] { inodes { $0.kind == .directory } }
    var files: [InodeNumber] { inodes { $0.kind == .regular } }
    var links: [InodeLink] {
        tree.nodes.values.flatMap(\.links).sorted { ($0.directory, $0.name) < ($1.directory, $1.name) }
    }

    /// A number for a new inode, often one that a removed inode of an earlier generation had.
    func newNumber() -> InodeNumber {
        if random.onceIn(2), let index = freeNumbers.firstIndex(where: { $0.generation < tree.generation }) {
            return freeNumbers.remove(at: index).number
        }
        lastNumber += 1
        return InodeNumber(lastNumber)
    }

    /// Notes which numbers a removal has set free.
    func collectingFreeNumbers(_ body: () throws -> Void) rethrows {
        let before = tree.nodes
        try body()
        for (number, node) in before.sorted(by: { $0.key < $1.key }) where tree.nodes[number] == nil {
            // A number cannot be used again in the generation that made its last owner.
            freeNumbers.append((number, max(node.inode.birthGeneration, tree.generation - 1)))
        }
    }

    /// A name that is free in a directory; nil where chance gave only taken ones.
    func freeName(in directory: InodeNumber) throws -> FileName? {
        for _ in 0..<4 {
            let name = randomName()
            if try tree.lookup(name, in: directory) == nil { return name }
        }
        return nil
    }

    private func randomName() -> FileName {
        switch random.below(12) {
        case 0: FileName(trusted: Array("o\(257 + random.below(20))-\(random.below(9))-0".utf8))
        case 1: FileName(trusted: Array("o\(257 + random.below(20))-\(random.below(3))".utf8))
        case 2: FileName(trusted: [0xFF, 0xFE, UInt8(0x80 + random.below(4))])
        case 3: FileName(trusted: [UInt8](repeating: UInt8(0x61 + random.below(3)), count: 255))
        case 4: FileName(trusted: Array(" \n".utf8) + [UInt8(0x61 + random.below(3))])
        default: FileName(trusted: [UInt8(0x61 + random.below(6))])
        }
    }

    /// Makes an inode of any kind somewhere.
    func makeAny() throws {
        tick()
        guard let directory = pick(directories), let name = try freeName(in: directory) else { return }
        try make(randomKind(), name, in: directory)
    }

    private func randomKind() -> FileKind {
        switch random.below(20) {
        case 0..<8: .regular
        case 8..<15: .directory
        case 15, 16: .symbolicLink
        case 17: .fifo
        case 18: random.onceIn(2) ? .characterDevice : .blockDevice
        default: .socket
        }
    }

    /// Makes an inode of a kind, with attributes and contents.
    func make(_ kind: FileKind, _ name: FileName, in directory: InodeNumber) throws {
        let number = newNumber()
        let isDevice = kind == .characterDevice || kind == .blockDevice
        let inode = Inode(
            number: number, birthGeneration: tree.generation, kind: kind,
            permissions: kind == .symbolicLink ? 0o777 : 0o644, device: isDevice ? UInt64(random.below(1000) + 1) : 0,
            times: FileTimes(accessed: tree.now, modified: tree.now, changed: tree.now, born: tree.now))
        let target = Array("../target \(random.below(100))".utf8)
        try tree.make(inode, name, in: directory, target: kind == .symbolicLink ? target : [])
        if kind == .regular { try fill(number) }
        while random.onceIn(3) { try describe(number) }
    }

    /// Changes attributes of an inode.
    func describe(_ number: InodeNumber) throws {
        guard let kind = try tree.inode(number)?.kind else { return }
        // Linux takes user attributes only of files and directories (xattr(7)).
        let names =
            kind == .regular || kind == .directory
            ? [
                Array("user.a".utf8), Array("user.b".utf8),
                kind == .regular ? MemoryTree.capability : Array("user.c".utf8),
            ] : [Array("trusted.a".utf8), Array("trusted.b".utf8), Array("trusted.c".utf8)]
        let owner = UInt32(random.below(4))
        switch random.below(7) {
        case 0: try tree.change(number) { $0.owner = owner }
        case 1 where kind != .symbolicLink:
            let permissions = UInt32(random.below(0o10000))
            try tree.change(number) { $0.permissions = permissions }
        case 2 where kind != .symbolicLink:
            // A program with setuid that changes hands.
            try tree.change(number) { ($0.owner, $0.permissions) = (owner, 0o4755) }
        case 3:
            let count = random.onceIn(5) ? 5000 : random.below(40)
            let name = names[random.below(3)]
            let filler = UInt8(random.below(256))
            let value =
                name == MemoryTree.capability
                ? MemoryTree.capabilityValue(filler) : [UInt8](repeating: filler, count: count)
            try tree.setAttribute(number, name, value)
        case 4:
            let taken = tree.nodes[number]?.attributes.keys.sorted { $0.lexicographicallyPrecedes($1) }
            if let name = pick(taken ?? []) { try tree.setAttribute(number, name, nil) }
        case 5 where kind == .regular || kind == .directory:
            // No dump, no access times, immutable, append-only.
            let flags: UInt64 = pick([0x40, 0x80, 0x10, 0x20, 0]) ?? 0
            try tree.change(number) { $0.flags = flags }
        case 6:
            // A change that only the change time tells of, or a modification time set by hand.
            let modified = random.onceIn(2) ? Timestamp(seconds: Int64(random.below(100)) - 50, nanoseconds: 7) : nil
            try tree.change(number) { if let modified { $0.times.modified = modified } }
        default: tree.touch(number)
        }
    }
}
