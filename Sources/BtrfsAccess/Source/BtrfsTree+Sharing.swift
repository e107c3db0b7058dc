import CBtrfs
package import SnapshotModel
import SystemCalls

/// Where extents are referred to, by what the file system keeps of them.
extension BtrfsTree {
    /// Words of the first answer, and of the longest: some 2,700 and 87,000 places.
    private static let referenceWords = 8192
    private static let mostReferenceWords = 1 << 18

    /// By the count of references that the extent's record has. One reference in a leaf that several trees share is
    /// one at the same place of all of them.
    package func isShared(_ extent: FileExtent) throws -> Bool {
        guard case .data(let identity?) = extent.content else { return false }
        return try located {
            let first = ItemKey(identity.address, ItemKey.Kind.extentRecord)
            var count: UInt64 = .max
            try extentRecords.forEach(from: first, through: ItemKey(first.object, first.type, .max)) { item in
                count = try item.read { bytes throws(SnapshotError) in try bytes.number(at: 0) }
                return false
            }
            return count > 1
        }
    }

    package func references(toExtentAt address: UInt64) throws -> [ExtentReference]? {
        var words = [UInt64](repeating: 0, count: BtrfsTree.referenceWords)
        do throws(SystemCallError) {
            var (found, missed) = try references(address, &words)
            let wanted = min(words.count + Int(clamping: missed), BtrfsTree.mostReferenceWords)
            if missed > 0, wanted > words.count {
                words = [UInt64](repeating: 0, count: wanted)
                (found, missed) = try references(address, &words)
            }
            let first = Int(COWPATH_BTRFS_REFERENCES_HEAD)
            return stride(from: first, to: min(first + found, words.count - 2), by: 3).compactMap { index in
                guard words[index + 2] == subvolume.id else { return nil }
                return ExtentReference(inode: InodeNumber(words[index]), offset: words[index + 1])
            }
        } catch {
            // The extent has moved or is gone.
            if error.isMissing { return [] }
            throw SnapshotError(
                .system, "where an extent is shared cannot be found", place: place, remedy: error.remedy, cause: error)
        }
    }

    private func references(
        _ address: UInt64, _ words: inout [UInt64]
    ) throws(SystemCallError) -> (found: Int, missed: UInt64) {
        let (number, count) = (directory.descriptor.rawValue, words.count)
        var missed: UInt64 = 0
        let found = try retrying("ioctl BTRFS_IOC_LOGICAL_INO_V2") {
            unsafe cowpath_btrfs_references(number, address, &words, count, &missed)
        }
        return (Int(found), missed)
    }
}
