/*  What front and core have in common as running processes: one of each per home, a log, signals,
    the parent that started them, and saying that they are ready.

    Started by `bugle-broker --home DIR` a part has a parent: one end of a socket pair. It writes
    one byte into it when it is ready and ends when the other end closes, so no part outlives its
    parent. Alone it says "ready" on stderr and by sd_notify itself.
*/
#ifndef BUGLE_BROKER_SHELL_PART_H
#define BUGLE_BROKER_SHELL_PART_H

#include "broker/home/home.h"
#include "common/sys/log.h"
#include "common/sys/loop.h"

typedef struct {
    const char *name; /*  "front", "core"  */
    const broker_home *home;
    bg_log_format log_format;
    bg_log_level log_level;
    int parent_fd; /*  -1: alone; else owned by the part  */
} broker_part_options;

typedef struct broker_part broker_part;

/*  Takes NAME.lock, with a parent waiting up to 2 s for a predecessor that is ending; makes the
    loop; watches SIGTERM, SIGINT and the parent, all of which stop the loop with exit code 0.
    Before any thread. options are borrowed for its life. BG_BUSY: this home has that part
    running.  */
bg_result broker_part_create (
    const broker_part_options *options, broker_part **part, bg_error *err) BG_CHECKED;
/*  The loop and everything on it must be unused by now.  */
void broker_part_destroy (broker_part **self_p);
bg_loop *broker_part_loop (broker_part *self);
bg_log *broker_part_log (broker_part *self);
/*  Once; later calls change nothing. text: pairs for the log line.  */
void broker_part_ready (broker_part *self, const char *text);

#endif
