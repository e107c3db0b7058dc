import SnapshotModel
import SystemCalls

/// What a file that this process makes gets without being asked for.
struct MakersRights {
    let user = CurrentProcess.effectiveUser
    let group = CurrentProcess.effectiveGroup
    /// The permissions that nothing is made with (umask(2)); all of them where that is not known.
    let withheld = CurrentProcess.fileModeMask ?? 0o777
}

extension [Instruction] {
    /// The permissions with which a new file may be made at once: those that it is to have in the end, where they are
    /// plain ones and mean the owner and group that it has from the start.
    func finalPermissions(_ makers: MakersRights, inheritsGroup: Bool) -> UInt32? {
        var wanted: UInt32?
        for step in self {
            switch step {
            case .changeMode(_, let permissions): wanted = permissions
            case .changeOwner(_, let owner, let group):
                guard owner == makers.user, group == makers.group, !inheritsGroup else { return nil }
            case .setExtendedAttribute(_, let attribute) where attribute.name == PosixACL.access: return nil
            default: break
            }
        }
        guard let wanted, wanted & ~0o777 == 0, wanted & makers.withheld == 0, wanted & 0o600 == 0o600 else {
            return nil
        }
        return wanted
    }
}

extension Instruction {
    /// Whether the step sets permissions that are already there.
    func sets(_ permissions: UInt32) -> Bool {
        if case .changeMode(_, permissions) = self { true } else { false }
    }

    /// Whether permissions may be others after the step: an access list changes those of the group along with it.
    var mayChangePermissions: Bool {
        switch self {
        case .changeMode: true
        case .setExtendedAttribute(_, let attribute): attribute.name == PosixACL.access
        case .removeExtendedAttribute(_, let name): name == PosixACL.access
        default: false
        }
    }
}
