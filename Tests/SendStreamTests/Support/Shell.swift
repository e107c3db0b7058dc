import Foundation

/// Runs programs of the system.
enum Shell {
    struct Failure: Error {
        let status: Int32
        let output: String
    }

    /// Runs a command line and gives what it wrote to standard output.
    @discardableResult
    static func run(_ command: String) throws -> String {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = ["-c", "set -e; export TZ=UTC; " + command]
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        if process.terminationStatus != 0 { throw Failure(status: process.terminationStatus, output: text) }
        return text
    }

    static func has(_ program: String) -> Bool {
        (try? run("command -v \(program)")) != nil
    }
}
