import Foundation
import Glibc
package import Replication
import SnapshotModel

/// One line on standard error that is written over as work goes on.
package final class ProgressLine {
    /// Seconds between two drawings: often enough to look alive, seldom enough to cost nothing.
    private static let interval = 0.2

    private let start = ProcessInfo.processInfo.systemUptime
    private var lastDrawing = 0.0
    private var isDrawn = false
    private var calls = 0

    /// The line where it is wanted: on a terminal, or where it is forced; nil where it is not.
    static func wanted(progress: Bool, quiet: Bool) -> ProgressLine? {
        !quiet && (progress || isatty(STDERR_FILENO) == 1) ? ProgressLine() : nil
    }

    /// Draws how far the replay has come.
    func update(_ progress: ReplayProgress) {
        // Asking the clock costs more than most instructions.
        calls += 1
        guard calls % 64 == 0 else { return }
        let now = ProcessInfo.processInfo.systemUptime
        guard now - lastDrawing >= ProgressLine.interval else { return }
        lastDrawing = now
        draw(ProgressLine.text(progress, seconds: now - start))
    }

    /// Takes the line away.
    func clear() {
        if isDrawn { FileHandle.standardError.write(Data("\r\u{1B}[K".utf8)) }
        isDrawn = false
    }

    private func draw(_ text: String) {
        FileHandle.standardError.write(Data("\r\(text)\u{1B}[K".utf8))
        isDrawn = true
    }

    /// The line's text: snapshot, bytes, rate, files, and where the totals are known share done and time left.
    package static func text(_ progress: ReplayProgress, seconds: Double) -> String {
        let bytes = Double(progress.done.bytes)
        var text = "\(EscapedBytes.describe(progress.snapshot.utf8)): \(ByteCount.text(progress.done.bytes))"
        text += ", \(ByteCount.text(UInt64(min(bytes / max(seconds, 0.001), 9e18))))/s, \(progress.done.inodes) files"
        guard let expected = progress.expected else { return text }
        // Inodes without contents take time too: each counts like 4 KiB.
        let all = Double(expected.bytes) + Double(expected.inodes) * 4096
        let done = bytes + Double(progress.done.inodes) * 4096
        guard all > 0, done > 0 else { return text }
        let share = min(1, done / all)
        text += ", \(Int(share * 100)) %"
        // A header can announce anything; who waits for longer than a century needs no clock.
        let left = Int(min(seconds / share - seconds, 3e9))
        return text + ", \(left / 60):" + (left % 60 < 10 ? "0" : "") + "\(left % 60) left"
    }
}

/// Bytes in binary multiples, for people.
enum ByteCount {
    static func text(_ bytes: UInt64) -> String {
        let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
        var value = Double(bytes)
        var unit = 0
        while value >= 1024, unit + 1 < units.count {
            value /= 1024
            unit += 1
        }
        return unit == 0 ? "\(bytes) B" : "\(String(format: "%.1f", value)) \(units[unit])"
    }
}
