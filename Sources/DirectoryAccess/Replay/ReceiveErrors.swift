package import SnapshotModel
package import SystemCalls

/// What keeps a snapshot from being received into a directory.
extension SnapshotError {
    /// The base of a stream is not among the snapshots of a target.
    package static func baseNotFound(_ reference: SnapshotReference, _ path: String) -> SnapshotError {
        SnapshotError(
            .baseNotFound, "the base of the stream, \(reference.uuid), is not here", place: path,
            remedy: "receive it first, or send a full stream")
    }

    /// Nothing can be made in the directory of a target.
    package static func notBegun(_ path: String, _ error: SystemCallError) -> SnapshotError {
        SnapshotError(
            error.isNoSpace ? .noSpace : .system, "no snapshot can be made here", place: path,
            remedy: error.remedy, cause: error)
    }

    /// A snapshot that is whole could not be given its name.
    package static func notPublished(_ place: String, _ error: SystemCallError) -> SnapshotError {
        SnapshotError(
            error.isExisting ? .alreadyExists : .system, "the received snapshot cannot be given its name",
            place: place, remedy: error.isExisting ? "remove or rename what is there" : error.remedy, cause: error)
    }
}
