import GRDB
import SnapshotModel

extension Volume {
    /// Recomputes both reference counts of every node and the count of every extent, and checks how nodes stand
    /// in their trees. Sees one commit, however long it takes.
    ///
    /// - Parameters:
    ///   - readingData: whether every extent is read, decompressed and hashed, too.
    ///   - report: takes each thing that is wrong.
    package func check(readingData: Bool, _ report: (CheckFinding) -> Void) throws -> CheckSummary {
        try VolumeStore.guarded(store.path) {
            let snapshot = try store.pool.makeSnapshot()
            var summary = CheckSummary()
            var findings: UInt64 = 0
            var check = VolumeCheck(nodes: CommittedNodes(snapshot), format: store.format)
            let extents = readingData ? ExtentReader(store, snapshot) : nil
            try snapshot.read { database in
                check.nodes.transaction = database
                defer { check.nodes.transaction = nil }
                try check.run(database, &summary) { finding in
                    findings += 1
                    report(finding)
                }
            }
            if let extents {
                try checkData(snapshot, extents) { finding in
                    findings += 1
                    report(finding)
                }
            }
            summary.findings = findings
            return summary
        }
    }

    private func checkData(
        _ snapshot: DatabaseSnapshot, _ reader: ExtentReader, _ report: (CheckFinding) -> Void
    ) throws {
        var last: Int64 = -1
        while true {
            // A batch at a time, since reading an extent asks the same connection.
            let batch = try snapshot.read { database in
                try StoredRow.all(
                    database,
                    "SELECT \(ExtentRecord.columns) FROM extents WHERE id > ? AND refs > 0 ORDER BY id LIMIT 256",
                    [last]
                ).map(ExtentRecord.init)
            }
            guard let end = batch.last else { return }
            last = try stored(end.id)
            for extent in batch {
                let place = "extent \(extent.id)"
                do {
                    let stored = try reader.storedBytes(extent)
                    _ = try reader.decode(stored, extent)
                    if StoredHash(of: stored, extent.encoding) != extent.hash {
                        report(CheckFinding(kind: .damaged, message: "data has another SHA-256", place: place))
                    }
                } catch let error as SnapshotError where error.code == .corrupt {
                    report(CheckFinding(kind: .damaged, message: error.message, place: place))
                }
            }
        }
    }
}

/// The counts as they should be. Memory: some forty bytes a node and an extent.
struct VolumeCheck {
    private struct Counts: Equatable {
        var refs: Int64 = 0
        var marks: Int64 = 0
    }

    let nodes: CommittedNodes
    private let format: VolumeFormat
    private var expected: [NodeID: Counts] = [:]
    private var expectedExtents: [UInt64: Int64] = [:]
    private var liveBySegment: [Int64: Int64] = [:]

    init(nodes: CommittedNodes, format: VolumeFormat) {
        self.nodes = nodes
        self.format = format
    }

    mutating func run(
        _ database: Database, _ summary: inout CheckSummary, _ report: (CheckFinding) -> Void
    ) throws {
        try countRoots(database)
        let stored = try storedCounts(database, report)
        summary.nodes = UInt64(stored.count)
        for (id, counts) in stored.sorted(by: { $0.key < $1.key }) { try visit(id, counts.refs > 0, stored, report) }
        compare(stored, report)
        try compareExtents(database, &summary, report)
        try compareSegments(database, &summary, report)
    }

    private mutating func countRoots(_ database: Database) throws {
        for record in try RootRecord.all(database, where: "node != ?", [0]) {
            count(record.node, isMark: record.kind.isBookmark)
        }
        for row in try StoredRow.all(database, "SELECT node, marks FROM drops") {
            count(NodeID(rawValue: try row.unsigned(0)), isMark: try row.integer(1) != 0)
        }
    }

    private mutating func count(_ node: NodeID, isMark: Bool) {
        if isMark { expected[node, default: Counts()].marks += 1 } else { expected[node, default: Counts()].refs += 1 }
    }

    /// The counts of all nodes: zeros where there are none.
    private func storedCounts(
        _ database: Database, _ report: (CheckFinding) -> Void
    ) throws -> [NodeID: Counts] {
        var counts: [NodeID: Counts] = [:]
        let table = format.counts
        try StoredRow.forEach(
            database,
            """
            SELECT nodes.id, ifnull(counted.refs, 0), ifnull(counted.marks, 0)
            FROM nodes LEFT JOIN \(table) AS counted USING (id)
            """
        ) { row in
            counts[NodeID(rawValue: try row.unsigned(0))] = Counts(refs: try row.integer(1), marks: try row.integer(2))
        }
        try StoredRow.forEach(database, "SELECT id FROM \(table) WHERE id NOT IN (SELECT id FROM nodes)") { row in
            let place = "node \(try row.unsigned(0))"
            report(CheckFinding(kind: .leaked, message: "there are counts of a node that is not there", place: place))
        }
        return counts
    }

