import SnapshotDiff
import SnapshotModel
import SnapshotTesting
import Testing

/// What of files is sent, and in what form.
@Suite struct ContentTests {
    private static let blocks = patternBytes(40 * 4096)

    @Test func `one changed block of a large file costs one block`() throws {
        let scenario = try Scenario {
            try $0.file("f", ContentTests.blocks)
        } then: {
            try $0.write("f", at: 5 * 4096, [UInt8](repeating: 9, count: 4096))
        }
        #expect(scenario.steps == ["write f offset=20480 length=4096", "setTimes f"])
    }

    @Test func `writes end at multiples of what one write carries`() throws {
        for (accepts, limit) in [(ReplayCapabilities.everything, 131_072), ([], 49_152)] {
            let target = MemoryTarget(accepts: accepts)
            let builder = TreeBuilder()
            try builder.file("f", ContentTests.blocks)
            let tree = builder.tree.snapshot("t")
            try Replay.expectEqual(Replay.send(tree, to: target), tree, Replay.details(accepts))
            let offsets = target.instructions.compactMap { instruction -> UInt64? in
                if case .write(_, let offset, _) = instruction { offset } else { nil }
            }
            #expect(offsets == Array(stride(from: 0, to: UInt64(ContentTests.blocks.count), by: limit)))
        }
    }

    @Test func `a punched hole is punched, or written as zeros where the target cannot`() throws {
        for accepts in [ReplayCapabilities.everything, []] {
            let scenario = try Scenario(accepts: accepts) {
                try $0.file("f", ContentTests.blocks)
            } then: {
                try $0.tree.punchHole($0.number("f"), 4096..<3 * 4096)
            }
            let expected = accepts.isEmpty ? "write f offset=4096 length=8192" : "allocate f"
            #expect(scenario.steps == [expected, "setTimes f"])
        }
    }

    @Test func `a hole at the end is made by truncation alone`() throws {
        let scenario = try Scenario(accepts: []) {
            try $0.file("f", ContentTests.blocks)
        } then: {
            try $0.tree.punchHole($0.number("f"), 4096..<UInt64(ContentTests.blocks.count))
        }
        #expect(scenario.steps == ["truncate f", "truncate f", "setTimes f"])
    }

    @Test func `space set aside in place of data is made by truncation where no stream can say it`() throws {
        for size in [10_000, 100_000, 163_840, 200_000] as [UInt64] {
            let scenario = try Scenario(accepts: []) {
                try $0.file("f", ContentTests.blocks)
            } then: {
                let number = try $0.number("f")
                try $0.tree.punchHole(number, 8192..<UInt64(ContentTests.blocks.count))
                try $0.tree.preallocate(number, 8192..<60 * 4096, keepsSize: true)
                try $0.tree.truncate(number, to: size, keepingExtents: true)
            }
            #expect(scenario.steps("write").isEmpty)
        }
    }

    @Test func `a file whose odd end is in no data is cut to whole blocks before it grows`() throws {
        let accepted: [ReplayCapabilities] = [.everything, []]
        for (accepts, isHoleBefore) in accepted.flatMap({ [($0, false), ($0, true)] }) {
            let scenario = try Scenario(accepts: accepts) {
                try $0.file("f", Array(ContentTests.blocks.prefix(3 * 4096)))
                try $0.tree.truncate($0.number("f"), to: 10_000, keepingExtents: true)
                if isHoleBefore { try $0.tree.punchHole($0.number("f"), 8192..<3 * 4096) }
            } then: {
                let number = try $0.number("f")
                try $0.tree.punchHole(number, 8192..<3 * 4096)
                try $0.tree.truncate(number, to: 10 * 4096)
                try $0.write("f", at: 10 * 4096, [UInt8](repeating: 9, count: 4096))
            }
            #expect(scenario.steps == ["truncate f", "write f offset=40960 length=4096", "setTimes f"])
            #expect(try scenario.instructions.first == .truncate(RelativePath(validating: "f".utf8), size: 8192))
        }
    }

    @Test func `a file whose odd end is in no data is cut to whole blocks before space is set aside there`() throws {
        let scenario = try Scenario {
            try $0.file("f", Array(ContentTests.blocks.prefix(3 * 4096)))
            try $0.tree.truncate($0.number("f"), to: 10_000, keepingExtents: true)
        } then: {
            let number = try $0.number("f")
            try $0.tree.punchHole(number, 8192..<3 * 4096)
            try $0.tree.preallocate(number, 8192..<9 * 4096, keepsSize: true)
        }
        #expect(scenario.steps == ["truncate f", "allocate f", "truncate f", "setTimes f"])
    }

