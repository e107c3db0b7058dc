#ifndef COWPATH_BTRFS_SUBVOLUME_H
#define COWPATH_BTRFS_SUBVOLUME_H

#include <stdint.h>

// Whether the descriptor is the root of a subvolume of a mounted btrfs: 1, or 0.
int cowpath_btrfs_is_subvolume(int descriptor);

#endif
