import SendStream
import SnapshotModel

/// What a whole stream turned out to hold, for people and as JSON.
struct StreamReport: Encodable {
    /// One snapshot of the stream.
    struct Snapshot: Encodable {
        let name: String
        let dataset: String?
        let uuid: String
        let generation: UInt64
        let created: String
        /// `none`, `parent` or `bookmark`
        let base: String
        let baseUUID: String?
        let isBookmark: Bool
        let inodes: UInt64
        let instructions: UInt64
        let bytes: UInt64
    }

    /// `cowpath` or `btrfs`
    let encoding: String
    let storedBytes: UInt64
    let snapshots: [Snapshot]

    init(_ summary: StreamSummary, _ reports: [StreamVerifier.Report]) {
        encoding = summary.encoding.rawValue
        storedBytes = summary.streamBytes
        snapshots = reports.map { Snapshot($0.header, $0.totals) }
    }

    /// One line for the stream, and one for each snapshot.
    var text: String {
        let lines = snapshots.map { snapshot in
            let base = snapshot.baseUUID.map { " from \(snapshot.base) \($0)" } ?? ""
            let kind = snapshot.isBookmark ? "bookmark of " : ""
            return "\(kind)\(snapshot.name) \(snapshot.uuid)\(base): \(snapshot.inodes) inodes, "
                + "\(snapshot.instructions) instructions, \(ByteCount.text(snapshot.bytes))"
        }
        return ([headline] + lines).map { $0 + "\n" }.joined()
    }

    /// What the stream is, in a few words.
    var headline: String {
        let count = snapshots.count == 1 ? "1 snapshot" : "\(snapshots.count) snapshots"
        return "\(encoding) stream, \(count), \(ByteCount.text(storedBytes)) stored"
    }
}

extension StreamReport.Snapshot {
    init(_ header: SnapshotHeader, _ totals: SnapshotTotals) {
        name = header.name
        dataset = header.dataset
        uuid = header.snapshot.uuid.description
        generation = header.snapshot.generation
        created = header.created.description
        switch header.base {
        case .none: base = "none"
        case .parent: base = "parent"
        case .bookmark: base = "bookmark"
        }
        baseUUID = header.base.reference?.uuid.description
        isBookmark = header.isBookmark
        inodes = totals.inodes
        instructions = totals.instructions
        bytes = totals.bytes
    }
}
