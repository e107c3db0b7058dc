import CowVolume
import Foundation
import SnapshotModel
import SnapshotTesting
import Testing

/// Instructions that make a file.
func makeFile(_ path: String, _ bytes: [UInt8], number: UInt64 = 0) -> [Instruction] {
    [.makeFile(RelativePath(path), InodeIdentity(number: InodeNumber(number)))]
        + stride(from: 0, to: bytes.count, by: 100_000).map { start in
            .write(
                RelativePath(path), offset: UInt64(start), data: bytes[start..<min(start + 100_000, bytes.count)])
        }
}

@Suite struct SpaceTests {
    @Test func `destroying a snapshot frees what only it held, on disk too`() throws {
        let place = try TemporaryVolume()
        var generator = SplitMix64(seed: 7)
        let kept = generator.bytes(3_000_000)
        let first = try place.receive(
            makeFile("doomed", generator.bytes(5_000_000)) + makeFile("kept", kept), into: "d", as: "one")
        let second = try place.receive([.unlink(RelativePath("doomed"))], into: "d", as: "two", base: first)
        let before = try place.allocatedBytes()
        let freed = try place.volume.destroy(first.name)
        #expect(freed >= 5_000_000)
        #expect(try place.allocatedBytes() < before - 4_500_000)
        let tree = try place.volume.tree(of: second.name)
        let entry = try #require(try tree.lookup(FileName(trusted: Array("kept".utf8)), in: tree.root))
        #expect(try tree.read(entry.inode, at: 2_000_000, count: 1_000_000) == kept[2_000_000...])
        try place.check(readingData: true)
    }

    @Test func `a bookmark outlives its snapshot without data, and a send from it still costs what changed`() throws {
        let place = try TemporaryVolume()
        var generator = SplitMix64(seed: 8)
        var steps: [Instruction] = []
        for index in 0..<3000 {
            steps += makeFile("f\(index)", generator.bytes(40 + index % 3), number: UInt64(1000 + index))
        }
        let first = try place.receive(steps + makeFile("big", generator.bytes(2_000_000)), into: "d", as: "one")
        try place.volume.makeBookmark(of: first.name, named: "d#mark")
        let second = try place.receive(
            [.write(RelativePath("f1500"), offset: 0, data: [1, 2, 3]), .unlink(RelativePath("big"))], into: "d",
            as: "two", base: first)
        let expected = try differences(place, second.name, from: first.name)
        #expect(try place.volume.destroy(first.name) >= 2_000_000)
        try place.check()
        let found = try differences(place, second.name, from: "d#mark")
        #expect(found.differences == expected.differences)
        #expect(found.differences.contains(.inode(InodeNumber(2500))))
        // Of some forty leaves two or three have changed.
        #expect(found.reads <= 16 && expected.reads <= 16, "\(found.reads) and \(expected.reads) nodes read")
        let bookmark = try place.volume.tree(of: "d#mark")
        #expect(!bookmark.holdsData)
        #expect(throws: SnapshotError.self) { try bookmark.read(InodeNumber(1000), at: 0, count: 1) }
    }

    private func differences(
        _ place: TemporaryVolume, _ name: String, from base: String
    ) throws -> (differences: [TreeDifference], reads: Int) {
        let (tree, old) = (try place.volume.tree(of: name), try place.volume.tree(of: base))
        var found: [TreeDifference] = []
        #expect(try tree.forEachDifference(from: old) { found.append($0) })
        return (found, tree.nodeReads + old.nodeReads)
    }

    @Test func `a clone keeps its origin until it is destroyed`() throws {
        let place = try TemporaryVolume()
        let first = try place.receive(makeFile("f", [1, 2, 3]), into: "d", as: "one")
        try place.volume.clone(snapshot: first.name, to: "c")
        #expect(try place.volume.datasets().first { $0.name == "c" }?.origin == "d@one")
        let error = #expect(throws: SnapshotError.self) { try place.volume.destroy("d", recursive: true) }
        #expect(error?.code == .inUse)
        try place.volume.destroy("c")
        try place.volume.destroy("d", recursive: true)
        #expect(try place.check().nodes == 0)
    }

    @Test func `equal data is stored once`() throws {
        let place = try TemporaryVolume()
        var generator = SplitMix64(seed: 9)
        let bytes = generator.bytes(1_000_000)
        try place.receive(makeFile("a", bytes) + makeFile("b", bytes), into: "d", as: "one")
        try place.receive(makeFile("c", bytes), into: "e", as: "one")
        #expect(try place.check(readingData: true).extents == 8)
    }
}
