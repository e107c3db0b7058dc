import Foundation
package import SnapshotModel

/// The error messages of a suite, kept as a text file beside the tests, so that a change to one is seen in a
/// diff. Written anew by running the suite with `COWPATH_WRITE_MESSAGES=1`.
///
/// A suite gathers its errors with ``add(_:_:_:)`` under the name of what went wrong, and at its end expects that
/// ``difference()`` is nil, and ``faults`` too.
package struct MessageRecord {
    private struct Line: Hashable {
        let section: String
        let text: String
    }

    private let file: URL
    private var sections: [String] = []
    private var lines: [Line] = []
    private var places: [Line: [String]] = [:]
    /// Messages that do not read as they should, with what is wrong with them.
    package private(set) var faults: [String] = []

    /// - Parameter name: that of the file, `Tests/Messages/NAME.txt`.
    package init(_ name: String) {
        file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Messages/\(name).txt")
    }

    /// Enters what happened: an error, or nil where there was none.
    ///
    /// - Parameters:
    ///   - section: What went wrong.
    ///   - place: Where it was met. Places that say the same share a line.
    ///   - hiding: Paths of this run, which are left out of the text.
    package mutating func add(_ section: String, _ place: String, _ error: SnapshotError?, hiding: [String] = []) {
        var text = "(taken)"
        if let error {
            text = "[\(error.code.rawValue)] \(error)"
            for path in hiding { text = text.replacing(path, with: "HERE") }
            let wrong = MessageRecord.faults(of: error)
            if !wrong.isEmpty { faults.append("\(wrong.joined(separator: ", ")) in: \(text)") }
        }
        let line = Line(section: section, text: text)
        if places[line] == nil {
            lines.append(line)
            if sections.last != section, !sections.contains(section) { sections.append(section) }
        }
        places[line, default: []].append(place)
    }

    /// The file as it should be.
    package var text: String {
        var text = ""
        for section in sections {
            text += "== \(section)\n"
            for line in lines where line.section == section {
                text += "  \((places[line] ?? []).joined(separator: ", "))\n      \(line.text)\n"
            }
        }
        return text
    }

    /// The first line that is not as the file has it; nil where all are, or when the file was written anew.
    package func difference() throws -> String? {
        if ProcessInfo.processInfo.environment["COWPATH_WRITE_MESSAGES"] != nil {
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
            return nil
        }
        let known = try String(contentsOf: file, encoding: .utf8).split(
            separator: "\n", omittingEmptySubsequences: false)
        let now = text.split(separator: "\n", omittingEmptySubsequences: false)
        for index in 0..<max(known.count, now.count) {
            let (old, new) = (index < known.count ? known[index] : "(end)", index < now.count ? now[index] : "(end)")
            if old != new {
                return "\(file.lastPathComponent), line \(index + 1)\n  was    \(old)\n  is now \(new)"
            }
        }
        return nil
    }

    /// What keeps an error from reading `what is wrong, where: what to do` on one line.
    package static func faults(of error: SnapshotError) -> [String] {
        var faults: [String] = []
        let text = "\(error)"
        if error.message.isEmpty || error.message.hasSuffix(".") { faults.append("no plain message") }
        if error.place?.isEmpty ?? true { faults.append("no place") }
        if error.remedy?.isEmpty ?? true { faults.append("no remedy") }
        if text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) {
            faults.append("a control character")
        }
        if text.utf8.count > longest { faults.append("\(text.utf8.count) bytes") }
        for pattern in ["Optional(", "Error(", "nil", "Swift."] where text.contains(pattern) {
            faults.append("'\(pattern)'")
        }
        // Names of this program's own code tell nobody anything.
        let words = error.message.split { !$0.isLetter && !$0.isNumber }
        if let word = words.first(where: { $0.first?.isLowercase == true && $0.contains { $0.isUppercase } }) {
            faults.append("'\(word)'")
        }
        return faults
    }

    /// The longest message: a path shown as far as ``EscapedBytes/excerpt(_:)`` does, twice, and what is said of it.
    private static let longest = 1000
}
