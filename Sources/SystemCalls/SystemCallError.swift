import Glibc
package import SystemPackage

/// A system call that failed.
package struct SystemCallError: Error, Sendable {
    /// Why.
    package let errno: Errno
    /// The call by its name in section 2 of the manual.
    package let call: String
    /// What it was about: a path, shown as text; empty where there is none.
    package let place: String

    package init(errno: Errno, call: String, place: String = "") {
        self.errno = errno
        self.call = call
        self.place = place
    }
}

extension SystemCallError: CustomStringConvertible {
    package var description: String {
        place.isEmpty ? "\(call): \(errno)" : "\(call) \(SystemCallError.shown(place)): \(errno)"
    }

    /// A place without characters that a terminal would obey, and short enough for a line.
    private static func shown(_ place: String) -> String {
        let isPlain = place.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F..<0xA0).contains($0.value) }
        let plain =
            isPlain
            ? place
            : String(
                String.UnicodeScalarView(
                    place.unicodeScalars.map { $0.value >= 0x20 && !(0x7F..<0xA0).contains($0.value) ? $0 : "?" }))
        return plain.count <= longestPlace ? plain : plain.prefix(longestPlace) + "…"
    }

    /// A file name of the longest kind is shown whole (`NAME_MAX`, Linux `limits.h`).
    private static let longestPlace = 255
}

/// Calls until the call is not interrupted by a signal (`EINTR`, signal(7)), and makes an error of -1.
///
/// - Returns: what the call returned, never -1.
package func retrying<Value: FixedWidthInteger & SignedInteger>(
    _ call: String, _ place: @autoclosure () -> String = "", _ body: () -> Value
) throws(SystemCallError) -> Value {
    while true {
        let value = body()
        if value != -1 { return value }
        let code = Errno(rawValue: Glibc.errno)
        if code != .interrupted { throw SystemCallError(errno: code, call: call, place: place()) }
    }
}
