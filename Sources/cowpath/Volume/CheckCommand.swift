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
            Terminal.report("\(finding)")
        }
        try report(summary)
        if summary.findings > 0 { throw ExitCode.failure }
    }
}
