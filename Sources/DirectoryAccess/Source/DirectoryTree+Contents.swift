package import SnapshotModel
import SystemCalls

/// A regular file that is being read.
final class OpenSourceFile {
    let descriptor: Descriptor
    let place: Place
    /// As it was when it was opened.
    let status: FileStatus
    /// How many bytes are read of it: no more than were promised, should it grow.
    let size: UInt64
    /// Whether it changed since the tree first told of it.
    var hasChanged = false
    /// What it begins with, up to ``headLength``, once that was read.
    private var head: ArraySlice<UInt8>?

    /// Small files are read in one go.
    static let headLength = 128 << 10

    init(_ descriptor: consuming Descriptor, at place: Place, status: FileStatus, size: UInt64) {
        self.descriptor = descriptor
        self.place = place
        self.status = status
        self.size = size
    }

    /// The file's first bytes.
    func readHead() throws(SystemCallError) -> ArraySlice<UInt8> {
        if let head { return head }
        let bytes = try read(at: 0, count: Int(min(size, UInt64(OpenSourceFile.headLength))))
        head = bytes
        return bytes
    }

    /// Bytes from `offset` on; fewer than `count` only where the file was cut.
    func read(at offset: UInt64, count: Int) throws(SystemCallError) -> ArraySlice<UInt8> {
        if let head, offset + UInt64(count) <= UInt64(head.count) {
            return head[Int(offset)..<Int(offset) + count]
        }
        let bytes = try descriptor.read(at: offset, count: count)
        if offset + UInt64(bytes.count) >= size || bytes.count < count,
            try !descriptor.status().holdsTheSame(as: status)
        {
            hasChanged = true
        }
        return bytes[...]
    }

    /// Whether the file is small and has data in every block, as far as its contents tell: none that is all zeros.
    ///
    /// Only a block of zeros can be a hole, or space that was set aside and never written.
    func isSurelyData() throws(SystemCallError) -> Bool {
        guard size <= UInt64(OpenSourceFile.headLength) else { return false }
        let head = try readHead()
        guard UInt64(head.count) == size else { return false }
        return stride(from: 0, to: head.count, by: OpenSourceFile.blockLength).allSatisfy { start in
            head[start..<min(start + OpenSourceFile.blockLength, head.count)].contains { $0 != 0 }
        }
    }

    /// The shortest hole of any common file system.
    private static let blockLength = 512
}

extension DirectoryTree {
    package func extendedAttributes(of number: InodeNumber) throws -> [ExtendedAttribute] {
        if number == root {
            let descriptor = rootDescriptor
            return try attributes(at: Place(directory: root.rawValue, name: [])) {
                try descriptor.descriptor.attributeNames()
            } value: {
                try descriptor.descriptor.attribute($0)
            }
        }
        guard let place = try place(of: number.rawValue) else { throw missing(number) }
        let parent = try descriptor(of: place.directory)
        let status = try lastStatus(of: number.rawValue) ?? status(of: number.rawValue, at: place)
        if status.isRegular {
            let file = try openFile(number)
            return try attributes(at: place) {
                try file.descriptor.attributeNames()
            } value: {
                try file.descriptor.attribute($0)
            }
        }
        return try attributes(at: place) {
            try parent.descriptor.attributeNames(of: place.name)
        } value: {
            try parent.descriptor.attribute($0, of: place.name)
        }
    }

    private func attributes(
        at place: Place, names: () throws -> [[UInt8]], value: ([UInt8]) throws -> [UInt8]?
    ) throws -> [ExtendedAttribute] {
        do {
            return try names().compactMap { name in
                do {
                    return try value(name).map { ExtendedAttribute(name: name, value: $0) }
                } catch let error as SystemCallError where error.isForbidden {
                    losses.add(.extendedAttribute, describe(place) + " " + EscapedBytes.describe(name))
                    return nil
                }
            }
        } catch let error as SystemCallError {
            throw unreadable(error, at: place)
        }
    }

    package func symbolicLinkTarget(of number: InodeNumber) throws -> [UInt8] {
        guard let place = try place(of: number.rawValue) else { throw missing(number) }
        do {
            return try descriptor(of: place.directory).descriptor.readSymbolicLink(place.name)
        } catch let error as SystemCallError {
            throw error.isInvalid ? vanished(place, cause: error) : unreadable(error, at: place)
        }
    }

