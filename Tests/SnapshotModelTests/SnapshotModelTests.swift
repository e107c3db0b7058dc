import SnapshotModel
import Testing

@Suite struct NamesAndPaths {
    @Test(arguments: ["", ".", "..", "a/b", "a\u{0}b"])
    func `bytes that are no file name are refused`(_ text: String) {
        #expect(throws: SnapshotError.self) { try FileName(validating: text.utf8) }
    }

    @Test(arguments: ["/a", "a/", "a//b", "../a", "a/../b", "a/.", "a/\u{0}"])
    func `a path that could leave its snapshot is refused`(_ text: String) {
        #expect(throws: SnapshotError.self) { try RelativePath(validating: text.utf8) }
    }

    @Test func `a name longer than 255 bytes is refused anywhere in a path`() {
        let long = [UInt8](repeating: 0x61, count: 256)
        #expect(throws: SnapshotError.self) { try FileName(validating: long) }
        #expect(throws: SnapshotError.self) { try RelativePath(validating: Array("a/".utf8) + long) }
    }

    @Test func `a path comes apart as it was joined`() throws {
        let path = try RelativePath(validating: "etc/ssh".utf8).appending(FileName(validating: [0xFF, 0x20]))
        let parts = try #require(path.split)
        #expect(parts.parent.bytes == Array("etc/ssh".utf8))
        #expect(parts.name.bytes == [0xFF, 0x20])
        #expect(path.names.count == 3)
        #expect(path.isWithin(parts.parent))
        #expect(try !path.isWithin(RelativePath(validating: "etc/ss".utf8)))
    }

    @Test func `bytes are shown on one line`() {
        #expect(EscapedBytes.describe(Array("caf\u{e9} \n\\".utf8)) == "café \\n\\\\")
        #expect(EscapedBytes.describe([0x66, 0xFF, 0xC3, 0x20], escapingSpace: true) == "f\\377\\303\\ ")
    }
}

@Suite struct Identities {
    @Test func `a UUID survives its text and its bytes`() throws {
        let uuid = SnapshotUUID.random()
        #expect(SnapshotUUID(uuid.description) == uuid)
        #expect(SnapshotUUID(bytes: uuid.bytes) == uuid)
        #expect(
            SnapshotUUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")?.description == "6ba7b810-9dad-11d1-80b4-00c04fd430c8")
        #expect(SnapshotUUID("6ba7b810-9dad-11d1-80b4-00c04fd430c") == nil)
    }

    @Test func `times are shown in RFC 3339`() {
        #expect(Timestamp(seconds: 951_782_400, nanoseconds: 0).description == "2000-02-29T00:00:00Z")
        #expect(Timestamp(seconds: .min, nanoseconds: 0).description.hasPrefix("-292277022657-01-27T08:29:52"))
        #expect(Timestamp(seconds: .max, nanoseconds: 0).description.hasPrefix("292277026596-12-04T15:30:07"))
        #expect(Timestamp(seconds: -1, nanoseconds: 5).description == "1969-12-31T23:59:59.000000005Z")
        #expect(Timestamp(seconds: 253_402_300_799, nanoseconds: 0).description == "9999-12-31T23:59:59Z")
    }
}
