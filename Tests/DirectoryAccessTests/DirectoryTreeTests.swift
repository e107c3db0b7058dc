import DirectoryAccess
import Foundation
import SnapshotModel
import Testing

@Suite struct DirectoryTreeTests {
    /// All paths of a tree with what it says of them, in the words of `find`.
    private func describe(_ tree: DirectoryTree) throws -> [String] {
        var lines: [String] = []
        func visit(_ number: InodeNumber, _ path: RelativePath) throws {
            let inode = try tree.existingInode(number)
            let letter = inode.kind.letter
            let time = inode.times.modified
            let link =
                inode.kind == .symbolicLink
                ? String(decoding: try tree.symbolicLinkTarget(of: number), as: UTF8.self) : ""
            let mode = String(inode.permissions, radix: 8)
            lines.append(
                "\(path)|\(letter)|\(mode)|\(inode.owner)|\(inode.group)|\(number.rawValue)"
                    + "|\(time.seconds)|\(time.nanoseconds)|\(link)")
            guard inode.kind == .directory else { return }
            try tree.forEachEntry(in: number) { try visit($0.inode, path.appending($0.name)) }
        }
        try visit(tree.root, .root)
        return lines.sorted()
    }

    @Test func `every file is told of as find tells of it`() throws {
        let scratch = try Scratch()
        try TreeOfEverything.make("tree", in: scratch)
        let tree = try DirectoryTree(path: scratch("tree"))
        let script = """
            import os, stat
            kinds = {'d': stat.S_ISDIR, 'f': stat.S_ISREG, 'l': stat.S_ISLNK, 'p': stat.S_ISFIFO, 's': stat.S_ISSOCK,
                     'c': stat.S_ISCHR, 'b': stat.S_ISBLK}
            def shown(path):
                out = ''
                for ch in path.decode('utf8', 'surrogateescape'):
                    o = ord(ch)
                    out += '\\\\%03o' % (o - 0xdc00) if 0xdc80 <= o <= 0xdcff else '\\\\n' if ch == chr(10) else ch
                return out
            def visit(path, name):
                s = os.lstat(path)
                kind = [k for k, f in kinds.items() if f(s.st_mode)][0]
                link = os.readlink(path).decode() if kind == 'l' else ''
                print('|'.join([shown(name) or '.', kind, '%o' % stat.S_IMODE(s.st_mode), str(s.st_uid), str(s.st_gid),
                    str(s.st_ino), str(s.st_mtime_ns // 10**9), str(s.st_mtime_ns % 10**9), link]))
                if kind == 'd':
                    for entry in os.listdir(path):
                        visit(path + b'/' + entry, entry if not name else name + b'/' + entry)
            visit(b'tree', b'')
            """
        try script.write(toFile: scratch("describe.py"), atomically: true, encoding: .utf8)
        let expected = try scratch.run("python3 describe.py").split(separator: "\n").map(String.init).sorted()
        #expect(try describe(tree) == expected)
        #expect(tree.losses.isEmpty)
    }

