import CowVolume
import Foundation
import GRDB
import SnapshotModel
import SnapshotTesting
import Testing

/// Volumes that were made by an earlier version of the program.
@Suite struct FormatTests {
    @Test func `a volume of the format before goes on in it`() throws {
        let place = try TemporaryVolume()
        var generator = SplitMix64(seed: 5)
        let first = try place.receive(makeFile("f", generator.bytes(50_000)), into: "d", as: "one")
        try place.volume.makeBookmark(of: "d@one", named: "d#mark")
        try FormatTests.bringBack(place)
        try place.reopen()
        try place.check(readingData: true)
        try place.receive(makeFile("g", generator.bytes(50_000)), into: "d", as: "two", base: first)
        try place.volume.destroy("d@one")
        try place.check(readingData: true)
        #expect(try place.volume.snapshots(of: "d").map(\.name) == ["d@two"])
        #expect(try place.volume.tree(of: "d@two").resolve(RelativePath("f")) != nil)
        let format = try DatabaseQueue(path: place.path + "/volume.db").read {
            try Int64.fetchOne($0, sql: "SELECT value FROM meta WHERE key = 'format'")
        }
        #expect(format == 2)
        // Nothing is held by a count too many.
        try place.volume.destroy("d", recursive: true)
        #expect(try place.check().nodes == 0)
    }

    @Test func `a volume of a format that is not known is refused`() throws {
        let place = try TemporaryVolume()
        for (format, words) in [(1, "format 1 is no longer read"), (4, "newer version")] {
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

    /// Lays the tables out as the format before had them.
    private static func bringBack(_ place: TemporaryVolume) throws {
        try DatabaseQueue(path: place.path + "/volume.db").write {
            try $0.execute(
                sql: """
                    CREATE TABLE former (
                        id INTEGER PRIMARY KEY, level INTEGER NOT NULL, refs INTEGER NOT NULL, marks INTEGER NOT NULL,
                        crc INTEGER NOT NULL, data BLOB NOT NULL);
                    INSERT INTO former SELECT id, level, refs, marks, crc, data FROM nodes JOIN counts USING (id);
                    DROP TABLE nodes;
                    DROP TABLE counts;
                    ALTER TABLE former RENAME TO nodes;
                    UPDATE meta SET value = 2 WHERE key = 'format';
                    """)
        }
    }
}
