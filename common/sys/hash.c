/*  libsodium's generic hash, in pieces.  */
#include "common/sys/hash.h"

#include "common/sys/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

#define PIECE (256 * 1024)

struct bg_hasher {
    crypto_generichash_state state;
};

bg_hasher *bg_hasher_create (void)
{
    /*  The state wants 64 bytes of alignment.  */
    bg_hasher *self = aligned_alloc (64, (sizeof *self + 63) / 64 * 64);
    bg_assert (self);
    (void) crypto_generichash_init (&self->state, NULL, 0, BG_HASH_BYTES);
    return self;
}

void bg_hasher_add (bg_hasher *self, bg_slice bytes)
{
    (void) crypto_generichash_update (&self->state, bytes.data, bytes.size);
}

void bg_hasher_end (bg_hasher **self_p, uint8_t out[BG_HASH_BYTES])
{
    if (!*self_p)
        return;
    if (out)
        (void) crypto_generichash_final (&(*self_p)->state, out, BG_HASH_BYTES);
    free (*self_p);
    *self_p = NULL;
}

static bg_result hash_fd (
    int fd, const char *path, bg_hasher *hasher, uint64_t *total, bg_error *err)
{
    BG_AUTO_CHAR piece = bg_alloc (PIECE);
    *total = 0;
    for (;;) {
        ssize_t got = read (fd, piece, PIECE);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return bg_fail_errno (err, BG_IO, "cannot read %s", path);
        if (got == 0)
            return bg_ok ();
        bg_hasher_add (hasher, bg_slice_of (piece, (size_t) got));
        *total += (uint64_t) got;
    }
}

bg_result bg_file_hash (const char *path, uint8_t out[BG_HASH_BYTES], uint64_t *size, bg_error *err)
{
    BG_AUTO_FD fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return bg_fail_errno (err, errno == ENOENT ? BG_NOT_FOUND : BG_IO, "cannot open %s", path);
    uint64_t total = 0;
    bg_hasher *hasher = bg_hasher_create ();
    bg_result result = hash_fd (fd, path, hasher, &total, err);
    bg_hasher_end (&hasher, bg_is_ok (result) ? out : NULL);
    if (bg_is_ok (result) && size)
        *size = total;
    return result;
}
