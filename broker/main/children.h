/*  The parts of a broker as children of `bugle-broker --home DIR`: started, started again when
    they end, ended with us.

    A child that ends is back at once; one that does so again and again waits longer each time,
    and after BROKER_TRIES starts in a row that never became ready the parent gives up. A part
    that never was ready says itself, on stderr, why it cannot start; the parent then ends too.
*/
#ifndef BUGLE_BROKER_MAIN_CHILDREN_H
#define BUGLE_BROKER_MAIN_CHILDREN_H

#include "common/sys/log.h"
#include "common/sys/loop.h"

#define BROKER_TRIES 12

typedef struct {
    const char *dir; /*  --home; NULL: the system's directories  */
    const char *log_level;
    bg_log_format log_format;
} broker_children_options;

typedef struct broker_children broker_children;

/*  ready is called once, when all parts are. Does not start anything yet. log and loop are
    borrowed.  */
bg_result broker_children_create (const broker_children_options *options, bg_loop *loop,
    bg_log *log, void (*ready) (void *arg), void *arg, broker_children **children,
    bg_error *err) BG_CHECKED;
void broker_children_destroy (broker_children **self_p);
bg_result broker_children_start (broker_children *self, bg_error *err) BG_CHECKED;
/*  Ends all of them, the stubborn ones by force after 7 s; the loop stops with exit_code when the
    last is gone.  */
void broker_children_end (broker_children *self, int exit_code);

#endif
