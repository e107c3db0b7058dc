import DirectoryAccess
import Foundation
import SnapshotModel
import SnapshotTesting
import Testing

@Suite struct ExcludeRulesTests {
    private func excludes(_ patterns: String, _ path: String, isDirectory: Bool = false) -> Bool {
        var rules = ExcludeRules()
        rules.add(contents: Array(patterns.utf8))
        return rules.excludes(Array(path.utf8), isDirectory: isDirectory)
    }

    @Test(arguments: [
        ("*.o", "a/b.o", true), ("/*.o", "a/b.o", false), ("/*.o", "b.o", true), ("a/*", "a/b/c", false),
        ("a/**", "a/b/c", true), ("a/**", "a", false), ("**/c", "a/b/c", true), ("**/c", "c", true),
        ("a/**/c", "a/c", true), ("a/**/c", "a/x/y/c", true), ("a/**/c", "ax/c", false), ("[!a]", "b", true),
        ("[!a]", "a", false), ("[a-c]x", "bx", true), ("[]x]", "]", true), ("\\!x", "!x", true), ("\\#x", "#x", true),
        ("#x", "#x", false), ("x ", "x", true), ("x\\ ", "x ", true), ("a?c", "a/c", false), ("*\n!b", "b", false),
        ("*\n!b", "a", true), ("dir/", "dir", false), ("a[", "a[", false), ("[[:digit:]]x", "7x", true),
    ])
    func `a pattern matches as gitignore says`(_ example: (String, String, Bool)) {
        #expect(excludes(example.0, example.1) == example.2)
    }

    @Test func `a pattern for directories leaves files alone`() {
        #expect(excludes("build/", "a/build", isDirectory: true))
        #expect(!excludes("build/", "a/build"))
    }

    @Test func `many stars cost no more than few`() {
        let pattern = String(repeating: "a*", count: 200) + "b"
        #expect(!excludes(pattern, String(repeating: "a", count: 200)))
    }

    @Test func `random patterns match what git matches`() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SplitMix64(seed: seed)
        let scratch = try Scratch()
        try scratch.run("git init -q .")
        let parts = ["a", "b", "ab", "*", "**", "?", "[ab]", "[!a]", "[^b]", "[a-b]", "\\a", "a*", "*b", "a*b", "[]a]"]
        for round in 0..<40 {
            // Names first: a run of stars behind literal text in one name is what git itself takes two ways.
            let lines = (0..<4).map { _ in
                let names = (0..<Int.random(in: 1...3, using: &random)).map { _ in parts.randomElement(using: &random)!
                }
                return (Bool.random(using: &random) ? "" : "!")
                    + (Int.random(in: 0..<4, using: &random) == 0 ? "/" : "")
                    + names.joined(separator: "/") + (Int.random(in: 0..<4, using: &random) == 0 ? "/" : "")
            }
            let paths = (0..<60).map { _ in
                (0..<Int.random(in: 1...4, using: &random)).map { _ in
                    ["a", "b", "ab", "ba", "aab", "c"].randomElement(using: &random)!
                }.joined(separator: "/")
            }
            try (lines.joined(separator: "\n") + "\n").write(
                toFile: scratch(".git/info/exclude"), atomically: true, encoding: .utf8)
            try paths.joined(separator: "\n").write(toFile: scratch("paths"), atomically: true, encoding: .utf8)
            let ignored = Set(
                try scratch.run("git check-ignore --no-index --stdin < paths || [ $? = 1 ]")
                    .split(separator: "\n").map(String.init))
            var rules = ExcludeRules()
            rules.add(contents: Array(lines.joined(separator: "\n").utf8))
            for path in paths {
                let names = path.split(separator: "/")
                let isExcluded = (1...names.count).contains { count in
                    let prefix = names.prefix(count).joined(separator: "/")
                    return rules.excludes(Array(prefix.utf8), isDirectory: count < names.count)
                }
                #expect(isExcluded == ignored.contains(path), "seed \(seed), round \(round), \(lines), \(path)")
            }
        }
    }
}
