import ArgumentParser
import CowVolume
import Replication
import SnapshotModel

/// `cowpath snapshot DATASET@SNAPSHOT`
struct SnapshotCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "snapshot", abstract: "Take a snapshot of a dataset.")

    @Argument(help: "VOLUME/DATASET@SNAPSHOT")
    var snapshot: String

    func run() throws {
        let (volume, name) = try TreeOpener().volumeName(snapshot)
        guard case .snapshot(let part) = name.part, name.path.isRoot else {
            throw SnapshotError(
                .invalidRequest, "not the name of a snapshot", place: snapshot,
                remedy: "write VOLUME/DATASET@SNAPSHOT")
        }
        _ = try volume.takeSnapshot(of: name.dataset, named: part)
    }
}
