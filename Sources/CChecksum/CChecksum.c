#include "CChecksum.h"

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

WITH_INSTRUCTION static uint32_t update(uint32_t check, const unsigned char *bytes, size_t count) {
    for (; count >= 8; bytes += 8, count -= 8) {
        uint64_t word;
        memcpy(&word, bytes, sizeof word);
        check = STEP_OF_EIGHT(check, word);
    }
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
