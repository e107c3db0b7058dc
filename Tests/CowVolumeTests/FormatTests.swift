import CowVolume
import Foundation
import GRDB
import SnapshotModel
import SnapshotTesting
import Testing

/// Volumes that were made by an earlier version of the program.
@Suite struct FormatTests {
    @Test func `a volume of the format before is brought to this one with all its references`() throws {
        let place = try TemporaryVolume()
        var generator = SplitMix64(seed: 5)
        let first = try place.receive(makeFile("f", generator.bytes(50_000)), into: "d", as: "one")
        try place.receive(makeFile("g", generator.bytes(50_000)), into: "d", as: "two", base: first)
        try place.volume.makeBookmark(of: "d@one", named: "d#mark")
        try place.volume.destroy("d@one")
        let nodes = try place.check(readingData: true).nodes
        try FormatTests.bringBack(place)
        let volume = try Volume.open(at: place.path)
        #expect(try volume.check(readingData: true) { Issue.record("\($0)") }.nodes == nodes)
        #expect(try volume.snapshots(of: "d").map(\.name) == ["d@two"])
        #expect(try String(contentsOfFile: place.path + "/cowpath-volume", encoding: .utf8).hasSuffix("format 3\n"))
        // Nothing is held by a count too many.
        try volume.destroy("d", recursive: true)
        #expect(try volume.check(readingData: true) { Issue.record("\($0)") }.nodes == 0)
    }

    @Test func `a volume of a format that is not known is refused`() throws {
        let place = try TemporaryVolume()
        for (format, words) in [(1, "format 1, which is no longer read"), (4, "newer version")] {
            try DatabaseQueue(path: place.path + "/volume.db").write {
                try $0.execute(sql: "UPDATE meta SET value = ? WHERE key = 'format'", arguments: [format])
            }
            let error = #expect(throws: SnapshotError.self) { try Volume.open(at: place.path) }
            #expect(error?.code == .unsupported)
            #expect(error?.message.contains(words) == true)
        }
    }

    @Test func `counts without a node, and a node without counts, are found`() throws {
        let place = try TemporaryVolume()
        try place.receive(makeFile("f", [1]), into: "d", as: "one")
        let database = try DatabaseQueue(path: place.path + "/volume.db")
        try database.write { try $0.execute(sql: "UPDATE counts SET id = id + 1000") }
        var kinds: Set<CheckFinding.Kind> = []
        _ = try place.volume.check(readingData: true) { kinds.insert($0.kind) }
        #expect(kinds == [.leaked, .count])
    }

    /// Gives each node its counts again, as the format before had them.
    private static func bringBack(_ place: TemporaryVolume) throws {
        try DatabaseQueue(path: place.path + "/volume.db").write { database in
            for column in ["refs", "marks"] {
                try database.execute(
                    sql: """
                        ALTER TABLE nodes ADD COLUMN \(column) INTEGER NOT NULL DEFAULT 0;
                        UPDATE nodes SET \(column) = (SELECT \(column) FROM counts WHERE counts.id = nodes.id);
                        """)
            }
            try database.execute(sql: "DROP TABLE counts; UPDATE meta SET value = 2 WHERE key = 'format'")
        }
    }
}
