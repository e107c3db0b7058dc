import Foundation
import GRDB
import Glibc
import SnapshotModel
import SystemCalls

/// What is given back, in steps that are each a commit of its own and can be taken up again after a crash.
extension VolumeStore {
    /// Nodes that may die, and references that are given back, in one commit: some tens of megabytes of memory.
    private static let dropBudget = 1024
    /// Extents that are forgotten in one commit.
    private static let purgeBudget = 8192
    /// `FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE` (Linux `falloc.h`)
    private static let punchHole: UInt32 = 1 | 2

    /// Remembers that a reference is to be given back.
    func addDrop(_ drop: ReferenceLedger.Drop, _ database: Database) throws {
        try database.cachedStatement(sql: "INSERT INTO drops (node, marks) VALUES (?, ?)")
            .execute(arguments: [try stored(drop.node.rawValue), drop.isMark ? 1 : 0])
    }

    /// Clears what receives left behind whose process is gone.
    func reapAbandonedWriters() throws {
        // Files of those that were killed before they had a row, or after they had lost it.
        defer { WriterLock.sweep(writersPath) }
        let working = try read { try RootRecord.all($0, where: "kind = ?", [RootRecord.Kind.working.rawValue]) }
        guard working.contains(where: { WriterLock.isAbandoned($0.name, in: writersPath) }) else { return }
        try write { database in
            for record in try RootRecord.all(database, where: "kind = ?", [RootRecord.Kind.working.rawValue])
            where WriterLock.isAbandoned(record.name, in: writersPath) {
                try release(record, database)
            }
        }
    }

    /// Drops a receive that will not be finished, and cuts off what it appended since its last commit.
    func release(_ record: RootRecord, _ database: Database) throws {
        let segments = try StoredRow.all(database, "SELECT id, size FROM segments WHERE writer = ?", [record.id])
        for segment in segments {
            // While the row still says whose it is, nobody else appends.
            if let file = try? SegmentFile(segmentPath(try segment.integer(0)), id: 0, writable: true) {
                try file.descriptor.truncate(to: try segment.unsigned(1))
            }
        }
        try database.execute(sql: "UPDATE segments SET writer = NULL WHERE writer = ?", arguments: [record.id])
        if record.node.rawValue != 0 { try addDrop(.init(node: record.node, isMark: false), database) }
        try record.delete(database)
    }

    /// Gives back all references that wait for it, forgets what has none left, and returns the space.
    ///
    /// - Returns: bytes of nodes and extents that were freed.
    @discardableResult
    func reclaim() throws -> UInt64 {
        try reapAbandonedWriters()
        var freed: Int64 = 0
        if try exists("SELECT 1 FROM drops LIMIT 1") { freed += try giveBackReferences() }
        if try exists(
            "SELECT 1 FROM extents WHERE refs = 0 UNION ALL SELECT 1 FROM segments WHERE live = 0 LIMIT 1")
        {
            freed += try purgeExtents()
        }
        try punchHoles()
        try sweepSegments()
        return UInt64(clamping: freed)
    }

    private func exists(_ sql: String) throws -> Bool { try read { try StoredRow.first($0, sql) != nil } }

    /// Commits a step after another until one says nil; the others say how many bytes they freed.
    ///
    /// Where the disk is full, a step has only the room of the log: the log is used again, and steps become smaller.
    @discardableResult
    func writeInSteps(of budget: Int, _ step: (Database, _ budget: Int) throws -> Int64?) throws -> Int64 {
        var budget = budget
        var isLogFresh = false
        var freed: Int64 = 0
        while true {
            do {
                guard let count = try write({ try step($0, budget) }) else { return freed }
                freed += count
                isLogFresh = false
            } catch let error as SnapshotError where error.code == .noSpace {
                if isLogFresh {
                    guard budget > 1 else { throw error }
                    budget = max(1, budget / 4)
                }
                WriteAheadLog.reuse(pool)
                isLogFresh = true
            }
        }
    }

    private func giveBackReferences() throws -> Int64 {
        let nodes = CommittedNodes(pool)
        return try writeInSteps(of: VolumeStore.dropBudget) { database, budget in
            let rows = try StoredRow.all(
                database, "SELECT id, node, marks FROM drops ORDER BY id LIMIT ?", [budget])
            if rows.isEmpty { return nil }
            nodes.transaction = database
            defer { nodes.transaction = nil }
            var drops: [ReferenceLedger.Drop] = []
            for row in rows {
                drops.append(
                    .init(node: NodeID(rawValue: try row.unsigned(1)), isMark: try row.integer(2) != 0))
                try database.cachedStatement(sql: "DELETE FROM drops WHERE id = ?")
                    .execute(arguments: [try row.integer(0)])
            }
            let ledger = ReferenceLedger(database, nodes, format)
            for rest in try ledger.drop(drops, budget: budget) { try addDrop(rest, database) }
            try ledger.write()
            return ledger.freedBytes
        }
    }

