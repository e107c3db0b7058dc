import SnapshotDiff
import SnapshotModel
import SnapshotTesting
import Testing

/// Random trees and edits: what arrives is what was sent, by whatever way.
@Suite struct RandomReplayTests {
    private struct Case {
        let seed: UInt64
        let base: MemoryTree
        let new: MemoryTree
        let accepts: ReplayCapabilities

        init(seed: UInt64) throws {
            self.seed = seed
            let isLarge = seed % 20 == 19
            let random = try RandomTree(seed: seed, size: isLarge ? 120 : 24)
            base = random.snapshot("base")
            try random.edit(Int(seed % 23) * (isLarge ? 5 : 1) + 1)
            new = random.snapshot("new")
            new.offersEncodedExtents = seed % 5 == 0
            accepts = ReplayCapabilities(rawValue: seed % 3 == 0 ? 31 : UInt8(seed / 3 % 32))
        }
    }

    /// Runs one scenario for many seeds and stops at the first that fails, which it names.
    private func forEachSeed(_ count: UInt64 = 1000, _ body: (Case) throws -> Void) {
        for seed in 0..<count {
            var failed = false
            do {
                try body(Case(seed: seed))
            } catch {
                Issue.record("seed \(seed): \(error)")
                failed = true
            }
            if failed { return }
        }
    }

    @Test func `a full send brings the whole tree`() {
        forEachSeed { sample in
            let target = MemoryTarget(accepts: sample.accepts)
            var options = PlannerOptions()
            options.passesEncodedExtents = sample.seed % 2 == 0
            let arrived = try Replay.send(sample.new, to: target, options: options)
            try Replay.check(arrived, sample.new, Replay.details(sample.accepts))
        }
    }

    @Test func `an incremental send brings the received base up to date`() {
        forEachSeed { sample in
            let target = MemoryTarget(accepts: sample.accepts)
            try Replay.send(sample.base, to: target)
            var options = PlannerOptions()
            options.passesEncodedExtents = sample.seed % 2 == 0
            let arrived = try Replay.send(sample.new, base: sample.base, to: target, options: options)
            try Replay.check(arrived, sample.new, Replay.details(sample.accepts))
        }
    }

    @Test func `a comparison of whole trees plans what their history plans`() {
        forEachSeed { sample in
            let target = MemoryTarget(accepts: sample.accepts)
            try Replay.send(sample.base, to: target)
            try Replay.send(sample.new, base: sample.base, to: target)
            let planned = target.instructions
            let second = MemoryTarget(accepts: sample.accepts)
            try Replay.send(sample.base, to: second)
            sample.new.knowsHistory = false
            let arrived = try Replay.send(sample.new, base: sample.base, to: second)
            try Replay.check(arrived, sample.new, Replay.details(sample.accepts))
            let differing = zip(planned, second.instructions).first { $0 != $1 }
            if let differing {
                throw SnapshotError(.corrupt, "\(differing.0.summary) is not \(differing.1.summary)")
            }
            #expect(planned.count == second.instructions.count, "seed \(sample.seed)")
        }
    }

    @Test func `a send from a bookmark brings what a send from the snapshot brings`() {
        forEachSeed { sample in
            let target = MemoryTarget(accepts: sample.accepts)
            try Replay.send(sample.base, to: target)
            let bookmark = try Replay.bookmark(sample.base)
            #expect(!bookmark.holdsData)
            let arrived = try Replay.send(sample.new, base: bookmark, to: target)
            try Replay.check(arrived, sample.new, Replay.details(sample.accepts))
        }
    }

    @Test func `trees that know nothing of each other are matched by path`() {
        forEachSeed { sample in
            let target = MemoryTarget()
            let base = try Replay.send(sample.base, to: target)
            sample.new.domain = nil
            let arrived = try Replay.send(
                sample.new, base: base, to: target, options: PlannerOptions(comparison: .unrelated))
            try Replay.check(arrived, sample.new, Replay.settable)
        }
    }

    @Test func `an import finds again what it brought before`() {
        forEachSeed { sample in
            let target = MemoryTarget()
            let base = try Replay.send(sample.base, to: target)
            sample.new.domain = nil
            let arrived = try Replay.send(
                sample.new, base: base, to: target, options: PlannerOptions(comparison: .imported))
            try Replay.check(arrived, sample.new)
        }
    }

    @Test func `clone sources give data to a full send`() {
        forEachSeed(400) { sample in
            let target = MemoryTarget(accepts: sample.accepts)
            try Replay.send(sample.base, to: target)
            let arrived = try Replay.send(sample.new, cloneSources: [sample.base], to: target)
            try Replay.check(arrived, sample.new, Replay.details(sample.accepts))
        }
    }

