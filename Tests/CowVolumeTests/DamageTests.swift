import CowVolume
import Foundation
import GRDB
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

    @Test func `a leaf in the place of an inner node is an error and never a trap`() throws {
        let place = try TemporaryVolume()
        // Eight of them to a leaf, and some hundred leaves below each inner node.
        let files = (0..<8000).map { "file-\($0)" }
        let contents = [UInt8](repeating: 7, count: 1900)
        let first = try place.receive(files.flatMap { makeFile($0, contents) }, into: "d", as: "one")
        // The newest leaf is small enough to be merged with anything.
        try place.receive(makeFile("f", [1]), into: "small", as: "one")
        let database = try DatabaseQueue(path: place.path + "/volume.db")
        let inner = try database.read { try Int64.fetchAll($0, sql: "SELECT id FROM nodes WHERE level = 1") }
        try #require(inner.count > 1)
        // All but the first are looked at only when what is left of the one before is to be merged with them.
        for id in inner {
            try database.write {
                try $0.execute(sql: "CREATE TABLE kept AS SELECT * FROM nodes WHERE id = ?", arguments: [id])
                try $0.execute(
                    sql: """
                        UPDATE nodes SET (level, crc, data) =
                            (SELECT level, crc, data FROM nodes WHERE level = 0 ORDER BY id DESC LIMIT 1)
                        WHERE id = ?
                        """, arguments: [id])
            }
            try place.reopen()
            let error = #expect(throws: SnapshotError.self) {
                try place.receive(
                    files.dropLast(100).map { .unlink(RelativePath($0)) }, into: "d", as: "two", base: first)
            }
            #expect(error?.code == .corrupt)
            try database.write { try $0.execute(sql: "REPLACE INTO nodes SELECT * FROM kept; DROP TABLE kept") }
        }
        try place.reopen()
        try place.check(readingData: true)
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
