/// What went wrong with a snapshot, a stream, a volume or a target.
///
/// Shown as `what is wrong, where: what to do`; decisions are made by ``code``, never by the text.
package struct SnapshotError: Error, Sendable {
    /// The kind of failure. Open: modules add codes of their own in extensions.
    package struct Code: RawRepresentable, Hashable, Sendable {
        package let rawValue: String
        package init(rawValue: String) { self.rawValue = rawValue }
    }

    /// The kind of failure, for programs.
    package let code: Code
    /// What is wrong, in words.
    package let message: String
    /// Where: a path, a snapshot, a frame, an offset.
    package var place: String?
    /// What the user can do about it.
    package var remedy: String?
    /// The error below this one.
    package let cause: (any Error)?

    package init(
        _ code: Code, _ message: String, place: String? = nil, remedy: String? = nil, cause: (any Error)? = nil
    ) {
        self.code = code
        self.message = message
        self.place = place
        self.remedy = remedy
        self.cause = cause
    }
}

extension SnapshotError.Code {
    /// Bytes that are no file name.
    package static let invalidName = Self(rawValue: "invalid-name")
    /// Bytes that are no path below a snapshot.
    package static let invalidPath = Self(rawValue: "invalid-path")
    /// Something named by a stream or a user is not there.
    package static let notFound = Self(rawValue: "not-found")
    /// Something is there already.
    package static let alreadyExists = Self(rawValue: "already-exists")
    /// The base of an incremental stream is not at the receiver.
    package static let baseNotFound = Self(rawValue: "base-not-found")
    /// The dataset has changed since the base of the stream.
    package static let datasetChanged = Self(rawValue: "dataset-changed")
    /// An instruction does not fit the tree that it is replayed onto.
    package static let invalidInstruction = Self(rawValue: "invalid-instruction")
    /// Bytes that are damaged, cut or not what they say they are.
    package static let corrupt = Self(rawValue: "corrupt")
    /// A length, count or size beyond its limit.
    package static let limitExceeded = Self(rawValue: "limit-exceeded")
    /// Something this program, build or target cannot do.
    package static let unsupported = Self(rawValue: "unsupported")
    /// A file of a source cannot be read.
    package static let unreadable = Self(rawValue: "unreadable")
    /// A file of a source is no longer what, or where, its directory said.
    package static let vanished = Self(rawValue: "vanished")
    /// The operating system refused.
    package static let system = Self(rawValue: "system")
    /// A file system is full.
    package static let noSpace = Self(rawValue: "no-space")
    /// The request itself is wrong.
    package static let invalidRequest = Self(rawValue: "invalid-request")
    /// A snapshot still has a clone or another dependent.
    package static let inUse = Self(rawValue: "in-use")
}

extension SnapshotError {
    /// The same error with this place, where it has none.
    package func placed(ifNeeded place: @autoclosure () -> String) -> SnapshotError {
        var error = self
        if error.place == nil { error.place = place() }
        return error
    }
}

extension SnapshotError: CustomStringConvertible {
    package var description: String {
        var text = message
        if let place { text += ", \(place)" }
        if let remedy { text += ": \(remedy)" }
        if let cause { text += " (\(cause))" }
        return text
    }
}

extension SnapshotError {
    /// Whether the error says that one file of a living source cannot be read, rather than that all is lost.
    package var isLossOfSource: Bool { code == .unreadable || code == .vanished }
}
