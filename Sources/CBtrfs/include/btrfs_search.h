#ifndef COWPATH_BTRFS_SEARCH_H
#define COWPATH_BTRFS_SEARCH_H

#include <stddef.h>
#include <stdint.h>

// Which items of a tree are wanted: all whose keys lie between two, both included, in leaves that were written in
// these generations.
struct cowpath_btrfs_keys {
    uint64_t tree;
    uint64_t first_object, last_object;
    uint64_t first_offset, last_offset;
    uint64_t first_generation, last_generation;
    uint32_t first_type, last_type;
    uint32_t most_items;
};

// The bytes at the start of a buffer behind which the items lie.
enum { COWPATH_BTRFS_SEARCH_HEAD = 112 };

// BTRFS_IOC_TREE_SEARCH_V2, of the file system of the descriptor; only for root. Returns how many items it found,
// 0 at the end, each a header of 32 bytes (generation, object, offset, type, length) and its contents.
int64_t cowpath_btrfs_search(int descriptor, const struct cowpath_btrfs_keys *keys, void *buffer, size_t size);

// BTRFS_IOC_LOGICAL_INO_V2 with BTRFS_LOGICAL_INO_ARGS_IGNORE_OFFSET: all that refers to the extent at a logical
// address; only for root. Returns how many words it wrote behind COWPATH_BTRFS_REFERENCES_HEAD words of the buffer,
// three for each: the inode, the offset in it and the tree. *missed is how many words had no room.
enum { COWPATH_BTRFS_REFERENCES_HEAD = 2 };
int64_t cowpath_btrfs_references(int descriptor, uint64_t address, uint64_t *words, size_t count, uint64_t *missed);

// What BTRFS_IOC_ENCODED_READ tells of an extent: how many bytes of the file it stands for, how many it decodes to,
// where in those the file's begin, and how it is compressed (BTRFS_ENCODED_IO_COMPRESSION_*).
struct cowpath_btrfs_encoded {
    uint64_t file_length, decoded_length, decoded_offset;
    uint32_t compression, encryption;
};

// BTRFS_IOC_ENCODED_READ of the extent at an offset; only for root. Returns how many bytes it has where it is stored.
int64_t cowpath_btrfs_encoded_read(
    int descriptor, uint64_t offset, void *buffer, size_t size, struct cowpath_btrfs_encoded *found);

#endif
