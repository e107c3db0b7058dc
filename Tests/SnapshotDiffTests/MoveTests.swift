import SnapshotModel
import SnapshotTesting
import Testing

/// Names that stand in each other's way.
@Suite struct MoveTests {
    @Test func `nothing is sent where nothing changed`() throws {
        let scenario = try Scenario {
            try $0.directory("a")
            try $0.file("a/f")
        } then: { _ in
        }
        #expect(scenario.steps.isEmpty)
    }

    @Test func `a file that moves is renamed and not sent again`() throws {
        let scenario = try Scenario {
            try $0.directory("a")
            try $0.file("f", patternBytes(100_000))
        } then: {
            try $0.move("f", to: "a/g")
        }
        #expect(scenario.steps("rename") == ["rename f a/g"])
        #expect(scenario.steps("write").isEmpty && scenario.steps("make").isEmpty)
    }

    @Test func `two directories that change places cost one temporary name`() throws {
        let scenario = try Scenario {
            try $0.directory("a")
            try $0.directory("b")
            try $0.file("a/f")
        } then: {
            try $0.move("a", to: "t")
            try $0.move("b", to: "a")
            try $0.move("t", to: "b")
        }
        #expect(scenario.steps("rename").count == 3)
    }

    @Test func `a cycle of three costs one temporary name`() throws {
        let scenario = try Scenario {
            for name in ["a", "b", "c"] { try $0.directory(name) }
        } then: {
            try $0.move("a", to: "t")
            try $0.move("c", to: "a")
            try $0.move("b", to: "c")
            try $0.move("t", to: "b")
        }
        #expect(scenario.steps("rename").count == 4)
    }

    @Test func `log files that shift along are renamed from the far end without temporary names`() throws {
        let count = 3000
        let scenario = try Scenario { builder in
            for index in 0..<count { try builder.file("log.\(index)") }
        } then: { builder in
            for index in (0..<count).reversed() { try builder.move("log.\(index)", to: "log.\(index + 1)") }
            try builder.file("log.0", [9])
        }
        #expect(scenario.steps("rename").count == count)
        #expect(scenario.steps("makeFile") == ["makeFile log.0"])
    }

    @Test func `a directory moves into its former child`() throws {
        let scenario = try Scenario {
            try $0.directory("a")
            try $0.directory("a/b")
            try $0.file("a/b/f")
        } then: {
            try $0.move("a/b", to: "b")
            try $0.move("a", to: "b/a")
        }
        #expect(scenario.steps("rename") == ["rename a/b b", "rename a b/a"])
    }

    @Test func `what moves out of a deleted directory through a new one is kept`() throws {
        let scenario = try Scenario {
            try $0.directory("old")
            try $0.directory("old/deep")
            try $0.file("old/deep/f", patternBytes(50_000))
        } then: {
            try $0.directory("new")
            try $0.directory("new/inner")
            try $0.move("old/deep/f", to: "new/inner/f")
            try $0.remove("old")
        }
        #expect(scenario.steps("rename") == ["rename old/deep/f new/inner/f"])
        #expect(scenario.steps("removeDirectory") == ["removeDirectory old/deep", "removeDirectory old"])
    }

    @Test func `a temporary name collides with nothing that a user named so`() throws {
        let scenario = try Scenario {
            let first = try $0.directory("a")
            let second = try $0.directory("b")
            try $0.file("o\(first.rawValue)-0-0", [7])
            try $0.file("o\(second.rawValue)-0-0", [8])
        } then: {
            try $0.move("a", to: "t")
            try $0.move("b", to: "a")
            try $0.move("t", to: "b")
        }
        #expect(scenario.steps("unlink").isEmpty)
    }

    @Test func `a number used again is another inode, even at the same path with the same children`() throws {
        let scenario = try Scenario {
            let number = try $0.directory("d")
            try $0.file("d/f", [1])
            try $0.link("l", to: "d/f")
            #expect(number.rawValue == 257)
        } then: {
            try $0.move("d/f", to: "kept")
            try $0.remove("d")
            try $0.make(.directory, "d", number: InodeNumber(257), permissions: 0o700)
            try $0.move("kept", to: "d/f")
        }
        #expect(scenario.steps("makeDirectory") == ["makeDirectory d"])
        #expect(scenario.steps("write").isEmpty)
    }

    @Test func `a name taken by another kind is freed first`() throws {
        let scenario = try Scenario {
            try $0.directory("x")
            try $0.file("x/f")
            try $0.file("y")
        } then: {
            try $0.remove("x")
            try $0.make(.symbolicLink, "x", target: "y")
            try $0.remove("y")
            try $0.directory("y")
        }
        #expect(scenario.steps("makeSymbolicLink") == ["makeSymbolicLink x"])
    }

    @Test func `hard links follow swapped directories`() throws {
        _ = try Scenario {
            try $0.directory("a")
            try $0.directory("b")
            try $0.file("a/f", patternBytes(20_000))
            try $0.link("b/f", to: "a/f")
            try $0.link("c", to: "a/f")
        } then: {
            try $0.move("a", to: "t")
            try $0.move("b", to: "a")
            try $0.move("t", to: "b")
            try $0.remove("b/f")
            try $0.link("b/g", to: "c")
            try $0.remove("c")
            try $0.file("c", [5])
        }
    }

    @Test func `thousands of names of one file arrive`() throws {
        let scenario = try Scenario { builder in
            try builder.file("f")
        } then: { builder in
            try builder.directory("d")
            for index in 0..<1200 { try builder.link("d/\(index)", to: "f") }
        }
        #expect(scenario.steps("link").count == 1200)
    }

    @Test func `a tree of more levels than a stack holds is made, moved and removed`() throws {
        let path = Array(repeating: "d", count: 1200).joined(separator: "/")
        let make: (TreeBuilder) throws -> Void = { builder in
            var parent = builder.tree.root
            for level in 0..<1200 {
                let inode = Inode(
                    number: InodeNumber(UInt64(300 + level)), birthGeneration: builder.tree.generation,
                    kind: .directory, permissions: 0o755)
                try builder.tree.make(inode, FileName(trusted: Array("d".utf8)), in: parent)
                parent = inode.number
            }
        }
        let made = try Scenario { _ in
        } then: {
            try make($0)
        }
        #expect(made.steps("makeDirectory").last == "makeDirectory \(path)")
        let removed = try Scenario(make) { builder in
            var numbers = (0..<1200).map { InodeNumber(UInt64(300 + $0)) }
            let name = FileName(trusted: Array("d".utf8))
            while numbers.popLast() != nil {
                try builder.tree.removeDirectory(name, in: numbers.last ?? builder.tree.root)
            }
        }
        #expect(removed.steps("removeDirectory").count == 1200)
    }
}
