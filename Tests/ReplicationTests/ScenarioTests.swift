import CowVolume
import DirectoryAccess
import Foundation
import Glibc
import Logging
import Replication
import SendStream
import SnapshotDiff
import SnapshotModel
import SnapshotTesting
import Testing

/// Histories from seeds, carried over every pair of ends and compared with the model that made them.
///
/// `COWPATH_SEEDS` says how many (500 without it), `COWPATH_FIRST_SEED` where to begin (1).
@Suite struct ScenarioTests {
    private static let environment = ProcessInfo.processInfo.environment
    static let firstSeed = environment["COWPATH_FIRST_SEED"].flatMap { UInt64($0) } ?? 1
    static let seedCount = environment["COWPATH_SEEDS"].flatMap { UInt64($0) } ?? 500
    /// Seeds of one test case: few enough that a failure is found soon, enough that cases cost little.
    private static let batch: UInt64 = 10
    static let batches = stride(from: firstSeed, to: firstSeed + seedCount, by: Int(batch)).map { $0 }

    @Test(arguments: batches)
    func `a volume and its received copy hold what the model holds`(_ first: UInt64) throws {
        for seed in first..<min(first + ScenarioTests.batch, ScenarioTests.firstSeed + ScenarioTests.seedCount) {
            try VolumeScenario(seed: seed).run()
        }
    }

    @Test(
        .enabled(if: geteuid() == 0, "owners and device nodes need root"),
        arguments: batches)
    func `directories hold what the model holds, and are imported as they are`(_ first: UInt64) throws {
        for seed in first..<min(first + ScenarioTests.batch, ScenarioTests.firstSeed + ScenarioTests.seedCount) {
            try DirectoryScenario(seed: seed).run()
        }
    }
}

/// A history of snapshots of a random tree.
struct History {
    let seed: UInt64
    let snapshots: [MemoryTree]

    init(seed: UInt64, length: Int = 4) throws {
        self.seed = seed
        let random = try RandomTree(seed: seed)
        var snapshots = [random.snapshot("s0")]
        for step in 1..<length {
            try random.edit(Int(1 + seed % 40))
            snapshots.append(random.snapshot("s\(step)"))
        }
        self.snapshots = snapshots
    }

    /// Compares a tree with the model's.
    func expect(
        _ tree: any SnapshotTree, is index: Int, _ details: TreeReport.Details, _ route: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let expected = try TreeReport(of: snapshots[index], details)
        let difference = try TreeReport(of: tree, details).firstDifference(from: expected)
        #expect(
            difference == nil, "seed \(seed), snapshot \(index), \(route): \(difference ?? "")",
            sourceLocation: sourceLocation)
    }
}

/// Model → volume → stream → volume, from parents, bookmarks and clone sources.
struct VolumeScenario {
    let history: History
    let encoding: Encoding
    let usesBookmarks: Bool
    /// Whether bookmarks are kept as streams, and not in the volume.
    let keepsBookmarksOutside: Bool
    let usesCloneSources: Bool
    let scratch: Scratch

    init(seed: UInt64) throws {
        history = try History(seed: seed)
        encoding = Encoding.allCases[Int(seed % UInt64(Encoding.allCases.count))]
        usesBookmarks = seed / 6 % 3 == 1
        keepsBookmarksOutside = seed % 2 == 1
        usesCloneSources = seed / 6 % 3 == 2
        scratch = try Scratch()
    }

    func run() throws {
        let origin = try Volume.create(at: scratch("origin"))
        for (index, model) in history.snapshots.enumerated() {
            let base = index > 0 ? history.snapshots[index - 1] : nil
            try Send(source: model, base: base).runDirectly(into: origin.receiver("home"))
            try history.expect(origin.trees(of: "home")[index], is: index, .everything, "model to volume")
        }
        try expectSound(origin)
        let copy = try replicate(origin)
        try expectSameInstructions(origin, copy)
        try destroyEverything(copy)
    }

    private func replicate(_ origin: Volume) throws -> Volume {
        let copy = try Volume.create(at: scratch("copy"))
        var bookmark: (any SnapshotTree)?
        for index in history.snapshots.indices {
            let source = try origin.tree(of: "home@s\(index)")
            var send = Send(source: source, encoding: encoding)
            if index > 0 { send.base = try bookmark ?? origin.tree(of: "home@s\(index - 1)") }
            if index > 1, usesCloneSources { send.cloneSources = [try origin.tree(of: "home@s0")] }
            try send.run(into: copy.receiver("backup"))
            try history.expect(
                copy.tree(of: "backup@s\(index)"), is: index, kept(index), "\(encoding), bookmarks \(usesBookmarks)")
            if usesBookmarks { bookmark = try makeBookmark(index, in: origin) }
        }
        try expectSound(copy)
        return copy
    }

    private func makeBookmark(_ index: Int, in origin: Volume) throws -> any SnapshotTree {
        let name = "home@s\(index)"
        guard keepsBookmarksOutside else {
            try origin.makeBookmark(of: name, named: "home#b\(index)")
            return try origin.tree(of: "home#b\(index)")
        }
        return try StoredTree.load(from: ArraySource(Send(source: origin.tree(of: name)).bookmark()))
    }

