import BtrfsAccess
import DirectoryAccess
import SnapshotDiff
import SnapshotModel
import SnapshotTesting
import SystemCalls
import Testing

/// Read-only subvolumes of a mounted btrfs as trees.
@Suite(.enabled(if: LoopBtrfs.obstacle == nil, "\(LoopBtrfs.obstacle ?? "")")) struct SourceTests {
    private let disk: LoopBtrfs

    init() throws {
        disk = try LoopBtrfs()
        try shell("btrfs -q subvolume create s")
    }

    private func shell(_ script: String) throws {
        try LoopBtrfs.run("bash", ["-euc", "cd '\(disk.path)'; \(script)"])
    }

    private func snapshot(_ name: String, of subvolume: String = "s") throws -> BtrfsTree {
        try shell("btrfs -q subvolume snapshot -r \(subvolume) \(name)")
        return try open(name)
    }

    private func open(_ name: String) throws -> BtrfsTree {
        let root = try Descriptor.open(disk(name), flags: OpenFlags.readDirectory)
        return try BtrfsTree(root: SharedDescriptor(root), place: disk(name))
    }

    /// What a comparison says, one line a change.
    private func changes(_ source: BtrfsTree, _ base: BtrfsTree) throws -> [String] {
        var lines: [String] = []
        try TreeComparison(source: source, base: base, options: .sameDomain).forEachChange { change in
            switch change {
            case .added(let path, _): lines.append("+ \(path)")
            case .removed(let path, _): lines.append("- \(path)")
            case .modified(let path, _, let aspects):
                if aspects.contains(.contents) { lines.append("M \(path)") }
            case .renamed(let from, let to, _, _): lines.append("R \(from) \(to)")
            case .linked(let path, _, _): lines.append("L \(path)")
            case .unlinked(let path, _): lines.append("U \(path)")
            }
        }
        return lines
    }

    @Test func `a snapshot reads as the directory that it is`() throws {
        try shell(
            """
            cd s; mkdir -p d/e; echo inline > d/small; head -c 300000 /dev/urandom > d/large
            ln d/small d/e/link; ln -s large d/symbolic; mkfifo pipe; mknod null c 1 3; mknod odd b 259 70000
            truncate -s 1M hole; printf end >> hole; setfattr -n user.a -v b d/large; chmod 4751 d/large
            chown 1000:1001 d/small; for i in $(seq 300); do ln d/small d/e/$i-$(printf %0200d $i); done
            head -c 400000 /dev/zero | tr '\\0' x > zeros; fallocate -n -l 8192 hole; touch -d @-1.5 pipe
            """)
        let tree = try snapshot("one")
        let directory = try DirectoryTree(path: disk("one"), options: DirectoryTree.Options())
        let details: TreeReport.Details = [.owners, .accessTimes, .changeTimes, .extendedAttributes, .contents]
        let difference = try TreeReport(of: tree, details).firstDifference(from: TreeReport(of: directory, details))
        #expect(difference == nil)
    }

    @Test(arguments: ["zlib", "lzo", "zstd"]) func `compressed contents read as what was written`(
        _ compression: String
    ) throws {
        try shell(
            """
            btrfs property set s compression \(compression); yes | head -c 1500 > s/inline; yes | head -c 500000 > s/long
            yes no | head -c 70000 | dd of=s/long bs=1 seek=123456 conv=notrunc status=none
            """)
        let tree = try snapshot("one")
        let directory = try DirectoryTree(path: disk("one"), options: DirectoryTree.Options())
        let difference = try TreeReport(of: tree, .contents).firstDifference(from: TreeReport(of: directory, .contents))
        #expect(difference == nil)
    }

    @Test func `every name is found by its directory, and finds it`() throws {
        try shell("cd s; for i in $(seq 500); do echo > file-$i; done")
        let tree = try snapshot("one")
        var count = 0
        try tree.forEachEntry(in: tree.root) { entry in
            count += 1
            let (found, links) = (try tree.lookup(entry.name, in: tree.root), try tree.links(of: entry.inode))
            #expect(found == entry)
            #expect(links == [InodeLink(directory: tree.root, name: entry.name)])
        }
        #expect(count == 500)
        #expect(try tree.lookup(FileName(validating: "file-501".utf8), in: tree.root) == nil)
    }

    @Test func `a difference names what changed and nothing else`() throws {
        try shell("cd s; mkdir a b; for i in $(seq 500); do echo $i > a/$i; head -c 5000 /dev/urandom > b/$i; done")
        let one = try snapshot("one")
        try shell("cd s; echo more >> a/7; echo more >> b/8; rm b/9; mv a/10 new; mkdir c; echo x > c/x; touch a/11")
        let two = try snapshot("two")
        var inodes: Set<InodeNumber> = []
        let isKnown = try two.forEachDifference(from: one) { difference in
            switch difference {
            case .inode(let number), .commonInode(let number): inodes.insert(number)
            case .entryAdded, .entryRemoved: break
            }
        }
        #expect(isKnown)
        // Three directories, 7, 8, 10 and 11 in the others, what is new, and 9, which the base alone has.
        #expect(inodes.count <= 10)
        #expect(try changes(two, one) == ["M a/7", "M b/8", "- b/9", "+ c", "+ c/x", "R a/10 new"])
    }

    @Test func `what changes here and there is told in full, whatever attributes it has`() throws {
        try shell(
            """
            cd s; for i in $(seq 300); do mkdir d$i; (cd d$i; touch $(seq 20)); done
            for i in 50 51 150; do setfattr -n user.long -v $(printf %03000d 1) d$i; done
            """)
        let one = try snapshot("one")
        try shell(
            """
            cd s; chmod 700 d10; setfattr -n user.long -v $(printf %03000d 2) d50; chmod 711 d51
            setfattr -n user.long -v $(printf %03000d 2) -- d150/7; setfattr -n user.short -v x d200; touch d300/5
            """)
        let two = try snapshot("two")
        var found: [String: Change.Aspects] = [:]
        try TreeComparison(source: two, base: one, options: .sameDomain).forEachChange { change in
            guard case .modified(let path, _, let aspects) = change else { return }
            found["\(path)"] = aspects.subtracting(.otherTimes)
        }
        #expect(
            found == [
                "d10": .permissions, "d50": .extendedAttributes, "d51": .permissions, "d150/7": .extendedAttributes,
                "d200": .extendedAttributes, "d300/5": .modificationTime,
            ])
    }

    @Test func `what lay in a directory that is gone is found where it is now`() throws {
        try shell("cd s; mkdir -p a/b/c; echo 1 > a/b/c/kept; echo 2 > a/b/c/lost")
        let one = try snapshot("one")
        try shell("cd s; mv a/b/c/kept .; rm -r a")
        let two = try snapshot("two")
        let found = try changes(two, one)
        #expect(found.contains("R a/b/c/kept kept"))
        #expect(found.contains("- a/b/c/lost"))
    }

    @Test func `subvolumes without a common ancestor are compared as wholes`() throws {
        // Made alike and at once: numbers and generations agree, and mean nothing.
        try shell(
            """
            btrfs -q subvolume create t; sync
            for i in s t; do echo $i-contents > $i/file; ln -s $i $i/link; done; mkdir s/kind; echo > t/kind; sync
            """)
        let (one, two) = (try snapshot("one"), try snapshot("two", of: "t"))
        #expect(two.generationShared(with: one) == 0)
        let found = try changes(two, one)
        #expect(found.contains("M file"))
        #expect(found.contains("+ link") && found.contains("- link"))
        #expect(found.contains("+ kind") && found.contains("- kind"))
    }

    @Test func `a base that changed after it was taken is seen as it is`() throws {
        try shell("cd s; echo 1 > kept; echo 2 > changed")
        _ = try snapshot("one")
        try shell(
            """
            btrfs property set -ts one ro false; echo other > one/changed; echo > one/added
            btrfs property set -ts one ro true; echo more >> s/kept
            """)
        let two = try snapshot("two")
        #expect(try changes(two, open("one")) == ["- added", "M changed", "M kept"])
    }

    @Test func `a subvolume within is left out, as btrfs send leaves it out`() throws {
        try shell("cd s; echo x > file; btrfs -q subvolume create within; echo y > within/file")
        let tree = try snapshot("one")
        var names: [String] = []
        try tree.forEachEntry(in: tree.root) { names.append("\($0.name)") }
        #expect(names == ["file"])
    }

    @Test func `a subvolume that can still change is refused`() throws {
        let error = #expect(throws: SnapshotError.self) { try open("s") }
        #expect(error?.code == .invalidRequest)
    }

    @Test func `a subvolume that is made writable while it is read is noticed`() throws {
        let tree = try snapshot("one")
        try tree.checkUnchanged()
        try shell("btrfs property set -ts one ro false; echo x > one/x; sync; btrfs property set -ts one ro true")
        #expect(throws: SnapshotError.self) { try tree.checkUnchanged() }
    }
}
