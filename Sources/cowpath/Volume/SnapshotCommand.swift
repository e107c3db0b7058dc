import ArgumentParser
import BtrfsAccess
import CowVolume
import Replication
import SnapshotModel

/// `cowpath snapshot DATASET@SNAPSHOT`, `cowpath snapshot SUBVOLUME NAME`
struct SnapshotCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "snapshot", abstract: "Take a snapshot of a dataset, or of a btrfs subvolume.")

    @Argument(help: "VOLUME/DATASET@SNAPSHOT, or the path of a subvolume.")
    var snapshot: String

    @Argument(help: "Of a subvolume: the path of its snapshot, or a directory to put it in.")
    var name: String?

    func run() throws {
        if let name {
            _ = try SubvolumeSnapshots.take(of: snapshot, at: name)
            return
        }
        guard !SubvolumeSnapshots.isSubvolume(snapshot) else {
            throw ValidationError("where is the snapshot to be? write SUBVOLUME NAME")
        }
        let (volume, name) = try TreeOpener().volumeName(snapshot)
        guard case .snapshot(let part) = name.part, name.path.isRoot else {
            throw SnapshotError(
                .invalidRequest, "not the name of a snapshot", place: snapshot,
                remedy: "write VOLUME/DATASET@SNAPSHOT")
        }
        _ = try volume.takeSnapshot(of: name.dataset, named: part)
    }
}
