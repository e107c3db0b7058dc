import Replication
import SnapshotModel
import Testing
import cowpath

@Suite struct ProgressLineTests {
    @Test(arguments: [
        SnapshotTotals(inodes: .max, instructions: .max, bytes: .max), SnapshotTotals(bytes: .max),
        SnapshotTotals(inodes: .max), SnapshotTotals(inodes: 1, bytes: 1), SnapshotTotals(),
    ])
    func `whatever a header announces, a line comes of it`(_ expected: SnapshotTotals) {
        for done in [SnapshotTotals(inodes: 1, bytes: 1), SnapshotTotals(inodes: .max, bytes: .max), SnapshotTotals()] {
            var progress = ReplayProgress()
            progress.snapshot = "evil"
            progress.done = done
            progress.expected = expected
            for seconds in [0, 0.2, 1e9] {
                let line = ProgressLine.text(progress, seconds: seconds)
                #expect(line.hasPrefix("evil: ") && line.utf8.count < 120, "\(line)")
            }
        }
    }

    @Test func `a name that would write to a terminal is escaped`() {
        var progress = ReplayProgress()
        progress.snapshot = "ev\u{1B}[2Jil"
        #expect(ProgressLine.text(progress, seconds: 1).hasPrefix("ev\\e[2Jil: "))
    }
}
