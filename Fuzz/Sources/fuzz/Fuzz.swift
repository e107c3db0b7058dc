import FuzzTargets
import Glibc

/// The case that `FUZZ_TARGET` names.
private let target: FuzzTarget = {
    let name = unsafe getenv("FUZZ_TARGET").map { unsafe String(cString: $0) } ?? ""
    guard let target = FuzzTarget(rawValue: name) else {
        fatalError("FUZZ_TARGET must be one of \(FuzzTarget.allCases.map(\.rawValue))")
    }
    return target
}()

/// libFuzzer's own mutation (FuzzerInterface.h).
@_silgen_name("LLVMFuzzerMutate")
private func mutateAtRandom(_ data: UnsafeMutablePointer<UInt8>?, _ count: Int, _ limit: Int) -> Int

/// libFuzzer without its `main`, which SwiftPM leaves no room for (FuzzerInterface.h).
@_silgen_name("LLVMFuzzerRunDriver")
private func run(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ body: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

@main
struct Fuzz {
    static func main() {
        var count = CommandLine.argc
        var arguments = unsafe CommandLine.unsafeArgv
        // What ends the process is found.
        let status = unsafe run(&count, &arguments) { start, count in
            do {
                try target.run(unsafe [UInt8](UnsafeBufferPointer(start: start, count: count)))
            } catch {
                fatalError("\(error)")
            }
            return 0
        }
        exit(status)
    }
}

/// Called by libFuzzer for a new input in place of its own mutation (FuzzerInterface.h).
@_cdecl("LLVMFuzzerCustomMutator")
public func mutate(_ data: UnsafeMutablePointer<UInt8>?, _ count: Int, _ limit: Int, _ seed: CUnsignedInt) -> Int {
    let input = unsafe [UInt8](UnsafeBufferPointer(start: data, count: count))
    let result = target.mutate(input, limit: limit, seed: seed) { bytes, limit in
        let limit = max(limit, bytes.count)
        return unsafe [UInt8](unsafeUninitializedCapacity: limit) { buffer, used in
            _ = unsafe buffer.initialize(from: bytes)
            used = unsafe mutateAtRandom(buffer.baseAddress, bytes.count, limit)
        }
    }
    for (index, byte) in result.prefix(limit).enumerated() { unsafe data?[index] = byte }
    return min(result.count, limit)
}
