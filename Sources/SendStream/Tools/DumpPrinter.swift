package import SnapshotModel

/// Prints instructions, one a line, in the manner of `btrfs receive --dump`.
///
/// Lines are those of btrfs-progs 6.2 under `TZ=UTC`, but that the name and value of an extended attribute and
/// the source of a clone are escaped as well, that file flags are `FS_*_FL` in hexadecimal, and that what only a
/// cowpath stream has is added at the end of its line.
package final class DumpPrinter: ReplayTarget {
    private static let commandWidth = 16
    private static let pathWidth = 32

    private let write: (String) throws -> Void
    private var prefix = "./"
    /// The same with spaces as they are.
    private var plainPrefix = "./"

    package let losses = ReplayLosses()
    package let accepts = ReplayCapabilities.everything

    /// - Parameter write: Takes each line, without its end.
    package init(write: @escaping (String) throws -> Void) {
        self.write = write
    }

    package func begin(_ header: SnapshotHeader) throws {
        let name = [UInt8](header.name.utf8)
        prefix = "./" + DumpText.escape(name[...], spaces: true)
        var details = "uuid=\(header.snapshot.uuid) transid=\(header.snapshot.generation)"
        var command = "subvol"
        if let base = header.base.reference {
            command = "snapshot"
            details += " parent_uuid=\(base.uuid) parent_transid=\(base.generation)"
        }
        if case .bookmark = header.base { details += " base=bookmark" }
        if header.isBookmark { details += " bookmark=1" }
        if header.withoutData { details += " no_data=1" }
        if header.isBookmark, let domain = header.domain { details += " domain=\(domain)" }
        try line(command, prefix, details)
        prefix += "/"
        plainPrefix = "./" + DumpText.escape(name[...], spaces: false) + "/"
    }

    package func apply(_ instruction: Instruction) throws {
        let path = prefix + DumpText.escape(instruction.path.bytes[...], spaces: true)
        try line(DumpPrinter.command(instruction), path, details(instruction))
    }

    package func finish() throws {}

    package func abandon() {}

    private func line(_ command: String, _ path: String, _ details: String) throws {
        var text = DumpText.pad(command, DumpPrinter.commandWidth)
        text += details.isEmpty ? path : DumpText.pad(path, DumpPrinter.pathWidth) + details
        try write(text)
    }

    private static func command(_ instruction: Instruction) -> String {
        switch instruction {
        case .makeFile: "mkfile"
        case .makeDirectory: "mkdir"
        case .makeFIFO: "mkfifo"
        case .makeSocket: "mksock"
        case .makeNode: "mknod"
        case .makeSymbolicLink: "symlink"
        case .rename: "rename"
        case .link: "link"
        case .unlink: "unlink"
        case .removeDirectory: "rmdir"
        case .setExtendedAttribute: "set_xattr"
        case .removeExtendedAttribute: "remove_xattr"
        case .write: "write"
        case .writeEncoded: "encoded_write"
        case .clone: "clone"
        case .truncate: "truncate"
        case .changeMode: "chmod"
        case .changeOwner: "chown"
        case .setTimes: "utimes"
        case .updateExtent: "update_extent"
        case .allocate: "fallocate"
        case .setFlags: "fileattr"
        case .enableVerity: "enable_verity"
        }
    }

    private func details(_ instruction: Instruction) -> String {
        switch instruction {
        case .makeFile(_, let inode), .makeDirectory(_, let inode), .makeFIFO(_, let inode),
            .makeSocket(_, let inode):
            return DumpText.fields(inode)
        case .makeNode(_, let inode, let mode, let device):
            let known = "mode=\(String(mode, radix: 8)) dev=0x\(String(device, radix: 16))"
            return DumpText.join(known, DumpText.fields(inode))
        case .makeSymbolicLink(_, let inode, let target):
            return DumpText.join("dest=" + DumpText.escape(target[...], spaces: true), DumpText.fields(inode))
        case .rename(_, let other): return "dest=" + prefix + DumpText.escape(other.bytes[...], spaces: true)
        case .link(_, let other): return "dest=" + DumpText.escape(other.bytes[...], spaces: true)
        case .unlink, .removeDirectory: return ""
        case .setExtendedAttribute(_, let attribute):
            let name = DumpText.escape(attribute.name[...], spaces: false)
            let value = DumpText.escape(attribute.value[...], spaces: false)
            return "name=\(name) data=\(value) len=\(attribute.value.count)"
        case .removeExtendedAttribute(_, let name): return "name=" + DumpText.escape(name[...], spaces: false)
        case .changeMode(_, let permissions): return "mode=" + String(permissions, radix: 8)
        case .changeOwner(_, let owner, let group): return "gid=\(group) uid=\(owner)"
        case .setTimes(_, let times):
            return "atime=\(DumpText.time(times.accessed)) mtime=\(DumpText.time(times.modified))"
                + " ctime=\(DumpText.time(times.changed))"
        case .setFlags(_, let flags): return "fileattr=0x" + String(flags, radix: 16)
        case .enableVerity(_, let parameters):
            return "algorithm=\(parameters.algorithm) block_size=\(parameters.blockSize)"
                + " salt_len=\(parameters.salt.count) sig_len=\(parameters.signature.count)"
        case .write, .writeEncoded, .clone, .truncate, .updateExtent, .allocate: return contents(instruction)
        }
    }

    private func contents(_ instruction: Instruction) -> String {
        switch instruction {
        case .write(_, let offset, let data): return "offset=\(offset) len=\(data.count)"
        case .writeEncoded(_, let offset, let extent):
            return "offset=\(offset) len=\(extent.bytes.count), unencoded_file_len=\(extent.fileLength),"
                + " unencoded_len=\(extent.decodedLength), unencoded_offset=\(extent.decodedOffset),"
                + " compression=\(extent.encoding.rawValue), encryption=0"
        case .clone(_, let offset, let length, let source):
            let from = plainPrefix + DumpText.escape(source.path.bytes[...], spaces: false)
            return "offset=\(offset) len=\(length) from=\(from) clone_offset=\(source.offset)"
        case .truncate(_, let size): return "size=\(size)"
        case .updateExtent(_, let offset, let length, let content):
            return DumpText.join("offset=\(offset) len=\(length)", DumpText.fields(content))
        case .allocate(_, let mode, let offset, let length):
            return "mode=\(mode.rawValue) offset=\(offset) len=\(length)"
        default: return ""
        }
    }
}