    @Test func `space behind an odd end is set aside before the end is shared`() throws {
        let scenario = try Scenario {
            try $0.file("a", Array(ContentTests.blocks.prefix(10_000)))
            try $0.file("b", [])
        } then: {
            for name in ["b", "c"] {
                if name == "c" { try $0.file(name, []) }
                try $0.reflink(name, from: "a", length: 10_000)
                try $0.tree.preallocate($0.number(name), 3 * 4096..<9 * 4096, keepsSize: true)
            }
        }
        for name in ["b", "c"] {
            let steps = scenario.steps.filter { $0.hasPrefix("allocate \(name)") || $0.hasPrefix("clone \(name)") }
            #expect(steps == ["allocate \(name)", "clone \(name) offset=0 length=10000 from=a at=0"])
        }
    }

    @Test func `what a link has of the flags of its directory is not sent`() throws {
        let builder = TreeBuilder()
        try builder.make(.symbolicLink, "link", target: "nowhere")
        try builder.file("f")
        let base = builder.tree.snapshot("base")
        for name in ["link", "f"] { try builder.tree.change(builder.number(name)) { $0.flags = 0x4 } }
        let new = builder.tree.snapshot("new")
        let target = MemoryTarget()
        try Replay.send(base, to: target)
        try Planner(source: new, base: base).run(
            into: target, Replay.header(new, base: .parent(base.identity.reference)))
        #expect(target.instructions.map(\.summary).filter { $0.hasPrefix("setFlags") } == ["setFlags f"])
    }

    @Test func `space set aside behind an odd end is set aside`() throws {
        let scenario = try Scenario {
            try $0.file("f", Array(ContentTests.blocks.prefix(3 * 4096)))
            try $0.tree.truncate($0.number("f"), to: 10_000, keepingExtents: true)
        } then: {
            try $0.tree.preallocate($0.number("f"), 3 * 4096..<9 * 4096, keepsSize: true)
        }
        #expect(scenario.steps("allocate") == ["allocate f"])
    }

    @Test func `an odd end that has become space set aside is punched as a whole block`() throws {
        let scenario = try Scenario {
            try $0.file("f", Array(ContentTests.blocks.prefix(3 * 4096)))
            try $0.tree.truncate($0.number("f"), to: 10_000, keepingExtents: true)
        } then: {
            let number = try $0.number("f")
            try $0.tree.punchHole(number, 4096..<3 * 4096)
            try $0.tree.preallocate(number, 4096..<9 * 4096, keepsSize: false)
        }
        // A hole and what fills it; not one for the data and one for the rest of its block.
        #expect(scenario.steps("allocate") == ["allocate f", "allocate f"])
    }

    @Test func `a change that was taken back sends no contents`() throws {
        let scenario = try Scenario {
            try $0.file("f", ContentTests.blocks)
        } then: {
            let number = try $0.number("f")
            let permissions = try $0.tree.existingInode(number).permissions
            try $0.tree.change(number) { $0.permissions = 0 }
            try $0.tree.change(number) { $0.permissions = permissions }
        }
        #expect(scenario.steps("write").isEmpty && scenario.steps("changeMode").isEmpty)
    }

    @Test func `a reflinked copy of an old file arrives as a clone of it`() throws {
        let scenario = try Scenario {
            try $0.directory("d")
            try $0.file("d/f", ContentTests.blocks)
        } then: {
            try $0.file("g", [])
            try $0.reflink("g", from: "d/f", length: UInt64(ContentTests.blocks.count))
            try $0.remove("d")
        }
        #expect(scenario.steps("clone") == ["clone g offset=0 length=163840 from=d/f at=0"])
        #expect(scenario.steps("write").isEmpty)
    }

