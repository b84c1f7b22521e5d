/*  The core's thin shell: batches of events into broker_core, commit before send (design.md
    section 4).

    One thread, one store, no network: everything comes from the front over DIR/run/core.sock. In
    each round a transaction begins, what came in is fed to the core, the transaction commits, and
    only then leaves what the core has sent.
*/
#ifndef BUGLE_BROKER_SHELL_SHELL_H
#define BUGLE_BROKER_SHELL_SHELL_H

#include "broker/shell/part.h"

/*  Runs until told to stop; *exit_code is the process's: 0, or 1 when the disk failed under the
    store. Fails only before it listens. options are borrowed. BG_BUSY: this home's core runs
    already; store and key failures as they come.  */
bg_result broker_shell_run (
    const broker_part_options *options, int *exit_code, bg_error *err) BG_CHECKED;

#endif