    /// Counts what a node refers to, and checks that its children stand below it in the order of their keys.
    private mutating func visit(
        _ id: NodeID, _ isLive: Bool, _ stored: [NodeID: Counts], _ report: (CheckFinding) -> Void
    ) throws {
        let place = "node \(id.rawValue)"
        do {
            let node = try nodes.node(id)
            for (index, child) in node.children.enumerated() {
                count(child, isMark: !isLive)
                guard stored[child] != nil else { continue }
                let below = try nodes.node(child)
                let isInOrder = VolumeCheck.stands(below, under: node, at: index)
                if !isInOrder {
                    report(CheckFinding(kind: .damaged, message: "a child stands in the wrong place", place: place))
                }
            }
            if isLive { try node.forEachExtent { expectedExtents[$0, default: 0] += 1 } }
        } catch let error as SnapshotError where error.code == .corrupt {
            report(CheckFinding(kind: .damaged, message: error.message, place: place))
        }
    }

    private static func stands(_ child: Node, under parent: Node, at index: Int) -> Bool {
        guard child.level == parent.level - 1 else { return false }
        let (first, last) = (child.items.key(at: 0), child.items.count - 1)
        if first < parent.items.key(at: index) { return false }
        return index + 1 == parent.items.count || child.items.precedes(last, parent.items.key(at: index + 1))
    }

    private func compare(_ stored: [NodeID: Counts], _ report: (CheckFinding) -> Void) {
        for id in Set(stored.keys).union(expected.keys).sorted() {
            let place = "node \(id.rawValue)"
            let should = expected[id] ?? Counts()
            guard let found = stored[id] else {
                report(CheckFinding(kind: .missing, message: "a node is referred to and missing", place: place))
                continue
            }
            if should == Counts() {
                report(CheckFinding(kind: .leaked, message: "nothing refers to a node", place: place))
            } else if should != found {
                let message =
                    "a node counts \(found.refs) references and \(found.marks) marks, not \(should.refs) and \(should.marks)"
                report(CheckFinding(kind: .count, message: message, place: place))
            }
        }
    }

    private mutating func compareExtents(
        _ database: Database, _ summary: inout CheckSummary, _ report: (CheckFinding) -> Void
    ) throws {
        var seen: (segment: Int64, end: UInt64) = (-1, 0)
        try StoredRow.forEach(
            database, "SELECT \(ExtentRecord.columns) FROM extents ORDER BY segment, position"
        ) { row in
            let extent = try ExtentRecord(row)
            let place = "extent \(extent.id)"
            summary.extents += 1
            summary.storedBytes += UInt64(extent.storedLength)
            liveBySegment[extent.segment, default: 0] += 1
            if seen.segment == extent.segment, extent.position < seen.end {
                report(CheckFinding(kind: .damaged, message: "two extents overlap", place: place))
            }
            seen = (extent.segment, extent.position + UInt64(extent.storedLength))
            let should = expectedExtents.removeValue(forKey: extent.id) ?? 0
            if should != extent.refs {
                let message = "an extent counts \(extent.refs) references, not \(should)"
                report(CheckFinding(kind: .count, message: message, place: place))
            }
        }
        for id in expectedExtents.keys.sorted() {
            report(
                CheckFinding(
                    kind: .missing, message: "an extent is referred to and missing", place: "extent \(id)"))
        }
    }

    private func compareSegments(
        _ database: Database, _ summary: inout CheckSummary, _ report: (CheckFinding) -> Void
    ) throws {
        var live = liveBySegment
        try StoredRow.forEach(database, "SELECT id, live FROM segments ORDER BY id") { row in
            summary.segments += 1
            let id = try row.integer(0)
            let should = live.removeValue(forKey: id) ?? 0
            if should != (try row.integer(1)) {
                report(
                    CheckFinding(
                        kind: .count, message: "a segment counts \(try row.integer(1)) extents, not \(should)",
                        place: "segment \(id)"))
            }
        }
        for id in live.keys.sorted() {
            report(CheckFinding(kind: .missing, message: "a segment is missing", place: "segment \(id)"))
        }
    }
}