    @Test func `an estimate counts what is then sent`() {
        forEachSeed(200) { sample in
            let planner = Planner(source: sample.new, base: sample.base)
            let header = Replay.header(sample.new, base: .parent(sample.base.identity.reference))
            let estimate = try planner.estimate(header, accepts: sample.accepts)
            let target = MemoryTarget(accepts: sample.accepts)
            try Replay.send(sample.base, to: target)
            try planner.run(into: target, header)
            #expect(planner.totals == estimate, "seed \(sample.seed)")
            #expect(target.instructions.count == Int(estimate.instructions), "seed \(sample.seed)")
        }
    }

    @Test func `a received copy is sent as its origin is`() {
        forEachSeed(200) { sample in
            let target = MemoryTarget()
            let copy = try Replay.send(sample.new, to: target)
            let again = try Replay.send(copy, to: target)
            try Replay.check(again, sample.new)
        }
    }

    private func paths(of tree: MemoryTree) throws -> Set<RelativePath> {
        var found: Set<RelativePath> = [.root]
        var pending = [(RelativePath.root, tree.root)]
        while let (path, directory) = pending.popLast() {
            try tree.forEachEntry(in: directory) { entry in
                found.insert(path.appending(entry.name))
                if entry.kind == .directory { pending.append((path.appending(entry.name), entry.inode)) }
            }
        }
        return found
    }

    @Test func `every name that came or went is told of once, and no other`() {
        forEachSeed(600) { sample in
            sample.new.knowsHistory = sample.seed % 2 == 0
            let (before, after) = (try paths(of: sample.base), try paths(of: sample.new))
            var (came, went, moved) = (Set<RelativePath>(), Set<RelativePath>(), [(RelativePath, RelativePath)]())
            var twice: [RelativePath] = []
            func note(_ path: RelativePath, in set: inout Set<RelativePath>) {
                if !set.insert(path).inserted { twice.append(path) }
            }
            let comparison = TreeComparison(source: sample.new, base: sample.base, options: .sameDomain)
            try comparison.forEachChange { change in
                switch change {
                case .added(let path, _), .linked(let path, _, _): note(path, in: &came)
                case .removed(let path, _), .unlinked(let path, _): note(path, in: &went)
                case .renamed(let from, let to, _, _):
                    note(from, in: &went)
                    note(to, in: &came)
                    moved.append((from, to))
                case .modified(let path, _, let aspects):
                    if aspects.isEmpty || !after.contains(path) { twice.append(path) }
                }
            }
            guard twice.isEmpty, came.isSubset(of: after), went.isSubset(of: before) else {
                throw SnapshotError(.corrupt, "told twice or of what is not there: \(twice)")
            }
            // What lies below a directory that moved is not told of.
            let unseen = after.subtracting(before).subtracting(came).first { path in
                !moved.contains { path.isWithin($0.1) }
            }
            let unmissed = before.subtracting(after).subtracting(went).first { path in
                !moved.contains { path.isWithin($0.0) }
            }
            if let lost = unseen ?? unmissed { throw SnapshotError(.corrupt, "not told of \(lost)") }
        }
    }

    @Test func `random edits ask for every kind of step`() {
        var kinds: [String: Int] = [:]
        forEachSeed(400) { sample in
            let target = MemoryTarget()
            try Replay.send(sample.base, to: target)
            var options = PlannerOptions()
            options.passesEncodedExtents = sample.seed % 2 == 0
            try Replay.send(sample.new, base: sample.base, to: target, options: options)
            for instruction in target.instructions { kinds[kind(of: instruction, sample.new), default: 0] += 1 }
        }
        let expected: Set = [
            "makeFile", "makeDirectory", "makeFIFO", "makeSocket", "makeNode", "makeSymbolicLink", "rename",
            "rename away", "rename back", "link", "unlink", "removeDirectory", "setExtendedAttribute",
            "removeExtendedAttribute", "write", "writeEncoded", "clone from the base", "clone from itself",
            "truncate", "changeMode", "changeOwner", "setTimes", "punch", "preallocate", "setFlags",
        ]
        #expect(Set(kinds.keys) == expected, "\(kinds)")
    }

    private func kind(of instruction: Instruction, _ tree: MemoryTree) -> String {
        switch instruction {
        case .rename(let path, let to):
            if (try? tree.resolve(to)) == .some(nil) { return "rename away" }
            return path.bytes.starts(with: Array("o2".utf8)) && path.split?.parent.isRoot == true
                ? "rename back" : "rename"
        case .clone(_, _, _, let source):
            return source.snapshot == tree.identity.reference ? "clone from itself" : "clone from the base"
        case .allocate(_, let mode, _, _): return mode.contains(.punchHole) ? "punch" : "preallocate"
        default: return String(instruction.summary.prefix { $0 != " " })
        }
    }
}
