import CLinux
import Glibc

/// An entry as the kernel lists it.
package struct ListedEntry: Sendable {
    package let name: [UInt8]
    /// The number in the directory, which for a mount point is not that of the inode seen.
    package let inode: UInt64
    /// `DT_*` (readdir(3)), which is the type bits of a mode shifted right by twelve; 0 where not known.
    package let type: UInt8
}

extension Descriptor {
    /// Stands at the first entry again.
    package func rewind() throws(SystemCallError) {
        _ = try retrying("lseek") { lseek(rawValue, 0, SEEK_SET) }
    }

    /// All entries of this directory, from where the descriptor stands, but `.` and `..`; in no order.
    ///
    /// The directory must be open for reading, not ``OpenFlags/passDirectory``.
    package func entries() throws(SystemCallError) -> [ListedEntry] {
        var entries: [ListedEntry] = []
        while let more = try nextEntries() { entries.append(contentsOf: more) }
        return entries
    }

    /// Visits the same, some hundred at a time in memory.
    package func forEachEntry(_ body: (ListedEntry) throws -> Void) throws {
        while let entries = try nextEntries() {
            for entry in entries { try body(entry) }
        }
    }

    /// The next entries; nil at the end.
    private func nextEntries() throws(SystemCallError) -> [ListedEntry]? {
        // Room for some hundred names a call, as readdir(3) takes it.
        let capacity = 32_768
        var failure: SystemCallError?
        let block = unsafe [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
            do throws(SystemCallError) {
                count = Int(
                    try retrying("getdents64") {
                        unsafe cowpath_getdents(rawValue, buffer.baseAddress, capacity)
                    })
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return block.isEmpty ? nil : Descriptor.parseEntries(block)
    }

    /// Reads the records of getdents64(2): inode and offset of 8 bytes each, length of 2, type of 1, name, NUL.
    private static func parseEntries(_ block: [UInt8]) -> [ListedEntry] {
        var entries: [ListedEntry] = []
        var start = 0
        let header = 19
        while start + header <= block.count {
            let length = Int(block[start + 16]) | Int(block[start + 17]) << 8
            guard length > header, start + length <= block.count else { break }
            let inode = (0..<8).reduce(UInt64(0)) { $0 | UInt64(block[start + $1]) << (8 * UInt64($1)) }
            let name = block[(start + header)..<(start + length)].prefix { $0 != 0 }
            if !name.elementsEqual(".".utf8), !name.elementsEqual("..".utf8) {
                entries.append(ListedEntry(name: [UInt8](name), inode: inode, type: block[start + 18]))
            }
            start += length
        }
        return entries
    }
}