    /// What an encoding carries to a volume.
    private func kept(_ index: Int) -> TreeReport.Details {
        switch encoding {
        case .btrfs1: TreeReport.Details.everything.subtracting([.birthTimes, .flags, .holes, .preallocation])
        case .zstd, .zlib, .none, .compressedData, .btrfs2: .everything
        }
    }

    private func expectSameInstructions(_ origin: Volume, _ copy: Volume) throws {
        guard encoding != .btrfs1 else { return }
        for index in history.snapshots.indices.dropFirst() {
            let sends = try [(origin, "home"), (copy, "backup")].map { volume, dataset in
                var send = Send(source: try volume.tree(of: "\(dataset)@s\(index)"), encoding: .none)
                send.base = try volume.tree(of: "\(dataset)@s\(index - 1)")
                var lines: [String] = []
                try send.runDirectly(into: DumpPrinter { lines.append($0) })
                return lines.joined()
            }
            #expect(sends[0] == sends[1], "seed \(history.seed), snapshot \(index): instructions differ by volume")
            let again = try Send(source: origin.tree(of: "home@s\(index)"), encoding: encoding)
            #expect(try again.bytes() == again.bytes(), "seed \(history.seed), snapshot \(index): bytes differ")
        }
    }

    private func expectSound(_ volume: Volume) throws {
        var findings: [String] = []
        _ = try volume.check(readingData: true) { findings.append("\($0)") }
        #expect(findings.isEmpty, "seed \(history.seed)")
    }

    private func destroyEverything(_ volume: Volume) throws {
        for dataset in try volume.datasets() where !dataset.name.contains("/") {
            _ = try volume.destroy(dataset.name, recursive: true)
        }
        try expectSound(volume)
        #expect(try volume.datasets().isEmpty)
    }
}

/// Model → directories, beside their parents and in place → import → restore.
struct DirectoryScenario {
    let history: History
    let scratch: Scratch
    /// What directories of any file system keep; file flags, change and birth times are theirs alone.
    private static let kept = TreeReport.Details([.owners, .extendedAttributes, .contents])

    init(seed: UInt64) throws {
        history = try History(seed: seed)
        scratch = try Scratch()
    }

    func run() throws {
        let opener = TreeOpener()
        let volume = try Volume.create(at: scratch("volume"))
        try FileManager.default.createDirectory(atPath: scratch("snapshots"), withIntermediateDirectories: false)
        let snapshots = try DirectoryTarget(mode: .snapshots(in: scratch("snapshots")), strict: false)
        for (index, model) in history.snapshots.enumerated() {
            let base = index > 0 ? history.snapshots[index - 1] : nil
            let send = Send(source: model, base: base, encoding: .zstd)
            try send.run(into: snapshots)
            try send.run(into: DirectoryTarget(mode: .mirror(scratch("mirror")), strict: false))
            try expect("snapshots/s\(index)", is: index)
            try expect("mirror", is: index)
            try importMirror(index, opener)
        }
        // What came later must have left the earlier ones alone.
        for index in history.snapshots.indices {
            try expect("snapshots/s\(index)", is: index)
            try restore(index, from: volume, opener)
        }
        if history.seed % 10 == 0 { try compareIndependently() }
    }

    /// The last snapshot, as it was received and as it came back, compared by a program that shares no code.
    private func compareIndependently() throws {
        let last = history.snapshots.count - 1
        let script = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "compare_trees.py").path
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["python3", script, scratch("mirror"), scratch("restored\(last)")]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let said = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        #expect(
            process.terminationStatus == 0, "seed \(history.seed): \(String(decoding: said, as: UTF8.self))")
    }

    private func expect(_ name: String, is index: Int) throws {
        let tree = try DirectoryTree(path: scratch(name), options: DirectoryTree.Options())
        try history.expect(tree, is: index, DirectoryScenario.kept, name)
    }

    private func importMirror(_ index: Int, _ opener: TreeOpener) throws {
        let importer = try Importer(
            directory: scratch("mirror"), into: scratch("volume") + "/home@s\(index)",
            options: DirectoryTree.Options(), opener: opener)
        let summary = try importer.run(cancellation: Cancellation(), report: nil, logger: quietLogger)
        #expect(summary.losses.isEmpty, "seed \(history.seed)")
        let tree = try opener.tree(scratch("volume") + "/home@s\(index)").tree
        try history.expect(tree, is: index, DirectoryScenario.kept, "import")
    }

    private func restore(_ index: Int, from volume: Volume, _ opener: TreeOpener) throws {
        let (_, losses) = try Restorer.run(
            scratch("volume") + "/home@s\(index)", into: scratch("restored\(index)"), strict: true, opener: opener,
            cancellation: Cancellation(), report: nil, logger: quietLogger)
        #expect(losses.isEmpty)
        try expect("restored\(index)", is: index)
    }
}

/// Says nothing.
private let quietLogger = Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }
