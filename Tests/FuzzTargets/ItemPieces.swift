import BtrfsAccess
import SnapshotTesting

/// The items of two trees of a btrfs that share history: a head of 10 bytes, and items as a search gives them, each
/// behind 32 bytes. The second byte of an item's type, of which the kernel uses the first, says which trees have it.
struct ItemPieces: SealedPieces {
    struct Piece {
        var item: ItemTable.Item
        var side = 0
    }

    static let headLength = 10
    private static let itemHead = 32

    /// How the case is run, a count, and the last generation that both trees share.
    private(set) var head: [UInt8]
    var pieces: [Piece] = []

    /// Takes apart any bytes as far as they go.
    init(_ bytes: [UInt8]) {
        head = Array(bytes.prefix(ItemPieces.headLength))
        head += [UInt8](repeating: 0, count: ItemPieces.headLength - head.count)
        var rest = bytes.dropFirst(ItemPieces.headLength)
        while rest.count >= ItemPieces.itemHead {
            let header = Array(rest.prefix(ItemPieces.itemHead))
            rest = rest.dropFirst(header.count)
            let contents = rest.prefix(Int(LittleEndian.number(header[28..<32])))
            rest = rest.dropFirst(contents.count)
            let key = ItemKey(
                LittleEndian.number(header[8..<16]), header[24], LittleEndian.number(header[16..<24]))
            let item = ItemTable.Item(
                key: key, generation: LittleEndian.number(header[0..<8]), contents: Array(contents))
            pieces.append(Piece(item: item, side: Int(header[25] % 4)))
        }
    }

    var sharedGeneration: UInt64 { LittleEndian.number(head[2..<10]) }
    /// Those of the tree that is sent, and those of its base.
    var source: [ItemTable.Item] { pieces.filter { $0.side != 2 }.map(\.item) }
    var base: [ItemTable.Item] { pieces.filter { $0.side != 1 }.map(\.item) }

    /// What the base had in the shared generation, and that with what was written later in its place.
    var following: (source: [ItemTable.Item], base: [ItemTable.Item]) {
        let former = base.filter { $0.generation <= sharedGeneration }
        let later = source.filter { $0.generation > sharedGeneration }
        let written = Set(later.map(\.key))
        return (later + former.filter { !written.contains($0.key) }, former)
    }

    func changed(_ piece: Piece, _ mutator: inout PieceMutator) -> Piece {
        var piece = piece
        let (key, other) = (piece.item.key, pieces[mutator.random.below(pieces.count)].item.key)
        switch mutator.random.below(16) {
        case 0: piece.side = mutator.random.below(4)
        case 1: piece.item.key = ItemKey(other.object, key.type, key.offset)
        case 2: piece.item.key = ItemKey(key.object, other.type, key.offset)
        case 3: piece.item.key = ItemKey(key.object, key.type, other.offset)
        case 4: piece.item.generation = mutator.random.onceIn(4) ? .max : sharedGeneration &+ 1
        case 5:
            let near = mutator.random.onceIn(2) ? key.offset &+ 1 : key.offset &- 1
            piece.item.key = ItemKey(key.object, key.type, near)
        default:
            piece.item.contents = mutator.changed(piece.item.contents)
            if !mutator.random.onceIn(4) { ItemPieces.mend(&piece.item) }
        }
        return piece
    }

    /// Makes the length of the one name in an item what is left for it.
    private static func mend(_ item: inout ItemTable.Item) {
        let (place, head): (Int, Int)
        switch item.key.type {
        case ItemKey.Kind.link: (place, head) = (8, 10)
        case ItemKey.Kind.extendedLink: (place, head) = (16, 18)
        case ItemKey.Kind.nameHash, ItemKey.Kind.entry, ItemKey.Kind.attribute: (place, head) = (27, 30)
        default: return
        }
        guard item.contents.count > head else { return }
        var length = item.contents.count - head
        if head == 30 {
            let value = Int(LittleEndian.number(item.contents[25..<27])) % (length + 1)
            item.contents.replaceSubrange(25..<27, with: LittleEndian.bytes(UInt64(value), 2))
            length -= value
        }
        item.contents.replaceSubrange(place..<place + 2, with: LittleEndian.bytes(UInt64(length), 2))
    }

    func sealed() -> [UInt8] {
        head
            + pieces.flatMap { piece in
                var bytes = ItemTable.record(piece.item)
                bytes[25] = UInt8(piece.side)
                return bytes
            }
    }
}
