/*  Files of records that are only ever appended: the log of bugle-exec and the files of runs.

        "bugle-exec log 1" (16 bytes)
        frame: size (u32 BE), check (8 bytes, BLAKE2b-64 of size and payload), payload
        payload: records, each with its size (u32 BE) before it

    One frame is one write, synced before the next one begins; so after a crash only the last
    frame can be incomplete. A broken last frame is a torn tail and was never acknowledged; a
    broken frame with others behind it is damage.
*/
#ifndef BUGLE_EXEC_RECORD_FILE_H
#define BUGLE_EXEC_RECORD_FILE_H

#include "common/base/slice.h"

#define RECORD_MAGIC       "bugle-exec log 1"
#define RECORD_MAGIC_BYTES 16
#define RECORD_FRAME_BYTES 12

/*  Appends one record to a payload.  */
void exec_record_add (bg_buf *payload, bg_slice record);
/*  Appends the whole frame of a payload.  */
void exec_record_frame (bg_slice payload, bg_buf *out);
/*  Hands out every record of whole frames, in order. bytes is the whole file, name its path for
    the sentence. *good is where a torn tail begins (bytes.size when there is none).
    BG_FOREIGN_FILE: not such a file, or damaged; or what take answered.  */
bg_result exec_record_scan (bg_slice bytes, const char *name,
    bg_result (*take) (void *ctx, bg_slice record, bg_error *err), void *ctx, size_t *good,
    bg_error *err) BG_CHECKED;
/*  Writes all of it; BG_STORAGE_FULL, BG_IO. Then the data is synced.  */
bg_result exec_record_write (int fd, const char *name, bg_slice bytes, bg_error *err) BG_CHECKED;

#endif
