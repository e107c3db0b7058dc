#ifndef COWPATH_BTRFS_SUBVOLUME_H
#define COWPATH_BTRFS_SUBVOLUME_H

#include <stddef.h>
#include <stdint.h>

// Of ioctl(2), since it is variadic and its numbers are macros that Swift cannot evaluate.

// Whether the descriptor is the root of a subvolume of a mounted btrfs: 1, or 0.
int cowpath_btrfs_is_subvolume(int descriptor);

// What the kernel tells of a subvolume; times as seconds and nanoseconds. UUIDs are in their usual order of bytes,
// and all zero where there is none.
struct cowpath_btrfs_subvolume {
    uint64_t id, parent_id, directory, generation, flags;
    uint64_t change_generation, creation_generation, sent_generation, received_generation;
    uint8_t uuid[16], parent_uuid[16], received_uuid[16];
    int64_t changed_seconds, created_seconds, sent_seconds, received_seconds;
    uint32_t changed_nanoseconds, created_nanoseconds, sent_nanoseconds, received_nanoseconds;
};

// BTRFS_IOC_GET_SUBVOL_INFO, of the subvolume that the descriptor lies in. Open to every user.
int cowpath_btrfs_subvolume_info(int descriptor, struct cowpath_btrfs_subvolume *info);

// BTRFS_IOC_SUBVOL_CREATE_V2: an empty, writable subvolume.
int cowpath_btrfs_create_subvolume(int directory, const char *name);

// BTRFS_IOC_SNAP_CREATE_V2.
int cowpath_btrfs_create_snapshot(int directory, const char *name, int source, int is_read_only);

// BTRFS_IOC_SNAP_DESTROY_V2, by the name in a directory.
int cowpath_btrfs_destroy_subvolume(int directory, const char *name);

// BTRFS_IOC_SUBVOL_GETFLAGS and SETFLAGS.
enum { COWPATH_BTRFS_READ_ONLY = 1 << 1 };
int cowpath_btrfs_subvolume_flags(int descriptor, uint64_t *flags);
int cowpath_btrfs_set_subvolume_flags(int descriptor, uint64_t flags);

// BTRFS_IOC_SET_RECEIVED_SUBVOL, of a writable subvolume.
int cowpath_btrfs_set_received(int descriptor, const uint8_t uuid[16], uint64_t generation);

// BTRFS_IOC_ENCODED_WRITE of one piece of encoded data; returns how many bytes of it were written.
int64_t cowpath_btrfs_encoded_write(
    int descriptor, const void *bytes, size_t count, uint64_t offset, uint64_t file_length, uint64_t decoded_length,
    uint64_t decoded_offset, uint32_t compression);

// BTRFS_IOC_FS_INFO.
struct cowpath_btrfs_filesystem {
    uint8_t uuid[16];
    uint32_t node_size, sector_size;
};
int cowpath_btrfs_filesystem_info(int descriptor, struct cowpath_btrfs_filesystem *info);

// Opens an inode by its number in a subvolume, wherever they are mounted (open_by_handle_at(2)); only for root.
// A generation of 0 stands for any.
int cowpath_btrfs_open_inode(
    int descriptor, uint64_t subvolume, uint64_t inode, uint32_t generation, int flags);

#endif
