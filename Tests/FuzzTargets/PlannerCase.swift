import SendStream
import SnapshotDiff
import SnapshotModel
import SnapshotTesting

/// Trees chosen by the input: three states of one, sent in the way that its first bytes say.
enum PlannerCase {
    private enum Way: UInt8, CaseIterable {
        case full, parent, comparedWhole, bookmark, unrelated, imported, cloneSources, parentAndCloneSources
    }

    static func run(_ bytes: [UInt8]) throws(FuzzFinding) {
        do {
            try plan(bytes)
        } catch let error as FuzzFinding {
            throw error
        } catch {
            // Nothing here comes from outside: every error is one of the plan.
            throw FuzzFinding("\(error)")
        }
    }

    /// Bytes: way, what the target takes, options, edits of the second state, and choices.
    private static func plan(_ bytes: [UInt8]) throws {
        guard bytes.count > 4, let way = Way(rawValue: bytes[0] % UInt8(Way.allCases.count)) else { return }
        let random = try RandomTree(choices: Choices(bytes: bytes[4...]), size: 24)
        let base = random.snapshot("base")
        try random.edit(Int(bytes[3] % 16))
        let middle = random.snapshot("middle")
        try random.edit(64)
        let new = random.snapshot("new")
        new.offersEncodedExtents = bytes[2] & 1 != 0
        var options = PlannerOptions()
        options.passesEncodedExtents = bytes[2] & 2 != 0
        options.clonesExtents = bytes[2] & 4 == 0
        let accepts = ReplayCapabilities(rawValue: bytes[1] % 32)
        let target = MemoryTarget(accepts: accepts)
        if way != .full { try Replay.send(base, to: target) }
        if way == .parentAndCloneSources { try Replay.send(middle, base: base, to: target) }
        try send(new, way, base, middle, to: target, options)
    }

    private static func send(
        _ new: MemoryTree, _ way: Way, _ base: MemoryTree, _ middle: MemoryTree, to target: MemoryTarget,
        _ options: PlannerOptions
    ) throws {
        var options = options
        var details = Replay.details(target.accepts)
        let arrived: MemoryTree
        switch way {
        case .full: arrived = try Replay.send(new, to: target, options: options)
        case .parent: arrived = try Replay.send(new, base: base, to: target, options: options)
        case .comparedWhole:
            try compareWhole(new, base, accepts: target.accepts, options)
            new.knowsHistory = false
            arrived = try Replay.send(new, base: base, to: target, options: options)
        case .bookmark:
            arrived = try Replay.send(new, base: try Replay.bookmark(base), to: target, options: options)
        case .cloneSources: arrived = try Replay.send(new, cloneSources: [base], to: target, options: options)
        case .parentAndCloneSources:
            arrived = try Replay.send(new, base: middle, cloneSources: [base], to: target, options: options)
        case .unrelated, .imported:
            // The base is then what has arrived of it.
            guard let received = target.newest else { return }
            options.comparison = way == .unrelated ? .unrelated : .imported
            if way == .unrelated { details.formIntersection(Replay.settable) }
            new.domain = nil
            arrived = try Replay.send(new, base: received, to: target, options: options)
        }
        try Replay.check(arrived, new, details)
        try throughStream(new, target)
    }

    /// What a comparison of whole trees plans, history plans too.
    private static func compareWhole(
        _ new: MemoryTree, _ base: MemoryTree, accepts: ReplayCapabilities, _ options: PlannerOptions
    ) throws {
        var plans: [[Instruction]] = []
        for knowsHistory in [true, false] {
            new.knowsHistory = knowsHistory
            let target = MemoryTarget(accepts: accepts)
            try Replay.send(base, to: target)
            try Replay.send(new, base: base, to: target, options: options)
            plans.append(target.instructions)
        }
        guard plans[0] == plans[1] else { throw FuzzFinding("history and comparison plan otherwise") }
    }

    /// The instructions survive their way through bytes.
    private static func throughStream(_ new: MemoryTree, _ target: MemoryTarget) throws {
        guard let header = target.header else { return }
        let sent = StreamReaders.Snapshot(header: header, instructions: target.instructions)
        let sink = ArraySink()
        let writer = CowpathStreamWriter(to: sink, options: StreamCase.writerOptions)
        try sent.replay(onto: writer)
        try writer.close()
        let readers = StreamReaders()
        _ = try StreamReader(from: ArraySource(sink.bytes), options: StreamCase.options).replay(into: readers)
        guard readers.snapshots == [sent] else { throw FuzzFinding("a stream brings other instructions") }
    }
}
