import CLinux
import Glibc

/// The combinations of open(2) flags that are used, so that no other module needs the constants.
package enum OpenFlags {
    /// A directory, to be listed and to open what is in it.
    package static let readDirectory = O_RDONLY | O_DIRECTORY
    /// A directory, only to reach what is in it.
    package static let passDirectory = Int32(COWPATH_O_PATH) | O_DIRECTORY
    /// An inode of any kind, held without being opened.
    package static let holdOnly = Int32(COWPATH_O_PATH)
    /// A regular file. Not blocking, should a FIFO have taken its name.
    package static let read = O_RDONLY | O_NONBLOCK | O_NOCTTY
    /// The same, leaving no access time behind; only for the owner and root.
    package static let readQuietly = read | Int32(COWPATH_O_NOATIME)
    /// A regular file, to be changed.
    package static let readWrite = O_RDWR | O_NONBLOCK | O_NOCTTY
    /// A regular file that is not there yet.
    package static let create = O_RDWR | O_CREAT | O_EXCL
}
