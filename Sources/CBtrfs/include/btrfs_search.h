#ifndef COWPATH_BTRFS_SEARCH_H
#define COWPATH_BTRFS_SEARCH_H

#include <stdint.h>

#endif
