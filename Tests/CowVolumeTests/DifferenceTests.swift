import CowVolume
import SnapshotModel
import SnapshotTesting
import Testing

@Suite struct DifferenceTests {
    private struct Entry: Hashable {
        let directory: InodeNumber
        let entry: DirectoryEntry
    }

    @Test(arguments: [11, 12, 13] as [UInt64])
    func `the difference of two snapshots names everything that differs, and entries exactly`(seed: UInt64) throws {
        let place = try TemporaryVolume()
        var generator = SplitMix64(seed: seed)
        var model = VolumeModel()
        let sender = SnapshotReference(uuid: .random(), generation: 1)
        var names: [String] = []
        var base: SnapshotRecord?
        for round in 0..<4 {
            var steps: [Instruction] = []
            for _ in 0..<(round == 0 ? 500 : 60) { steps += model.step(&generator, itself: sender) }
            // A stream's own UUID may name clone sources, so each round has the same one, and no base by it.
            let record = try place.receive(
                steps, into: "d", as: "s\(round)", base: base, from: sender, force: round > 0)
            names.append(record.name)
            base = record
        }
        for (old, new) in [(0, 1), (0, 3), (3, 1), (2, 2)] {
            try compare(place, names[new], names[old], "seed \(seed) from \(old) to \(new)")
        }
    }

    /// What is said to be shared is remembered by whoever sends it, as long as the stream is.
    @Test func `of a file in many pieces, those that nothing else refers to are known`() throws {
        let place = try TemporaryVolume()
        let path = try RelativePath(validating: "f".utf8)
        var steps = makeFile("f", [1])
        for piece in 1...300 as ClosedRange<UInt64> {
            let bytes = [UInt8(truncatingIfNeeded: piece), UInt8(truncatingIfNeeded: piece >> 8), 1]
            steps.append(.write(path, offset: piece * 8192, data: bytes[...]))
        }
        try place.receive(steps, into: "d", as: "one")
        let tree = try place.volume.tree(of: "d@one")
        let entry = try #require(try tree.lookup(FileName(validating: "f".utf8), in: tree.root))
        var extents: [FileExtent] = []
        try tree.forEachExtent(of: entry.inode, from: 0) { extents.append($0) }
        #expect(extents.count == 301)
        #expect(try extents.filter { try tree.isShared($0) }.isEmpty)
    }

    private func compare(_ place: TemporaryVolume, _ new: String, _ old: String, _ note: String) throws {
        let (tree, base) = (try place.volume.tree(of: new), try place.volume.tree(of: old))
        var added: Set<Entry> = []
        var removed: Set<Entry> = []
        var inodes: [InodeNumber] = []
        let isKnown = try tree.forEachDifference(from: base) { difference in
            switch difference {
            case .entryAdded(let directory, let entry): added.insert(Entry(directory: directory, entry: entry))
            case .entryRemoved(let directory, let entry): removed.insert(Entry(directory: directory, entry: entry))
            case .inode(let number), .commonInode(let number): inodes.append(number)
            }
        }
        #expect(isKnown)
        #expect(inodes == Set(inodes).sorted(), "\(note)")
        let (now, then) = (try contents(tree), try contents(base))
        #expect(now.entries.subtracting(then.entries).isSubset(of: added), "\(note)")
        #expect(then.entries.subtracting(now.entries).isSubset(of: removed), "\(note)")
        #expect(added.isSubset(of: now.entries) && removed.isSubset(of: then.entries), "\(note)")
        for number in Set(now.inodes.keys).union(then.inodes.keys) where now.inodes[number] != then.inodes[number] {
            #expect(inodes.contains(number), "\(note) inode \(number.rawValue)")
        }
        if new == old { #expect(added.isEmpty && removed.isEmpty && inodes.isEmpty, "\(note)") }
    }

    private func contents(_ tree: VolumeTree) throws -> (entries: Set<Entry>, inodes: [InodeNumber: Inode]) {
        var entries: Set<Entry> = []
        var inodes: [InodeNumber: Inode] = [:]
        try tree.forEachInode { inode in
            inodes[inode.number] = inode
            guard inode.kind == .directory else { return }
            try tree.forEachEntry(in: inode.number) { entries.insert(Entry(directory: inode.number, entry: $0)) }
        }
        return (entries, inodes)
    }
}
