import Logging
import Replication
import SnapshotModel
import Testing

/// What lies between the steps of a stream and a target.
@Suite struct MeteredTargetTests {
    /// Asks for the end, or fails, at one step.
    private final class Interrupter: ReplayTarget {
        let cancellation = Cancellation()
        var steps = 0
        var finished = 0
        var failsAtStep = Int.max

        let losses = ReplayLosses()
        let accepts = ReplayCapabilities.everything
        func begin(_ header: SnapshotHeader) throws {}
        func finish() throws { finished += 1 }
        func abandon() {}

        func apply(_ instruction: Instruction) throws {
            if steps == failsAtStep { throw SnapshotError(.system, "no space left on the device") }
            steps += 1
            if steps == 2 { cancellation.cancel() }
        }
    }

    private let path = RelativePath(trusted: Array("file".utf8))

    private func run(of step: Instruction) -> InstructionRun {
        var run = InstructionRun(capacity: 5)
        for _ in 0..<5 { run.append(step, repeatsPath: true) }
        return run
    }

    private func metered(_ target: Interrupter) -> MeteredTarget {
        MeteredTarget(target, cancellation: target.cancellation, logger: Logger(label: "test"))
    }

    @Test func `who asks for the end waits for no more than the step in work where steps may take long`() throws {
        let source = CloneSource(
            snapshot: SnapshotReference(uuid: SnapshotUUID.random(), generation: 1), path: path, offset: 0)
        let target = Interrupter()
        var done = 0
        #expect {
            try metered(target).apply(
                run(of: .clone(path, offset: 0, length: 1 << 40, from: source)), done: &done)
        } throws: {
            ($0 as? SnapshotError)?.code == .cancelled
        }
        #expect(target.steps == 2)
        #expect(done == 2)
    }

    @Test func `who asked for the end before the last step gets no finished snapshot`() throws {
        let target = Interrupter()
        let metered = metered(target)
        var done = 0
        try metered.apply(run(of: .truncate(path, size: 1)), done: &done)
        #expect(done == 5)
        #expect {
            try metered.finish()
        } throws: {
            ($0 as? SnapshotError)?.code == .cancelled
        }
        #expect(target.finished == 0)
    }

    @Test func `what was replayed before a step failed is counted`() throws {
        let target = Interrupter()
        target.failsAtStep = 3
        let metered = metered(target)
        var done = 0
        #expect(throws: SnapshotError.self) {
            try metered.apply(
                run(of: .write(path, offset: 0, data: [1, 2, 3, 4])), done: &done)
        }
        #expect(done == 3)
        #expect(metered.progress.done.instructions == 3)
        #expect(metered.progress.done.bytes == 12)
    }
}
