#define _GNU_SOURCE
#include "btrfs_search.h"
