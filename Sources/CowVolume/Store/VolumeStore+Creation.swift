import Foundation
import GRDB
import Glibc
import SnapshotModel
import SystemCalls

extension VolumeStore {
    /// Makes an empty volume in a directory that is empty, not there yet, or holds what a creation left that was cut.
    static func create(at path: String) throws -> VolumeStore {
        let files = FileManager.default
        return try guarded(path) {
            try files.createDirectory(atPath: path, withIntermediateDirectories: true)
            let directory = try Descriptor.open(path, flags: OpenFlags.readDirectory)
            guard (try? directory.tryLock()) != nil else {
                throw SnapshotError(
                    .inUse, "another process is making a volume here", place: path,
                    remedy: "wait until it has ended")
            }
            try clear(path)
            for name in [segmentsName, writersName] {
                try files.createDirectory(atPath: "\(path)/\(name)", withIntermediateDirectories: true)
            }
            let pool = try openPool(path, isNew: true)
            let uuid = SnapshotUUID.random()
            try pool.write { try VolumeSchema.create(in: $0, uuid: uuid) }
            try directory.sync()
            // The marker comes last: what has one is whole.
            let unfinished = Array("\(markerName).new".utf8)
            let marker = try directory.open(unfinished, flags: OpenFlags.create, mode: 0o644)
            try marker.write(Array("cowpath volume, format \(VolumeFormat.newest.rawValue)\n".utf8)[...])
            try marker.sync()
            try directory.rename(unfinished, to: Array(markerName.utf8), in: directory)
            try directory.sync()
            return VolumeStore(path: path, uuid: uuid, format: .newest, pool: pool)
        }
    }

    /// Removes what a creation left before it came to the marker, and nothing else.
    private static func clear(_ path: String) throws {
        let files = FileManager.default
        let unfinished = [
            segmentsName, writersName, databaseName, "\(databaseName)-wal", "\(databaseName)-shm",
            "\(databaseName)-journal", "\(markerName).new",
        ]
        let found = try files.contentsOfDirectory(atPath: path)
        // The folder of segments is the first that is made.
        let isOurs =
            try found.isEmpty
            || found.contains(segmentsName)
                && found.allSatisfy { name in
                    guard unfinished.contains(name) else { return false }
                    guard name == segmentsName || name == writersName else { return true }
                    return try files.contentsOfDirectory(atPath: "\(path)/\(name)").isEmpty
                }
        guard isOurs else {
            throw SnapshotError(
                .alreadyExists, "the directory is not empty", place: path,
                remedy: "name a new or an empty directory")
        }
        for name in found { try files.removeItem(atPath: "\(path)/\(name)") }
    }
}
