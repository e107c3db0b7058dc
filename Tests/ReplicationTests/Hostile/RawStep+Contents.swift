import SnapshotModel

/// Steps about contents.
extension RawStep {
    /// From where a clone is to take.
    enum Source {
        case ownSnapshot, base
        case other(SnapshotReference)
    }

    static func write(_ path: String, at offset: UInt64, _ data: [UInt8]) -> RawStep {
        var step = RawStep(15, path)
        step.fields = Raw.varint(offset) + Raw.counted(data)
        step.attributes = Raw.attribute(18, offset) + Raw.data(data)
        step.bytes = UInt64(data.count)
        return step
    }

    static func writeEncoded(
        _ path: String, at offset: UInt64, encoding: UInt64 = 2, _ stored: [UInt8], decoded: UInt64,
        skipping: UInt64 = 0, length: UInt64
    ) -> RawStep {
        var step = RawStep(25, path)
        step.fields = Raw.varints(offset, encoding, decoded, skipping, length) + Raw.counted(stored)
        step.attributes = Raw.attribute(18, offset) + Raw.attribute(27, length) + Raw.attribute(28, decoded)
        step.attributes += Raw.attribute(29, skipping) + Raw.attribute(30, encoding, width: 4) + Raw.data(stored)
        step.bytes = length
        return step
    }

    static func clone(
        _ path: String, at offset: UInt64, length: UInt64, from source: Source, _ other: String, at start: UInt64
    ) -> RawStep {
        var step = RawStep(16, path)
        step.fields = Raw.varints(offset, length)
        let reference: SnapshotReference
        switch source {
        case .ownSnapshot:
            step.fields.append(0)
            reference = RawStream.snapshot
        case .base:
            step.fields.append(1)
            reference = RawStream.base
        case .other(let snapshot):
            step.fields += [2] + snapshot.uuid.bytes + Raw.varint(snapshot.generation)
            reference = snapshot
        }
        step.fields += [0] + Raw.counted(Array(other.utf8)) + Raw.varint(start)
        step.attributes = Raw.attribute(18, offset) + Raw.attribute(24, length)
        step.attributes += Raw.attribute(20, reference.uuid.bytes) + Raw.attribute(21, reference.generation)
        step.attributes += Raw.attribute(22, Array(other.utf8)) + Raw.attribute(23, start)
        return step
    }

    static func truncate(_ path: String, to size: UInt64) -> RawStep {
        var step = RawStep(17, path)
        step.fields = Raw.varint(size)
        step.attributes = Raw.attribute(4, size)
        return step
    }

    static func updateExtent(_ path: String, at offset: UInt64, length: UInt64) -> RawStep {
        var step = RawStep(22, path)
        step.fields = Raw.varints(offset, length) + [0]
        step.attributes = Raw.attribute(18, offset) + Raw.attribute(4, length)
        return step
    }

    static func allocate(_ path: String, mode: UInt64, at offset: UInt64, length: UInt64) -> RawStep {
        var step = RawStep(23, path)
        step.fields = Raw.varints(mode, offset, length)
        step.attributes = Raw.attribute(25, mode, width: 4) + Raw.attribute(18, offset) + Raw.attribute(4, length)
        return step
    }

    static func flags(_ path: String, _ flags: UInt64) -> RawStep {
        var step = RawStep(24, path)
        step.fields = Raw.varint(flags)
        step.attributes = Raw.attribute(26, flags)
        return step
    }
}
