import SnapshotTesting

/// Nodes that take the places of others: each the place in the order of identifiers, a length and an encoded node.
struct VolumePieces: SealedPieces {
    struct Piece {
        var place: UInt8
        var node: [UInt8]
    }

    var pieces: [Piece] = []

    init(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while let place = rest.popFirst() {
            let count = Int(LittleEndian.number(rest.prefix(2)))
            rest = rest.dropFirst(2)
            pieces.append(Piece(place: place, node: Array(rest.prefix(count))))
            rest = rest.dropFirst(count)
        }
        if pieces.isEmpty { pieces = [Piece(place: 0, node: [])] }
    }

    func changed(_ piece: Piece, _ mutator: inout PieceMutator) -> Piece {
        let nodes = VolumeCase.nodes
        switch mutator.random.below(8) {
        case 0: return Piece(place: UInt8(mutator.random.below(256)), node: piece.node)
        case 1 where !nodes.isEmpty, 2 where !nodes.isEmpty:
            // A node as it is, perhaps in the place of another, to begin with.
            let place = mutator.random.below(nodes.count)
            let taken = mutator.random.onceIn(4) ? mutator.random.below(nodes.count) : place
            return Piece(place: UInt8(truncatingIfNeeded: place), node: nodes[taken])
        default: return Piece(place: piece.place, node: mutator.changed(piece.node))
        }
    }

    func sealed() -> [UInt8] {
        pieces.flatMap { [$0.place] + LittleEndian.bytes(UInt64($0.node.count), 2) + $0.node.prefix(0xFFFF) }
    }
}
