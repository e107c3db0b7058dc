import SnapshotModel

/// Names and paths, and where links lead.
extension HostileCase {
    static let paths: [HostileCase] = [
        .steps("a path that climbs out", .byReader(.invalidPath), .file("../evil")),
        .steps("a path that climbs out from below", .byReader(.invalidPath), .file("d/../../evil")),
        .steps("an absolute path", .byReader(.invalidPath), .file("/tmp/evil")),
        .steps("a NUL in a path", .byReader(.invalidPath), .make(3, Array("d/e\0vil".utf8))),
        .steps("an empty name in a path", .byReader(.invalidPath), .file("d//evil")),
        .steps("a slash at the end of a path", .byReader(.invalidPath), .file("d/")),
        .steps("a dot as a name", .byReader(.invalidPath), .file("d/./evil")),
        .steps("a name of 256 bytes", .byReader(.invalidPath), .file(String(repeating: "n", count: 256))),
        .steps("a path beyond PATH_MAX", .byReader(.invalidPath), in: .btrfs, .file(longPath)),
        .steps("a path beyond PATH_MAX", .byReader(.limitExceeded), in: .cowpath, .file(longPath)),
        .steps("a rename that leaves", .byReader(.invalidPath), .rename("d/f", to: "../evil")),
        .steps("a hard link that leaves", .byReader(.invalidPath), .link("l", to: "../../outside/precious")),
        .steps("the root as a file", .byReader(.invalidInstruction), .file("")),
        .steps("the root removed", .byReader(.invalidInstruction), .removeDirectory("")),
        .steps("the root unlinked", .byReader(.invalidInstruction), .unlink("")),
        .steps("the root moved", .byReader(.invalidInstruction), .rename("", to: "d/root")),
        .steps("something moved onto the root", .byReader(.invalidInstruction), .rename("d", to: "")),
        .steps("the root written to", .byReader(.invalidInstruction), .write("", at: 0, [1])),
        .steps("a symbolic link to nothing", .byReader(.invalidInstruction), .link("l", symbolicTo: [])),
        .steps("a symbolic link with a NUL", .byReader(.invalidInstruction), .link("l", symbolicTo: [0x61, 0, 0x62])),
        .steps(
            "a symbolic link beyond PATH_MAX", .byReader(.invalidInstruction), in: .btrfs,
            .link("l", symbolicTo: [UInt8](repeating: 0x61, count: 4096))),
        .steps(
            "a symbolic link beyond PATH_MAX", .byReader(.limitExceeded), in: .cowpath,
            .link("l", symbolicTo: [UInt8](repeating: 0x61, count: 4096))),
    ]

    private static let longPath = [String](repeating: String(repeating: "n", count: 200), count: 22).joined(
        separator: "/")

    static let links: [HostileCase] = [
        .steps("a file below a symbolic link", .byTree(.invalidInstruction), .file("out/evil")),
        .steps("a directory below a symbolic link", .byTree(.invalidInstruction), .directory("out/evil")),
        .steps("a write through a symbolic link", .byTree(.invalidInstruction), .write("out/precious", at: 0, [1])),
        .steps("a write to a symbolic link", .byTree(.invalidInstruction), .write("out", at: 0, [1])),
        .steps("a cut through a symbolic link", .byTree(.invalidInstruction), .truncate("out/precious", to: 0)),
        .steps("a removal through a symbolic link", .byTree(.invalidInstruction), .unlink("out/precious")),
        .steps("a mode through a symbolic link", .byTree(.invalidInstruction), .mode("out/precious", 0o777)),
        .steps("a rename from below a symbolic link", .byTree(.invalidInstruction), .rename("out/precious", to: "x")),
        .steps("a rename to below a symbolic link", .byTree(.invalidInstruction), .rename("d/f", to: "out/f")),
        .steps("a hard link through a symbolic link", .byTree(.invalidInstruction), .link("l", to: "out/precious")),
        .steps(
            "a directory replaced by a symbolic link", .byTree(.invalidInstruction), .directory("e"), .file("e/x"),
            .unlink("e/x"), .removeDirectory("e"), .link("e", symbolicTo: Array("../../outside".utf8)), .file("e/evil")),
        .steps(
            "a directory moved away for a symbolic link", .byTree(.invalidInstruction), .file("d/x"),
            .rename("d", to: "e"), .link("d", symbolicTo: Array("../../outside".utf8)), .file("d/evil")),
        .changes("a file below a symbolic link of the base", .byTree(.invalidInstruction), .file("out/evil")),
        .changes(
            "a directory of the base replaced by a symbolic link", .byTree(.invalidInstruction), .unlink("d/f"),
            .removeDirectory("d"), .link("d", symbolicTo: Array("../../outside".utf8)), .file("d/evil")),
    ]

