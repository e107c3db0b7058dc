import Codecs
package import SnapshotModel

/// Rewrites instructions that a target cannot take into ones that it can.
///
/// Encoded extents are decoded, punched ranges written as zeros, long writes cut; reserved space, file flags and
/// birth times, which have no other form, are dropped and counted as losses.
package final class AdaptingTarget: ReplayTarget {
    /// The longest WRITE of a target without ``ReplayCapabilities/longWrites``: 48 KiB, what btrfs send writes
    /// in protocol 1 (btrfs-progs, "Send stream format").
    static let shortWriteLength = 49_152

    private let target: any ReplayTarget
    private var ownLosses = ReplayLosses()

    /// What instructions are passed on for.
    package let accepts: ReplayCapabilities

    /// - Parameter excluding: What is rewritten although the target would take it.
    package init(_ target: any ReplayTarget, excluding: ReplayCapabilities = []) {
        self.target = target
        accepts = target.accepts.subtracting(excluding)
    }

    package var losses: ReplayLosses {
        var all = target.losses
        all.add(ownLosses)
        return all
    }

    package func begin(_ header: SnapshotHeader) throws { try target.begin(header) }
    package func finish() throws { try target.finish() }
    package func abandon() { target.abandon() }

    package func apply(_ instruction: Instruction) throws {
        switch instruction {
        case .writeEncoded(let path, let offset, let extent) where !accepts.contains(.encodedWrites):
            try write(extent.decoded(by: PaddedFrame.decode)[extent.decodedRange()], to: path, at: offset)
        case .write(let path, let offset, let data) where !accepts.contains(.longWrites):
            try write(data, to: path, at: offset)
        case .allocate(let path, let mode, let offset, let length) where !accepts.contains(.allocation):
            guard mode.contains(.punchHole) else { return ownLosses.add(.hole, "\(path)") }
            try writeZeros(to: path, at: offset, length: length)
        case .setFlags(let path, _) where !accepts.contains(.flags):
            ownLosses.add(.flags, "\(path)")
        case .setTimes(let path, var times) where times.born != nil && !accepts.contains(.birthTimes):
            times.born = nil
            try target.apply(.setTimes(path, times))
        default:
            try target.apply(instruction)
        }
    }

    package func apply(_ run: InstructionRun, done: inout Int) throws {
        guard accepts == .everything else { return try applyEach(of: run, done: &done) }
        try target.apply(run, done: &done)
    }

    private func write(_ data: ArraySlice<UInt8>, to path: RelativePath, at offset: UInt64) throws {
        let longest = accepts.contains(.longWrites) ? data.count : AdaptingTarget.shortWriteLength
        var rest = data
        while !rest.isEmpty {
            let piece = rest.prefix(longest)
            let position = offset &+ UInt64(data.count - rest.count)
            try target.apply(.write(path, offset: position, data: piece))
            rest = rest.dropFirst(piece.count)
        }
    }

    private func writeZeros(to path: RelativePath, at offset: UInt64, length: UInt64) throws {
        let zeros = [UInt8](repeating: 0, count: Int(min(length, UInt64(AdaptingTarget.shortWriteLength))))
        var written: UInt64 = 0
        while written < length {
            let piece = zeros.prefix(Int(min(length - written, UInt64(zeros.count))))
            try target.apply(.write(path, offset: offset &+ written, data: piece))
            written += UInt64(piece.count)
        }
    }
}
