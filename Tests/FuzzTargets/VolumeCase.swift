import Codecs
import CowVolume
import Foundation
import GRDB
import SendStream
import SnapshotDiff
import SnapshotModel
import SnapshotTesting

/// A volume whose database someone has written to: whatever its nodes say, reading it ends with an error at worst.
enum VolumeCase {
    /// The database as it was, and the volume that gets a copy of it for every input.
    private struct Place {
        let pristine: String
        let volume: String
        var database: String { volume + "/volume.db" }
    }

    private static let place = Result { try make() }

    /// The encoded nodes of the volume by identifier.
    static let nodes: [[UInt8]] = (try? pristineNodes()) ?? []

    static func run(_ bytes: [UInt8]) throws(FuzzFinding) {
        let place: Place
        do {
            place = try VolumeCase.place.get()
            try replaceNodes(of: place, VolumePieces(bytes))
        } catch {
            throw FuzzFinding("no volume: \(error)")
        }
        try StreamCase.expected("checking") { () throws in
            _ = try Volume.open(at: place.volume).check(readingData: true) { _ in }
        }
        var trees: [VolumeTree] = []
        try StreamCase.expected("opening") { () throws in
            let volume = try Volume.open(at: place.volume)
            trees = try ["d@one", "d@two", "d#mark"].map { try volume.tree(of: $0) }
        }
        for (source, base) in [(0, nil), (1, 0), (1, 2)] where trees.count == 3 {
            try send(trees[source], base.map { trees[$0] })
        }
    }

    private static func send(_ source: VolumeTree, _ base: VolumeTree?) throws(FuzzFinding) {
        let readers = StreamReaders()
        try StreamCase.expected("sending") { () throws in
            var header = SnapshotHeader(name: source.identity.name, snapshot: source.identity.reference)
            if let base { header.base = .parent(base.identity.reference) }
            try Planner(source: source, base: base).run(into: readers, header)
        }
        if let finding = readers.finding { throw finding }
        try StreamCase.expected("walking") { () throws in
            try source.forEachInode { _ = try source.links(of: $0.number) }
        }
    }

    /// Two snapshots of a random tree, and a bookmark of the first.
    private static func make() throws -> Place {
        let scratch = try Scratch("volume").path
        let place = Place(pristine: scratch + "/pristine.db", volume: scratch + "/volume")
        let volume = try Volume.create(at: place.volume)
        let random = try RandomTree(seed: 7, size: 200)
        var base: MemoryTree?
        for name in ["one", "two"] {
            let tree = random.snapshot(name)
            let reference = base.map { SnapshotHeader.Base.parent($0.identity.reference) } ?? .none
            let header = Replay.header(tree, base: reference)
            try Planner(source: tree, base: base).run(into: volume.target(.init(dataset: "d")), header)
            base = tree
            try random.edit(20)
        }
        try volume.makeBookmark(of: "d@one", named: "d#mark")
        try DatabaseQueue(path: place.database).vacuum(into: place.pristine)
        return place
    }

    private static func pristineNodes() throws -> [[UInt8]] {
        try DatabaseQueue(path: place.get().pristine).read { database in
            try Data.fetchAll(database, sql: "SELECT data FROM nodes ORDER BY id")
        }.map { try Zstd.decompress([UInt8]($0)[...], limit: 1 << 20) }
    }

    private static func replaceNodes(of place: Place, _ pieces: VolumePieces) throws {
        for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: place.database + suffix) }
        try FileManager.default.copyItem(atPath: place.pristine, toPath: place.database)
        try DatabaseQueue(path: place.database).write { database in
            let ids = try Int64.fetchAll(database, sql: "SELECT id FROM nodes ORDER BY id")
            for piece in pieces.pieces where !ids.isEmpty {
                let data = try Zstd.compress(piece.node[...], level: 1)
                try database.execute(
                    sql: "UPDATE nodes SET data = ?, crc = ?, level = ? WHERE id = ?",
                    arguments: [
                        Data(data), Int64(CRC32C.checksum(data[...])), Int64(piece.node.dropFirst().first ?? 0),
                        ids[Int(piece.place) % ids.count],
                    ])
            }
        }
    }
}