    static let misfits: [HostileCase] = [
        .steps("a rename below itself", .byTree(.invalidInstruction), .rename("d", to: "d/e")),
        .steps("a rename of nothing", .byTree(.invalidInstruction), .rename("nothing", to: "x")),
        .steps("a rename into no directory", .byTree(.invalidInstruction), .rename("d", to: "nowhere/d")),
        .steps("a hard link to nothing", .byTree(.invalidInstruction), .link("l", to: "nothing")),
        .steps("a hard link to a directory", .byTree(.invalidInstruction), .link("l", to: "d")),
        .steps("a name that is taken", .byTree(.invalidInstruction), .file("d/f")),
        .steps("a directory that is there", .byTree(.invalidInstruction), .directory("d")),
        .steps("a hard link onto a name that is taken", .byTree(.invalidInstruction), .link("empty", to: "d/f")),
        .steps("a file below a file", .byTree(.invalidInstruction), .file("d/f/x")),
        .steps("a file in no directory", .byTree(.invalidInstruction), .file("nowhere/x")),
        .steps("a write to what was never made", .byTree(.invalidInstruction), .write("nothing", at: 0, [1])),
        .steps("a cut of what was never made", .byTree(.invalidInstruction), .truncate("nothing", to: 1)),
        .steps("a mode for what was never made", .byTree(.invalidInstruction), .mode("nothing", 0o644)),
        .steps("an owner for what was never made", .byTree(.invalidInstruction), .owner("nothing", 0, 0)),
        .steps("times for what was never made", .byTree(.invalidInstruction), .times("nothing", 1, 1)),
        .steps(
            "an attribute for what was never made", .byTree(.invalidInstruction),
            .attribute("nothing", Array("user.x".utf8), [1])),
        .steps("a removal of what was never made", .byTree(.invalidInstruction), .unlink("nothing")),
        .steps(
            "a removal of a directory that was never made", .byTree(.invalidInstruction), .removeDirectory("nothing")),
        .steps("a removal of a directory that is not empty", .byTree(.invalidInstruction), .removeDirectory("d")),
        .steps("a directory unlinked", .byTree(.invalidInstruction), .unlink("d")),
        .steps("a file removed as a directory", .byTree(.invalidInstruction), .removeDirectory("d/f")),
        .steps("a write to a directory", .byTree(.invalidInstruction), .write("d", at: 0, [1])),
        .steps("a cut of a directory", .byTree(.invalidInstruction), .truncate("d", to: 0)),
        .steps(
            "a name that would write to a terminal", .byTree(.invalidInstruction),
            .unlink("\u{1B}]0;owned\u{07}\n\rcowpath: all is well")),
        .changes("a removal of what the base never had", .byTree(.invalidInstruction), .unlink("nothing")),
        .changes(
            "much that is right before what is wrong", .byTree(.invalidInstruction), .write("d/f", at: 100, [1, 2, 3]),
            .file("new"), .write("new", at: 0, [4]), .rename("empty", to: "d/empty"), .unlink("d/empty"),
            .mode("d", 0o700), .unlink("nothing")),
    ]
}
