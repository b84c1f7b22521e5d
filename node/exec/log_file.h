/*  The log of bugle-exec on disk: record_file.h with a batch in memory.

    Records are gathered and written as one frame by commit, which syncs. When a commit fails
    the file is as it was before it (what cannot even be cut back ends the log: every later
    commit fails), and the batch is gone: the caller's state must be made from the file again.
*/
#ifndef BUGLE_EXEC_LOG_FILE_H
#define BUGLE_EXEC_LOG_FILE_H

#include "node/exec/record_file.h"

#define EXEC_LOG_COMPACT_BYTES (1024 * 1024)

typedef struct exec_log_file exec_log_file;

/*  Opens or creates path (0600), hands out its records, cuts a torn tail; *torn_bytes says how
    much. Failures of take come back. BG_FOREIGN_FILE, BG_IO, BG_STORAGE_FULL.  */
bg_result exec_log_open (const char *path,
    bg_result (*take) (void *ctx, bg_slice record, bg_error *err), void *ctx, exec_log_file **log,
    size_t *torn_bytes, bg_error *err) BG_CHECKED;
/*  What is not committed is lost.  */
void exec_log_close (exec_log_file **self_p);

void exec_log_append (exec_log_file *self, bg_slice record);
bool exec_log_has_pending (const exec_log_file *self);
/*  Forgets the batch.  */
void exec_log_drop (exec_log_file *self);
/*  Writes and syncs the batch; nothing to do when it is empty. BG_STORAGE_FULL, BG_IO,
    BG_STORE_IO.  */
bg_result exec_log_commit (exec_log_file *self, bg_error *err) BG_CHECKED;
/*  True when the file is worth compacting: over EXEC_LOG_COMPACT_BYTES and twice what it was
    after the last time.  */
bool exec_log_is_long (const exec_log_file *self);
/*  Replaces the file by one that holds these records. Nothing may be pending. On failure the
    old one stays.  */
bg_result exec_log_replace (exec_log_file *self, const bg_buf *payload, bg_error *err) BG_CHECKED;

#endif