    @Test func `reflinked new files arrive reflinked, with an odd end too`() throws {
        let bytes = patternBytes(10_000)
        let scenario = try Scenario { _ in
        } then: {
            try $0.file("a", bytes)
            try $0.file("b", [])
            try $0.reflink("b", from: "a", length: 10_000)
            try $0.file("c", [])
            try $0.reflink("c", from: "a", length: 8192)
            try $0.write("c", at: 8192, [4])
        }
        #expect(
            scenario.steps("clone") == [
                "clone b offset=0 length=10000 from=a at=0", "clone c offset=0 length=8192 from=a at=0",
            ])
    }

    @Test func `of an extent that the base has only parts of, those are not sent again`() throws {
        let builder = TreeBuilder()
        try builder.file("f", ContentTests.blocks)
        let whole = builder.tree.snapshot("whole")
        // Blocks 10 to 29, and of the end 35 to 39 in another file.
        try builder.file("other", [])
        try builder.reflink("other", at: 0, from: "f", at: 35 * 4096, length: 5 * 4096)
        try builder.tree.punchHole(builder.number("f"), 0..<10 * 4096)
        try builder.tree.punchHole(builder.number("f"), 30 * 4096..<40 * 4096)
        let base = builder.tree.snapshot("base")
        try builder.file("g", [])
        try builder.tree.clone(
            builder.number("g"), at: 0, length: UInt64(ContentTests.blocks.count), from: whole, builder.number("f"),
            at: 0)
        let new = builder.tree.snapshot("new")
        for knowsReferences in [false, true] {
            let target = MemoryTarget()
            try Replay.send(base, to: target)
            let (countedNew, countedBase) = (CountingTree(new), CountingTree(base))
            (countedNew.knowsReferences, countedBase.knowsReferences) = (knowsReferences, knowsReferences)
            try Planner(source: countedNew, base: countedBase).run(
                into: target, Replay.header(new, base: .parent(base.identity.reference)))
            let steps = target.instructions.map(\.summary)
            #expect(
                steps.filter { $0.hasPrefix("clone") } == [
                    "clone g offset=40960 length=81920 from=f at=40960",
                    "clone g offset=143360 length=20480 from=other at=0",
                ])
            #expect(countedNew.bytesRead == 15 * 4096)
            #expect((countedBase.walks == 0) == knowsReferences)
            try Replay.expectEqual(#require(target.newest), new)
        }
    }

    @Test func `a file that repeats one extent thousands of times is sent once`() throws {
        let scenario = try Scenario { _ in
        } then: { builder in
            try builder.file("f", patternBytes(4096))
            for index in 1..<4000 as Range<UInt64> {
                try builder.reflink("f", at: index * 4096, from: "f", length: 4096)
            }
        }
        #expect(scenario.steps("write").count == 1)
        #expect(scenario.steps("clone").count == 3999)
    }

    @Test func `owner, mode and capability survive each other`() throws {
        let scenario = try Scenario {
            try $0.file("f")
            try $0.attribute("f", "security.capability", [1, 0, 0])
            try $0.tree.change($0.number("f")) { $0.permissions = 0o4755 }
            try $0.file("g")
            try $0.attribute("g", "security.capability", [2])
        } then: {
            try $0.tree.change($0.number("f")) { $0.owner = 7 }
            try $0.write("g", at: 0, [8])
            try $0.attribute("g", "security.capability", [2])
        }
        #expect(
            scenario.steps("change") + scenario.steps("set") == [
                "changeOwner f", "changeMode f", "setExtendedAttribute f security.capability", "setTimes f",
                "setExtendedAttribute g security.capability", "setTimes g",
            ])
    }

    @Test func `a capability that is gone is removed before the contents change`() throws {
        let scenario = try Scenario {
            try $0.file("f")
            try $0.attribute("f", "security.capability", [1])
        } then: {
            try $0.write("f", at: 0, [8])
        }
        #expect(scenario.steps.first == "removeExtendedAttribute f")
    }

    @Test func `without data only the changed ranges are named`() throws {
        let builder = TreeBuilder()
        try builder.file("f", ContentTests.blocks)
        let base = builder.tree.snapshot("base")
        try builder.write("f", at: 8192, [UInt8](repeating: 3, count: 4096))
        let new = builder.tree.snapshot("new")
        let target = MemoryTarget()
        try Replay.send(base, to: target)
        var header = Replay.header(new, base: .parent(base.identity.reference))
        header.withoutData = true
        try Planner(source: new, base: base).run(into: target, header)
        #expect(
            try target.instructions.first
                == .updateExtent(RelativePath(validating: "f".utf8), offset: 8192, length: 4096, nil))
        #expect(target.instructions.count == 2)
    }

    @Test func `a part of a tree is sent as if it were all`() throws {
        let builder = TreeBuilder()
        try builder.directory("a")
        try builder.directory("a/b")
        try builder.file("a/b/f", ContentTests.blocks)
        try builder.file("outside")
        let tree = builder.tree.snapshot("t")
        for (path, expected) in [("a", [".", "b", "b/f"]), ("a/b/f", [".", "f"])] {
            var options = PlannerOptions()
            options.root = try builder.number(path)
            let arrived = try Replay.send(tree, to: MemoryTarget(), options: options)
            let lines = try TreeReport(of: arrived).lines
            #expect(lines.map { String($0.prefix { $0 != " " }) } == expected)
        }
    }
}
