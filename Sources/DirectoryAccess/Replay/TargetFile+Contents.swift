import Codecs
import SnapshotModel
import SystemCalls

/// What changes the contents.
extension TargetFile {
    func write(_ data: ArraySlice<UInt8>, at offset: UInt64) throws(SystemCallError) {
        privileges.mayBeLost = true
        try opened.descriptor.write(data, at: offset)
    }

    func write(_ extent: EncodedExtent, at offset: UInt64) throws {
        privileges.mayBeLost = true
        if let powers, try powers.write(extent, at: offset, to: opened.descriptor) { return }
        do {
            try write(extent.decoded(by: PaddedFrame.decode)[extent.decodedRange()], at: offset)
        } catch let error as SnapshotError {
            throw error.placed(ifNeeded: "\(path)")
        }
    }

    func truncate(to size: UInt64) throws(SystemCallError) {
        privileges.mayBeLost = true
        try opened.descriptor.truncate(to: size)
    }

    func allocate(_ mode: AllocationMode, offset: UInt64, length: UInt64) throws {
        privileges.mayBeLost = true
        do {
            let whole = mode.contains(.punchHole) ? length + emptyRest(ofBlockAt: offset + length) : length
            try opened.descriptor.allocate(mode: mode.rawValue, offset: offset, length: whole)
        } catch {
            guard error.isUnsupported else { throw error }
            let size = try opened.descriptor.status().size
            if mode.contains(.punchHole) {
                if offset < size {
                    try FileCopy.writeZeros(opened.descriptor, offset..<min(offset + length, size))
                }
                try account.lose(.hole, path, error)
            } else if !mode.contains(.keepSize), offset + length > size {
                try opened.descriptor.truncate(to: offset + length)
            }
        }
    }

    /// How far it is from the end of a hole to that of its block, if nothing lies there; else 0.
    ///
    /// `btrfs send` ends a hole where the file ends, within a block. The kernel would keep the part of the block before
    /// it as zeros where it holds data, or is set aside.
    private func emptyRest(ofBlockAt end: UInt64) -> UInt64 {
        let block: UInt64 = 4096
        guard end % block != 0, end <= UInt64(Int64.max) - block else { return 0 }
        let rest = block - end % block
        do throws(SystemCallError) {
            if try opened.descriptor.status().size <= end { return rest }
            guard let data = try opened.descriptor.nextData(from: end) else { return rest }
            return data >= end + rest ? rest : 0
        } catch {
            return 0
        }
    }
}
