import Foundation

/// A directory of a test's own, removed with it.
final class Scratch {
    let path: String

    init(in parent: String = "/tmp") throws {
        path = "\(parent)/cowpath-test-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    }

    deinit {
        _ = try? Shell.run("chattr -R -i -a \(path) 2>/dev/null; chmod -R u+rwx \(path) 2>/dev/null; rm -rf \(path)")
    }

    func callAsFunction(_ name: String) -> String { "\(path)/\(name)" }

    /// Runs a script in the directory.
    @discardableResult
    func run(_ script: String) throws -> String {
        try Shell.run("cd '\(path)' && set -e\n" + script)
    }
}

/// Commands whose answers the code under test is compared with.
enum Shell {
    struct Failure: Error {
        let script: String
        let status: Int32
        let output: String
    }

    /// Runs a script and gives what it printed.
    @discardableResult
    static func run(_ script: String) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = ["-c", script]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let bytes = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        let text = String(decoding: bytes, as: UTF8.self)
        guard process.terminationStatus == 0 else {
            throw Failure(script: script, status: process.terminationStatus, output: text)
        }
        return text
    }

    static let isRoot = geteuid() == 0

    /// Everything that a user can see of a tree, as other programs tell it, one line a fact.
    ///
    /// - Parameter links: whether link counts are among it.
    static func fingerprint(_ path: String, links: Bool = true) throws -> [String] {
        let script = """
            cd '\(path)' && export LC_ALL=C
            find . -printf '%p\\t%y\\t%m\\t%U\\t%G\\t\(links ? "%n" : "")\\t%T@\\t%l\\n' | sort
            find . ! -type d -printf '%s\\t%p\\n' | sort
            find . \\( -type b -o -type c \\) -exec stat -c '%n %t:%T' {} + | sort
            find . -type f -exec sha256sum {} + | sort -k2
            getfattr -R -h -d -m - -e hex . 2>/dev/null | awk '/^# file/ { f = $0; next } NF { print f, $0 }' | sort
            """
        return try run(script).split(separator: "\n").map(String.init)
    }
}
