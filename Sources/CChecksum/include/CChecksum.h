#ifndef COWPATH_CCHECKSUM_H
#define COWPATH_CCHECKSUM_H

#include <stddef.h>
#include <stdint.h>

// Continues a CRC-32C over `count` bytes with the processor's own instruction, which Swift cannot name.
// Returns 0, and does nothing, where the processor has none.
int cowpath_crc32c(uint32_t *check, const void *bytes, size_t count);

#endif
