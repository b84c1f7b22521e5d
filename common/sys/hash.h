/*  BLAKE2b-256 of what does not fit into memory at once: files, a piece at a time.
*/
#ifndef BUGLE_SYS_HASH_H
#define BUGLE_SYS_HASH_H

#include "common/base/slice.h"

#define BG_HASH_BYTES 32

typedef struct bg_hasher bg_hasher;

bg_hasher *bg_hasher_create (void) __attribute__ ((returns_nonnull));
void bg_hasher_add (bg_hasher *self, bg_slice bytes);
/*  Writes the hash and destroys it; out may be NULL.  */
void bg_hasher_end (bg_hasher **self_p, uint8_t out[BG_HASH_BYTES]);

/*  The whole file; *size (may be NULL) is how many bytes it has. BG_NOT_FOUND, BG_IO.  */
bg_result bg_file_hash (
    const char *path, uint8_t out[BG_HASH_BYTES], uint64_t *size, bg_error *err) BG_CHECKED;

#endif
