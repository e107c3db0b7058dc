import SnapshotModel

/// Inodes in columns: one array a field, an inode being a row number ("slot").
///
/// 99 bytes a row. Fields that few inodes have (device, flags) stand beside, by slot.
struct InodeTable {
    private(set) var numbers: [UInt64] = []
    private(set) var generations: [UInt64] = []
    /// Raw value of ``FileKind``; 0 marks a row that is free.
    private(set) var kinds: [UInt8] = []
    private(set) var permissions: [UInt16] = []
    private(set) var owners: [UInt32] = []
    private(set) var groups: [UInt32] = []
    private(set) var sizes: [UInt64] = []
    /// Names of the inode; of a directory the entries in it.
    var counts: [UInt32] = []
    /// Seconds and nanoseconds: accessed, modified, changed, born, four to a row.
    private(set) var seconds: [Int64] = []
    private(set) var nanoseconds: [UInt32] = []
    /// Index into the sets of extended attributes; 0 is the empty set.
    var attributes: [UInt32] = []
    /// Where in the blob the extents or the link's target begin; 0 where there are none.
    var contents: [UInt64] = []
    private var devices: [UInt32: UInt64] = [:]
    private var flags: [UInt32: UInt64] = [:]
    private var freeSlots: [UInt32] = []

    /// Marks in `nanoseconds` that there is no time of birth.
    private static let noTime = UInt32.max

    var rowCount: Int { kinds.count }

    func kind(_ slot: Int) -> FileKind? { FileKind(rawValue: kinds[slot]) }

    /// Adds an inode, in the last free row where there is one, and gives its slot.
    mutating func append(kind: FileKind, number: UInt64, generation: UInt64, device: UInt64) -> Int {
        let slot = freeSlots.popLast().map(Int.init) ?? addRow()
        numbers[slot] = number
        generations[slot] = generation
        kinds[slot] = kind.rawValue
        permissions[slot] = UInt16(InodeTable.firstPermissions(of: kind))
        owners[slot] = 0
        groups[slot] = 0
        sizes[slot] = 0
        counts[slot] = 0
        for position in 0..<4 {
            seconds[4 * slot + position] = 0
            nanoseconds[4 * slot + position] = position == 3 ? InodeTable.noTime : 0
        }
        attributes[slot] = 0
        contents[slot] = 0
        if device != 0 { devices[UInt32(slot)] = device }
        return slot
    }

    /// The permissions that an inode has until a step says others.
    static func firstPermissions(of kind: FileKind) -> UInt32 {
        kind == .symbolicLink ? 0o777 : kind == .directory ? 0o755 : 0o600
    }

    private mutating func addRow() -> Int {
        numbers.append(0)
        generations.append(0)
        kinds.append(0)
        permissions.append(0)
        owners.append(0)
        groups.append(0)
        sizes.append(0)
        counts.append(0)
        for _ in 0..<4 {
            seconds.append(0)
            nanoseconds.append(0)
        }
        attributes.append(0)
        contents.append(0)
        return kinds.count - 1
    }

    mutating func free(_ slot: Int) {
        kinds[slot] = 0
        contents[slot] = 0
        attributes[slot] = 0
        devices[UInt32(slot)] = nil
        flags[UInt32(slot)] = nil
        freeSlots.append(UInt32(slot))
    }

    mutating func setNumber(_ slot: Int, _ number: UInt64) { numbers[slot] = number }

    mutating func setSize(_ slot: Int, _ size: UInt64) { sizes[slot] = size }

    mutating func setPermissions(_ slot: Int, _ value: UInt32) { permissions[slot] = UInt16(value & 0o7777) }

    mutating func setOwner(_ slot: Int, _ owner: UInt32, _ group: UInt32) {
        owners[slot] = owner
        groups[slot] = group
    }

    mutating func setFlags(_ slot: Int, _ value: UInt64) { flags[UInt32(slot)] = value == 0 ? nil : value }

    mutating func setTimes(_ slot: Int, _ times: FileTimes) {
        // A stream of protocol 1 has no time of birth: one that is known stays.
        let born = times.born ?? time(slot, 3)
        for (position, time) in [times.accessed, times.modified, times.changed, born].enumerated() {
            seconds[4 * slot + position] = time?.seconds ?? 0
            nanoseconds[4 * slot + position] = time?.nanoseconds ?? InodeTable.noTime
        }
    }

    /// The whole inode in a slot; nil where the slot is free.
    func inode(_ slot: Int) -> Inode? {
        guard let kind = kind(slot) else { return nil }
        return Inode(
            number: InodeNumber(numbers[slot]), birthGeneration: generations[slot], kind: kind,
            permissions: UInt32(permissions[slot]), owner: owners[slot], group: groups[slot],
            size: kind == .directory ? 0 : sizes[slot], linkCount: kind == .directory ? 1 : counts[slot],
            device: devices[UInt32(slot)] ?? 0,
            times: FileTimes(
                accessed: time(slot, 0) ?? .epoch, modified: time(slot, 1) ?? .epoch,
                changed: time(slot, 2) ?? .epoch, born: time(slot, 3)),
            flags: flags[UInt32(slot)] ?? 0)
    }

    private func time(_ slot: Int, _ position: Int) -> Timestamp? {
        let nanoseconds = nanoseconds[4 * slot + position]
        if nanoseconds == InodeTable.noTime { return nil }
        return Timestamp(seconds: seconds[4 * slot + position], nanoseconds: nanoseconds)
    }

    /// The table with its rows in the order of `slots`, all others left out.
    func permuted(_ slots: [Int]) -> InodeTable {
        var table = InodeTable()
        table.numbers = slots.map { numbers[$0] }
        table.generations = slots.map { generations[$0] }
        table.kinds = slots.map { kinds[$0] }
        table.permissions = slots.map { permissions[$0] }
        table.owners = slots.map { owners[$0] }
        table.groups = slots.map { groups[$0] }
        table.sizes = slots.map { sizes[$0] }
        table.counts = slots.map { counts[$0] }
        table.attributes = slots.map { attributes[$0] }
        table.contents = slots.map { contents[$0] }
        table.seconds.reserveCapacity(4 * slots.count)
        table.nanoseconds.reserveCapacity(4 * slots.count)
        for (new, old) in slots.enumerated() {
            for position in 0..<4 {
                table.seconds.append(seconds[4 * old + position])
                table.nanoseconds.append(nanoseconds[4 * old + position])
            }
            if let device = devices[UInt32(old)] { table.devices[UInt32(new)] = device }
            if let value = flags[UInt32(old)] { table.flags[UInt32(new)] = value }
        }
        return table
    }

    /// The memory of the columns.
    var byteCount: Int {
        rowCount * (8 + 8 + 1 + 2 + 4 + 4 + 8 + 4 + 32 + 16 + 4 + 8) + (devices.count + flags.count) * 24
    }
}
