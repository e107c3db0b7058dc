/// What instructions can be replayed onto: a volume, a directory, an encoder, a printer, a verifier.
///
/// All calls block and come from one thread. For each snapshot: ``begin(_:)``, ``apply(_:)`` any number of
/// times, and ``finish()``; after any error, and before `finish`, ``abandon()`` leaves things as they were.
package protocol ReplayTarget: AnyObject {
    /// Starts a snapshot. Finds the base, or throws ``SnapshotError/Code/baseNotFound``.
    func begin(_ header: SnapshotHeader) throws

    /// Replays one step.
    ///
    /// - Throws: ``SnapshotError`` with ``SnapshotError/Code/invalidInstruction`` for a step that does not fit.
    func apply(_ instruction: Instruction) throws

    /// Replays steps that follow each other. One after the other, unless a target can do better.
    ///
    /// - Parameter done: raised by each step that was replayed: after an error the index of the one that failed.
    func apply(_ run: InstructionRun, done: inout Int) throws

    /// Makes the snapshot visible, read-only and durable.
    func finish() throws

    /// Drops what was replayed since ``begin(_:)``. May be called at any time, and does nothing outside a
    /// snapshot.
    func abandon()

    /// What could not be kept since the target was made.
    var losses: ReplayLosses { get }

    /// Whether ranges can be punched (``AllocationMode/punchHole``) and extents taken encoded.
    var accepts: ReplayCapabilities { get }
}

extension ReplayTarget {
    package func apply(_ run: InstructionRun, done: inout Int) throws {
        try applyEach(of: run, done: &done)
    }

    /// Replays steps that follow each other, one after the other.
    package func applyEach(of run: InstructionRun, done: inout Int) throws {
        while done < run.count {
            try apply(run.steps[done])
            done += 1
        }
    }
}

/// What a target can take beyond the first protocol of btrfs.
package struct ReplayCapabilities: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// ``Instruction/allocate(_:_:offset:length:)``
    package static let allocation = ReplayCapabilities(rawValue: 1)
    /// ``Instruction/writeEncoded(_:offset:_:)``
    package static let encodedWrites = ReplayCapabilities(rawValue: 2)
    /// ``Instruction/setFlags(_:flags:)``
    package static let flags = ReplayCapabilities(rawValue: 4)
    /// ``FileTimes/born`` in ``Instruction/setTimes(_:_:)``
    package static let birthTimes = ReplayCapabilities(rawValue: 8)
    /// A single ``Instruction/write(_:offset:data:)`` longer than the 48 KiB of protocol 1, up to 128 KiB.
    package static let longWrites = ReplayCapabilities(rawValue: 16)

    package static let everything: ReplayCapabilities = [
        .allocation, .encodedWrites, .flags, .birthTimes, .longWrites,
    ]
}

/// What a target could not hold, counted by kind, with the first paths of each.
package struct ReplayLosses: Hashable, Sendable {
    /// The kinds of thing that can be lost.
    package enum Kind: String, CaseIterable, Sendable {
        case owner, permissions, extendedAttribute = "extended attribute", device = "device node", socket, fifo
        case flags = "file flags", times, hole, unreadable = "unreadable file", changed = "file changed while read"
        case verity = "fs-verity", step = "failed step"
    }

    /// How many of each kind.
    package private(set) var counts: [Kind: UInt64] = [:]
    /// The first ``maximumExamples`` of each kind, as shown.
    package private(set) var examples: [Kind: [String]] = [:]

    /// How many paths of each kind are kept.
    package static let maximumExamples = 10

    package init() {}

    package var isEmpty: Bool { counts.isEmpty }

    /// Counts one loss.
    package mutating func add(_ kind: Kind, _ example: @autoclosure () -> String) {
        counts[kind, default: 0] += 1
        if examples[kind, default: []].count < ReplayLosses.maximumExamples {
            examples[kind, default: []].append(example())
        }
    }

    /// Adds the losses of another target or source.
    package mutating func add(_ other: ReplayLosses) {
        for (kind, count) in other.counts {
            counts[kind, default: 0] += count
            let free = ReplayLosses.maximumExamples - examples[kind, default: []].count
            examples[kind, default: []].append(contentsOf: (other.examples[kind] ?? []).prefix(free))
        }
    }
}
