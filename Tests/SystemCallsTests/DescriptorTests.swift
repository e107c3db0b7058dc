import Foundation
import Glibc
import SystemCalls
import SystemPackage
import Testing

@Suite struct DescriptorTests {
    @Test func `bytes written at an offset are read back, and the end of the file ends the read`() throws {
        let path = NSTemporaryDirectory() + "descriptor-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let file = try Descriptor.open(path, flags: O_RDWR | O_CREAT | O_EXCL)
        try file.write([1, 2, 3, 4][...], at: 6)
        #expect(try file.read(at: 5, count: 100) == [0, 1, 2, 3, 4])
        #expect(try file.read(at: 10, count: 10).isEmpty)
    }

    @Test func `a failed call says which, on what and why`() throws {
        let error = try #require(throws: SystemCallError.self) {
            _ = try Descriptor.open("/nowhere/at-all", flags: O_RDONLY)
        }
        #expect(error.call == "open")
        #expect(error.errno == .noSuchFileOrDirectory)
        #expect(error.description.contains("/nowhere/at-all"))
    }
}
