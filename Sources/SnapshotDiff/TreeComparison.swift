package import SnapshotModel

/// Two trees, and what differs between them.
package final class TreeComparison {
    /// How it is decided whether a file that both trees have holds the same bytes in both.
    package enum ContentsRule: Sendable {
        /// By the identities of extents, in one domain.
        case identities
        /// By reading both.
        case contents
        /// Size, modification time and change time being equal, it does; otherwise both are read where both
        /// hold data.
        case times
    }

    package struct Options: Sendable {
        package var correspondence: CorrespondenceRule
        package var contents: ContentsRule
        /// Whether access and change times are no difference, since one of the trees could not keep them.
        package var ignoresUnsettableTimes: Bool

        package init(
            correspondence: CorrespondenceRule, contents: ContentsRule, ignoresUnsettableTimes: Bool = false
        ) {
            self.correspondence = correspondence
            self.contents = contents
            self.ignoresUnsettableTimes = ignoresUnsettableTimes
        }

        /// For two trees of one store.
        package static let sameDomain = Options(correspondence: .identities, contents: .identities)
        /// For a directory and what was imported from it before.
        package static let imported = Options(correspondence: .origins, contents: .times)
        /// For two trees that know nothing of each other.
        package static let unrelated = Options(
            correspondence: .paths, contents: .contents, ignoresUnsettableTimes: true)
    }

    package let source: any SnapshotTree
    package let base: any SnapshotTree
    package let options: Options
    /// What could not be read and was taken for unchanged.
    package internal(set) var losses = ReplayLosses()
    let correspondence: Correspondence
    private var found: ChangeLists?

    package init(source: any SnapshotTree, base: any SnapshotTree, options: Options) {
        (self.source, self.base, self.options) = (source, base, options)
        correspondence = Correspondence(source: source, base: base, rule: options.correspondence)
    }

    /// What differs; found once.
    func lists() throws -> ChangeLists {
        if let found { return found }
        var lists = ChangeLists()
        let hasHistory = try options.correspondence == .identities && collectFromHistory(into: &lists)
        if !hasHistory { try collectByWalk(into: &lists) }
        lists.sort()
        try dropUnchanged(in: &lists)
        found = lists
        return lists
    }

    /// Drops entries that were removed and added alike.
    private func dropUnchanged(in lists: inout ChangeLists) throws {
        var dropped: Set<InodeLink> = []
        let removed = lists.removed
        try lists.added.removeAll { entry in
            guard let directory = try correspondence.base(of: entry.directory) else { return false }
            let link = InodeLink(directory: directory, name: entry.name)
            guard let index = ChangeLists.index(of: link, in: removed),
                try correspondence.base(of: entry.inode) == removed[index].inode
            else { return false }
            dropped.insert(link)
            return true
        }
        if !dropped.isEmpty { lists.removed.removeAll { dropped.contains($0.link) } }
    }

    /// Whether a closer look at an inode of both trees is worth while.
    func mayDiffer(_ new: Inode, _ old: Inode) throws -> Bool {
        switch options.contents {
        case .contents: true
        case .identities:
            // Behind where the histories part, both may have changed in one generation and in different ways.
            try new.changeGeneration == 0 || new.changeGeneration != old.changeGeneration
                || new.changeGeneration > correspondence.sharedGeneration()
        case .times: !hasSameTimes(new, old) || differsInAttributes(new, old)
        }
    }

    /// What stands for equal contents in an import: the change time cannot be set by hand.
    func hasSameTimes(_ new: Inode, _ old: Inode) -> Bool {
        new.size == old.size && new.times.modified == old.times.modified && new.times.changed == old.times.changed
    }

    /// Whether there is no need to compare the contents of a file.
    func hasSurelySameContents(_ new: Inode, _ old: Inode) throws -> Bool {
        switch options.contents {
        case .contents: false
        case .times: hasSameTimes(new, old)
        case .identities:
            try new.size == old.size && new.number == old.number && source.surelyHoldsSame(new.number, as: base)
        }
    }

    func differsInAttributes(_ new: Inode, _ old: Inode) -> Bool {
        (new.owner, new.group, new.permissions) != (old.owner, old.group, old.permissions)
    }

    /// Whether times differ that count.
    func differsInTimes(_ new: Inode, _ old: Inode) -> Bool {
        if new.times.modified != old.times.modified { return true }
        if options.ignoresUnsettableTimes { return false }
        return new.times.changed != old.times.changed || new.times.accessed != old.times.accessed
    }

    /// The same of times that are known to be new.
    func counts(_ change: TimesChange) -> Bool {
        change.isModified || change.isTouched && !options.ignoresUnsettableTimes
    }
}
