import ArgumentParser
import BtrfsAccess
import CowVolume
import Replication
import SnapshotModel

/// `cowpath destroy NAME...`
struct DestroyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "destroy", abstract: "Remove snapshots, bookmarks or datasets and free what only they held.",
        discussion: "Of a btrfs, read-only snapshots by their paths.")

    @Argument(help: "VOLUME/DATASET, VOLUME/DATASET@SNAPSHOT, VOLUME/DATASET#BOOKMARK or a subvolume's path")
    var names: [String]

    @Flag(name: .shortAndLong, help: "With a dataset, also everything in it: snapshots, bookmarks, datasets below.")
    var recursive = false

    @Flag(name: .shortAndLong, help: "Say how much was freed.")
    var verbose = false

    func run() throws {
        let opener = TreeOpener()
        for address in names {
            if SubvolumeSnapshots.isSubvolume(address) {
                try SubvolumeSnapshots.remove(address)
                continue
            }
            let (volume, name) = try opener.volumeName(address)
            guard !name.dataset.isEmpty, name.path.isRoot else {
                throw SnapshotError(
                    .invalidRequest, "only datasets, snapshots and bookmarks can be destroyed", place: address)
            }
            let freed = try volume.destroy(name.qualified, recursive: recursive)
            if verbose { try Terminal.write("\(address): \(ByteCount.text(freed)) freed\n") }
        }
    }
}
