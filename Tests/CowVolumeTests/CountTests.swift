import CowVolume
import Foundation
import GRDB
import SnapshotModel
import SnapshotTesting
import Testing

/// Reference counts: given back once, and never believed beyond reason.
@Suite struct CountTests {
    @Test(arguments: [.max, .min, -1, (1 << 62) + 1] as [Int64])
    func `a count that cannot be is an error and ends nothing`(_ count: Int64) throws {
        let place = try TemporaryVolume()
        var generator = SplitMix64(seed: 3)
        let first = try place.receive(makeFile("f", generator.bytes(50_000)), into: "d", as: "one")
        let database = try DatabaseQueue(path: place.path + "/volume.db")
        try database.write { try $0.execute(sql: "UPDATE counts SET refs = ?, marks = ?", arguments: [count, count]) }
        let error = #expect(throws: SnapshotError.self) { try place.volume.destroy("d", recursive: true) }
        #expect(error?.code == .corrupt)
        var kinds: Set<CheckFinding.Kind> = []
        _ = try place.volume.check(readingData: true) { kinds.insert($0.kind) }
        #expect(kinds == [.count])
        #expect(throws: SnapshotError.self) {
            try place.receive(makeFile("g", [1]), into: "d", as: "two", base: first, force: true)
            try place.volume.destroy("d", recursive: true)
        }
    }

    @Test func `a snapshot that is destroyed while a receive undoes it gives its space back once`() throws {
        let place = try TemporaryVolume()
        var generator = SplitMix64(seed: 4)
        let first = try place.receive(makeFile("f", generator.bytes(50_000)), into: "d", as: "one")
        try place.receive(makeFile("g", generator.bytes(50_000)), into: "d", as: "two", base: first)
        let target = try place.volume.target(.init(dataset: "d", force: true))
        var header = SnapshotHeader(name: "three", snapshot: SnapshotReference(uuid: .random(), generation: 1))
        header.base = .parent(first.identity.reference)
        try target.begin(header)
        for instruction in makeFile("h", [3]) { try target.apply(instruction) }
        try place.volume.destroy("d@two")
        try target.finish()
        #expect(try place.volume.snapshots(of: "d").map(\.name) == ["d@one", "d@three"])
        try place.check(readingData: true)
        try place.volume.destroy("d", recursive: true)
        #expect(try place.check().nodes == 0)
    }

    @Test func `who destroys a snapshot does not wait for those who read another`() throws {
        let place = try TemporaryVolume()
        try place.receive(makeFile("f", [1]), into: "read", as: "one")
        try place.receive(makeFile("f", [2]), into: "gone", as: "one")
        let reader = try place.volume.tree(of: "read@one")
        let start = ContinuousClock.now
        try place.volume.destroy("gone", recursive: true)
        #expect(ContinuousClock.now - start < .seconds(20))
        #expect(try reader.resolve(RelativePath("f")) != nil)
        // The next commit waits for others again.
        try place.receive(makeFile("f", [3]), into: "new", as: "one")
        try place.check()
    }
}
