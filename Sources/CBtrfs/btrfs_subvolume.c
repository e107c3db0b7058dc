#define _GNU_SOURCE
#include "btrfs_subvolume.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/uio.h>

int cowpath_btrfs_is_subvolume(int descriptor) {
    struct statfs system;
    struct stat status;
    if (fstatfs(descriptor, &system) != 0 || fstat(descriptor, &status) != 0) return -1;
    return (uint32_t)system.f_type == BTRFS_SUPER_MAGIC && status.st_ino == BTRFS_FIRST_FREE_OBJECTID;
}

int cowpath_btrfs_subvolume_info(int descriptor, struct cowpath_btrfs_subvolume *info) {
    struct btrfs_ioctl_get_subvol_info_args found = {0};
    // Kernels there are return 1 for success.
    if (ioctl(descriptor, BTRFS_IOC_GET_SUBVOL_INFO, &found) < 0) return -1;
    *info = (struct cowpath_btrfs_subvolume){
        .id = found.treeid,
        .parent_id = found.parent_id,
        .directory = found.dirid,
        .generation = found.generation,
        .flags = found.flags,
        .change_generation = found.ctransid,
        .creation_generation = found.otransid,
        .sent_generation = found.stransid,
        .received_generation = found.rtransid,
        .changed_seconds = (int64_t)found.ctime.sec,
        .created_seconds = (int64_t)found.otime.sec,
        .sent_seconds = (int64_t)found.stime.sec,
        .received_seconds = (int64_t)found.rtime.sec,
        .changed_nanoseconds = found.ctime.nsec,
        .created_nanoseconds = found.otime.nsec,
        .sent_nanoseconds = found.stime.nsec,
        .received_nanoseconds = found.rtime.nsec,
    };
    memcpy(info->uuid, found.uuid, sizeof info->uuid);
    memcpy(info->parent_uuid, found.parent_uuid, sizeof info->parent_uuid);
    memcpy(info->received_uuid, found.received_uuid, sizeof info->received_uuid);
    return 0;
}

// The arguments that name an entry of a directory.
static int call_with_name(int directory, unsigned long request, struct btrfs_ioctl_vol_args_v2 *arguments,
                          const char *name) {
    size_t length = strlen(name);
    if (length > BTRFS_VOL_NAME_MAX) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(arguments->name, name, length + 1);
    return ioctl(directory, request, arguments);
}

int cowpath_btrfs_create_subvolume(int directory, const char *name) {
    struct btrfs_ioctl_vol_args_v2 arguments = {0};
    return call_with_name(directory, BTRFS_IOC_SUBVOL_CREATE_V2, &arguments, name);
}

int cowpath_btrfs_create_snapshot(int directory, const char *name, int source, int is_read_only) {
    struct btrfs_ioctl_vol_args_v2 arguments = {.fd = source, .flags = is_read_only ? BTRFS_SUBVOL_RDONLY : 0};
    return call_with_name(directory, BTRFS_IOC_SNAP_CREATE_V2, &arguments, name);
}

int cowpath_btrfs_destroy_subvolume(int directory, const char *name) {
    struct btrfs_ioctl_vol_args_v2 arguments = {0};
    return call_with_name(directory, BTRFS_IOC_SNAP_DESTROY_V2, &arguments, name);
}

int cowpath_btrfs_subvolume_flags(int descriptor, uint64_t *flags) {
    __u64 found = 0;
    if (ioctl(descriptor, BTRFS_IOC_SUBVOL_GETFLAGS, &found) != 0) return -1;
    *flags = found;
    return 0;
}

int cowpath_btrfs_set_subvolume_flags(int descriptor, uint64_t flags) {
    __u64 wanted = flags;
    return ioctl(descriptor, BTRFS_IOC_SUBVOL_SETFLAGS, &wanted);
}

int cowpath_btrfs_set_received(int descriptor, const uint8_t uuid[16], uint64_t generation) {
    struct btrfs_ioctl_received_subvol_args arguments = {.stransid = generation};
    memcpy(arguments.uuid, uuid, sizeof arguments.uuid);
    return ioctl(descriptor, BTRFS_IOC_SET_RECEIVED_SUBVOL, &arguments);
}

int64_t cowpath_btrfs_encoded_write(
    int descriptor, const void *bytes, size_t count, uint64_t offset, uint64_t file_length, uint64_t decoded_length,
    uint64_t decoded_offset, uint32_t compression) {
    struct iovec piece = {.iov_base = (void *)bytes, .iov_len = count};
    struct btrfs_ioctl_encoded_io_args arguments = {
        .iov = &piece,
        .iovcnt = 1,
        .offset = (int64_t)offset,
        .len = file_length,
        .unencoded_len = decoded_length,
        .unencoded_offset = decoded_offset,
        .compression = compression,
    };
    return ioctl(descriptor, BTRFS_IOC_ENCODED_WRITE, &arguments);
}

int cowpath_btrfs_filesystem_info(int descriptor, struct cowpath_btrfs_filesystem *info) {
    struct btrfs_ioctl_fs_info_args found = {0};
    if (ioctl(descriptor, BTRFS_IOC_FS_INFO, &found) != 0) return -1;
    *info = (struct cowpath_btrfs_filesystem){.node_size = found.nodesize, .sector_size = found.sectorsize};
    memcpy(info->uuid, found.fsid, sizeof info->uuid);
    return 0;
}

// What btrfs puts into a file handle that names no parent directory: five words of 32 bits (Linux,
// fs/btrfs/export.h, include/linux/exportfs.h).
enum { HANDLE_WITHOUT_PARENT = 0x4D };
struct handle_contents {
    uint64_t inode, subvolume;
    uint32_t generation;
} __attribute__((packed));

int cowpath_btrfs_open_inode(
    int descriptor, uint64_t subvolume, uint64_t inode, uint32_t generation, int flags) {
    union {
        struct file_handle handle;
        char room[sizeof(struct file_handle) + sizeof(struct handle_contents)];
    } named = {.handle = {.handle_bytes = sizeof(struct handle_contents), .handle_type = HANDLE_WITHOUT_PARENT}};
    struct handle_contents contents = {.inode = inode, .subvolume = subvolume, .generation = generation};
    memcpy(named.handle.f_handle, &contents, sizeof contents);
    return open_by_handle_at(descriptor, &named.handle, flags);
}
