// swift-tools-version:6.2
import PackageDescription

// What is fuzzed stands in the main package (Tests/FuzzTargets), whose declarations no other package can see, and
// is a product of it. Here is only the program that libFuzzer drives. The sanitizer is given on the command line
// (Fuzz/run), because it has to reach every module, the main package's among them.
let package = Package(
    name: "fuzz",
    dependencies: [.package(name: "cowpath", path: "..")],
    targets: [
        .executableTarget(
            name: "fuzz",
            dependencies: [.product(name: "FuzzTargets", package: "cowpath")],
            swiftSettings: [.strictMemorySafety(), .treatAllWarnings(as: .error)])
    ]
)
