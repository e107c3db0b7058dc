#define _GNU_SOURCE
#include "btrfs_subvolume.h"

#include <linux/btrfs_tree.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>

int cowpath_btrfs_is_subvolume(int descriptor) {
    struct statfs system;
    struct stat status;
    if (fstatfs(descriptor, &system) != 0 || fstat(descriptor, &status) != 0) return -1;
    return (uint32_t)system.f_type == BTRFS_SUPER_MAGIC && status.st_ino == BTRFS_FIRST_FREE_OBJECTID;
}
