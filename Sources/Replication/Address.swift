import CowVolume
import Foundation
import SnapshotModel

/// Where something is, as a user writes it.
///
/// One rule: the first component of the path that is a volume, or a file, ends the path on the host, and the
/// rest names what is inside.
package enum Address: Hashable, Sendable {
    /// Something in the volume at a path.
    case volume(path: String, VolumeName)
    /// A regular file: a stored stream or a bookmark.
    case file(path: String)
    /// A directory, or something that is not there yet.
    case directory(path: String)

    /// Finds out what an address means by looking at the host's file system.
    ///
    /// - Throws: ``SnapshotError`` with ``SnapshotError/Code/invalidRequest`` for an empty address, or a name
    ///   inside a volume that is none.
    package init(_ text: String) throws {
        guard !text.isEmpty, !text.utf8.contains(0) else {
            throw SnapshotError(.invalidRequest, "an address must not be empty")
        }
        // By bytes: a slash with a combining character behind it is one all the same.
        let (bytes, slash) = (text.utf8, UInt8(ascii: "/"))
        var end = text.startIndex
        while true {
            // Empty components (a leading or doubled slash) belong to what follows.
            while end < text.endIndex, bytes[end] == slash { end = bytes.index(after: end) }
            end = bytes[end...].firstIndex(of: slash) ?? text.endIndex
            let prefix = String(text[..<end])
            var isDirectory: ObjCBool = false
            guard unsafe FileManager.default.fileExists(atPath: prefix, isDirectory: &isDirectory) else {
                self = .directory(path: text)
                return
            }
            if isDirectory.boolValue, Volume.isVolume(prefix) {
                let inside = bytes[end...].drop { $0 == slash }
                self = .volume(path: prefix, try VolumeName(parsing: Substring(inside)))
                return
            }
            if end == text.endIndex {
                self = isDirectory.boolValue ? .directory(path: text) : .file(path: text)
                return
            }
            guard isDirectory.boolValue else {
                throw SnapshotError(
                    .invalidRequest, "a file has nothing inside that an address could name", place: prefix)
            }
        }
    }
}
