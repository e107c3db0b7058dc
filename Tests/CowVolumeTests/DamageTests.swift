import CowVolume
import Foundation
import SnapshotModel
import SnapshotTesting
import Testing

@Suite struct DamageTests {
    @Test func `a damaged segment gives an error and never wrong bytes`() throws {
        let place = try TemporaryVolume()
        var generator = SplitMix64(seed: 2)
        let first = try place.receive(makeFile("f", generator.bytes(300_000)), into: "d", as: "one")
        let name = try #require(try FileManager.default.contentsOfDirectory(atPath: place.path + "/segments").first)
        let url = URL(fileURLWithPath: place.path + "/segments/" + name)
        var bytes = try Data(contentsOf: url)
        bytes[1000] ^= 1
        try bytes.write(to: url)
        let tree = try place.volume.tree(of: first.name)
        let file = try #require(try tree.resolve(RelativePath("f")))
        let error = #expect(throws: SnapshotError.self) { try tree.read(file.number, at: 0, count: 10) }
        #expect(error?.code == .corrupt)
        var kinds: [CheckFinding.Kind] = []
        _ = try place.volume.check(readingData: true) { kinds.append($0.kind) }
        #expect(kinds == [.damaged])
    }

    @Test func `what is no volume, or a directory that is not empty, is refused`() throws {
        let place = try TemporaryVolume()
        #expect(Volume.isVolume(place.path))
        #expect(throws: SnapshotError.self) { try Volume.create(at: place.path) }
        #expect(throws: SnapshotError.self) { try Volume.open(at: place.path + "/segments") }
        let copy = place.path + "/copy"
        try FileManager.default.createDirectory(atPath: copy, withIntermediateDirectories: false)
        try Data().write(to: URL(fileURLWithPath: copy + "/cowpath-volume"))
        try Data(repeating: 65, count: 100_000).write(to: URL(fileURLWithPath: copy + "/volume.db"))
        let error = #expect(throws: SnapshotError.self) { try Volume.open(at: copy) }
        #expect(error?.code == .corrupt)
    }
}
