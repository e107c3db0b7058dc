import ArgumentParser
import Foundation
import Glibc
import Replication
import SnapshotModel
import SystemCalls

/// The program: its commands by family.
struct Cowpath: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cowpath",
        abstract: "Keep, send and receive copy-on-write snapshots.",
        version: "0.1.0",
        groupedSubcommands: [
            CommandGroup(
                name: "Volumes",
                subcommands: [
                    CreateCommand.self, ImportCommand.self, SnapshotCommand.self, CloneCommand.self,
                    BookmarkCommand.self, DestroyCommand.self, ListCommand.self, CheckCommand.self,
                ]),
            CommandGroup(
                name: "Sending and receiving",
                subcommands: [SendCommand.self, ReceiveCommand.self, RestoreCommand.self]),
            CommandGroup(
                name: "Looking", subcommands: [DiffCommand.self, LsCommand.self, CatCommand.self]),
            CommandGroup(
                name: "Stored streams",
                subcommands: [DumpCommand.self, VerifyCommand.self, InfoCommand.self, ConvertCommand.self]),
        ])
}

@main
enum Main {
    /// Parses the command line, runs the command, and turns what was thrown into one line and an exit code.
    static func main() {
        // A reader that goes away must be an error of write(2), not the end of the process.
        signal(SIGPIPE, SIG_IGN)
        // Nor must a file that is larger than its limit.
        signal(SIGXFSZ, SIG_IGN)
        CurrentProcess.returnLargeMemory()
        do {
            var command = try Cowpath.parseAsRoot()
            try command.run()
        } catch {
            exit(with: error)
        }
    }

    private static func exit(with error: any Error) -> Never {
        if let error = error as? SnapshotError {
            Terminal.report("\(error)")
            Glibc.exit(error.code == .cancelled ? Terminal.interruptedStatus : EXIT_FAILURE)
        }
        let status = Cowpath.exitCode(for: error)
        if status.isSuccess || error is ExitCode { Cowpath.exit(withError: error) }
        if status == .validationFailure {
            Terminal.report(Cowpath.message(for: error) + ": see 'cowpath --help'")
        } else {
            Terminal.report("\(error)")
        }
        Glibc.exit(status.rawValue)
    }
}
