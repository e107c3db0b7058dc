import CowVolume
import Foundation
import Glibc
import SnapshotModel
import Testing

/// A volume in a directory of its own, which goes when the test does.
final class TemporaryVolume {
    let path: String
    private(set) var volume: Volume

    init() throws {
        path = FileManager.default.temporaryDirectory.path + "/cowpath-volume-\(SnapshotUUID.random())"
        volume = try Volume.create(at: path)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// Opens the volume as another process would.
    func reopen() throws {
        volume = try Volume.open(at: path)
    }

    /// Fails with everything that a check finds.
    @discardableResult
    func check(readingData: Bool = false, _ note: String = "") throws -> CheckSummary {
        var findings: [String] = []
        let summary = try volume.check(readingData: readingData) {
            findings.append("\($0.kind): \($0.message), \($0.place)")
        }
        #expect(findings.isEmpty, "\(note) \(findings.prefix(5))")
        return summary
    }

    /// Replays instructions into a new snapshot.
    @discardableResult
    func receive(
        _ instructions: [Instruction], into dataset: String, as name: String, base: SnapshotRecord? = nil,
        from sender: SnapshotReference? = nil, force: Bool = false
    ) throws -> SnapshotRecord {
        let target = try volume.target(.init(dataset: dataset, force: force, keepsReceivedUUID: sender != nil))
        var header = SnapshotHeader(
            name: name, snapshot: sender ?? SnapshotReference(uuid: .random(), generation: 1))
        if let base { header.base = .parent(base.identity.reference) }
        try target.begin(header)
        do {
            for instruction in instructions { try target.apply(instruction) }
            try target.finish()
        } catch {
            target.abandon()
            throw error
        }
        return try #require(target.received)
    }

    /// Bytes that the volume's files take on disk.
    func allocatedBytes() throws -> Int {
        var sum = 0
        for name in try FileManager.default.subpathsOfDirectory(atPath: path) {
            var status = stat()
            if unsafe stat(path + "/" + name, &status) == 0 { sum += Int(status.st_blocks) * 512 }
        }
        return sum
    }

    /// Bytes of the segments as they are listed.
    func segmentBytes() throws -> Int {
        var sum = 0
        for name in try FileManager.default.contentsOfDirectory(atPath: path + "/segments") {
            let url = URL(fileURLWithPath: path + "/segments/" + name)
            sum += try Data(contentsOf: url).count
        }
        return sum
    }
}

extension RelativePath {
    init(_ text: String) { self.init(trusted: Array(text.utf8)) }
}
