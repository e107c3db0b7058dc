import Foundation
import Glibc

/// A btrfs in a file, mounted for one test; unmounted and removed at the end.
package final class LoopBtrfs {
    /// Why there can be none here; nil where there can.
    package static let obstacle: String? = {
        if geteuid() != 0 { return "needs root, to mount" }
        if !FileManager.default.fileExists(atPath: "/dev/loop-control") { return "needs loop devices" }
        if (try? run("mkfs.btrfs", ["--version"])) == nil { return "needs mkfs.btrfs" }
        let known = (try? String(contentsOfFile: "/proc/filesystems", encoding: .utf8)) ?? ""
        return known.contains("btrfs") ? nil : "the kernel has no btrfs"
    }()

    /// The mount point.
    package let path: String
    private let image: String

    /// - Parameter megabytes: the size of the file system.
    package init(megabytes: UInt64 = 512) throws {
        path = NSTemporaryDirectory() + "cowpath-btrfs-\(UUID().uuidString)"
        image = path + ".img"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        _ = FileManager.default.createFile(atPath: image, contents: nil)
        let file = try FileHandle(forWritingTo: URL(filePath: image))
        try file.truncate(atOffset: megabytes << 20)
        try LoopBtrfs.run("mkfs.btrfs", ["-q", image])
        try LoopBtrfs.run("mount", ["-o", "loop", image, path])
    }

    deinit {
        _ = try? LoopBtrfs.run("umount", ["--lazy", path])
        try? FileManager.default.removeItem(atPath: path)
        try? FileManager.default.removeItem(atPath: image)
    }

    package func callAsFunction(_ name: String) -> String { path + "/" + name }

    /// Runs a program, which must succeed, and gives its output.
    @discardableResult
    package static func run(_ program: String, _ arguments: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [program] + arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let bytes = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failure(program: program, arguments: arguments) }
        return String(decoding: bytes, as: UTF8.self)
    }

    package struct Failure: Error {
        package let program: String
        package let arguments: [String]
    }
}
