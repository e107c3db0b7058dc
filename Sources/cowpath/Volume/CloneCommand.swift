import ArgumentParser
import CowVolume
import Replication
import SnapshotModel

/// `cowpath clone SNAPSHOT DATASET`
struct CloneCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clone", abstract: "Make a dataset that begins as a snapshot and shares its data.",
        discussion: "The snapshot cannot be destroyed while the clone is there.")

    @Argument(help: "VOLUME/DATASET@SNAPSHOT")
    var snapshot: String

    @Argument(help: "VOLUME/DATASET, in the same volume.")
    var dataset: String

    func run() throws {
        let opener = TreeOpener()
        let (volume, origin) = try opener.volumeName(snapshot)
        let (target, name) = try opener.volumeName(dataset)
        guard volume.uuid == target.uuid else {
            throw SnapshotError(
                .invalidRequest, "a clone must be in the volume of its snapshot", place: dataset,
                remedy: "send the snapshot to the other volume instead")
        }
        guard case .snapshot = origin.part, name.part == .head else {
            throw SnapshotError(
                .invalidRequest, "a clone is made of a snapshot and becomes a dataset", place: "\(snapshot) \(dataset)",
                remedy: "write VOLUME/DATASET@SNAPSHOT and VOLUME/DATASET")
        }
        try volume.clone(snapshot: origin.qualified, to: name.dataset)
    }
}
