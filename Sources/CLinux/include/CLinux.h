#ifndef COWPATH_CLINUX_H
#define COWPATH_CLINUX_H

#include <stddef.h>
#include <stdint.h>

// Every function returns -1 and sets errno on failure, as the call behind it does. The header shows neither
// GNU nor kernel types, which the Glibc module of Swift has not.

// Flags of open(2) that only _GNU_SOURCE shows; the same on every architecture that Swift runs on.
enum { COWPATH_O_NOATIME = 01000000, COWPATH_O_PATH = 010000000 };

// Flags of openat2(2).
enum { COWPATH_RESOLVE_NO_MAGICLINKS = 0x02, COWPATH_RESOLVE_NO_SYMLINKS = 0x04, COWPATH_RESOLVE_BENEATH = 0x08 };

// Flags of the *at calls that only _GNU_SOURCE shows.
enum { COWPATH_AT_EMPTY_PATH = 0x1000 };

// Opens `path` relative to `directory` with the given openat2(2) resolution flags.
// Swift cannot call openat2: the C library has no wrapper and syscall(2) is variadic.
int cowpath_openat2(int directory, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve);

// What statx(2) tells, in plain integers.
struct cowpath_status {
    uint64_t inode, size, blocks, attributes;
    uint32_t mode, owner, group, link_count;
    uint32_t device_major, device_minor, node_major, node_minor;
    int64_t accessed_seconds, modified_seconds, changed_seconds, born_seconds;
    uint32_t accessed_nanoseconds, modified_nanoseconds, changed_nanoseconds, born_nanoseconds;
    uint32_t has_birth_time;
};

// Swift cannot see struct statx: it needs _GNU_SOURCE.
int cowpath_statx(int directory, const char *path, int flags, struct cowpath_status *status);

// The number of the file system's kind (statfs(2), f_type); its width differs between architectures.
int cowpath_filesystem_kind(int descriptor, uint64_t *kind);

// Entries in the kernel's layout (getdents64(2)); older C libraries have no wrapper.
int64_t cowpath_getdents(int descriptor, void *buffer, size_t count);

// These need _GNU_SOURCE.
int cowpath_renameat2(int from, const char *name, int to, const char *new_name, unsigned flags);
int64_t cowpath_copy_file_range(int from, int64_t *from_offset, int to, int64_t *to_offset, size_t count);
int cowpath_fallocate(int descriptor, int mode, int64_t offset, int64_t length);
int cowpath_syncfs(int descriptor);
int cowpath_start_writing(int descriptor, int64_t offset, int64_t length);
void cowpath_return_large_memory(void);
// The next offset at or behind `offset` that holds data, or that is a hole.
int64_t cowpath_seek_data(int descriptor, int64_t offset);
int64_t cowpath_seek_hole(int descriptor, int64_t offset);

// ioctl(2) is variadic, and its numbers are macros that Swift cannot evaluate.
int cowpath_clone(int to, int from);
int cowpath_clone_range(int to, int from, uint64_t from_offset, uint64_t length, uint64_t to_offset);
int cowpath_get_flags(int descriptor, uint32_t *flags);
int cowpath_set_flags(int descriptor, uint32_t flags);
// Sets the flags that every file system keeps alike (FS_SYNC_FL, FS_IMMUTABLE_FL, FS_APPEND_FL, FS_NODUMP_FL,
// FS_NOATIME_FL) and leaves all others as they are.
int cowpath_set_common_flags(int descriptor, uint32_t flags);

// Gives a pipe room for so many bytes; fails, and changes nothing, for anything else and beyond the system's limit.
int cowpath_widen_pipe(int descriptor, int size);

// sys/xattr.h is in no module of Swift's C library.
int64_t cowpath_fgetxattr(int descriptor, const char *name, void *value, size_t size);
int64_t cowpath_flistxattr(int descriptor, char *list, size_t size);
int cowpath_fsetxattr(int descriptor, const char *name, const void *value, size_t size);
int cowpath_fremovexattr(int descriptor, const char *name);
int64_t cowpath_lgetxattr(const char *path, const char *name, void *value, size_t size);
int64_t cowpath_llistxattr(const char *path, char *list, size_t size);
int cowpath_lsetxattr(const char *path, const char *name, const void *value, size_t size);
int cowpath_lremovexattr(const char *path, const char *name);

#endif
