import SnapshotModel
import SystemCalls

/// `btrfs send` makes every new inode under a temporary name in the root, `oNUMBER-GENERATION-INDEX`, and renames it
/// at once to the one it is to have. Making it there saves the rename, which costs as much as the making, and leaves
/// the times of the root as they are; a new file can then be filled on another thread.
extension TreeReplay {
    /// Whether a step makes an inode under a name of this form, so that the next step should be seen before.
    func holdsBack(_ instruction: Instruction) -> Bool {
        switch instruction {
        case .makeFile(let path, _), .makeDirectory(let path, _), .makeFIFO(let path, _), .makeSocket(let path, _),
            .makeNode(let path, _, _, _), .makeSymbolicLink(let path, _, _):
            path.isTemporaryName && !missing.contains(path)
        case .rename, .link, .unlink, .removeDirectory, .setExtendedAttribute, .removeExtendedAttribute, .write,
            .writeEncoded, .clone, .truncate, .changeMode, .changeOwner, .setTimes, .updateExtent, .allocate,
            .setFlags, .enableVerity:
            false
        }
    }

    /// Refuses a temporary name under which nothing could have been made.
    func require(isFree path: RelativePath) throws {
        let present = try temporaryNames ?? namesOfThisForm()
        temporaryNames = present
        guard present.contains(path), (try? root.descriptor.status(of: path.bytes)) != nil else { return }
        throw SnapshotError.invalidStep("there is something under this path already", path)
    }

    private func namesOfThisForm() throws -> Set<RelativePath> {
        Set(try root.descriptor.names { _ in true }.map(RelativePath.init(trusted:)).filter(\.isTemporaryName))
    }

    /// Notes that there may be something under such a name after a step.
    func noteNewName(_ instruction: Instruction) {
        switch instruction {
        case .makeFile(let path, _), .makeDirectory(let path, _), .makeFIFO(let path, _), .makeSocket(let path, _),
            .makeNode(let path, _, _, _), .makeSymbolicLink(let path, _, _), .rename(_, let path), .link(let path, _):
            if path.isTemporaryName { temporaryNames?.insert(path) }
        case .unlink, .removeDirectory, .setExtendedAttribute, .removeExtendedAttribute, .write, .writeEncoded,
            .clone, .truncate, .changeMode, .changeOwner, .setTimes, .updateExtent, .allocate, .setFlags,
            .enableVerity:
            break
        }
    }
}

extension Instruction {
    /// The step that makes the same at another path; nil for one that makes nothing, or where a rename would be
    /// refused.
    func made(at newPath: RelativePath) -> Instruction? {
        guard !newPath.isWithin(path) else { return nil }
        switch self {
        case .makeFile(_, let inode): return .makeFile(newPath, inode)
        case .makeDirectory(_, let inode): return .makeDirectory(newPath, inode)
        case .makeFIFO(_, let inode): return .makeFIFO(newPath, inode)
        case .makeSocket(_, let inode): return .makeSocket(newPath, inode)
        case .makeNode(_, let inode, let mode, let device):
            return .makeNode(newPath, inode, mode: mode, device: device)
        case .makeSymbolicLink(_, let inode, let target): return .makeSymbolicLink(newPath, inode, target: target)
        case .rename, .link, .unlink, .removeDirectory, .setExtendedAttribute, .removeExtendedAttribute, .write,
            .writeEncoded, .clone, .truncate, .changeMode, .changeOwner, .setTimes, .updateExtent, .allocate,
            .setFlags, .enableVerity:
            return nil
        }
    }
}

extension RelativePath {
    /// Whether this is `o` and three numbers, in the root.
    fileprivate var isTemporaryName: Bool {
        guard bytes.first == UInt8(ascii: "o"), bytes.count <= FileName.maximumLength else { return false }
        var (hyphens, isBehindDigit) = (0, false)
        for byte in bytes.dropFirst() {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): isBehindDigit = true
            case UInt8(ascii: "-") where isBehindDigit: (hyphens, isBehindDigit) = (hyphens + 1, false)
            default: return false
            }
        }
        return hyphens == 2 && isBehindDigit
    }
}
