#include "CChecksum.h"

#include <pthread.h>
#include <string.h>

#if defined(__x86_64__)

#include <nmmintrin.h>

#define HAS_INSTRUCTION __builtin_cpu_supports("sse4.2")
#define WITH_INSTRUCTION __attribute__((target("sse4.2")))
#define STEP_OF_EIGHT(check, word) (uint32_t) _mm_crc32_u64(check, word)
#define STEP_OF_ONE(check, byte) _mm_crc32_u8(check, byte)

#elif defined(__aarch64__) && defined(__linux__)

#include <asm/hwcap.h>
#include <sys/auxv.h>

#define HAS_INSTRUCTION (getauxval(AT_HWCAP) & HWCAP_CRC32)
#define WITH_INSTRUCTION __attribute__((target("crc")))
#define STEP_OF_EIGHT(check, word) __builtin_arm_crc32cd(check, word)
#define STEP_OF_ONE(check, byte) __builtin_arm_crc32cb(check, byte)

#endif

#ifdef HAS_INSTRUCTION

// The instruction has a latency of three cycles and can begin in each: three runs of bytes are gone through at once.
#define RUN 1024

// What a check becomes when RUN zero bytes follow: a linear map of its bits, so that those of its four bytes can be
// looked up and added.
static uint32_t after_run[4][256];
static pthread_once_t after_run_is_made = PTHREAD_ONCE_INIT;

WITH_INSTRUCTION static void make_after_run(void) {
    for (int place = 0; place < 4; place++) {
        for (uint32_t byte = 0; byte < 256; byte++) {
            uint32_t check = byte << (8 * place);
            for (int step = 0; step < RUN / 8; step++) check = STEP_OF_EIGHT(check, 0);
            after_run[place][byte] = check;
        }
    }
}

static uint32_t behind_run(uint32_t check) {
    return after_run[0][check & 255] ^ after_run[1][check >> 8 & 255] ^ after_run[2][check >> 16 & 255] ^
           after_run[3][check >> 24];
}

static uint64_t word(const unsigned char *bytes) {
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

WITH_INSTRUCTION static uint32_t update(uint32_t check, const unsigned char *bytes, size_t count) {
    if (count >= 3 * RUN) pthread_once(&after_run_is_made, make_after_run);
    for (; count >= 3 * RUN; bytes += 3 * RUN, count -= 3 * RUN) {
        uint32_t second = 0, third = 0;
        for (const unsigned char *end = bytes + RUN, *at = bytes; at < end; at += 8) {
            check = STEP_OF_EIGHT(check, word(at));
            second = STEP_OF_EIGHT(second, word(at + RUN));
            third = STEP_OF_EIGHT(third, word(at + 2 * RUN));
        }
        check = behind_run(behind_run(check) ^ second) ^ third;
    }
    for (; count >= 8; bytes += 8, count -= 8) check = STEP_OF_EIGHT(check, word(bytes));
    for (; count > 0; bytes++, count--) check = STEP_OF_ONE(check, *bytes);
    return check;
}

int cowpath_crc32c(uint32_t *check, const void *bytes, size_t count) {
    if (!HAS_INSTRUCTION) return 0;
    *check = update(*check, bytes, count);
    return 1;
}

#else

int cowpath_crc32c(uint32_t *check, const void *bytes, size_t count) { return 0; }

#endif
