import SendStream
import SnapshotModel

/// Hands what a stream holds to the verifier, the printer and the builder of trees, and keeps it.
final class StreamReaders: ReplayTarget {
    struct Snapshot: Equatable {
        var header: SnapshotHeader
        var instructions: [Instruction] = []

        func replay(onto target: any ReplayTarget) throws {
            try target.begin(header)
            for instruction in instructions { try target.apply(instruction) }
            try target.finish()
        }
    }

    /// A compressed frame can hold more than is worth keeping.
    private static let maximumKept = 20_000

    private(set) var snapshots: [Snapshot] = []
    /// The tree of each snapshot that fits what was there before.
    private(set) var trees: [StreamTree] = []
    private(set) var keepsAll = true
    /// The first wrong thing that came up.
    private(set) var finding: FuzzFinding?
    private var current: Snapshot?
    private var kept = 0
    private let verifier = StreamVerifier()
    private let builder = StreamTreeBuilder()
    private let printer = DumpPrinter { _ in }
    /// Whether the stream still makes sense to each: a wrong step is an error, and then the end for it.
    private var (isVerified, isBuilt) = (true, true)

    let losses = ReplayLosses()
    let accepts = ReplayCapabilities.everything

    private func feed(_ isWell: inout Bool, _ body: () throws -> Void) {
        guard isWell else { return }
        do {
            isWell = try StreamCase.expected("replaying", body)
        } catch {
            finding = finding ?? error
        }
    }

    func begin(_ header: SnapshotHeader) throws {
        current = Snapshot(header: header)
        feed(&isVerified) { try verifier.begin(header) }
        feed(&isBuilt) { try builder.begin(header) }
        try printer.begin(header)
    }

    func apply(_ instruction: Instruction) throws {
        feed(&isVerified) { try verifier.apply(instruction) }
        feed(&isBuilt) { try builder.apply(instruction) }
        try printer.apply(instruction)
        kept += 1
        if kept <= StreamReaders.maximumKept { current?.instructions.append(instruction) } else { keepsAll = false }
    }

    func finish() throws {
        feed(&isVerified) { try verifier.finish() }
        feed(&isBuilt) { try builder.finish() }
        if isBuilt, let tree = builder.tree { trees.append(tree) }
        if let current { snapshots.append(current) }
        current = nil
    }

    func abandon() {
        verifier.abandon()
        builder.abandon()
        current = nil
    }
}
