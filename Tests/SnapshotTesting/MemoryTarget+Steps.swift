import SnapshotModel

extension MemoryTarget {
    private func misuse(_ message: String) -> SnapshotError { SnapshotError(.invalidInstruction, message) }

    private func number(_ path: RelativePath, in tree: MemoryTree) throws -> InodeNumber {
        guard let inode = try tree.resolve(path) else {
            throw SnapshotError(.invalidInstruction, "nothing is at the path", place: path.description)
        }
        return inode.number
    }

    private func place(_ path: RelativePath, in tree: MemoryTree) throws -> InodeLink {
        guard let (parent, name) = path.split else { throw misuse("the root cannot be made, moved or removed") }
        return InodeLink(directory: try number(parent, in: tree), name: name)
    }

    /// Refuses what the kernel refuses for immutable and append-only inodes (`FS_IMMUTABLE_FL`, `FS_APPEND_FL`). In a
    /// bookmark they forbid nothing.
    private func checkLocks(_ instruction: Instruction, on tree: MemoryTree) throws {
        if tree.isTold { return }
        func check(_ path: RelativePath?) throws {
            guard let path, let inode = try tree.resolve(path), inode.flags & 0x30 != 0 else { return }
            throw SnapshotError(.invalidInstruction, "the inode is locked by its flags", place: path.description)
        }
        switch instruction {
        case .setFlags: return
        case .rename(_, let other):
            try check(other.split?.parent)
            try check(instruction.path.split?.parent)
        case .link(let path, let existing):
            try check(existing)
            try check(path.split?.parent)
        case .makeFile, .makeDirectory, .makeFIFO, .makeSocket, .makeNode, .makeSymbolicLink, .unlink,
            .removeDirectory:
            try check(instruction.path.split?.parent)
        default: break
        }
        try check(instruction.path)
    }

    func perform(_ instruction: Instruction, on tree: MemoryTree) throws {
        try checkLocks(instruction, on: tree)
        switch instruction {
        case .makeFile(let path, let id): try make(path, id, .regular, 0o600, on: tree)
        case .makeDirectory(let path, let id): try make(path, id, .directory, 0o700, on: tree)
        case .makeFIFO(let path, let id): try make(path, id, .fifo, 0o600, on: tree)
        case .makeSocket(let path, let id): try make(path, id, .socket, 0o600, on: tree)
        case .makeNode(let path, let id, let mode, let device):
            guard let kind = FileKind(mode: mode), kind == .characterDevice || kind == .blockDevice else {
                throw misuse("a device node of no kind")
            }
            try make(path, id, kind, mode & 0o7777, device: device, on: tree)
        case .makeSymbolicLink(let path, let id, let target):
            try make(path, id, .symbolicLink, 0o777, target: target, on: tree)
        case .rename, .link, .unlink, .removeDirectory: try move(instruction, on: tree)
        case .write, .writeEncoded, .clone, .truncate, .updateExtent, .allocate: try fill(instruction, on: tree)
        case .setExtendedAttribute, .removeExtendedAttribute, .changeMode, .changeOwner, .setTimes, .setFlags:
            try describe(instruction, on: tree)
        case .enableVerity(let path, _): _ = try number(path, in: tree)
        }
    }

    private func make(
        _ path: RelativePath, _ sent: InodeIdentity, _ kind: FileKind, _ permissions: UInt32, device: UInt64 = 0,
        target: [UInt8] = [], on tree: MemoryTree
    ) throws {
        let place = try place(path, in: tree)
        let id = identity(for: sent)
        let inode = Inode(
            number: id.number, birthGeneration: id.generation, kind: kind, permissions: permissions, device: device,
            origin: header?.isBookmark == true ? InodeNumber(0) : sent.number)
        try tree.make(inode, place.name, in: place.directory, target: target)
    }

