#define _GNU_SOURCE
#include "btrfs_search.h"

#include <linux/btrfs.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

_Static_assert(COWPATH_BTRFS_SEARCH_HEAD == sizeof(struct btrfs_ioctl_search_args_v2), "the head of a search");
_Static_assert(sizeof(struct btrfs_ioctl_search_header) == 32, "the header of an item");

int64_t cowpath_btrfs_search(int descriptor, const struct cowpath_btrfs_keys *keys, void *buffer, size_t size) {
    struct btrfs_ioctl_search_args_v2 *arguments = buffer;
    arguments->key = (struct btrfs_ioctl_search_key){
        .tree_id = keys->tree,
        .min_objectid = keys->first_object,
        .max_objectid = keys->last_object,
        .min_offset = keys->first_offset,
        .max_offset = keys->last_offset,
        .min_transid = keys->first_generation,
        .max_transid = keys->last_generation,
        .min_type = keys->first_type,
        .max_type = keys->last_type,
        .nr_items = keys->most_items,
    };
    arguments->buf_size = size - COWPATH_BTRFS_SEARCH_HEAD;
    if (ioctl(descriptor, BTRFS_IOC_TREE_SEARCH_V2, arguments) < 0) return -1;
    return arguments->key.nr_items;
}

_Static_assert(sizeof(struct btrfs_data_container) == COWPATH_BTRFS_REFERENCES_HEAD * sizeof(uint64_t), "their head");

int64_t cowpath_btrfs_references(int descriptor, uint64_t address, uint64_t *words, size_t count, uint64_t *missed) {
    struct btrfs_data_container *found = (struct btrfs_data_container *)words;
    struct btrfs_ioctl_logical_ino_args arguments = {
        .logical = address,
        .size = count * sizeof *words,
        .flags = BTRFS_LOGICAL_INO_ARGS_IGNORE_OFFSET,
        .inodes = (uintptr_t)words,
    };
    if (ioctl(descriptor, BTRFS_IOC_LOGICAL_INO_V2, &arguments) < 0) return -1;
    *missed = found->elem_missed;
    return found->elem_cnt;
}

int64_t cowpath_btrfs_encoded_read(
    int descriptor, uint64_t offset, void *buffer, size_t size, struct cowpath_btrfs_encoded *found) {
    struct iovec piece = {.iov_base = buffer, .iov_len = size};
    struct btrfs_ioctl_encoded_io_args arguments = {.iov = &piece, .iovcnt = 1, .offset = (int64_t)offset};
    int64_t count = ioctl(descriptor, BTRFS_IOC_ENCODED_READ, &arguments);
    *found = (struct cowpath_btrfs_encoded){
        .file_length = arguments.len,
        .decoded_length = arguments.unencoded_len,
        .decoded_offset = arguments.unencoded_offset,
        .compression = arguments.compression,
        .encryption = arguments.encryption,
    };
    return count;
}
