import SnapshotModel
import SystemCalls

/// Counts what cannot be kept, or makes it an error, as was asked for.
final class LossAccount {
    let isStrict: Bool
    /// How many steps may fail before the replay does; 0 for any number.
    private let maximumFailures: UInt64
    private(set) var losses = ReplayLosses()

    init(isStrict: Bool, maximumFailures: UInt64 = 1) {
        self.isStrict = isStrict
        self.maximumFailures = maximumFailures
    }

    /// Counts a step that failed, or fails where that was one too many.
    func fail(_ error: any Error) throws {
        guard maximumFailures != 1 else { throw error }
        losses.add(.step, "\(error)")
        if maximumFailures != 0, losses.counts[.step, default: 0] >= maximumFailures { throw error }
    }

    func lose(_ kind: ReplayLosses.Kind, _ path: RelativePath, _ cause: SystemCallError? = nil) throws {
        guard !isStrict else {
            throw SnapshotError(
                .unsupported, "this target cannot keep this: \(kind.rawValue)", place: path.description,
                remedy: "receive as root, or without --strict", cause: cause)
        }
        losses.add(kind, path.description)
    }

    /// Does what changes an attribute; that it cannot be is a loss, whatever else goes wrong an error.
    func attempt(_ kind: ReplayLosses.Kind, _ path: RelativePath, _ change: () throws -> Void) throws {
        do {
            try change()
        } catch let error as SystemCallError where error.isRefusal(of: kind) {
            try lose(kind, path, error)
        }
    }

    /// Changes owner and group, or where that is forbidden the group alone: it can be one of the user's own.
    func attemptOwner(
        _ path: RelativePath, _ owner: UInt32, _ group: UInt32, _ change: (UInt32?, UInt32?) throws -> Void
    ) throws {
        try attempt(.owner, path) {
            do {
                try change(owner, group)
            } catch let error as SystemCallError where error.isForbidden {
                try? change(nil, group)
                throw error
            }
        }
    }

    /// Sets those flags that can be set; only where there are any is a refusal a loss.
    func attemptFlags(_ path: RelativePath, _ flags: UInt64, _ change: (UInt32) throws -> Void) throws {
        let wanted = UInt32(truncatingIfNeeded: flags) & FileFlags.settable
        do {
            try change(wanted)
        } catch let error as SystemCallError where error.isRefusal(of: .flags) {
            if wanted != 0 { try lose(.flags, path, error) }
        }
    }

    /// Checks that setgid is there where it should be: the kernel drops it without a word where the process is
    /// not of the group (chmod(2)).
    func checkGroupBit(_ permissions: UInt32, _ path: RelativePath, _ status: () throws -> FileStatus) throws {
        guard permissions & 0o2000 != 0, CurrentProcess.effectiveUser != 0 else { return }
        if try status().permissions & 0o2000 == 0 { try lose(.permissions, path) }
    }

    /// Adds what another account counted.
    func add(_ losses: ReplayLosses) {
        self.losses.add(losses)
    }
}

extension SystemCallError {
    /// Whether this says that an attribute of this kind cannot be kept here.
    fileprivate func isRefusal(of kind: ReplayLosses.Kind) -> Bool {
        switch kind {
        case .permissions: isForbidden || isUnsupported
        case .owner, .times: isForbidden || isInvalid
        case .extendedAttribute: isForbidden || isUnsupported || isInvalid || isTooLarge || isNoSpace
        case .flags: isForbidden || isUnsupported || isInvalid
        case .device, .fifo, .socket, .hole, .verity, .unreadable, .changed, .step: false
        }
    }
}

extension SnapshotError {
    /// A step that fits no tree, or not this one.
    static func invalidStep(_ message: String, _ path: RelativePath) -> SnapshotError {
        SnapshotError(.invalidInstruction, message, place: path.description)
    }

    /// What a call that failed on a path says of the instruction.
    static func replaying(_ error: SystemCallError, at path: RelativePath) -> SnapshotError {
        let code: Code
        let message: String
        if error.isSymbolicLink {
            (code, message) = (.invalidInstruction, "a symbolic link stands in the way")
        } else if error.isBeyond {
            (code, message) = (.invalidInstruction, "the path leaves the target")
        } else if error.isExisting {
            (code, message) = (.invalidInstruction, "there is something under this path already")
        } else if error.isADirectory {
            (code, message) = (.invalidInstruction, "this is a directory")
        } else if error.isMissing {
            (code, message) = (.invalidInstruction, "there is nothing under this path")
        } else if error.isNotADirectory {
            (code, message) = (.invalidInstruction, "this is not a directory")
        } else if error.isNotEmpty {
            (code, message) = (.invalidInstruction, "the directory is not empty")
        } else {
            (code, message) = (error.isNoSpace ? .noSpace : .system, "the target cannot be written")
        }
        return SnapshotError(code, message, place: path.description, remedy: error.remedy, cause: error)
    }
}
