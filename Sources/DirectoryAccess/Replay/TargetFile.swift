package import SnapshotModel
package import SystemCalls

/// What can be done with an open file where it lies, beyond what every file system can.
package protocol FilePowers: Sendable {
    /// Stores an extent in the form in which it is encoded.
    ///
    /// - Returns: false where that cannot be, for this extent or at all; it is to be decoded then.
    func write(
        _ extent: EncodedExtent, at offset: UInt64, to file: borrowing Descriptor
    ) throws(SystemCallError) -> Bool
}

/// A regular file that is being written, through its descriptor alone.
///
/// Writing to a file and giving it away take its setuid and setgid bits and its capabilities, whichever way
/// round the stream says it: they are put back when the file is left.
final class TargetFile {
    static let capability = Array("security.capability".utf8)

    /// What the file is to have when it is left.
    struct Privileges {
        var permissions: UInt32
        var capability: [UInt8]?
        /// Whether something was done since that takes both away.
        var mayBeLost = false
    }

    let path: RelativePath
    let opened: SharedDescriptor
    let account: LossAccount
    let powers: (any FilePowers)?
    var privileges: Privileges
    /// Whether it may hold contents of the base that a CLONE yet to come takes data from.
    var mayHoldBase = true

    init(
        _ opened: SharedDescriptor, path: RelativePath, privileges: Privileges, account: LossAccount,
        powers: (any FilePowers)? = nil
    ) {
        self.opened = opened
        self.path = path
        self.account = account
        self.powers = powers
        self.privileges = privileges
    }

    /// What of an open file a step changes, if it needs nothing but that file.
    enum Aspect {
        case contents, attributes
    }

    static func aspect(of instruction: Instruction) -> Aspect? {
        switch instruction {
        case .write, .writeEncoded, .truncate, .allocate: .contents
        case .changeMode, .changeOwner, .setTimes, .setExtendedAttribute, .removeExtendedAttribute, .setFlags:
            .attributes
        case .makeFile, .makeDirectory, .makeFIFO, .makeSocket, .makeNode, .makeSymbolicLink, .rename, .link,
            .unlink, .removeDirectory, .clone, .updateExtent, .enableVerity:
            nil
        }
    }

    /// Does one step, which must have an ``aspect(of:)``.
    func apply(_ instruction: Instruction) throws {
        switch instruction {
        case .write(_, let offset, let data): try write(data, at: offset)
        case .writeEncoded(_, let offset, let extent): try write(extent, at: offset)
        case .truncate(_, let size): try truncate(to: size)
        case .allocate(_, let mode, let offset, let length): try allocate(mode, offset: offset, length: length)
        case .changeMode(_, let permissions): try changeMode(permissions)
        case .changeOwner(_, let owner, let group): try changeOwner(owner, group)
        case .setTimes(_, let times): try setTimes(times)
        case .setExtendedAttribute(_, let attribute): try setAttribute(attribute)
        case .removeExtendedAttribute(_, let name): try removeAttribute(name)
        case .setFlags(_, let flags): try setFlags(flags)
        case .makeFile, .makeDirectory, .makeFIFO, .makeSocket, .makeNode, .makeSymbolicLink, .rename, .link,
            .unlink, .removeDirectory, .clone, .updateExtent, .enableVerity:
            throw SnapshotError.invalidStep("this is not done to an open file", path)
        }
    }

    /// Gives back what was lost; the last thing that is done.
    func close() throws {
        guard privileges.mayBeLost else { return }
        if privileges.permissions & 0o6000 != 0 {
            do {
                try opened.descriptor.changeMode(privileges.permissions)
            } catch {
                guard error.isForbidden else { throw error }
                try account.lose(.permissions, path, error)
            }
        }
        if let capability = privileges.capability {
            do {
                try opened.descriptor.setAttribute(TargetFile.capability, capability)
            } catch {
                try account.lose(.extendedAttribute, path, error)
            }
        }
    }
}
