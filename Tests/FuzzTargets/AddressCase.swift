import CowVolume
import DirectoryAccess
import Foundation
import Replication
import SnapshotModel

/// What a user writes: names, paths, addresses, UUIDs and patterns.
enum AddressCase {
    static func run(_ bytes: [UInt8]) throws(FuzzFinding) {
        try checkPath(bytes)
        try checkEscapes(bytes)
        try checkPatterns(bytes)
        let text = String(decoding: bytes, as: UTF8.self)
        try checkName(text)
        try checkUUID(text)
        try checkAddress(text)
    }

    private static func checkPath(_ bytes: [UInt8]) throws(FuzzFinding) {
        var path = RelativePath.root
        let isPath = try StreamCase.expected("a path") { () throws in path = try RelativePath(validating: bytes) }
        guard isPath else { return }
        guard path.bytes == bytes, Array(path.names.map(\.bytes).joined(separator: [0x2F])) == bytes else {
            throw FuzzFinding("a path is not what it was made of")
        }
        guard let (parent, name) = path.split else { return }
        guard parent.appending(name) == path, path.isWithin(parent), !parent.isWithin(path) else {
            throw FuzzFinding("a path is not a name in its parent")
        }
        try StreamCase.expected("a name") { () throws in
            if try FileName(validating: name.bytes) != name { throw FuzzFinding("a name is another") }
        }
    }

    /// A mark and a slash are bytes, whatever follows them.
    private static func checkName(_ text: String) throws(FuzzFinding) {
        guard let name = try parsed(text) else { return }
        let printed = NameText.print(name)
        guard Array(text.utf8) == printed || Array(text.utf8) == printed + [0x2F] else {
            throw FuzzFinding("a name prints as \(EscapedBytes.describe(printed))")
        }
        guard NameText.dataset(text) == Array(name.dataset.utf8), NameText.path(text) == name.path.bytes else {
            throw FuzzFinding("a name is taken apart in the wrong place: \(name)")
        }
    }

    private static func parsed(_ text: String) throws(FuzzFinding) -> VolumeName? {
        var name: VolumeName?
        try StreamCase.expected("a name in a volume") { () throws in name = try VolumeName(parsing: text[...]) }
        return name
    }

    private static func checkUUID(_ text: String) throws(FuzzFinding) {
        guard let uuid = SnapshotUUID(text) else { return }
        guard uuid.description == text.lowercased(), SnapshotUUID(bytes: uuid.bytes) == uuid else {
            throw FuzzFinding("a UUID prints as \(uuid)")
        }
    }

    private static func checkAddress(_ text: String) throws(FuzzFinding) {
        guard let scratch = AddressedFiles.path else { throw FuzzFinding("no scratch directory") }
        let whole = scratch + "/" + text
        var address: Address?
        try StreamCase.expected("an address") { () throws in address = try Address(whole) }
        switch address {
        case nil: return
        case .directory(let path), .file(let path):
            guard Array(path.utf8) == Array(whole.utf8) else { throw FuzzFinding("an address is another: \(path)") }
        case .volume(let path, let name):
            guard whole.utf8.starts(with: path.utf8), Volume.isVolume(path) else {
                throw FuzzFinding("no volume: \(path)")
            }
            let inside = Array(whole.utf8.dropFirst(path.utf8.count).drop { $0 == 0x2F })
            let printed = NameText.print(name)
            guard inside == printed || inside == printed + [0x2F] else { throw FuzzFinding("another name: \(name)") }
        }
    }

    /// What is shown can be told from everything else, and stays on its line.
    private static func checkEscapes(_ bytes: [UInt8]) throws(FuzzFinding) {
        for escapesSpace in [false, true] {
            let shown = EscapedBytes.describe(bytes, escapingSpace: escapesSpace)
            guard NameText.unescaped(Array(shown.utf8)) == bytes else { throw FuzzFinding("shown as \(shown)") }
            guard !shown.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
                throw FuzzFinding("a control character is shown")
            }
        }
    }

    /// The first byte splits the input into patterns and a path.
    private static func checkPatterns(_ bytes: [UInt8]) throws(FuzzFinding) {
        guard let first = bytes.first else { return }
        let patterns = bytes.dropFirst().prefix(Int(first))
        let path = Array(bytes.dropFirst(1 + patterns.count))
        var rules = ExcludeRules()
        rules.add(contents: patterns)
        _ = rules.excludes(path, isDirectory: true)
        let isExcluded = rules.excludes(path, isDirectory: false)
        if let expected = PlainPattern.matches(Array(patterns), path), isExcluded != expected {
            throw FuzzFinding("a pattern matches \(isExcluded), not \(expected)")
        }
    }
}

/// A directory with a volume `v`, a file `f` and a directory `d` with a volume in it.
private enum AddressedFiles {
    static let path: String? = try? {
        let scratch = try Scratch("addresses")
        for volume in ["v", "d/v"] {
            let directory = scratch.path + "/" + volume
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            // An address looks for the marker alone.
            try Data().write(to: URL(fileURLWithPath: directory + "/cowpath-volume"))
        }
        try Data().write(to: URL(fileURLWithPath: scratch.path + "/f"))
        return scratch.path
    }()
}
