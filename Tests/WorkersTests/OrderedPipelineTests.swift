import Foundation
import Testing
import Workers

@Suite struct OrderedPipelineTests {
    private struct Failure: Error {}

    @Test func `results come out in the order in which work went in`() throws {
        var delivered: [Int] = []
        let pipeline = OrderedPipeline<Int>(pool: .shared, window: 5) { delivered.append($0) }
        for piece in 0..<500 {
            try pipeline.submit {
                if piece % 7 == 0 { Thread.sleep(forTimeInterval: 0.001) }
                return piece
            }
        }
        try pipeline.drain()
        #expect(delivered == Array(0..<500))
    }

    @Test func `no more than the window is in work`() throws {
        let counter = Counter()
        let pipeline = OrderedPipeline<Void>(pool: WorkerPool(threads: 8), window: 3) { counter.leave() }
        for _ in 0..<100 { try pipeline.submit { counter.enter() } }
        try pipeline.drain()
        #expect(counter.most <= 3)
        #expect(counter.now == 0)
    }

    @Test func `an error of one piece is thrown and ends the rest`() throws {
        var delivered: [Int] = []
        let pipeline = OrderedPipeline<Int>(pool: .shared, window: 4) { delivered.append($0) }
        #expect(throws: Failure.self) {
            for piece in 0..<100 {
                try pipeline.submit {
                    if piece == 10 { throw Failure() }
                    return piece
                }
            }
            try pipeline.drain()
        }
        #expect(delivered == Array(0..<10))
    }
}

private final class Counter: @unchecked Sendable {
    private let lock = NSLock()
    private(set) var now = 0
    private(set) var most = 0

    func enter() {
        lock.withLock {
            now += 1
            most = max(most, now)
        }
    }

    func leave() {
        lock.withLock { now -= 1 }
    }
}
