import SystemPackage

/// What a caller may decide by, so that no other module needs to know error numbers.
extension SystemCallError {
    /// The number itself (errno(3)).
    package var number: Int32 { errno.rawValue }

    /// Nothing has this name.
    package var isMissing: Bool { errno == .noSuchFileOrDirectory }

    /// What a path goes through or names is no directory.
    package var isNotADirectory: Bool { errno == .notDirectory }

    /// What should be something else is a directory.
    package var isADirectory: Bool { errno == .isDirectory }

    /// Something has this name already.
    package var isExisting: Bool { errno == .fileExists }

    /// A directory still holds something.
    package var isNotEmpty: Bool { errno == .directoryNotEmpty || errno == .fileExists }

    /// A symbolic link stands where none may be followed.
    package var isSymbolicLink: Bool { errno == .tooManySymbolicLinkLevels }

    /// A path would leave the directory it belongs beneath, or a file system its own.
    package var isBeyond: Bool { errno == .improperLink }

    /// This process has not the right.
    package var isForbidden: Bool { errno == .notPermitted || errno == .permissionDenied }

    /// The file system or the kernel cannot do this at all.
    package var isUnsupported: Bool {
        errno == .notSupported || errno == .notSupportedOnSocket || errno == .noFunction
            || errno == .inappropriateIOCTLForDevice
    }

    /// An argument that the call does not take.
    package var isInvalid: Bool { errno == .invalidArgument }

    /// A file system is full, or an inode has no room for an attribute.
    package var isNoSpace: Bool { errno == .noSpace }

    /// No more descriptors or memory: says nothing of what was asked for (`EMFILE`, `ENFILE`, `ENOMEM`).
    package var isExhaustion: Bool {
        errno == .tooManyOpenFiles || errno == .tooManyOpenFilesInSystem || errno == .noMemory
    }

    /// An inode has as many names as its file system allows.
    package var isTooManyLinks: Bool { errno == .tooManyLinks }

    /// An extended attribute is not there (`ENODATA`, xattr(7)).
    package var isNoAttribute: Bool { errno == .noData }

    /// What was asked for is larger than what was offered to hold it, or than the file system can.
    package var isTooLarge: Bool { errno == .outOfRange || errno == .argListTooLong }

    /// There is more than the room that was offered for it holds (`EOVERFLOW`).
    package var isOverflow: Bool { errno == .overflow }

    /// Someone else holds the lock (`EAGAIN`, flock(2)).
    package var isLocked: Bool { errno == .resourceTemporarilyUnavailable || errno == .wouldBlock }

    /// An offset behind the last data of a file (`ENXIO`, lseek(2)).
    package var isPastEnd: Bool { errno == .noSuchAddressOrDevice }

    /// The file is gone from a server that knew it (`ESTALE`).
    package var isStale: Bool { errno == .staleNFSFileHandle }

    /// What helps where a file system is full.
    package static let makeRoom = "make room on its file system, then do the same again"

    /// What the user can do about it, where the reason alone tells; nil where it does not.
    package var remedy: String? {
        switch errno {
        case .noSpace: SystemCallError.makeRoom
        case .diskQuotaExceeded: "remove files or have the quota raised, then do the same again"
        case .fileTooLarge: "use a file system that takes larger files, or raise the limit (ulimit -f)"
        case .readOnlyFileSystem: "mount the file system writable, or name a place on another"
        case .permissionDenied, .notPermitted: "do it as a user who has the right, or give it to this one"
        case .tooManyOpenFiles, .tooManyOpenFilesInSystem: "raise the limit of open files (ulimit -n)"
        case .ioError: "see the kernel's log for errors of the disk"
        default: nil
        }
    }
}
