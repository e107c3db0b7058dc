import DirectoryAccess
import Foundation
import SnapshotModel
import Testing

/// Streams and neighbours that want to reach what lies outside the target.
@Suite struct AttackTests {
    private func begin(_ scratch: Scratch) throws -> DirectoryTarget {
        try scratch.run("mkdir outside t; echo precious > outside/file; chmod 600 outside/file")
        let target = try DirectoryTarget(mode: .restore(to: scratch("t")))
        try target.begin(SnapshotHeader(name: "s", snapshot: SnapshotReference(uuid: .random(), generation: 1)))
        return target
    }

    @Test func `nothing is done through a symbolic link of the stream`() throws {
        let scratch = try Scratch()
        let target = try begin(scratch)
        let me = SnapshotReference(uuid: .random(), generation: 1)
        let number = InodeIdentity(number: InodeNumber(5))
        let before = try Shell.fingerprint(scratch("outside"))
        try target.apply(.makeSymbolicLink(path("dir"), number, target: Array(scratch("outside").utf8)))
        try target.apply(.makeSymbolicLink(path("file"), number, target: Array(scratch("outside/file").utf8)))
        let times = FileTimes.epoch
        let attacks: [Instruction] = try [
            .makeFile(path("dir/new"), number), .makeDirectory(path("dir/new"), number),
            .write(path("dir/file"), offset: 0, data: [0]), .write(path("file"), offset: 0, data: [0]),
            .truncate(path("file"), size: 0), .unlink(path("dir/file")),
            .rename(path("dir/file"), to: path("stolen")), .link(path("stolen"), to: path("dir/file")),
            .changeMode(path("dir/file"), permissions: 0o777), .setTimes(path("dir/file"), times),
            .clone(
                path("file"), offset: 0, length: 1,
                from: CloneSource(snapshot: me, path: path("dir/file"), offset: 0)),
            .allocate(path("file"), [.keepSize], offset: 0, length: 4096),
        ]
        for attack in attacks {
            #expect(throws: SnapshotError.self, "\(attack)") { try target.apply(attack) }
        }
        // These are about the link itself, and must stay so.
        for attack: Instruction in try [
            .changeMode(path("file"), permissions: 0o777), .changeOwner(path("file"), owner: 99, group: 99),
            .setTimes(path("file"), times), .setFlags(path("file"), flags: 0x40),
            .setExtendedAttribute(path("file"), ExtendedAttribute(name: Array("user.x".utf8), value: [1])),
            .link(path("again"), to: path("file")),
        ] {
            try? target.apply(attack)
        }
        try target.finish()
        #expect(try Shell.fingerprint(scratch("outside")) == before)
        #expect(try scratch.run("ls outside; readlink t/again").hasPrefix("file\n/tmp/"))
    }

    @Test func `a cloned file is read beneath its snapshot alone`() throws {
        let scratch = try Scratch()
        let target = try begin(scratch)
        let me = SnapshotReference(uuid: .random(), generation: 1)
        target.abandon()
        let number = InodeIdentity(number: InodeNumber(5))
        try target.begin(SnapshotHeader(name: "s", snapshot: me))
        try target.apply(.makeSymbolicLink(path("dir"), number, target: Array("../outside".utf8)))
        try target.apply(.makeSymbolicLink(path("link"), number, target: Array("../outside/file".utf8)))
        try target.apply(.makeFile(path("thief"), number))
        for name in ["dir/file", "link"] {
            #expect(throws: SnapshotError.self) {
                try target.apply(
                    .clone(
                        path("thief"), offset: 0, length: 4,
                        from: CloneSource(snapshot: me, path: path(name), offset: 0)))
            }
        }
    }

    @Test func `a directory that becomes a link while it is open leads nowhere else`() throws {
        let scratch = try Scratch()
        let target = try begin(scratch)
        let number = InodeIdentity(number: InodeNumber(5))
        try target.apply(.makeDirectory(path("d"), number))
        try target.apply(.makeDirectory(path("d/e"), number))
        try target.apply(.makeFile(path("d/e/file"), number))
        try scratch.run("mv t/d aside; ln -s ../outside t/d; mkdir outside/e")
        // What is open is still the directory that was made; what is opened anew is refused.
        try? target.apply(.makeFile(path("d/e/other"), number))
        #expect(throws: SnapshotError.self) { try target.apply(.makeDirectory(path("d/new/deeper"), number)) }
        #expect(try scratch.run("ls outside outside/e") == "outside:\ne\nfile\n\noutside/e:\n")
    }

    @Test func `a name that is swapped for a link again and again is never followed`() throws {
        let scratch = try Scratch()
        let target = try begin(scratch)
        let number = InodeIdentity(number: InodeNumber(5))
        try scratch.run("mkdir t/d outside/d; touch t/d/x go")
        let racer = Process()
        racer.executableURL = URL(fileURLWithPath: "/bin/bash")
        racer.arguments = [
            "-c",
            "cd \(scratch.path)/t; ln -s ../outside/d l; while [ -e ../go ]; do mv -T d k; mv -T l d; mv -T d l; mv -T k d; done",
        ]
        racer.standardError = FileHandle.nullDevice
        try racer.run()
        defer { _ = try? scratch.run("rm -f go") }
        for round in 0..<300 {
            // Another path in between, so that nothing stays open.
            try? target.apply(.makeFile(path("d/file-\(round)"), number))
            try? target.apply(.rename(path("nothing"), to: path("none")))
            try? target.apply(.rename(path("d/none"), to: path("d")))
        }
        try scratch.run("rm go")
        racer.waitUntilExit()
        #expect(try scratch.run("ls -A outside/d") == "")
    }
}
