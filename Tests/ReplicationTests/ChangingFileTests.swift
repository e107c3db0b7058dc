import CowVolume
import DirectoryAccess
import Foundation
import Glibc
import SnapshotDiff
import SnapshotModel
import SnapshotTesting
import Testing

/// Files that change while they are read.
@Suite struct ChangingFileTests {
    /// Appends to a file of the source each time that contents arrive, at most so many times.
    private final class Meddler: ReplayTarget {
        let target = MemoryTarget()
        let path: String
        var times: Int

        init(path: String, times: Int) {
            self.path = path
            self.times = times
        }

        var losses: ReplayLosses { target.losses }
        var accepts: ReplayCapabilities { target.accepts }
        func begin(_ header: SnapshotHeader) throws { try target.begin(header) }
        func finish() throws { try target.finish() }
        func abandon() { target.abandon() }

        func apply(_ instruction: Instruction) throws {
            try target.apply(instruction)
            guard case .write(_, 0, _) = instruction, times > 0 else { return }
            times -= 1
            let file = try #require(FileHandle(forWritingAtPath: path))
            try file.seekToEnd()
            try file.write(contentsOf: Data("more".utf8))
            try file.close()
        }
    }

    private func send(changing times: Int) throws -> (received: [UInt8], source: [UInt8], losses: ReplayLosses) {
        let scratch = try Scratch()
        let path = scratch("log")
        // Longer than one read, so that the change falls between two of them.
        let contents = [UInt8](repeating: 7, count: 300_000)
        try Data(contents).write(to: URL(filePath: path))
        let tree = try DirectoryTree(path: scratch.path)
        let target = Meddler(path: path, times: times)
        try Send(source: tree).runDirectly(into: target)
        let received = try #require(target.target.newest)
        let inode = try #require(try received.resolve(RelativePath(validating: "log".utf8)))
        return (
            [UInt8](try received.read(inode.number, at: 0, count: 1 << 20)),
            [UInt8](try Data(contentsOf: URL(filePath: path))), tree.losses
        )
    }

    @Test func `a file that changes once while it is read is read again and comes out whole`() throws {
        let (received, source, losses) = try send(changing: 1)
        #expect(received == source)
        #expect(losses.isEmpty)
    }

    @Test func `a file that never rests is counted`() throws {
        let (_, _, losses) = try send(changing: .max)
        #expect(losses.counts == [.changed: 1])
    }

    @Test func `a changed file that vanishes while another is imported is counted, and the rest arrives`() throws {
        let scratch = try Scratch()
        let names = ["a", "b", "c"]
        try FileManager.default.createDirectory(atPath: scratch("tree"), withIntermediateDirectories: false)
        func write(_ text: String) throws {
            for name in names { try Data((text + name).utf8).write(to: URL(filePath: scratch("tree/\(name)"))) }
        }
        try write("first ")
        let volume = try Volume.create(at: scratch("volume"))
        try Send(source: DirectoryTree(path: scratch("tree"))).runDirectly(into: volume.receiver("home"))

        // In place, so that they are the same inodes.
        for name in names {
            let file = try #require(FileHandle(forWritingAtPath: scratch("tree/\(name)")))
            try file.write(contentsOf: Data("second \(name)".utf8))
            try file.close()
        }
        let vanishing = scratch("tree/c")
        var options = PlannerOptions(comparison: .imported)
        // Both trees were compared when the first is sent.
        options.progress = { _ in _ = unsafe unlink(vanishing) }
        let base = try volume.tree(of: "home")
        let planner = Planner(source: try DirectoryTree(path: scratch("tree")), base: base, options: options)
        let target = try volume.target(
            VolumeTarget.Options(dataset: "home", snapshotName: "after", start: .head(base.position)))
        try planner.run(
            into: target, SnapshotHeader(name: "after", snapshot: SnapshotReference(uuid: .random(), generation: 0)))

        let after = try volume.tree(of: "home@after")
        func contents(_ name: String) throws -> String {
            let inode = try #require(try after.resolve(RelativePath(validating: name.utf8)))
            return String(decoding: try after.read(inode.number, at: 0, count: 100), as: UTF8.self)
        }
        #expect(try contents("a") == "second a")
        #expect(try contents("b") == "second b")
        #expect(try contents("c") == "first c")
        #expect(planner.losses.counts.values.reduce(0, +) == 1)
    }
}
