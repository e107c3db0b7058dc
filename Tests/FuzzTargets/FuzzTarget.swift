/// What is fuzzed: each case takes any bytes and holds what becomes of them against what must become of them.
///
/// The package in `Fuzz` feeds them with mutated bytes, the tests with what was found that way. They stand here,
/// in a module of the main package, because its declarations are of `package` access, which a package beside it
/// does not have: only this type and ``FuzzFinding`` are public.
public enum FuzzTarget: String, CaseIterable, Sendable {
    /// A cowpath stream: read, verified, dumped, read as a tree, written again.
    case cowpath
    /// The same of a btrfs send stream.
    case btrfs
    /// A stream of either kind, received into a volume, which must stay sound.
    case receive
    /// Nodes of a volume's trees with the checksums that they should have: checked, read, compared, sent.
    case volume
    /// Items of btrfs trees, as a search gives them: read, compared, sent, and written again.
    case items
    /// An extent in the form in which btrfs stores it: decoded.
    case extent
    /// Two random trees, chosen by the bytes: planned and replayed, the first must become the second.
    case planner
    /// Addresses, names, paths and exclude patterns: what is parsed must print back to the same.
    case address
    /// A planted trap, which must be found.
    case canaryTrap = "canary-trap"
    /// A planted wrong result, which must be found.
    case canaryWrong = "canary-wrong"

    /// Whether a run that finds nothing has failed.
    public var isCanary: Bool { self == .canaryTrap || self == .canaryWrong }

    /// Runs the case once. A trap is a finding too.
    ///
    /// - Throws: ``FuzzFinding`` where a result is wrong or an error has no type.
    public func run(_ bytes: [UInt8]) throws(FuzzFinding) {
        switch self {
        case .cowpath, .btrfs: try StreamCase.run(bytes)
        case .receive: try ReceiveCase.run(bytes)
        case .volume: try VolumeCase.run(bytes)
        case .items: try ItemsCase.run(bytes)
        case .extent: try ExtentCase.run(bytes)
        case .planner: try PlannerCase.run(bytes)
        case .address: try AddressCase.run(bytes)
        case .canaryTrap: Canary.trap(bytes)
        case .canaryWrong: try Canary.wrong(bytes)
        }
    }

    /// Mutates an input, keeping checksums, lengths and counts right most of the time: without that nothing
    /// behind the first check would ever be reached.
    ///
    /// - Parameters:
    ///   - limit: how long the result may be.
    ///   - mutate: changes bytes at random, the result being no longer than its second argument.
    public func mutate(
        _ bytes: [UInt8], limit: Int, seed: UInt32, _ mutate: @escaping ([UInt8], Int) -> [UInt8]
    ) -> [UInt8] {
        var mutator = PieceMutator(seed: UInt64(seed), limit: limit, mutate: mutate)
        let sealed: [UInt8]? =
            switch self {
            case .cowpath: mutator.mutate(CowpathPieces(bytes))
            case .btrfs: mutator.mutate(BtrfsPieces(bytes))
            case .receive where bytes.first == UInt8(ascii: "b"): mutator.mutate(BtrfsPieces(bytes))
            case .receive: mutator.mutate(CowpathPieces(bytes))
            case .volume: mutator.mutate(VolumePieces(bytes))
            case .items: mutator.mutate(ItemPieces(bytes))
            case .extent: mutator.mutate(ExtentPieces(bytes))
            case .planner, .address, .canaryTrap, .canaryWrong: nil
            }
        if let sealed, sealed.count <= limit { return sealed }
        return mutate(bytes, limit)
    }
}

/// A result that is wrong.
public struct FuzzFinding: Error, CustomStringConvertible, Sendable {
    /// What was found.
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}
