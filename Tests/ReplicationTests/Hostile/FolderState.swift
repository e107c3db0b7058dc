import Foundation
import Glibc

/// All that a user can see of what lies below a folder.
enum FolderState {
    /// One line a file. The times of directories are left out, since making and removing something changes them.
    static func lines(of folder: String) throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: folder).sorted().map { name in
            var status = stat()
            guard unsafe lstat(folder + "/" + name, &status) == 0 else { return "\(name) cannot be read" }
            let kind = status.st_mode & S_IFMT
            var line = "\(name) \(String(status.st_mode, radix: 8)) \(status.st_uid):\(status.st_gid)"
            if kind != S_IFDIR {
                line += " links=\(status.st_nlink) size=\(status.st_size)"
                line += " m=\(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
            }
            if kind == S_IFREG, let bytes = FileManager.default.contents(atPath: folder + "/" + name) {
                line += " \(bytes.hashValue)"
            }
            if kind == S_IFLNK {
                line += " -> " + (try FileManager.default.destinationOfSymbolicLink(atPath: folder + "/" + name))
            }
            return line
        }
    }
}