    @Test func `device numbers, extended attributes and holes are read`() throws {
        let scratch = try Scratch()
        try TreeOfEverything.make("tree", in: scratch)
        let tree = try DirectoryTree(path: scratch("tree"))
        func inode(_ path: String) throws -> Inode {
            try #require(try tree.resolve(RelativePath(validating: path.utf8)))
        }
        let attributes = try tree.extendedAttributes(of: inode("a/b/large").number)
        #expect(attributes == [ExtendedAttribute(name: Array("user.binary".utf8), value: [0, 255, 0])])
        let hello = try tree.extendedAttributes(of: inode("a/hello").number).map {
            String(decoding: $0.name, as: UTF8.self)
        }
        #expect(hello == ["system.posix_acl_access", "user.note"])
        var extents: [FileExtent] = []
        try tree.forEachExtent(of: inode("sparse").number, from: 0) { extents.append($0) }
        #expect(extents.map(\.length).reduce(0, +) < 100_000)
        #expect(extents.contains { $0.offset <= 5_000_000 && $0.end >= 5_000_004 })
        #expect(try tree.read(inode("sparse").number, at: 4_999_999, count: 6) == [0, 100, 97, 116, 97, 0])
        if Shell.isRoot {
            #expect(
                try inode("far").device
                    == UInt64(
                        try scratch.run("python3 -c 'import os; print(os.stat(\"tree/far\").st_rdev)'")
                            .trimmingCharacters(in: .newlines)))
            #expect(try tree.extendedAttributes(of: inode("capable").number).map(\.value.count) == [20])
        }
    }

    @Test func `an inode with several names is one and knows them all`() throws {
        let scratch = try Scratch()
        try scratch.run("mkdir -p t/d; echo x > t/one; ln t/one t/d/two; echo y > t/other")
        let tree = try DirectoryTree(path: scratch("t"))
        let one = try #require(try tree.resolve(RelativePath(validating: "one".utf8)))
        let two = try #require(try tree.resolve(RelativePath(validating: "d/two".utf8)))
        #expect(one == two)
        #expect(one.linkCount == 2)
        let directory = try #require(try tree.resolve(RelativePath(validating: "d".utf8))).number
        let names = try tree.links(of: one.number)
        #expect(
            Set(names) == [
                InodeLink(directory: tree.root, name: FileName(trusted: Array("one".utf8))),
                InodeLink(directory: directory, name: FileName(trusted: Array("two".utf8))),
            ])
        var numbers: [InodeNumber] = []
        try tree.forEachInode { numbers.append($0.number) }
        #expect(numbers == numbers.sorted())
        #expect(Set(numbers).count == 4 && numbers.count == 4)
    }

    @Test func `excluded files and marked caches are left out`() throws {
        let scratch = try Scratch()
        try scratch.run(
            """
            mkdir -p t/keep t/build/deep t/cache
            touch t/keep/a.o t/keep/a.c t/build/deep/x t/cache/junk t/keep/special.o
            printf 'Signature: 8a477f597d28d172789f06886806bc55\\n' > t/cache/CACHEDIR.TAG
            """)
        var options = DirectoryTree.Options()
        options.excludes.add(contents: "# objects\n*.o\n!special.o\nbuild/\n".utf8)
        options.excludesCaches = true
        let tree = try DirectoryTree(path: scratch("t"), options: options)
        #expect(
            try describe(tree).map { $0.split(separator: "|")[0] }.sorted() == [
                ".", "cache", "cache/CACHEDIR.TAG", "keep", "keep/a.c", "keep/special.o",
            ])
        #expect(try tree.resolve(RelativePath(validating: "build".utf8)) == nil)
        #expect(try tree.resolve(RelativePath(validating: "cache/junk".utf8)) == nil)
    }

    @Test func `a file that vanishes or changes under the reader is told of`() throws {
        let scratch = try Scratch()
        try scratch.run("mkdir t; echo gone > t/gone; echo before > t/changing; echo swapped > t/swapped")
        let tree = try DirectoryTree(path: scratch("t"))
        var codes: [SnapshotError.Code] = []
        try tree.forEachEntry(in: tree.root) { entry in
            if entry.name.description == "gone" {
                try scratch.run("rm t/gone")
                do {
                    _ = try tree.inode(entry.inode)
                    _ = try tree.extendedAttributes(of: entry.inode)
                } catch let error as SnapshotError {
                    codes.append(error.code)
                }
            } else if entry.name.description == "swapped" {
                _ = try tree.inode(entry.inode)
                try scratch.run("rm t/swapped; ln -s /etc/passwd t/swapped")
                do { _ = try tree.extendedAttributes(of: entry.inode) } catch let error as SnapshotError {
                    codes.append(error.code)
                }
            } else {
                _ = try tree.inode(entry.inode)
                _ = try tree.extendedAttributes(of: entry.inode)
                try scratch.run("echo longer after >> t/changing")
                #expect(try tree.read(entry.inode, at: 0, count: 1000) == Array("before\n".utf8)[...])
                #expect(try tree.inodeToReadAgain(entry.inode)?.size == 20)
                try scratch.run("echo and longer >> t/changing")
                #expect(try tree.read(entry.inode, at: 0, count: 1000).count == 20)
                #expect(try tree.inodeToReadAgain(entry.inode) == nil)
            }
        }
        #expect(codes == [.vanished, .vanished])
        #expect(tree.losses.counts == [.changed: 1])
        #expect(tree.losses.examples[.changed] == ["changing"])
    }

    @Test func `a file that is replaced long after its directory was read ahead is found`() throws {
        let scratch = try Scratch()
        try scratch.run("mkdir -p t/a t/b t/c; for d in a b c; do echo old > t/$d/file; done")
        let tree = try DirectoryTree(path: scratch("t"))
        var directories: [InodeNumber] = []
        try tree.forEachEntry(in: tree.root) { directories.append($0.inode) }
        try scratch.run("sleep 1.5; for d in a b c; do echo new > t/$d/new; mv t/$d/new t/$d/file; done")
        for directory in directories {
            var contents: [ArraySlice<UInt8>] = []
            try tree.forEachEntry(in: directory) { entry in
                _ = try tree.inode(entry.inode)
                _ = try tree.extendedAttributes(of: entry.inode)
                contents.append(try tree.read(entry.inode, at: 0, count: 100))
            }
            #expect(contents == [Array("new\n".utf8)[...]])
        }
        #expect(tree.losses.isEmpty)
    }

    @Test(.enabled(if: Shell.isRoot, "mounting needs root"))
    func `a file that is mounted over another is left out and counted`() throws {
        let scratch = try Scratch()
        try scratch.run("mkdir t; touch t/below t/beside; echo above > above; mount --bind above t/below")
        defer { _ = try? scratch.run("umount t/below") }
        let tree = try DirectoryTree(path: scratch("t"))
        #expect(try describe(tree).map { $0.split(separator: "|")[0] }.sorted() == [".", "beside"])
        #expect(tree.losses.examples[.unreadable] == ["below"])
    }

    @Test(.enabled(if: Shell.isRoot, "mounting needs root"))
    func `a mount point is an empty directory`() throws {
        let scratch = try Scratch()
        try scratch.run("mkdir -p t/mnt t/after; mount -t tmpfs none t/mnt; touch t/mnt/inside")
        defer { _ = try? scratch.run("umount t/mnt") }
        let tree = try DirectoryTree(path: scratch("t"))
        #expect(try describe(tree).map { $0.split(separator: "|")[0] }.sorted() == [".", "after", "mnt"])
        #expect(tree.mountPoints == ["mnt"])
    }
}
