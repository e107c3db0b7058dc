import Codecs
import SnapshotModel
import SystemCalls

/// What changes the contents.
extension TargetFile {
    func write(_ data: ArraySlice<UInt8>, at offset: UInt64) throws(SystemCallError) {
        mayHaveLostPrivileges = true
        try opened.descriptor.write(data, at: offset)
    }

    func write(_ extent: EncodedExtent, at offset: UInt64) throws {
        mayHaveLostPrivileges = true
        if let powers, try powers.write(extent, at: offset, to: opened.descriptor) { return }
        do {
            try write(extent.decoded(by: PaddedFrame.decode)[extent.decodedRange()], at: offset)
        } catch let error as SnapshotError {
            throw error.placed(ifNeeded: "\(path)")
        }
    }

    func truncate(to size: UInt64) throws(SystemCallError) {
        mayHaveLostPrivileges = true
        try opened.descriptor.truncate(to: size)
    }

    func allocate(_ mode: AllocationMode, offset: UInt64, length: UInt64) throws {
        mayHaveLostPrivileges = true
        do {
            try opened.descriptor.allocate(mode: mode.rawValue, offset: offset, length: length)
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
}
