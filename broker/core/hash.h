/*  uthash with our allocator: it never fails, so the tables need no error paths.  */
#ifndef BUGLE_BROKER_CORE_HASH_H
#define BUGLE_BROKER_CORE_HASH_H

#include "common/base/slice.h"

#include <stdlib.h>

#define uthash_malloc(size)       bg_alloc (size)
#define uthash_free(memory, size) free (memory)
#define uthash_fatal(message)     bg_assert (!"a hash table failed")
#include <uthash.h>

#endif
