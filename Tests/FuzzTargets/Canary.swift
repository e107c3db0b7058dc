/// Bugs that are there on purpose: a fuzzer that does not find them finds no others.
enum Canary {
    /// Takes the count in the second byte for granted.
    static func trap(_ bytes: [UInt8]) {
        guard bytes.count > 3, bytes[0] == UInt8(ascii: "C"), bytes[2] == UInt8(ascii: "P") else { return }
        // One too far where the count is that of all bytes.
        _ = bytes.prefix(Int(bytes[1])).count == bytes.count ? bytes[Int(bytes[1])] : 0
    }

    /// Writes a number in decimal and reads it back, but takes 0x2A in the middle byte for a space.
    static func wrong(_ bytes: [UInt8]) throws(FuzzFinding) {
        guard bytes.count == 3, bytes[0] > 0x80 else { return }
        let read = bytes.map { $0 == 0x2A ? 0x20 : $0 }
        guard read == bytes else { throw FuzzFinding("the planted wrong result") }
    }
}
