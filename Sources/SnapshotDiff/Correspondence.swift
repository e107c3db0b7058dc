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
/// some 40 bytes for each inode; with ``CorrespondenceRule/origins`` a list of 16 bytes for each, and a map of twice
/// that once anything is not where it was.
final class Correspondence {
    let source: any SnapshotTree
    let base: any SnapshotTree
    let rule: CorrespondenceRule
    /// By origin: what of the base came from there, as far as it was paired or may be.
    private var candidates: [InodeNumber: Candidate] = [:]
    /// By origin: what was paired by its name before there were candidates.
    private var namedAlike: [(source: InodeNumber, base: InodeNumber)] = []
    /// The same of inodes with several names, which are met again.
    private var linkedAlike: [InodeNumber: InodeNumber] = [:]
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

    /// From here on, what did not stand under its name is looked for among `unpaired` and all below them.
    ///
    /// - Parameter unpaired: the inodes of the base that may be elsewhere now.
    func findCandidates(among unpaired: [InodeNumber] = []) throws {
        isPrepared = true
        candidates.reserveCapacity(namedAlike.count + unpaired.count)
        for pair in namedAlike { candidates[pair.source] = Candidate(pair.base, isMet: true) }
        for (number, match) in linkedAlike { candidates[number] = Candidate(match, isMet: true) }
        (namedAlike, linkedAlike) = ([], [:])
        var pending = unpaired
        while let number = pending.popLast() {
            guard let inode = try base.inode(number) else { continue }
            addCandidate(inode)
            if inode.kind == .directory { try base.forEachEntry(in: number) { pending.append($0.inode) } }
        }
    }

    /// Of several that came from one inode, the one that was paired, else that of the lowest number.
    private func addCandidate(_ inode: Inode) {
        guard inode.origin.rawValue != 0, inode.number != base.root else { return }
        if let known = candidates[inode.origin], known.isMet || known.number <= inode.number { return }
        candidates[inode.origin] = Candidate(inode.number)
    }

    /// Says that every inode of the source has been asked for: what was not is gone, and need not be looked for.
    func finishWalk() {
        isWalked = true
    }

    /// Whether what does not stand under its name is looked for only when all that does was seen.
    var findsLater: Bool { rule == .origins && !isPrepared }

    /// The inode of the base that is the same as one of the source; nil for a new one.
    func base(of number: InodeNumber) throws -> InodeNumber? {
        if number == source.root { return base.root }
        switch rule {
        case .paths: return toBase[number]
        case .identities:
            guard number != base.root, let new = try source.inode(number) else { return nil }
            if try isUntouched(new) { return number }
            guard let old = try base.inode(number), try isSame(new, old) else { return nil }
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
            let newInode = try source.inode(entry.inode), try isUnreplaced(newInode, oldInode)
        else { return false }
        let mayBeMetAgain = newInode.kind != .directory && newInode.linkCount > 1
        guard isPrepared else {
            if mayBeMetAgain {
                if let known = linkedAlike[entry.inode] { return known == old.inode }
                linkedAlike[entry.inode] = old.inode
            } else {
                namedAlike.append((entry.inode, old.inode))
            }
            return true
        }
        guard !mayBeMetAgain else { return false }
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

    /// Whether an inode of the source is still what it was when both trees were one, and the base is that tree.
    private func isUntouched(_ new: Inode) throws -> Bool {
        guard new.changeGeneration != 0, let last = base.identity.lineage.first?.generation else { return false }
        let shared = try sharedGeneration()
        return new.changeGeneration <= shared && last <= shared
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
