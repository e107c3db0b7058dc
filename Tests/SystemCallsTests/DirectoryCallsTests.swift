import Foundation
import Glibc
import Testing

import SystemCalls

@Suite struct DirectoryCallsTests {
    /// Lends a new directory, which is removed afterwards.
    private func withDirectory(_ body: (borrowing Descriptor, String) throws -> Void) throws {
        let path = "/tmp/calls-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(try Descriptor.open(path, flags: OpenFlags.readDirectory), path)
    }

    @Test func `a directory of any size is listed whole`() throws {
        try withDirectory { directory, _ in
            for number in 0..<2000 {
                _ = try directory.open(Array("file-with-a-longer-name-\(number)".utf8), flags: OpenFlags.create)
            }
            var names: Set<[UInt8]> = []
            try directory.forEachEntry { names.insert($0.name) }
            #expect(names.count == 2000)
        }
    }

    @Test(arguments: ["link/inside", "..", "a/../../x", "/etc", "a/link-up"])
    func `no way out is found beneath a directory, with openat2 or without`(_ path: String) throws {
        try withDirectory { directory, place in
            try directory.makeDirectory(Array("a".utf8), mode: 0o700)
            try FileManager.default.createDirectory(atPath: "\(place)/inside", withIntermediateDirectories: false)
            try directory.makeSymbolicLink(Array("link".utf8), target: Array(".".utf8))
            try directory.open(Array("a".utf8), flags: OpenFlags.readDirectory)
                .makeSymbolicLink(Array("link-up".utf8), target: Array("..".utf8))
            let name = Array(path.utf8)
            #expect(throws: SystemCallError.self) {
                _ = try directory.openDirectory(beneath: name, flags: OpenFlags.passDirectory)
            }
            #expect(throws: SystemCallError.self) {
                _ = try directory.openDirectoryByNames(beneath: name, flags: OpenFlags.passDirectory | O_DIRECTORY)
            }
        }
    }

    @Test func `attributes of every length are read, and of a link its own`() throws {
        try withDirectory { directory, _ in
            let name = Array("file".utf8)
            let file = try directory.open(name, flags: OpenFlags.create, mode: 0o600)
            for length in [0, 255, 256, 257, 3000] {
                let value = (0..<length).map { UInt8(truncatingIfNeeded: $0) }
                try file.setAttribute(Array("user.a".utf8), value)
                #expect(try file.attribute(Array("user.a".utf8)) == value)
                #expect(try directory.attribute(Array("user.a".utf8), of: name) == value)
            }
            try directory.makeSymbolicLink(Array("link".utf8), target: name)
            #expect(try directory.attributeNames(of: Array("link".utf8)) == [])
            #expect(try directory.attribute(Array("user.a".utf8), of: Array("link".utf8)) == nil)
            try file.removeAttribute(Array("user.a".utf8))
            try file.removeAttribute(Array("user.a".utf8))
            #expect(try file.attribute(Array("user.a".utf8)) == nil)
        }
    }

    @Test func `a rename that must not replace does not`() throws {
        try withDirectory { directory, _ in
            for name in ["a", "b"] { _ = try directory.open(Array(name.utf8), flags: OpenFlags.create) }
            let error = try #require(throws: SystemCallError.self) {
                try directory.renameWithoutReplacing(Array("a".utf8), to: Array("b".utf8), in: directory)
            }
            #expect(error.isExisting)
        }
    }

    @Test func `holes are found, and offsets no file can have are refused`() throws {
        try withDirectory { directory, _ in
            let file = try directory.open(Array("file".utf8), flags: OpenFlags.create, mode: 0o600)
            try file.truncate(to: 1 << 20)
            #expect(try file.nextData(from: 0) == nil)
            try file.write([1], at: 1 << 19)
            let start = try #require(try file.nextData(from: 0))
            #expect(start <= 1 << 19 && start > 0)
            #expect(try file.nextHole(from: start) > 1 << 19)
            #expect(throws: SystemCallError.self) { try file.truncate(to: 1 << 63) }
            #expect(throws: SystemCallError.self) { try file.allocate(mode: 0, offset: .max, length: 1) }
        }
    }

    @Test func `a status tells a birth time and a device number`() throws {
        let dev = try Descriptor.open("/dev", flags: OpenFlags.readDirectory)
        #expect(try dev.status(of: Array("null".utf8)).device == 0x103)
        try withDirectory { directory, _ in
            let status = try directory.status()
            #expect(status.isDirectory)
            #expect(status.born.map { $0.seconds > 1_000_000_000 } != false)
        }
    }
}
