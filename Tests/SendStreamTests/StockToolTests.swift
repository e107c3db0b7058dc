import Foundation
import Glibc
import SendStream
import SnapshotModel
import Testing

/// Against the stock tools, on a btrfs of its own on a loop device.
@Suite(
    .serialized,
    .enabled(if: getuid() == 0 && Shell.has("mkfs.btrfs") && Shell.has("setfattr"), "needs root, btrfs-progs and attr"))
struct StockToolTests {
    /// A mounted btrfs that is unmounted and removed with its last reference.
    final class Volume {
        let path: String

        init() throws {
            path = NSTemporaryDirectory() + "cowpath-\(UUID().uuidString)"
            try Shell.run(
                "mkdir '\(path)'; truncate -s 256M '\(path)/image'; mkfs.btrfs -q '\(path)/image'; mkdir '\(path)/mnt'; "
                    + "mount -o loop '\(path)/image' '\(path)/mnt'")
        }

        deinit {
            _ = try? Shell.run("umount '\(path)/mnt'; rm -rf '\(path)'")
        }
    }

    private static let snapshots = [
        RecordingTarget.Snapshot(header: Samples.header("monday", 1), instructions: Samples.full),
        RecordingTarget.Snapshot(
            header: Samples.header("tuesday", 2, base: .parent(Samples.reference(1))),
            instructions: Samples.incremental.filter { step in
                if case .updateExtent = step { return false }
                return true
            }),
    ]

    @Test(arguments: [1, 2] as [UInt32])
    func `btrfs receive takes our streams, full and incremental`(version: UInt32) throws {
        let volume = try Volume()
        let mount = volume.path + "/mnt"
        for (number, ends) in [BtrfsStreamWriter.SnapshotEnds.every, .last].enumerated() {
            let bytes = try Samples.btrfs(StockToolTests.snapshots, version: version, ends: ends)
            try Data(bytes).write(to: URL(fileURLWithPath: volume.path + "/stream"))
            try Shell.run(
                "mkdir '\(mount)/\(number)'; btrfs receive -q -f '\(volume.path)/stream' '\(mount)/\(number)'")
            let snapshot = "\(mount)/\(number)/tuesday"
            #expect(try Shell.run("head -c 13 '\(snapshot)/papers/read me'") == "hello, world\n")
            #expect(
                try Shell.run("stat -c '%s %a %u %g %h %Y' '\(snapshot)/papers/read me'")
                    == "8000 640 1000 100 1 1700000000\n")
            #expect(
                try Shell.run(
                    "readlink '\(snapshot)/symlink'; test -S '\(snapshot)/socket'; test -c '\(snapshot)/null'")
                    == "docs/read me\n")
            #expect(
                try Shell.run("getfattr --only-values -n user.colour '\(mount)/\(number)/monday/docs/read me'") == "red"
            )
            #expect(try Shell.run("ls -A '\(snapshot)' | wc -l") == "6\n")
        }
    }

    @Test func `encoded extents, holes and flags of protocol 2 arrive at btrfs receive`() throws {
        let volume = try Volume()
        let plain = Array(String(repeating: "a line that compresses well\n", count: 4000).utf8).prefix(98_304)
        try Data(plain).write(to: URL(fileURLWithPath: volume.path + "/plain"))
        try Shell.run("zstd -q --no-check '\(volume.path)/plain' -o '\(volume.path)/packed'")
        let packed = [UInt8](try Data(contentsOf: URL(fileURLWithPath: volume.path + "/packed")))
        let extent = EncodedExtent(
            encoding: .zstd, bytes: packed[...], decodedLength: 98_304, decodedOffset: 0, fileLength: 98_304)
        let file = Samples.path("f")
        let steps: [Instruction] = [
            .makeFile(file, Samples.inode(300)), .writeEncoded(file, offset: 0, extent),
            .allocate(file, [.keepSize, .punchHole], offset: 4096, length: 4096),
            .setFlags(file, flags: 0x80), .setTimes(file, Samples.times(5)),
        ]
        let bytes = try Samples.btrfs(
            [RecordingTarget.Snapshot(header: Samples.header("s", 1), instructions: steps)], version: 2)
        try Data(bytes).write(to: URL(fileURLWithPath: volume.path + "/stream"))
        try Shell.run("btrfs receive -q -f '\(volume.path)/stream' '\(volume.path)/mnt'")
        let received = [UInt8](try Data(contentsOf: URL(fileURLWithPath: volume.path + "/mnt/s/f")))
        var expected = Array(plain)
        expected.replaceSubrange(4096..<8192, with: [UInt8](repeating: 0, count: 4096))
        #expect(received == expected)
    }

    @Test func `what btrfs send writes we print as btrfs receive --dump does`() throws {
        let volume = try Volume()
        let mount = volume.path + "/mnt"
        try Shell.run(
            """
            cd '\(mount)'; btrfs subvolume create a; cd a; echo hi > 'file with space'; printf x > $'caf\\xe9\\n\\\\q'
            mkdir d; ln 'file with space' d/hl; ln -s 't arget\\\\' sl; mkfifo ff; mknod nod c 5 1
            setfattr -n user.x -v 'a b c' d; head -c 102400 /dev/urandom > big; cp --reflink big b2; chmod 4755 big
            printf y > a-name-that-is-longer-than-the-column-for-paths; cd ..
            btrfs subvolume snapshot -r a a1; mv a/d a/dd; rm a/ff; setfattr -x user.x a/dd; truncate -s 5 a/big
            btrfs subvolume snapshot -r a a2; sync
            """)
        for options in ["a1", "--proto 2 a1", "-p a1 a2", "--proto 2 -p a1 a2", "--no-data a1"] {
            let stream = volume.path + "/stream"
            try Shell.run("cd '\(mount)'; btrfs send -q \(options) > '\(stream)'")
            let stock = try Shell.run("btrfs receive --dump -f '\(stream)'")
            let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: stream)))
            let ours = try Samples.dump(bytes)
            // The stock tool prints file flags in another numbering.
            let withoutFlags = { (text: String) in text.split(separator: "\n").filter { !$0.hasPrefix("fileattr") } }
            #expect(withoutFlags(ours) == withoutFlags(stock), "\(options)")
            #expect(try Samples.dump(Samples.btrfs(Samples.read(bytes), version: 2)) == ours, "\(options)")
            #expect(try Samples.dump(Samples.cowpath(Samples.read(bytes))) == ours, "\(options)")
        }
    }

    @Test func `a stream of btrfs send reads as the tree that it came from`() throws {
        let volume = try Volume()
        let mount = volume.path + "/mnt"
        try Shell.run(
            """
            cd '\(mount)'; btrfs subvolume create a; cd a; mkdir -p x/y; echo hi > x/y/f; ln x/y/f g; cd ..
            btrfs subvolume snapshot -r a a1; mv a/x a/z; rm a/g; btrfs subvolume snapshot -r a a2; sync
            btrfs send -q a1 > ../full; btrfs send -q -p a1 a2 > ../next
            """)
        let read = { (name: String) in
            ArraySource([UInt8](try Data(contentsOf: URL(fileURLWithPath: volume.path + "/" + name))))
        }
        let tree = try StoredTree.load(from: read("next"), onto: StoredTree.load(from: read("full")))
        let file = try #require(try tree.resolve(Samples.path("z/y/f")))
        let inode = try Shell.run("stat -c %i '\(mount)/a2/z/y/f'").dropLast()
        #expect(String(file.number.rawValue) == inode)
        #expect(file.linkCount == 1 && file.size == 3)
    }
}
