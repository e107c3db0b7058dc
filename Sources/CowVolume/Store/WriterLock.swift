import Foundation
import Glibc
import SnapshotModel
import SystemCalls

/// The sign that the process of an unfinished receive is alive: a file that it has locked.
final class WriterLock {
    /// The name of the file, which is also the name of the receive's row.
    let name: String
    private let path: String
    private let descriptor: Descriptor

    init(in directory: String) throws {
        while true {
            let name = SnapshotUUID.random().description
            let path = "\(directory)/\(name)"
            let descriptor = try Descriptor.open(path, flags: O_RDWR | O_CREAT | O_EXCL, mode: 0o644)
            do throws(SystemCallError) {
                try descriptor.tryLock()
            } catch {
                // Someone who sweeps the directory may have come between. Anything else would fail again.
                if error.isLocked { continue }
                try? FileManager.default.removeItem(atPath: path)
                throw error
            }
            if FileManager.default.fileExists(atPath: path) {
                self.name = name
                self.path = path
                self.descriptor = descriptor
                return
            }
        }
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// Whether the process that made the file is gone. Where that cannot be found out, it is not.
    static func isAbandoned(_ name: String, in directory: String) -> Bool {
        // The name comes from the database: it must not lead elsewhere.
        guard SnapshotUUID(name) != nil else { return true }
        do {
            try open(name, in: directory).tryLock()
            return true
        } catch {
            return error.isMissing
        }
    }

    private static func open(_ name: String, in directory: String) throws(SystemCallError) -> Descriptor {
        try Descriptor.open("\(directory)/\(name)", flags: O_RDONLY | O_NOFOLLOW)
    }

    /// Removes the files of processes that are gone.
    static func sweep(_ directory: String) {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? [] {
            guard let descriptor = try? open(name, in: directory), (try? descriptor.tryLock()) != nil else { continue }
            try? FileManager.default.removeItem(atPath: "\(directory)/\(name)")
        }
    }
}
