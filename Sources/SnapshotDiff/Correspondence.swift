import SnapshotModel

/// By what an inode of the source and one of the base are taken for the same.
package enum CorrespondenceRule: Sendable {
    /// Number and birth generation, for trees of one domain.
    case identities
    /// The base's ``Inode/origin`` is the source's number; for what was imported or received from there.
    case origins
    /// Path and kind, for trees that know nothing of each other.
    case paths
}

/// Which inode of the base is which of the source.
///
/// The roots always correspond, whatever their numbers. With ``CorrespondenceRule/paths`` a map of all pairs is kept,
/// some 40 bytes for each inode; with ``CorrespondenceRule/origins`` one of half the size, once anything is not where
/// it was.
final class Correspondence {
    let source: any SnapshotTree
    let base: any SnapshotTree
    let rule: CorrespondenceRule
    /// By origin: what of the base came from there.
    private var candidates: [InodeNumber: Candidate] = [:]
    /// Of the base: what was paired by its name before there were candidates.
    private var namedAlike: [InodeNumber] = []
    /// By path: what was paired.
    private var toBase: [InodeNumber: InodeNumber] = [:]
    private var toSource: [InodeNumber: InodeNumber] = [:]
    private var shared: UInt64?
    private var isPrepared = false
    private var isWalked = false

    /// An inode of the base, and whether a walk of the source has met what it came from: in one integer, since there
    /// is one of these for each inode. No store has numbers with the highest bit.
    private struct Candidate {
        private let bits: UInt64

        init(_ number: InodeNumber, isMet: Bool = false) {
            bits = number.rawValue & ~Candidate.metBit | (isMet ? Candidate.metBit : 0)
        }

        var number: InodeNumber { InodeNumber(bits & ~Candidate.metBit) }
        var isMet: Bool { bits & Candidate.metBit != 0 }

        private static let metBit: UInt64 = 1 << 63
    }

    init(source: any SnapshotTree, base: any SnapshotTree, rule: CorrespondenceRule) {
        (self.source, self.base, self.rule) = (source, base, rule)
    }

    /// Reads the origins of all of the base.
    private func findCandidates() throws {
        isPrepared = true
        try base.forEachInode { inode in
            guard inode.origin.rawValue != 0, inode.number != base.root, candidates[inode.origin] == nil else { return }
            candidates[inode.origin] = Candidate(inode.number)
        }
        for number in namedAlike {
            guard let origin = try base.inode(number)?.origin else { continue }
            candidates[origin] = Candidate(number, isMet: true)
        }
        namedAlike = []
    }

    /// Says that every inode of the source has been asked for: what was not is gone, and need not be looked for.
    func finishWalk() {
        isWalked = true
    }

    /// The inode of the base that is the same as one of the source; nil for a new one.
    func base(of number: InodeNumber) throws -> InodeNumber? {
        if number == source.root { return base.root }
        switch rule {
        case .paths: return toBase[number]
        case .identities:
            guard number != base.root, let old = try base.inode(number), let new = try source.inode(number),
                try isSame(new, old)
            else { return nil }
            return number
        case .origins:
            if !isPrepared { try findCandidates() }
            guard let index = candidates.index(forKey: number), !isWalked || candidates.values[index].isMet else {
                return nil
            }
            let candidate = candidates.values[index].number
            guard let old = try base.inode(candidate), let new = try source.inode(number), try isUnreplaced(new, old)
            else { return nil }
            candidates.values[index] = Candidate(candidate, isMet: true)
            return candidate
        }
    }

    /// The inode of the source that is the same as one of the base; nil for one that is gone.
    func source(of number: InodeNumber) throws -> InodeNumber? {
        if number == base.root { return source.root }
        switch rule {
        case .paths: return toSource[number]
        case .identities: return try number != source.root && base(of: number) != nil ? number : nil
        case .origins:
            guard let origin = try base.inode(number)?.origin, try base(of: origin) == number else { return nil }
            return origin
        }
    }

    /// Pairs two inodes found under one path, where the rule allows it.
    ///
    /// - Returns: that of the base; nil where ``base(of:)`` must be asked.
    func pair(_ entry: DirectoryEntry, with old: DirectoryEntry) throws -> InodeNumber? {
        switch rule {
        case .identities: return nil
        case .paths:
            try pairByPath(entry, old)
            return nil
        case .origins: return try pairByOrigin(entry, old) ? old.inode : nil
        }
    }

    /// What came from an inode and still stands under its name needs no search among all that came from somewhere.
    private func pairByOrigin(_ entry: DirectoryEntry, _ old: DirectoryEntry) throws -> Bool {
        guard old.inode != base.root, let oldInode = try base.inode(old.inode), oldInode.origin == entry.inode,
            let newInode = try source.inode(entry.inode), newInode.kind == .directory || newInode.linkCount == 1,
            try isUnreplaced(newInode, oldInode)
        else { return false }
        guard isPrepared else {
            namedAlike.append(old.inode)
            return true
        }
        guard let index = candidates.index(forKey: entry.inode), !candidates.values[index].isMet else { return false }
        candidates.values[index] = Candidate(old.inode, isMet: true)
        return true
    }

    /// Where neither is paired yet and one can become the other.
    private func pairByPath(_ entry: DirectoryEntry, _ old: DirectoryEntry) throws {
        guard entry.kind == old.kind, toBase[entry.inode] == nil, toSource[old.inode] == nil,
            entry.inode != source.root, old.inode != base.root,
            let newInode = try source.inode(entry.inode), let oldInode = try base.inode(old.inode),
            try canBecome(newInode, oldInode)
        else { return }
        toBase[entry.inode] = old.inode
        toSource[old.inode] = entry.inode
    }

    private func isSame(_ new: Inode, _ old: Inode) throws -> Bool {
        let isKnown = new.birthGeneration != 0 && old.birthGeneration != 0
        guard new.kind == old.kind, !isKnown || new.birthGeneration == old.birthGeneration else { return false }
        // Trees that share no history can give one number in one generation to two inodes.
        return try isKnown && new.birthGeneration <= sharedGeneration() || canBecome(new, old)
    }

    /// What ``SnapshotTree/generationShared(with:)`` says; asked once.
    func sharedGeneration() throws -> UInt64 {
        if let shared { return shared }
        let found = try source.generationShared(with: base)
        shared = found
        return found
    }

    private func isUnreplaced(_ new: Inode, _ old: Inode) throws -> Bool {
        if let born = new.times.born, let known = old.times.born, born != known { return false }
        return try canBecome(new, old)
    }

    /// No instruction changes the kind of an inode, a device number or the target of a symbolic link.
    private func canBecome(_ new: Inode, _ old: Inode) throws -> Bool {
        guard new.kind == old.kind, new.device == old.device else { return false }
        guard new.kind == .symbolicLink else { return true }
        return try source.symbolicLinkTarget(of: new.number) == base.symbolicLinkTarget(of: old.number)
    }
}
