/*  The oracle: what may never happen, and what must hold in the end.

    During the run it is told what became durable and what was started:

    - no run without a durable intent, none of a job that was not signed, none on a machine that the
      job is not for, none by a START after it expired;
    - each deed and each occurrence begins at most once on a machine, whatever crashes;
    - one run of a job goes on at a time and not more of all than the policy says; what waits begins in the
      order of acceptance, by a START that is still valid, and not when it was canceled;
    - versions of a job never decrease, neither what a node holds nor what bugle-exec runs.

    After healing:

    - every target holds what the broker says it holds, and that is what people signed last;
    - every outcome is stored by the broker exactly once, as it was on the target; every occurrence
      that came due has one;
    - every execution has ended, and its counts are those of the history;
    - whatever the broker acknowledged to people is there.

    Once a broker was brought back from an older state, history and executions have gaps that nothing can fill: only the
    first of these four is asked then.
*/
#ifndef BUGLE_SIM_ORACLE_H
#define BUGLE_SIM_ORACLE_H

#include "tests/sim/people.h"

void sim_oracle_init (sim_world *self);
void sim_oracle_fini (sim_world *self);

/*  ---- what happened on a machine ----  */

/*  From the taps of the node's store; they count when the transaction is committed.  */
void sim_oracle_enlisted (sim_machine *machine, bg_id target);
void sim_oracle_forgot (sim_machine *machine);
void sim_oracle_held (sim_machine *machine, bg_id key, uint64_t version);
void sim_oracle_occurrence (sim_machine *machine, bg_id occurrence);
void sim_oracle_outbox (sim_machine *machine, bg_slice run);
void sim_oracle_node_committed (sim_machine *machine);
void sim_oracle_node_rolled_back (sim_machine *machine);

/*  The version that the node holds of a key, committed; 0: none.  */
uint64_t sim_oracle_holds (const sim_machine *machine, bg_id key);
/*  A record of bugle-exec's log is on disk.  */
void sim_oracle_exec_record (sim_machine *machine, bg_slice record);
void sim_oracle_spawned (sim_machine *machine, bg_id run);
/*  How the run's file says that it ended.  */
void sim_oracle_run_ended (sim_machine *machine, bg_id run, uint64_t state);

/*  ---- at rest ----  */

/*  True when nothing is left to be said against the state; else *why says what, 256 bytes.  */
bool sim_oracle_at_rest (sim_world *self, char why[256]);
/*  The same for two quiet worlds of a seed: what is held, and whose outcomes are there.  */
void sim_oracle_summary (sim_world *self, sim_result *result);

/*  UTC; lives as long as the process.  */
const job_zone *sim_zone_utc (void);

#endif