    /// Forgets extents without references, unless a receive is unfinished, which may have found one of them.
    private func purgeExtents() throws -> Int64 {
        try writeInSteps(of: VolumeStore.purgeBudget) { database, budget in
            let working = RootRecord.Kind.working.rawValue
            if try RootRecord.first(database, where: "kind = ? LIMIT 1", [working]) != nil { return nil }
            let unused = try StoredRow.all(
                database, "SELECT \(ExtentRecord.columns) FROM extents WHERE refs = 0 LIMIT ?", [budget]
            ).map(ExtentRecord.init)
            var freed: Int64 = 0
            for extent in unused {
                freed += Int64(extent.storedLength)
                try database.cachedStatement(sql: "DELETE FROM extents WHERE id = ?")
                    .execute(arguments: [try stored(extent.id)])
                try database.cachedStatement(sql: "UPDATE segments SET live = live - 1 WHERE id = ?")
                    .execute(arguments: [extent.segment])
            }
            try recordHoles(after: unused, database)
            try database.execute(sql: "DELETE FROM segments WHERE live = 0 AND writer IS NULL")
            return unused.isEmpty ? nil : freed
        }
    }

    /// Notes, for every extent that is gone, the whole gap around it, so that no page stays half used.
    private func recordHoles(after gone: [ExtentRecord], _ database: Database) throws {
        var noted: (segment: Int64, end: UInt64) = (-1, 0)
        for extent in gone.sorted(by: { ($0.segment, $0.position) < ($1.segment, $1.position) }) {
            if noted.segment == extent.segment, extent.position < noted.end { continue }
            let place: StatementArguments = [extent.segment, try stored(extent.position)]
            let before = try StoredRow.first(
                database,
                """
                SELECT position + stored FROM extents WHERE segment = ? AND position < ?
                ORDER BY position DESC LIMIT 1
                """, place)
            let after = try StoredRow.first(
                database,
                "SELECT position FROM extents WHERE segment = ? AND position >= ? ORDER BY position LIMIT 1", place)
            let size = try StoredRow.first(database, "SELECT size FROM segments WHERE id = ?", [extent.segment])
            let start = try before?.unsigned(0) ?? 0
            let end = try after?.unsigned(0) ?? size?.unsigned(0) ?? extent.position + UInt64(extent.storedLength)
            guard start < end else { continue }
            noted = (extent.segment, end)
            try database.cachedStatement(sql: "INSERT INTO holes (segment, position, length) VALUES (?, ?, ?)")
                .execute(arguments: [extent.segment, try stored(start), try stored(end - start)])
        }
    }

    /// Returns the ranges to the file system. A range that was noted is never written again.
    private func punchHoles() throws {
        let holes = try read { try StoredRow.all($0, "SELECT id, segment, position, length FROM holes") }
        if holes.isEmpty { return }
        for hole in holes {
            guard let file = try? SegmentFile(segmentPath(try hole.integer(1)), id: 0, writable: true) else { continue }
            // Where the file system cannot make holes the space comes back with the segment.
            try? file.descriptor.allocate(
                mode: VolumeStore.punchHole, offset: try hole.unsigned(2), length: try hole.unsigned(3))
        }
        try writeInSteps(of: 1) { database, _ in
            for hole in holes {
                try database.cachedStatement(sql: "DELETE FROM holes WHERE id = ?")
                    .execute(arguments: [try hole.integer(0)])
            }
            return nil
        }
    }

    /// Removes the files of segments that no row names. A row is always committed before its file is made, and
    /// the files are listed first.
    private func sweepSegments() throws {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: segmentsPath)) ?? []
        let known = try read { try StoredRow.all($0, "SELECT id FROM segments").map { try $0.integer(0) } }
        let expected = Set(known)
        for name in names {
            guard let id = Int64(name), !expected.contains(id) else { continue }
            try? FileManager.default.removeItem(atPath: "\(segmentsPath)/\(name)")
        }
    }

    /// Gives free pages of the database back and empties its log. Other processes may stand in the way; then it
    /// happens the next time.
    func compactDatabase() {
        try? pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA incremental_vacuum") }
        WriteAheadLog.empty(pool)
    }
}
