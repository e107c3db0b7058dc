#ifndef COWPATH_CBTRFS_H
#define COWPATH_CBTRFS_H

// The door to btrfs: its ioctls, without logic. Every function returns -1 and sets errno on failure, as the
// call behind it does. The headers show no kernel types, which the Glibc module of Swift has not.

#include "btrfs_search.h"
#include "btrfs_subvolume.h"

#endif
