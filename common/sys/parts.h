/*  A program of several parts: starts them as children, keeps them running, ends with them.

    bugle-broker is front and core, bugle-node is node and bugle-exec; each part is a program of its own that also runs
    alone (under systemd, a unit each). This is what joins them in the foreground: one ready, one end.

    A part says READY=1 as a service does (notify.h). When all have said so, one line "ready" is logged and passed on to
    the service manager. A part that dies after that is started again at once, with a growing pause while it keeps dying;
    a part that ends before it was ever ready ends the whole program with its exit code: it has said why. SIGTERM and
    SIGINT end the parts within 10 s, by force at last. Parts end with their keeper (bg_parts_join).

    One thread, no event loop; call it before any thread is started.
*/
#ifndef BUGLE_SYS_PARTS_H
#define BUGLE_SYS_PARTS_H

#include "common/sys/log.h"

#define BG_PARTS_MAX 4

typedef struct {
    const char *name;        /*  word for the log ("front")  */
    const char *const *argv; /*  NULL-terminated; argv[0] is a program as in process.h  */
} bg_part;

/*  Runs until a signal or a part that cannot start; *exit_code is what the program should end with. Fails only when
    it cannot even begin (BG_IO, BG_NOT_FOUND).  */
bg_result bg_parts_run (const bg_part *parts, size_t count, bg_log *log, int *exit_code, bg_error *err) BG_CHECKED;

/*  Called first by a program that may be a part: ties it to its keeper's life. Does nothing when it runs alone.  */
void bg_parts_join (void);

#endif
