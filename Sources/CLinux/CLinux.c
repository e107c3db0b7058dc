#define _GNU_SOURCE
#include "CLinux.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

int cowpath_openat2(int directory, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
    struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};
    return (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
}

int cowpath_statx(int directory, const char *path, int flags, struct cowpath_status *status) {
    struct statx found;
    if (statx(directory, path, flags, STATX_BASIC_STATS | STATX_BTIME, &found) != 0) return -1;
    *status = (struct cowpath_status){
        .inode = found.stx_ino,
        .size = found.stx_size,
        .blocks = found.stx_blocks,
        .attributes = found.stx_attributes,
        .mode = found.stx_mode,
        .owner = found.stx_uid,
        .group = found.stx_gid,
        .link_count = found.stx_nlink,
        .device_major = found.stx_dev_major,
        .device_minor = found.stx_dev_minor,
        .node_major = found.stx_rdev_major,
        .node_minor = found.stx_rdev_minor,
        .accessed_seconds = found.stx_atime.tv_sec,
        .modified_seconds = found.stx_mtime.tv_sec,
        .changed_seconds = found.stx_ctime.tv_sec,
        .born_seconds = found.stx_btime.tv_sec,
        .accessed_nanoseconds = found.stx_atime.tv_nsec,
        .modified_nanoseconds = found.stx_mtime.tv_nsec,
        .changed_nanoseconds = found.stx_ctime.tv_nsec,
        .born_nanoseconds = found.stx_btime.tv_nsec,
        .has_birth_time = (found.stx_mask & STATX_BTIME) != 0,
    };
    return 0;
}

int cowpath_filesystem_kind(int descriptor, uint64_t *kind) {
    struct statfs found;
    if (fstatfs(descriptor, &found) != 0) return -1;
    *kind = (uint64_t)found.f_type & 0xFFFFFFFF;
    return 0;
}

int64_t cowpath_getdents(int descriptor, void *buffer, size_t count) {
    return syscall(SYS_getdents64, descriptor, buffer, count);
}

int cowpath_renameat2(int from, const char *name, int to, const char *new_name, unsigned flags) {
    return renameat2(from, name, to, new_name, flags);
}

int64_t cowpath_copy_file_range(int from, int64_t *from_offset, int to, int64_t *to_offset, size_t count) {
    off64_t source = *from_offset, target = *to_offset;
    int64_t copied = copy_file_range(from, &source, to, &target, count, 0);
    *from_offset = source;
    *to_offset = target;
    return copied;
}

int cowpath_fallocate(int descriptor, int mode, int64_t offset, int64_t length) {
    return fallocate(descriptor, mode, offset, length);
}

int cowpath_syncfs(int descriptor) { return syncfs(descriptor); }

int cowpath_start_writing(int descriptor, int64_t offset, int64_t length) {
    return sync_file_range(descriptor, offset, length, SYNC_FILE_RANGE_WRITE);
}

void cowpath_return_large_memory(void) {
    // A threshold that is set no longer grows with what is freed (mallopt(3)).
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
    // Nor does the other, below which what is freed is kept: buffers would come and go page by page.
    mallopt(M_TRIM_THRESHOLD, 8 << 20);
}

int64_t cowpath_seek_data(int descriptor, int64_t offset) { return lseek(descriptor, offset, SEEK_DATA); }

int64_t cowpath_seek_hole(int descriptor, int64_t offset) { return lseek(descriptor, offset, SEEK_HOLE); }

int cowpath_clone(int to, int from) { return ioctl(to, FICLONE, from); }

int cowpath_clone_range(int to, int from, uint64_t from_offset, uint64_t length, uint64_t to_offset) {
    struct file_clone_range range = {
        .src_fd = from, .src_offset = from_offset, .src_length = length, .dest_offset = to_offset};
    return ioctl(to, FICLONERANGE, &range);
}

// The kernel reads and writes an int, whatever the number of the ioctl says (ioctl_iflags(2)).
int cowpath_get_flags(int descriptor, uint32_t *flags) {
    int found = 0;
    if (ioctl(descriptor, FS_IOC_GETFLAGS, &found) != 0) return -1;
    *flags = (uint32_t)found;
    return 0;
}

int cowpath_set_flags(int descriptor, uint32_t flags) {
    int wanted = (int)flags;
    return ioctl(descriptor, FS_IOC_SETFLAGS, &wanted);
}

int cowpath_set_common_flags(int descriptor, uint32_t flags) {
    static const struct {
        uint32_t shown, extended;
    } pairs[] = {
        {FS_SYNC_FL, FS_XFLAG_SYNC},     {FS_IMMUTABLE_FL, FS_XFLAG_IMMUTABLE}, {FS_APPEND_FL, FS_XFLAG_APPEND},
        {FS_NODUMP_FL, FS_XFLAG_NODUMP}, {FS_NOATIME_FL, FS_XFLAG_NOATIME},
    };
    struct fsxattr attributes;
    if (ioctl(descriptor, FS_IOC_FSGETXATTR, &attributes) != 0) return -1;
    for (size_t index = 0; index < sizeof pairs / sizeof *pairs; index++) {
        if (flags & pairs[index].shown) attributes.fsx_xflags |= pairs[index].extended;
        else attributes.fsx_xflags &= ~pairs[index].extended;
    }
    return ioctl(descriptor, FS_IOC_FSSETXATTR, &attributes);
}

int cowpath_widen_pipe(int descriptor, int size) {
    return fcntl(descriptor, F_SETPIPE_SZ, size);
}

int64_t cowpath_fgetxattr(int descriptor, const char *name, void *value, size_t size) {
    return fgetxattr(descriptor, name, value, size);
}

int64_t cowpath_flistxattr(int descriptor, char *list, size_t size) { return flistxattr(descriptor, list, size); }

int cowpath_fsetxattr(int descriptor, const char *name, const void *value, size_t size) {
    return fsetxattr(descriptor, name, value, size, 0);
}

int cowpath_fremovexattr(int descriptor, const char *name) { return fremovexattr(descriptor, name); }

int64_t cowpath_lgetxattr(const char *path, const char *name, void *value, size_t size) {
    return lgetxattr(path, name, value, size);
}

int64_t cowpath_llistxattr(const char *path, char *list, size_t size) { return llistxattr(path, list, size); }

int cowpath_lsetxattr(const char *path, const char *name, const void *value, size_t size) {
    return lsetxattr(path, name, value, size, 0);
}

int cowpath_lremovexattr(const char *path, const char *name) { return lremovexattr(path, name); }
