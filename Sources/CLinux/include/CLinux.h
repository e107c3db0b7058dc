#ifndef COWPATH_CLINUX_H
#define COWPATH_CLINUX_H

#include <stddef.h>
#include <stdint.h>

// Opens `path` relative to `directory` with the given openat2(2) resolution flags.
// Swift cannot call openat2: the C library has no wrapper and syscall(2) is variadic.
int cowpath_openat2(int directory, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve);

#endif
