import SnapshotModel

/// Drives a target with what a reader decodes, and counts.
///
/// A class, since a frame's delivery and the loop that reads frames both speak to it, on one thread.
final class ReplayDriver {
    private let target: any ReplayTarget
    private let options: StreamReader.Options
    private var lastPath: RelativePath?
    /// The snapshot that has begun; nil outside one.
    private(set) var header: SnapshotHeader? {
        didSet { isInSnapshot = header != nil }
    }
    /// What the current snapshot has had so far.
    private(set) var totals = SnapshotTotals()
    private(set) var summary = StreamSummary()

    init(target: any ReplayTarget, options: StreamReader.Options) {
        self.target = target
        self.options = options
    }

    private(set) var isInSnapshot = false

    /// The last path replayed, as the end of a message; empty where there is none.
    var lastPathText: String {
        lastPath.map { ", behind '\($0)'" } ?? ""
    }

    func begin(_ header: SnapshotHeader) throws {
        totals = SnapshotTotals()
        lastPath = nil
        try options.onSnapshot?(header)
        self.header = header
        try target.begin(header)
    }

    func apply(_ instruction: Instruction) throws {
        totals.count(instruction)
        lastPath = instruction.path
        try applyCut(instruction)
    }

    /// Replays steps that follow each other.
    ///
    /// - Parameter done: raised by each that was replayed.
    func apply(_ run: InstructionRun, done: inout Int) throws {
        let first = done
        defer {
            let reached = first..<min(done + 1, run.count)
            totals += run.totals(of: reached)
            if let last = reached.last { lastPath = run.steps[last].path }
        }
        guard run.longestWrite > InstructionLimits.writeLength else { return try target.apply(run, done: &done) }
        while done < run.count {
            try applyCut(run.steps[done])
            done += 1
        }
    }

    func finish() throws {
        guard let name = header?.name else { return }
        try target.finish()
        header = nil
        summary.snapshots += 1
        summary.lastSnapshot = name
        summary.totals.inodes += totals.inodes
        summary.totals.instructions += totals.instructions
        summary.totals.bytes += totals.bytes
    }

    func progress(_ bytes: UInt64) {
        summary.streamBytes = bytes
        options.onProgress?(bytes)
    }

    /// The error with the snapshot named in which it came up and, where the stream is at fault, what to do.
    func located(_ error: any Error) -> any Error {
        guard var error = error as? SnapshotError else { return error }
        if let header { error = error.placed("in snapshot '\(EscapedBytes.describe(header.name.utf8))'") }
        if error.remedy == nil { error.remedy = ReplayDriver.remedies[error.code] }
        return error
    }

    private static let remedies: [SnapshotError.Code: String] = {
        let sendAgain = "send it again, and if that does not help, do not trust its sender"
        let update = "update this program, or send with older options"
        return [
            .corrupt: sendAgain, .invalidName: sendAgain, .invalidPath: sendAgain, .invalidInstruction: sendAgain,
            .limitExceeded: sendAgain, .unsupported: update,
        ]
    }()

    /// Replays a step; one that writes more than a target takes at once, in pieces.
    private func applyCut(_ instruction: Instruction) throws {
        guard case .write(let path, let offset, let data) = instruction, data.count > InstructionLimits.writeLength
        else { return try target.apply(instruction) }
        var rest = data
        while !rest.isEmpty {
            let piece = rest.prefix(InstructionLimits.writeLength)
            let start = offset + UInt64(rest.startIndex - data.startIndex)
            try target.apply(.write(path, offset: start, data: piece))
            rest = rest.dropFirst(piece.count)
        }
    }
}
