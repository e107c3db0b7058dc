import ArgumentParser
import CowVolume
import Replication
import SnapshotModel

/// `cowpath bookmark SNAPSHOT BOOKMARK`
struct BookmarkCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bookmark",
        abstract: "Keep what an incremental send needs of a snapshot, so that the snapshot can be destroyed.")

    @Argument(help: "VOLUME/DATASET@SNAPSHOT, or the path of a read-only btrfs subvolume.")
    var snapshot: String

    @Argument(help: "VOLUME/DATASET#NAME to keep it in the volume, or '#NAME' for short; else a file to write.")
    var bookmark: String

    func run() throws {
        let opener = TreeOpener()
        if let name = try nameInVolume() {
            let (volume, origin) = try opener.volumeName(snapshot)
            guard case .snapshot = origin.part else {
                throw SnapshotError(.invalidRequest, "a bookmark is made of a snapshot", place: snapshot)
            }
            try volume.makeBookmark(of: origin.qualified, named: "\(name.dataset ?? origin.dataset)#\(name.bookmark)")
        } else {
            try StoredStreams.writeBookmark(of: snapshot, to: bookmark, opener: opener)
        }
    }

    /// The dataset, where one is named, and the bookmark's name; nil for a file.
    private func nameInVolume() throws -> (dataset: String?, bookmark: String)? {
        if bookmark.hasPrefix("#") { return (nil, String(bookmark.dropFirst())) }
        guard case .volume(_, let name) = try Address(bookmark) else { return nil }
        guard case .bookmark(let part) = name.part else {
            throw SnapshotError(
                .invalidRequest, "not the name of a bookmark", place: bookmark, remedy: "write VOLUME/DATASET#NAME")
        }
        return (name.dataset, part)
    }
}
