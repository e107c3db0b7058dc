import ArgumentParser
import CowVolume
import Replication
import SnapshotModel

/// `cowpath check VOLUME`
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Recount every reference of a volume, and check its checksums.")

    @Argument(help: "The volume.", completion: .directory)
    var volume: String

    @Flag(name: .long, help: "Read and check the contents of every extent too.")
    var readData = false

    @OptionGroup var format: JSONOption

    func run() throws {
        let (volume, name) = try TreeOpener().volumeName(volume)
        guard name.dataset.isEmpty else {
            throw SnapshotError(.invalidRequest, "a volume is checked as a whole", place: self.volume)
        }
        let summary = try volume.check(readingData: readData) { finding in
            Terminal.report("\(finding.message), \(finding.place)")
        }
        if format.json {
            try JSONLines.print(CheckReport(summary))
        } else {
            try Terminal.write(
                "\(summary.nodes) nodes, \(summary.extents) extents in \(summary.segments) segments, "
                    + "\(ByteCount.text(summary.storedBytes)) of data: \(summary.findings) findings\n")
        }
        if summary.findings > 0 { throw ExitCode.failure }
    }
}

/// What a check went through, as JSON.
private struct CheckReport: Encodable {
    let nodes: UInt64
    let extents: UInt64
    let segments: UInt64
    let storedBytes: UInt64
    let findings: UInt64

    init(_ summary: CheckSummary) {
        nodes = summary.nodes
        extents = summary.extents
        segments = summary.segments
        storedBytes = summary.storedBytes
        findings = summary.findings
    }
}
