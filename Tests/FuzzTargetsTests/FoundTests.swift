import Foundation
import FuzzTargets
import SnapshotTesting
import Testing

/// What was fuzzed, run without a fuzzer.
@Suite struct FoundTests {
    private static let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    private static let package = tests.deletingLastPathComponent().deletingLastPathComponent()

    private static func files(in folder: URL, _ prefix: String = "") throws -> [URL] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.filter { $0.hasPrefix(prefix) }.sorted().map { folder.appendingPathComponent($0) }
    }

    @Test(arguments: FuzzTarget.allCases)
    func `what a fuzzer found once stays mended`(target: FuzzTarget) throws {
        for file in try FoundTests.files(in: FoundTests.tests.appendingPathComponent("Found/\(target.rawValue)")) {
            let bytes = [UInt8](try Data(contentsOf: file))
            #expect(throws: Never.self, "\(file.lastPathComponent)") { try target.run(bytes) }
        }
    }

    @Test(arguments: [FuzzTarget.cowpath, .btrfs])
    func `every vector of the format passes what fuzzed streams must pass`(target: FuzzTarget) throws {
        let folder = FoundTests.package.appendingPathComponent("stream-format/vectors")
        let files = try FoundTests.files(in: folder, target.rawValue).filter { $0.pathExtension == "stream" }
        try expectRuns(target, files)
    }

    /// Runs files as they are, and mutated.
    private func expectRuns(_ target: FuzzTarget, _ files: [URL]) throws {
        #expect(files.count >= 5)
        for file in files {
            let bytes = [UInt8](try Data(contentsOf: file))
            #expect(throws: Never.self, "\(file.lastPathComponent)") { try target.run(bytes) }
            // Taken apart and put together, most bytes stay what they are; what comes out is a stream again.
            for seed in 0..<50 as Range<UInt32> {
                let mutated = target.mutate(bytes, limit: 1 << 16, seed: seed) { bytes, _ in bytes.reversed() }
                #expect(throws: Never.self, "\(file.lastPathComponent), seed \(seed)") { try target.run(mutated) }
            }
        }
    }

    @Test(arguments: [FuzzTarget.items, .extent])
    func `what a btrfs keeps passes what fuzzed items and extents must pass`(target: FuzzTarget) throws {
        let files = try FoundTests.files(
            in: FoundTests.package.appendingPathComponent("Fuzz/Seeds/\(target.rawValue)"))
        try expectRuns(target, files)
    }

    @Test func `random trees written as items, and random LZO streams, are read as what they are`() throws {
        for seed in 0..<200 as Range<UInt64> {
            var random = SplitMix64(seed: seed)
            let bytes = (0..<200).map { _ in UInt8(random.below(256)) }
            #expect(throws: Never.self, "seed \(seed)") {
                try FuzzTarget.items.run([2] + [UInt8](repeating: 0, count: 9) + bytes)
                try FuzzTarget.extent.run([11 + UInt8(seed % 5)] + bytes)
            }
        }
    }

    @Test func `a wrong result is told of`() {
        #expect(throws: FuzzFinding.self) { try FuzzTarget.canaryWrong.run([0xFF, 0x2A, 0]) }
    }
}
