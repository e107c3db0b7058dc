/// What of a directory is left out, by the rules of gitignore(5).
///
/// The last pattern that matches decides. What lies in an excluded directory cannot be brought back, since
/// the directory is never entered.
package struct ExcludeRules: Sendable {
    private var patterns: [ExcludePattern] = []

    package init() {}

    package var isEmpty: Bool { patterns.isEmpty }

    /// Adds one pattern; an empty one, a comment and one that can match nothing change nothing.
    package mutating func add(pattern: some Collection<UInt8>) {
        if let pattern = ExcludePattern(line: [UInt8](pattern)) { patterns.append(pattern) }
    }

    /// Adds the patterns of a file, one a line, in their order.
    package mutating func add(contents: some Collection<UInt8>) {
        var contents = [UInt8](contents)[...]
        let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]
        if contents.starts(with: byteOrderMark) { contents = contents.dropFirst(3) }
        for line in contents.split(separator: UInt8(ascii: "\n")) {
            add(pattern: line.last == UInt8(ascii: "\r") ? line.dropLast() : line)
        }
    }

    /// Whether a path is left out. The directories above it are taken to have been asked about before.
    ///
    /// - Parameter path: names joined by `/`, from the root of the tree.
    package func excludes(_ path: [UInt8], isDirectory: Bool) -> Bool {
        guard !patterns.isEmpty else { return false }
        let nameStart = path.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0
        for pattern in patterns.reversed() where isDirectory || !pattern.onlyDirectories {
            let subject = pattern.matchesWholePath ? path[...] : path[nameStart...]
            if pattern.matches(subject) { return !pattern.isNegated }
        }
        return false
    }
}
