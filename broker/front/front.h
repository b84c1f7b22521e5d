/*  The front: all sockets of the broker and its CURVE key, no database, no signing key (design.md
    sections 3 and 5).

    It authenticates, limits, counts and passes on. Every message of an admitted peer goes to the
    core over a Unix socket and every answer comes back the same way, addressed to a key;
    heartbeats are answered here. It keeps no state that matters: after a crash it is back at
    once, and peers notice nothing but a new connection. While the core is away peers stay
    connected and their requests are dropped and counted.
*/
#ifndef BUGLE_BROKER_FRONT_FRONT_H
#define BUGLE_BROKER_FRONT_FRONT_H

#include "broker/shell/part.h"

/*  Runs until told to stop; *exit_code is the process's. Fails only before it listens. options
    are borrowed. BG_BUSY: a port or this home's front is held by another process; the sentence
    says by whom when that can be seen.  */
bg_result broker_front_run (
    const broker_part_options *options, int *exit_code, bg_error *err) BG_CHECKED;

#endif
