import Foundation
import SnapshotModel
import SnapshotTesting
import Testing

/// Streams made to do harm, at everything that takes a stream: each must be refused with its own error and leave
/// what is there as it was, fit for the next stream.
@Suite struct HostileStreamTests {
    @Test func `every hostile stream is refused with its own error and changes nothing`() throws {
        var record = MessageRecord("hostile-streams")
        let ends = try HostileEnd.all()
        let trials = try ends.map { try HostileTrial($0) }
        for attack in HostileCase.all {
            for encoding in attack.encodings {
                let bytes = attack.bytes(encoding)
                for trial in trials {
                    let error = try trial.run(attack, encoding, bytes)
                    record.add(attack.name, "\(encoding) \(trial.end.name)", error, hiding: trial.end.paths)
                }
            }
        }
        #expect(record.faults.isEmpty, "\(record.faults.joined(separator: "\n"))")
        let difference = try record.difference()
        #expect(difference == nil, "\(difference ?? "")")
    }

    @Test func `a stream that is cut anywhere, or has a byte changed, is refused everywhere`() throws {
        let steps: [RawStep] = [.file("f"), .write("f", at: 0, Array("text".utf8))]
        let trials = try HostileEnd.all().map { try HostileTrial($0) }
        for encoding in RawStream.Encoding.allCases {
            let bytes = RawStream(steps).bytes(encoding)
            // What follows the trailer of a snapshot is too late to undo it.
            let end = encoding == .cowpath ? bytes.count - 56 : bytes.count
            for index in bytes.indices {
                let cut = HostileCase.damaged("cut at \(index)", encoding, isLate: index >= end)
                var changed = bytes
                changed[index] ^= 0xFF
                let turned = HostileCase.damaged("byte \(index) changed", encoding, isLate: index >= end)
                for trial in trials {
                    try trial.run(cut, encoding, Array(bytes.prefix(index)), receivesAfterwards: index % 50 == 0)
                    try trial.run(turned, encoding, changed, receivesAfterwards: index % 50 == 0)
                }
            }
        }
    }

    @Test(arguments: RawStream.Encoding.allCases)
    func `a base of which only a bookmark is left is said to be missing`(_ encoding: RawStream.Encoding) throws {
        let end = try VolumeEnd(keepingOnlyBookmark: true)
        let before = try end.state()
        var stream = RawStream([.mode("d", 0o700)])
        stream.base = RawStream.base
        let bytes = stream.bytes(encoding)
        let error = #expect(throws: SnapshotError.self) { try end.replay(bytes, isIncremental: true) }
        #expect(error?.code == .baseNotFound)
        #expect(error.map { MessageRecord.faults(of: $0) } == [])
        #expect(try end.state() == before)
    }

    @Test func `frames that are doubled, dropped or swapped are refused everywhere`() throws {
        let trials = try HostileEnd.all().map { try HostileTrial($0) }
        let stream = RawStream(HostileCase.groundwork)
        let frames = [stream.frames()[0]] + stream.steps.map { RawStream.Frame(2, $0.cowpath) }
        let pieces = Frames(RawStream.preamble() + RawStream.joined(stream.closed(frames)))
        for index in pieces.pieces.indices {
            let isLate = index >= pieces.pieces.count - 2
            var changed = [("doubled", pieces.pieces), ("dropped", pieces.pieces), ("swapped", pieces.pieces)]
            changed[0].1.insert(pieces.pieces[index], at: index)
            changed[1].1.remove(at: index)
            if index + 1 < pieces.pieces.count { changed[2].1.swapAt(index, index + 1) } else { changed.removeLast() }
            for (what, changed) in changed {
                let attack = HostileCase.damaged("frame \(index) \(what)", .cowpath, isLate: isLate)
                for trial in trials { try trial.run(attack, .cowpath, pieces.joined(changed)) }
            }
        }
    }
}

extension HostileCase {
    static func damaged(_ name: String, _ encoding: RawStream.Encoding, isLate: Bool) -> HostileCase {
        .whole(name, .byReader(.corrupt), encoding, leavesSnapshot: isLate) { [] }
    }
}

/// One end that every hostile stream is tried on.
final class HostileTrial {
    let end: HostileEnd
    private let state: [String]
    private let good: [UInt8]
    private var expected: TreeReport?
    /// What all ends keep; times of directories are not in the stream.
    private static let details = TreeReport.Details([.contents, .extendedAttributes])

    init(_ end: HostileEnd) throws {
        self.end = end
        state = try end.state()
        good = RawStream.good("good").bytes(.cowpath)
    }

    /// Replays a stream and compares what is there with what was there before.
    ///
    /// - Returns: the error; nil where the stream was taken.
    @discardableResult
    func run(
        _ attack: HostileCase, _ encoding: RawStream.Encoding, _ bytes: [UInt8], receivesAfterwards: Bool = true
    ) throws -> SnapshotError? {
        let what = "\(attack.name), \(encoding), \(end.name)"
        var caught: SnapshotError?
        do {
            try end.replay(bytes, isIncremental: attack.isIncremental)
        } catch let error as SnapshotError {
            caught = error
        } catch {
            Issue.record("\(what): an error without a type: \(error)")
        }
        checkRefusal(caught, attack, what)
        // Whatever it is, it must be possible to read it.
        if try end.tree(of: "evil").map({ try TreeReport(of: $0) }) != nil {
            #expect(caught == nil || attack.leavesSnapshot, "\(what): a snapshot came of it")
            try end.remove("evil")
        }
        try expectUnchanged(what)
        if end.receives, receivesAfterwards { try receiveGood(what) }
        return caught
    }

    private func checkRefusal(_ error: SnapshotError?, _ attack: HostileCase, _ what: String) {
        switch attack.refusal {
        case .byReader(let code):
            let isDamage = attack.name.contains(where: \.isNumber) && error != nil && code == .corrupt
            #expect(error?.code == code || isDamage, "\(what): \(error.map { "\($0)" } ?? "taken")")
        case .byTree(let code), .byTarget(let code):
            guard end.receives else { return }
            #expect(error?.code == code, "\(what): \(error.map { "\($0)" } ?? "taken")")
        case .optional: break
        }
    }

    private func expectUnchanged(_ what: String) throws {
        let now = try end.state()
        guard now != state else { return }
        let gone = state.filter { !now.contains($0) }
        let new = now.filter { !state.contains($0) }
        Issue.record("\(what): gone \(gone), new \(new)")
    }

    private func receiveGood(_ what: String) throws {
        do {
            try end.replay(good, isIncremental: false)
        } catch {
            Issue.record("\(what): the next stream is refused: \(error)")
            return
        }
        let report = try #require(
            try end.tree(of: "good").map { try TreeReport(of: $0, HostileTrial.details) }, "\(what)")
        let known = expected ?? report
        expected = known
        let difference = report.firstDifference(from: known)
        #expect(difference == nil, "\(what): \(difference ?? "")")
        try end.remove("good")
    }
}
