/*  Frames of records: see record_file.h. Knows nothing of what records say.  */
#include "node/exec/record_file.h"

#include "common/sys/file.h"

#include <errno.h>
#include <sodium.h>
#include <unistd.h>

#define CHECK_BYTES 8

/*  BLAKE2b-64; libsodium names 16 bytes as its least output, so the first half of those.  */
static void make_check (const uint8_t size[4], bg_slice payload, uint8_t check[CHECK_BYTES])
{
    crypto_generichash_state state;
    uint8_t out[16];
    crypto_generichash_init (&state, NULL, 0, sizeof out);
    crypto_generichash_update (&state, size, 4);
    crypto_generichash_update (&state, payload.data, payload.size);
    crypto_generichash_final (&state, out, sizeof out);
    memcpy (check, out, CHECK_BYTES);
}

void exec_record_add (bg_buf *payload, bg_slice record)
{
    bg_buf_append_u32 (payload, (uint32_t) record.size);
    bg_buf_append_slice (payload, record);
}

void exec_record_frame (bg_slice payload, bg_buf *out)
{
    bg_assert (payload.size > 0 && payload.size <= UINT32_MAX);
    uint8_t size[4];
    uint8_t check[CHECK_BYTES];
    bg_write_u32 (size, (uint32_t) payload.size);
    make_check (size, payload, check);
    bg_buf_append (out, size, sizeof size);
    bg_buf_append (out, check, sizeof check);
    bg_buf_append_slice (out, payload);
}

static bool is_zeros (bg_slice bytes)
{
    for (size_t i = 0; i < bytes.size; i++) {
        if (bytes.data[i])
            return false;
    }
    return true;
}

typedef enum { FRAME_GOOD, FRAME_TORN, FRAME_DAMAGED } frame_state;

/*  A tail of zeros is what a file system leaves whose length was written before its data.  */
static frame_state look_at_frame (bg_slice rest, bg_slice *payload)
{
    if (rest.size < RECORD_FRAME_BYTES)
        return FRAME_TORN;
    size_t size = bg_read_u32 (rest.data);
    if (size == 0)
        return is_zeros (rest) ? FRAME_TORN : FRAME_DAMAGED;
    if (size > rest.size - RECORD_FRAME_BYTES)
        return FRAME_TORN;
    *payload = bg_slice_of (rest.data + RECORD_FRAME_BYTES, size);
    uint8_t check[CHECK_BYTES];
    make_check (rest.data, *payload, check);
    if (memcmp (check, rest.data + 4, CHECK_BYTES) == 0)
        return FRAME_GOOD;
    return size == rest.size - RECORD_FRAME_BYTES ? FRAME_TORN : FRAME_DAMAGED;
}

static bg_result take_records (bg_slice payload, const char *name,
    bg_result (*take) (void *ctx, bg_slice record, bg_error *err), void *ctx, bg_error *err)
{
    while (payload.size) {
        size_t size = payload.size >= 4 ? bg_read_u32 (payload.data) : 0;
        if (payload.size < 4 || size > payload.size - 4)
            return bg_fail (
                err, BG_FOREIGN_FILE, "%s holds a record that is longer than its frame", name);
        BG_TRY (take (ctx, bg_slice_of (payload.data + 4, size), err));
        payload = bg_slice_of (payload.data + 4 + size, payload.size - 4 - size);
    }
    return bg_ok ();
}

bg_result exec_record_scan (bg_slice bytes, const char *name,
    bg_result (*take) (void *ctx, bg_slice record, bg_error *err), void *ctx, size_t *good,
    bg_error *err)
{
    size_t known = bytes.size < RECORD_MAGIC_BYTES ? bytes.size : RECORD_MAGIC_BYTES;
    *good = 0;
    if (known && memcmp (bytes.data, RECORD_MAGIC, known) != 0 && !is_zeros (bytes))
        return bg_fail (err, BG_FOREIGN_FILE, "%s is not a log of bugle-exec", name);
    if (bytes.size < RECORD_MAGIC_BYTES || memcmp (bytes.data, RECORD_MAGIC, known) != 0)
        return bg_ok ();
    size_t at = RECORD_MAGIC_BYTES;
    while (at < bytes.size) {
        bg_slice payload = {0};
        frame_state state =
            look_at_frame (bg_slice_of (bytes.data + at, bytes.size - at), &payload);
        if (state == FRAME_TORN)
            break;
        if (state == FRAME_DAMAGED)
            return bg_fail (
                err, BG_FOREIGN_FILE, "%s is damaged at byte %zu, before its end", name, at);
        BG_TRY (take_records (payload, name, take, ctx, err));
        at += RECORD_FRAME_BYTES + payload.size;
    }
    *good = at;
    return bg_ok ();
}

bg_result exec_record_write (int fd, const char *name, bg_slice bytes, bg_error *err)
{
    BG_TRY (bg_fd_write (fd, name, bytes, err));
    while (fdatasync (fd) < 0) {
        if (errno == EINTR)
            continue;
        if (errno == ENOSPC || errno == EDQUOT)
            return bg_fail_errno (err, BG_STORAGE_FULL, "cannot sync %s", name);
        return bg_fail_errno (err, BG_STORE_IO, "cannot sync %s", name);
    }
    return bg_ok ();
}
