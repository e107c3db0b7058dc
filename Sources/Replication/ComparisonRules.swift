package import SnapshotDiff
package import SnapshotModel

extension TreeComparison.Options {
    /// How two trees are compared that a user named: by identities where they are of one store; else by paths,
    /// reading both where both hold data, and trusting size and times where one does not.
    package static func suiting(_ source: any SnapshotTree, _ base: any SnapshotTree) -> TreeComparison.Options {
        var options = TreeComparison.Options.unrelated
        if let domain = source.domain, domain == base.domain {
            if source.identifiesExtents, base.identifiesExtents { return .sameDomain }
            options.correspondence = .identities
        }
        if !source.holdsData || !base.holdsData {
            options.contents = .times
            options.ignoresUnsettableTimes = false
        }
        return options
    }
}
