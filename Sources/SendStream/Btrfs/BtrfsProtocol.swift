import SnapshotModel

/// Numbers of the btrfs send protocol (btrfs-progs, "Send stream format").
enum BtrfsProtocol {
    /// `btrfs-stream` and a NUL.
    static let magic: [UInt8] = Array("btrfs-stream".utf8) + [0]
    /// The magic and a version of 32 bits.
    static let streamHeaderLength = magic.count + 4
    /// Payload length (32 bits), command (16), CRC32C (32).
    static let commandHeaderLength = 10
    /// The largest payload that is read. The kernel sends at most 64 KiB with protocol 1 and 144 KiB with
    /// protocol 2, which itself sets no limit.
    static let maximumPayloadLength = 4 << 20
    /// The most data in one WRITE of protocol 1, as the kernel has it, so that the command stays below 64 KiB.
    static let writeLengthOfProtocol1 = 48 << 10

    enum Command: UInt16, CustomStringConvertible {
        case subvolume = 1
        case snapshot, makeFile, makeDirectory, makeNode, makeFIFO, makeSocket, symbolicLink, rename, link, unlink
        case removeDirectory, setExtendedAttribute, removeExtendedAttribute, write, clone, truncate, changeMode
        case changeOwner, setTimes, end, updateExtent
        /// Since protocol 2.
        case allocate, fileAttributes, encodedWrite
        /// Since protocol 3.
        case enableVerity

        var firstProtocol: UInt32 {
            switch self {
            case .allocate, .fileAttributes, .encodedWrite: 2
            case .enableVerity: 3
            default: 1
            }
        }

        /// The name that the protocol has for it.
        var description: String { BtrfsProtocol.name(rawValue, in: Command.names) }

        // Taken apart once, for all messages.
        private static let names = words(
            """
            SUBVOL SNAPSHOT MKFILE MKDIR MKNOD MKFIFO MKSOCK SYMLINK RENAME LINK UNLINK RMDIR SET_XATTR REMOVE_XATTR \
            WRITE CLONE TRUNCATE CHMOD CHOWN UTIMES END UPDATE_EXTENT FALLOCATE FILEATTR ENCODED_WRITE ENABLE_VERITY
            """)
    }

    enum Attribute: UInt16, CustomStringConvertible {
        case uuid = 1
        case generation, inode, size, mode, owner, group, device, changed, modified, accessed, born
        case attributeName, attributeData, path, pathTo, linkTarget, fileOffset, data, cloneUUID, cloneGeneration
        case clonePath, cloneOffset, cloneLength
        /// Since protocol 2.
        case allocationMode, fileFlags, fileLength, decodedLength, decodedOffset, compression, encryption
        /// Since protocol 3.
        case verityAlgorithm, verityBlockSize, veritySalt, veritySignature

        /// The name that the protocol has for it.
        var description: String { BtrfsProtocol.name(rawValue, in: Attribute.names) }

        private static let names = words(
            """
            UUID CTRANSID INO SIZE MODE UID GID RDEV CTIME MTIME ATIME OTIME XATTR_NAME XATTR_DATA PATH PATH_TO \
            PATH_LINK FILE_OFFSET DATA CLONE_UUID CLONE_CTRANSID CLONE_PATH CLONE_OFFSET CLONE_LEN FALLOCATE_MODE \
            FILEATTR UNENCODED_FILE_LEN UNENCODED_LEN UNENCODED_OFFSET COMPRESSION ENCRYPTION VERITY_ALGORITHM \
            VERITY_BLOCK_SIZE VERITY_SALT_DATA VERITY_SIG_DATA
            """)
    }

    /// The word of this number in a list that begins with that of 1.
    private static func name(_ number: UInt16, in names: [String]) -> String {
        number >= 1 && Int(number) <= names.count ? names[Int(number) - 1] : "\(number)"
    }

    private static func words(_ text: String) -> [String] { text.split(separator: " ").map(String.init) }
}
