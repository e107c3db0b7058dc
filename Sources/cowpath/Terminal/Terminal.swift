import ArgumentParser
import Dispatch
import Foundation
import Glibc
import Replication
import SnapshotModel
import SystemCalls

/// Where the program speaks: data on standard output, warnings and errors on standard error.
enum Terminal {
    /// The exit status when the work was done but something could not be kept.
    static let partialStatus = ExitCode(2)
    /// The exit status after an interrupt from the keyboard: 128 and the signal's number, as shells have it.
    static let interruptedStatus: Int32 = 128 + SIGINT

    /// Prints one line, `cowpath: …`, on standard error.
    static func report(_ message: String) {
        say("cowpath: \(message)")
    }

    /// Prints one line on standard error.
    static func say(_ line: String) {
        FileHandle.standardError.write(Data("\(line)\n".utf8))
    }

    /// Writes text to standard output.
    ///
    /// - Throws: ``SystemCallError`` where the reader is gone.
    static func write(_ text: String) throws {
        try StandardOutput.write(Array(text.utf8)[...])
    }

    /// Says what could not be kept, and ends with status 2 if there was anything.
    ///
    /// - Throws: ``ExitCode``.
    static func conclude(_ losses: ReplayLosses) throws {
        guard !losses.isEmpty else { return }
        for kind in ReplayLosses.Kind.allCases {
            guard let count = losses.counts[kind] else { continue }
            let examples = (losses.examples[kind] ?? []).joined(separator: ", ")
            let more = count > UInt64(ReplayLosses.maximumExamples) ? ", …" : ""
            report("\(count) × \(kind.rawValue) could not be kept: \(examples)\(more)")
        }
        throw partialStatus
    }

    /// A wish to stop that Ctrl-C and SIGTERM express; a second signal ends the program at once.
    static func cancellationBySignals() -> Cancellation {
        let cancellation = Cancellation()
        for number in [SIGINT, SIGTERM] {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                cancellation.cancel()
                signal(number, SIG_DFL)
                source.cancel()
            }
            source.activate()
        }
        return cancellation
    }

    /// Refuses to write a stream to a terminal.
    static func requireNoTerminal(_ descriptor: Int32, remedy: String) throws {
        if isatty(descriptor) == 1 {
            throw SnapshotError(.invalidRequest, "a stream is not written to a terminal", remedy: remedy)
        }
    }
}

/// Standard output, lent for the life of the process.
enum StandardOutput {
    static let descriptor: Int32 = STDOUT_FILENO

    /// Writes all bytes.
    static func write(_ bytes: ArraySlice<UInt8>) throws {
        try Descriptor.write(bytes, to: descriptor)
    }
}
