package import SnapshotModel

/// Checks a stored stream without a target: that its snapshots follow each other and hold what they announce.
///
/// Encoding, checksums, digests, counts, paths and lengths are checked by the reader; the verifier adds what can
/// be known without a tree.
package final class StreamVerifier: ReplayTarget {
    /// What was found for one snapshot.
    package struct Report: Hashable, Sendable {
        package let header: SnapshotHeader
        package let totals: SnapshotTotals
    }

    /// How many reports are kept; later snapshots are only counted.
    package static let maximumReports = 10_000

    /// The first snapshots, in their order.
    package private(set) var reports: [Report] = []
    /// How many snapshots were whole.
    package private(set) var snapshots: UInt64 = 0
    private var header: SnapshotHeader?
    private var totals = SnapshotTotals()

    package let losses = ReplayLosses()
    package let accepts = ReplayCapabilities.everything

    package init() {}

    package func begin(_ header: SnapshotHeader) throws {
        if header.base.reference == header.snapshot {
            throw SnapshotError(.invalidInstruction, "a snapshot is its own base", place: header.name)
        }
        if header.isBookmark, header.base != .none {
            throw SnapshotError(.invalidInstruction, "a bookmark has a base", place: header.name)
        }
        self.header = header
        totals = SnapshotTotals()
    }

    package func apply(_ instruction: Instruction) throws {
        totals.count(instruction)
        let holdsNoData = header?.isBookmark == true || header?.withoutData == true
        switch instruction {
        case .write(let path, _, _), .writeEncoded(let path, _, _):
            if holdsNoData {
                throw SnapshotError(
                    .invalidInstruction, "a stream that says it has no contents has some", place: path.description)
            }
        case .rename(let path, let other):
            if other.isWithin(path) {
                throw SnapshotError(
                    .invalidInstruction, "a directory cannot be moved below itself", place: path.description)
            }
        default: break
        }
    }

    package func finish() throws {
        if let header, reports.count < StreamVerifier.maximumReports {
            reports.append(Report(header: header, totals: totals))
        }
        snapshots += 1
        header = nil
    }

    package func abandon() {
        header = nil
    }
}
