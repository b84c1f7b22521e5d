/*  What front and core have in common as running processes: one of each per home, a log, signals, and saying that they
    are ready.

    Started by `bugle-broker --home DIR` a part is kept (common/sys/parts.h): it says READY=1 to its keeper and ends with
    it. Alone it also writes "ready" to stderr, and READY=1 goes to systemd.
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
    bool is_kept; /*  by bugle-broker for both parts: what bg_parts_join said  */
} broker_part_options;

typedef struct broker_part broker_part;

/*  Takes NAME.lock, when it is kept waiting up to 2 s for a predecessor that is ending; makes the
    loop; watches SIGTERM and SIGINT, which stop the loop with exit code 0. Before any thread.
    options are borrowed for its life. BG_BUSY: this home has that part running.  */
bg_result broker_part_create (
    const broker_part_options *options, broker_part **part, bg_error *err) BG_CHECKED;
/*  The loop and everything on it must be unused by now.  */
void broker_part_destroy (broker_part **self_p);
bg_loop *broker_part_loop (broker_part *self);
bg_log *broker_part_log (broker_part *self);
/*  Once; later calls change nothing. text: pairs for the log line.  */
void broker_part_ready (broker_part *self, const char *text);

#endif