    private func move(_ instruction: Instruction, on tree: MemoryTree) throws {
        let place = try place(instruction.path, in: tree)
        switch instruction {
        case .rename(_, let other):
            let destination = try self.place(other, in: tree)
            try tree.rename(place.name, in: place.directory, to: destination.name, in: destination.directory)
        case .link(_, let existing): try tree.link(number(existing, in: tree), place.name, in: place.directory)
        case .unlink: try tree.unlink(place.name, in: place.directory)
        default: try tree.removeDirectory(place.name, in: place.directory)
        }
    }

    private func fill(_ instruction: Instruction, on tree: MemoryTree) throws {
        let number = try number(instruction.path, in: tree)
        switch instruction {
        case .write(_, let offset, let data):
            let limit = accepts.contains(.longWrites) ? 131_072 : 49_152
            guard !data.isEmpty, data.count <= limit else { throw misuse("a write of \(data.count) bytes") }
            try tree.write(number, at: offset, Array(data))
        case .writeEncoded(_, let offset, let extent):
            guard accepts.contains(.encodedWrites), extent.encoding == .none else { throw misuse("encoded bytes") }
            let bytes = extent.bytes.dropFirst(Int(extent.decodedOffset)).prefix(Int(extent.fileLength))
            guard bytes.count == Int(extent.fileLength) else { throw misuse("an encoded extent cut short") }
            try tree.write(number, at: offset, Array(bytes))
        case .clone(_, let offset, let length, let source):
            guard let other = try cloneTree(source.snapshot) else { throw misuse("a clone from nowhere") }
            let from = try self.number(source.path, in: other)
            try tree.clone(number, at: offset, length: length, from: other, from, at: source.offset)
        case .truncate(_, let size):
            try tree.truncate(number, to: size, keepingExtents: header?.isBookmark == true)
        case .updateExtent(_, let offset, let length, let content):
            guard header?.isBookmark == true || header?.withoutData == true else { throw misuse("no data") }
            guard let content else { return }
            try tree.putSkeleton(number, FileExtent(offset: offset, length: length, content: content))
        case .allocate(_, let mode, let offset, let length):
            guard accepts.contains(.allocation), length > 0 else { throw misuse("an allocation") }
            if mode.contains(.punchHole) {
                guard mode.contains(.keepSize) else { throw misuse("a hole that does not keep the size") }
                try tree.punchHole(number, offset..<offset + length)
            } else {
                try tree.preallocate(number, offset..<offset + length, keepsSize: mode.contains(.keepSize))
            }
        default: throw misuse("not a step that fills a file")
        }
    }

    private func describe(_ instruction: Instruction, on tree: MemoryTree) throws {
        let number = try number(instruction.path, in: tree)
        switch instruction {
        case .setExtendedAttribute(_, let attribute): try tree.setAttribute(number, attribute.name, attribute.value)
        case .removeExtendedAttribute(_, let name):
            guard tree.nodes[number]?.attributes[name] != nil else { throw misuse("there is no such attribute") }
            try tree.setAttribute(number, name, nil)
        case .changeMode(_, let permissions):
            guard tree.nodes[number]?.inode.kind != .symbolicLink else { throw misuse("a mode for a symbolic link") }
            try tree.change(number) { $0.permissions = permissions }
        case .changeOwner(_, let owner, let group):
            try tree.change(number) {
                ($0.owner, $0.group) = (owner, group)
                if $0.kind == .regular { $0.permissions &= ~0o6000 }
            }
            try tree.setAttribute(number, MemoryTree.capability, nil)
        case .setTimes(_, let times):
            let born = tree.nodes[number]?.inode.times.born
            try tree.change(number) { $0.times = times }
            if !accepts.contains(.birthTimes) {
                guard times.born == nil else { throw misuse("a birth time") }
                try tree.change(number) { $0.times.born = born }
            }
        case .setFlags(_, let flags):
            guard accepts.contains(.flags) else { throw misuse("file flags") }
            try tree.change(number) { $0.flags = flags }
        default: throw misuse("not a step that describes an inode")
        }
    }
}
