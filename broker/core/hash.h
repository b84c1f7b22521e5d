/*  uthash with our allocator, which never fails, so the tables need no error paths; and with a hash
    function of our own, because that of the header does not compile without warnings.  */
#ifndef BUGLE_BROKER_CORE_HASH_H
#define BUGLE_BROKER_CORE_HASH_H

#include "common/base/slice.h"

#include <stdlib.h>

/*  FNV-1a over the bytes, its bits mixed once more at the end: tables take the low ones. Keys are ids,
    public keys and names; none of them is cheap to choose in bulk for who is not admitted.  */
static inline unsigned broker_hash (const void *key, size_t size)
{
    const uint8_t *bytes = key;
    uint64_t hash = UINT64_C (0xcbf29ce484222325);
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * UINT64_C (0x100000001b3);
    return (unsigned) (hash ^ (hash >> 32));
}

#define HASH_FUNCTION(key, size, value) ((value) = broker_hash ((key), (size)))
#define uthash_malloc(size)             bg_alloc (size)
#define uthash_free(memory, size)       free (memory)
#define uthash_fatal(message)           bg_assert_failed (message, __FILE__, __LINE__)
#include <uthash.h>

#endif
