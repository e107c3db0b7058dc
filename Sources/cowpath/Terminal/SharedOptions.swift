import ArgumentParser
import Foundation
import Logging
import Replication
import SnapshotModel

/// How much is said while work goes on.
struct ProgressOptions: ParsableArguments {
    @Flag(name: .long, help: "Show progress even where standard error is no terminal.")
    var progress = false

    @Flag(name: .shortAndLong, help: "Say nothing on success.")
    var quiet = false

    @Flag(name: .shortAndLong, help: "Say more; twice, say every step.")
    var verbose: Int

    /// What is said of the work on standard error: warnings, and as much more as was asked for.
    var logger: Logger {
        let level: Logger.Level = verbose > 1 ? .trace : verbose == 1 ? .info : .warning
        return Logger(label: "cowpath") { _ in StandardErrorLog(logLevel: level) }
    }

    /// Runs work with a progress line, which is taken away before anything else is printed.
    func metered<Result>(_ work: (ProgressReport?) throws -> Result) rethrows -> Result {
        guard let line = ProgressLine.wanted(progress: progress, quiet: quiet) else { return try work(nil) }
        defer { line.clear() }
        return try work { line.update($0) }
    }
}

/// Whether the answer is for a program.
struct JSONOption: ParsableArguments {
    @Flag(name: .long, help: "Print JSON.")
    var json = false
}

/// Prints values as JSON: keys in order, one object a line.
enum JSONLines {
    static func text(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
    }

    static func print(_ value: some Encodable) throws {
        try Terminal.write(text(value))
    }
}
