/*  Messages over a stream: 4 bytes of length (big-endian), then the payload.

    Works on a nonblocking stream socket or pipe. Sending queues; bg_frames_flush writes as much as
   the socket takes in one call, so a batch of messages costs one system call. The out queue is
   bounded in bytes, a message coming in is bounded too. After BG_CLOSED or a broken length the
   object only answers BG_CLOSED; destroy it.

    With level-triggered polling a reader that stops early must look at bg_frames_has_next(): what
   is buffered here makes no descriptor readable.
*/
#ifndef BUGLE_SYS_FRAMES_H
#define BUGLE_SYS_FRAMES_H

#include "common/base/slice.h"

typedef struct bg_frames bg_frames;

#define BG_FRAMES_HEADER 4

/*  Owns fd from now on. message_bytes: largest payload either way; queue_bytes: largest out queue,
   headers included (at least one message always fits).  */
bg_frames *bg_frames_create (int fd, size_t message_bytes, size_t queue_bytes);
void bg_frames_destroy (bg_frames **self_p);
int bg_frames_fd (const bg_frames *self);

/*  Queues one message. BG_TOO_LARGE; BG_OVERLOADED when the queue is full (nothing queued);
 * BG_CLOSED.  */
bg_result bg_frames_send (bg_frames *self, bg_slice payload, bg_error *err) BG_CHECKED;
/*  The same from parts that are joined into one payload.  */
bg_result bg_frames_send_parts (
    bg_frames *self, const bg_slice *parts, size_t count, bg_error *err) BG_CHECKED;
/*  Writes what the socket takes now. BG_OK also when something is left: see bg_frames_wants_write.
 * BG_CLOSED.  */
bg_result bg_frames_flush (bg_frames *self, bg_error *err) BG_CHECKED;
bool bg_frames_wants_write (const bg_frames *self);
/*  Bytes queued, headers included.  */
size_t bg_frames_queued (const bg_frames *self);

/*  The next whole message, reading from the descriptor at most once. payload is valid until the
   next call on self. BG_AGAIN: none complete yet; BG_CLOSED: the other side is gone and everything
   was handed out; BG_MALFORMED: it ended inside a message; BG_TOO_LARGE: a length over the limit.
 */
bg_result bg_frames_next (bg_frames *self, bg_slice *payload, bg_error *err) BG_CHECKED;
/*  True when a whole message is buffered already.  */
bool bg_frames_has_next (const bg_frames *self);

/*  For programs without a loop: flushes all, and waits for the next message. timeout_ms < 0 waits
   for ever. BG_TIMEOUT, else as above.  */
bg_result bg_frames_flush_wait (bg_frames *self, int64_t timeout_ms, bg_error *err) BG_CHECKED;
bg_result bg_frames_next_wait (
    bg_frames *self, int64_t timeout_ms, bg_slice *payload, bg_error *err) BG_CHECKED;

#endif
