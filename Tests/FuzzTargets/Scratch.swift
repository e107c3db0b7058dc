import Foundation
import Glibc

/// A directory of the process's own, in the temporary one, which goes when the process ends as it should.
struct Scratch {
    let path: String

    private static let root = FileManager.default.temporaryDirectory.path + "/cowpath-fuzz-\(getpid())"
    private static let removal: Void = {
        atexit { try? FileManager.default.removeItem(atPath: Scratch.root) }
    }()

    init(_ name: String) throws {
        _ = Scratch.removal
        path = Scratch.root + "/" + name
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
}
