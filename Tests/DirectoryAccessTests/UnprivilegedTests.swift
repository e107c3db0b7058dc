import DirectoryAccess
import Foundation
import SnapshotModel
import Testing

/// What a user without special rights can do. As root, these run once more in a process that gave its rights up.
@Suite struct UnprivilegedTests {
    @Test(.enabled(if: Shell.isRoot, "this process has no rights to give up"))
    func `everything here holds without root, too`() throws {
        let executable = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let arguments = CommandLine.arguments.dropFirst().filter { $0.hasSuffix(".xctest") }
        let output = try Shell.run(
            """
            cd / && setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all \
                '\(executable)' \(arguments.map { "'\($0)'" }.joined(separator: " ")) \
                --testing-library swift-testing --filter 'without rights' 2>&1
            """)
        #expect(output.contains("with 3 tests"), "\(output)")
    }

    @Test(.enabled(if: !Shell.isRoot, "as root it runs in another process"))
    func `without rights, owners and devices are counted and the rest arrives`() throws {
        let scratch = try Scratch()
        let target = try DirectoryTarget(mode: .snapshots(in: scratch.path))
        let first = SnapshotReference(uuid: .random(), generation: 1)
        let number = InodeIdentity(number: InodeNumber(5))
        try target.begin(SnapshotHeader(name: "one", snapshot: first))
        for instruction: Instruction in try [
            .makeNode(path("null"), number, mode: 0o020666, device: 0x103),
            .changeOwner(path("null"), owner: 0, group: 0), .changeMode(path("null"), permissions: 0o666),
            .rename(path("null"), to: path("dev")), .makeFile(path("file"), number),
            .changeOwner(path("file"), owner: 0, group: 0), .write(path("file"), offset: 0, data: [65]),
            .setExtendedAttribute(
                path("file"), ExtendedAttribute(name: Array("trusted.x".utf8), value: [1])),
            .changeMode(path("file"), permissions: 0o444),
        ] {
            try target.apply(instruction)
        }
        try target.finish()
        #expect(target.losses.counts == [.owner: 1, .device: 1, .extendedAttribute: 1])
        #expect(try scratch.run("stat -c %a one/file; ls one; cat one/file") == "444\nfile\nA")
        // The next stream may speak of what is not there.
        let second = SnapshotReference(uuid: .random(), generation: 2)
        try target.begin(SnapshotHeader(name: "two", snapshot: second, base: .parent(first)))
        try target.apply(.unlink(path("dev")))
        try target.apply(.write(path("file"), offset: 0, data: [66]))
        try target.finish()
        #expect(try scratch.run("cat one/file two/file; stat -c %a two/file") == "AB444\n")
    }

    @Test(.enabled(if: !Shell.isRoot, "as root it runs in another process"))
    func `without rights, directories that forbid writing are replayed into`() throws {
        let scratch = try Scratch()
        let target = try DirectoryTarget(mode: .snapshots(in: scratch.path), strict: true)
        let first = SnapshotReference(uuid: .random(), generation: 1)
        let number = InodeIdentity(number: InodeNumber(5))
        try target.begin(SnapshotHeader(name: "one", snapshot: first))
        for instruction: Instruction in try [
            .changeMode(.root, permissions: 0o555), .makeDirectory(path("d"), number),
            .changeMode(path("d"), permissions: 0o000), .makeDirectory(path("d/e"), number),
            .changeMode(path("d/e"), permissions: 0o500), .makeFile(path("d/e/file"), number),
            .changeMode(path("d/e/file"), permissions: 0o400),
        ] {
            try target.apply(instruction)
        }
        try target.finish()
        #expect(
            try scratch.run("stat -c %a one one/d; chmod 700 one/d; stat -c %a one/d/e; chmod 555 one/d")
                == "555\n0\n500\n")
        let second = SnapshotReference(uuid: .random(), generation: 2)
        try target.begin(SnapshotHeader(name: "two", snapshot: second, base: .parent(first)))
        try target.apply(.makeFile(path("d/e/other"), number))
        try target.apply(.rename(path("d/e"), to: path("e")))
        try target.apply(.write(path("e/file"), offset: 0, data: [66]))
        try target.finish()
        #expect(
            try scratch.run("stat -c %a two two/d two/e two/e/file; ls two/e; stat -c %s one/d/e/file")
                == "555\n555\n500\n400\nfile\nother\n0\n")
    }

    @Test(.enabled(if: !Shell.isRoot, "as root it runs in another process"))
    func `without rights, what cannot be read is counted and passed over`() throws {
        let scratch = try Scratch()
        try scratch.run("mkdir -p t/closed; echo x > t/closed/x; echo y > t/secret; chmod 0 t/secret t/closed")
        let tree = try DirectoryTree(path: scratch("t"))
        let secret = try #require(try tree.resolve(path("secret")))
        let error = #expect(throws: SnapshotError.self) { _ = try tree.extendedAttributes(of: secret.number) }
        #expect(error?.code == .unreadable)
        let closed = try #require(try tree.resolve(path("closed")))
        let refusal = #expect(throws: SnapshotError.self) {
            try tree.forEachEntry(in: closed.number) { Issue.record("unexpected \($0.name)") }
        }
        #expect(refusal?.code == .unreadable)
        #expect(refusal?.place == "closed")
    }
}