    package func forEachExtent(
        of number: InodeNumber, from offset: UInt64, _ body: (FileExtent) throws -> Void
    ) throws {
        let file = try openFile(number)
        guard offset < file.size else { return }
        do {
            if try file.isSurelyData() {
                return try body(FileExtent(offset: 0, length: file.size, content: .data(nil)))
            }
        } catch let error as SystemCallError {
            throw unreadable(error, at: file.place)
        }
        // Asked whatever the blocks taken, since those that were only set aside count as the file's own.
        var position = offset
        while position < file.size {
            let range: Range<UInt64>?
            do {
                range = try dataRange(of: file, from: position)
            } catch {
                throw unreadable(error, at: file.place)
            }
            guard let range else { return }
            try body(FileExtent(offset: range.lowerBound, length: UInt64(range.count), content: .data(nil)))
            position = range.upperBound
        }
    }

    /// The first range at or behind `position` that is not a hole; nil where only a hole follows.
    private func dataRange(of file: OpenSourceFile, from position: UInt64) throws(SystemCallError) -> Range<UInt64>? {
        do throws(SystemCallError) {
            guard let start = try file.descriptor.nextData(from: position), start < file.size else { return nil }
            let end = min(try file.descriptor.nextHole(from: start), file.size)
            // A file that is being cut can answer with an end before its start.
            return start < end ? start..<end : nil
        } catch  where error.isInvalid || error.isUnsupported {
            return position..<file.size
        }
    }

    package func read(_ number: InodeNumber, at offset: UInt64, count: Int) throws -> ArraySlice<UInt8> {
        let file = try openFile(number)
        guard offset < file.size, count > 0 else { return [] }
        let wanted = Int(min(UInt64(min(count, 1 << 20)), file.size - offset))
        do {
            return try file.read(at: offset, count: wanted)
        } catch {
            throw unreadable(error, at: file.place)
        }
    }

    package func identity(ofInline extent: FileExtent, of number: InodeNumber) throws -> ExtentIdentity {
        throw SnapshotError(.unsupported, "a directory has no inline extents", place: identity.name)
    }

    /// A regular file, open for reading; from the cache where it was used just before.
    private func openFile(_ number: InodeNumber) throws -> OpenSourceFile {
        if let file = files.value(for: number.rawValue) { return file }
        guard let place = try place(of: number.rawValue) else { throw missing(number) }
        let promised = try lastStatus(of: number.rawValue) ?? status(of: number.rawValue, at: place)
        guard promised.isRegular else {
            throw SnapshotError(.invalidRequest, "only a regular file has contents", place: describe(place))
        }
        do {
            let parent = try descriptor(of: place.directory)
            let descriptor = try openQuietly(place.name, in: parent)
            let status = try descriptor.status()
            guard status.inode == number.rawValue, status.isRegular else { throw vanished(place) }
            let file = OpenSourceFile(
                descriptor, at: place, status: status, size: min(status.size, promised.size))
            file.hasChanged = !status.holdsTheSame(as: promised)
            files.insert(file, for: number.rawValue)
            return file
        } catch let error as SystemCallError {
            throw unreadable(error, at: place)
        }
    }

    private func openQuietly(_ name: [UInt8], in parent: SharedDescriptor) throws(SystemCallError) -> Descriptor {
        do throws(SystemCallError) {
            return try parent.descriptor.open(name, flags: OpenFlags.readQuietly)
        } catch  where error.isForbidden {
            return try parent.descriptor.open(name, flags: OpenFlags.read)
        }
    }

    private func lastStatus(of number: UInt64) -> FileStatus? {
        lastStatus.flatMap { $0.inode == number ? $0 : nil }
    }

    /// Once for each file; a change during the second reading is counted as a loss.
    package func inodeToReadAgain(_ number: InodeNumber) throws -> Inode? {
        guard let file = files.value(for: number.rawValue), file.hasChanged else { return nil }
        files.removeValue(for: number.rawValue)
        if readAgain == number.rawValue {
            losses.add(.changed, describe(file.place))
            return nil
        }
        readAgain = number.rawValue
        do {
            let status = try file.descriptor.status()
            lastStatus = status
            lastInode = nil
            recent.forgetStatus(of: number.rawValue)
            return Inode(status, number: number)
        } catch {
            throw unreadable(error, at: file.place)
        }
    }

    private func missing(_ number: InodeNumber) -> SnapshotError {
        SnapshotError(.notFound, "there is no inode \(number.rawValue)", place: identity.name)
    }
}
