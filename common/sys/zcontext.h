/*  The one ZeroMQ context of the process (CZMQ's), prepared the way every program of ours needs it.

    libzmq draws routing ids and reconnect jitter from rand() without seeding it, so a fleet of
    equal programs would reconnect in step: bg_zcontext_open seeds it from the kernel before the
    context exists. CZMQ's signal handlers are taken off (the loop has ours). One context per
    process, never across fork.
*/
#ifndef BUGLE_SYS_ZCONTEXT_H
#define BUGLE_SYS_ZCONTEXT_H

#include "common/base/err.h"

typedef struct {
    unsigned io_threads;  /*  0: one  */
    unsigned max_sockets; /*  0: BG_ZCONTEXT_SOCKETS  */
} bg_zcontext_options;

/*  Sockets, connections not counted, that a program of ours may have: a dozen are in use, twice as
    many while connections are made anew. libzmq sets 12 bytes aside for each and touches them, so
    CZMQ's own 65535 would cost every node 768 KiB.  */
#define BG_ZCONTEXT_SOCKETS 256

/*  Once, before the first socket and before threads; options may be NULL. Fails with BG_CRYPTO when
    there is no randomness and BG_IO when libzmq lacks CURVE.  */
bg_result bg_zcontext_open (const bg_zcontext_options *options, bg_error *err) BG_CHECKED;
/*  After all sockets are closed. Does not wait for unsent messages. A forgotten socket is left to
    the process's end.  */
void bg_zcontext_close (void);

#endif
