import CBtrfs
package import SnapshotModel
import SystemCalls

/// What of a tree is searched.
package struct SearchRange {
    package var first: ItemKey
    package var last: ItemKey
    /// Only leaves that were written in this generation or later.
    package var generation: UInt64 = 0
    /// Who sets a limit does not learn whether there is more.
    package var mostItems = UInt32.max
}

/// Where the items of a tree come from.
package protocol ItemSource: Sendable {
    /// Bytes of a node, in which every item has room.
    var nodeSize: Int { get }

    /// Fills a buffer with items in the order of their keys, each behind a header of 32 bytes: its generation,
    /// object, offset, type and length.
    ///
    /// - Parameter buffer: at least as long as ``head`` and a node.
    /// - Returns: how many items were found; none only where the range has none.
    func fill(_ buffer: inout [UInt8], _ range: SearchRange) throws(SnapshotError) -> Int
}

extension ItemSource {
    /// Behind this many bytes of a buffer the items begin.
    package static var head: Int { Int(COWPATH_BTRFS_SEARCH_HEAD) }
}

/// Searches a tree of a mounted btrfs (`BTRFS_IOC_TREE_SEARCH_V2`, btrfs-ioctl(2)); only for root.
struct TreeSearch: ItemSource {
    let root: SharedDescriptor
    /// The number of the tree; 0 for that of the subvolume whose root is open.
    let tree: UInt64
    let nodeSize: Int

    func fill(_ buffer: inout [UInt8], _ range: SearchRange) throws(SnapshotError) -> Int {
        let keys = cowpath_btrfs_keys(
            tree: tree, first_object: range.first.object, last_object: range.last.object,
            first_offset: range.first.offset, last_offset: range.last.offset, first_generation: range.generation,
            last_generation: .max, first_type: UInt32(range.first.type), last_type: UInt32(range.last.type),
            most_items: range.mostItems)
        let number = root.descriptor.rawValue
        do throws(SystemCallError) {
            return Int(try search(number, keys, &buffer))
        } catch {
            throw TreeSearch.refused(error)
        }
    }

    private func search(
        _ descriptor: Int32, _ keys: cowpath_btrfs_keys, _ buffer: inout [UInt8]
    ) throws(SystemCallError) -> Int64 {
        try retrying("ioctl BTRFS_IOC_TREE_SEARCH_V2") {
            unsafe withUnsafePointer(to: keys) { keys in
                unsafe buffer.withUnsafeMutableBytes { target in
                    unsafe cowpath_btrfs_search(descriptor, keys, target.baseAddress, target.count)
                }
            }
        }
    }

    /// What a failure means to the user.
    private static func refused(_ error: SystemCallError) -> SnapshotError {
        if error.isForbidden {
            return SnapshotError(
                .system, "only root may read a btrfs subvolume as a snapshot", remedy: "run this as root", cause: error)
        }
        if error.isMissing {
            return SnapshotError(.notFound, "the subvolume is being removed", cause: error)
        }
        return SnapshotError(.system, "a btrfs subvolume cannot be read", remedy: error.remedy, cause: error)
    }
}

extension RawSpan {
    /// A little-endian number.
    ///
    /// - Throws: ``SnapshotError`` with ``SnapshotError/Code/corrupt`` where the bytes end before it does.
    @inline(__always)
    func number<Number: FixedWidthInteger & BitwiseCopyable>(
        at offset: Int, as type: Number.Type = Number.self
    ) throws(SnapshotError) -> Number {
        guard offset >= 0, offset <= byteCount - MemoryLayout<Number>.size else { throw .shortItem }
        return unsafe Number(littleEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: Number.self))
    }

    /// A run of bytes.
    func bytes(at offset: Int, count: Int) throws(SnapshotError) -> [UInt8] {
        guard offset >= 0, count >= 0, offset <= byteCount, count <= byteCount - offset else { throw .shortItem }
        return unsafe extracting(offset..<offset + count).withUnsafeBytes { unsafe [UInt8]($0) }
    }
}

extension SnapshotError {
    /// An item that ends before what it says it holds.
    static var shortItem: SnapshotError {
        SnapshotError(
            .corrupt, "an item of a btrfs tree is shorter than it must be", remedy: "run 'btrfs check' on the device")
    }

    /// An item that says what cannot be.
    static func badItem(_ message: String) -> SnapshotError {
        SnapshotError(.corrupt, message, remedy: "run 'btrfs check' on the device")
    }
}
