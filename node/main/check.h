/*  bugle-node check: is this machine fit to be a target? One row for each thing looked at, with what to do about it.

    The parts (check_machine.c, check_broker.c) look and say rows; check.c has the list of them and prints. Nothing is
    changed: what has to be tried by writing is taken away again.
*/
#ifndef BUGLE_NODE_MAIN_CHECK_H
#define BUGLE_NODE_MAIN_CHECK_H

#include "ctl/run.h"
#include "node/exec/machine.h"
#include "node/main/reach.h"
#include "node/shell/config.h"
#include "proto/token_text.h"

typedef enum { CHECK_OK, CHECK_WARNING, CHECK_PROBLEM } check_state;

typedef struct {
    ctl_run *run;
    const char *home_text; /*  --home; NULL: the system's directories  */
    bg_home home;
    bool has_home; /*  the directory is there  */
    node_config config;
    bool has_config;    /*  node.yaml was read without mistakes  */
    node_reach way;     /*  count 0: no broker was named  */
    bg_key broker_key;  /*  what way.broker_key points to  */
    const char *broker; /*  as named, for sentences  */
    wire_token_text token;
    bool has_token;
    bool is_enlisted; /*  the node says so; way is that to its own broker  */
    bool is_connected;
    bool has_offset;
    int64_t offset_us;  /*  of this machine's clock, as the node measured it  */
    int64_t timeout_us; /*  for each connection  */
    size_t counts[3];   /*  by check_state  */
} node_check;

/*  One row: area and name ("broker", "desk") are stable words. advice: what to do, "" for nothing. The format gives the
    sentence.  */
void node_check_say (node_check *self, check_state state, const char *area, const char *name,
    const char *advice, const char *format, ...) BG_PRINTF (6, 7);
/*  A row for a failure: its sentence, and its hint as the advice.  */
void node_check_failed (
    node_check *self, check_state state, const char *area, const char *name, const bg_error *err);

/*  ---- the machine ----  */

void node_check_versions (node_check *self);
void node_check_accounts (node_check *self);
void node_check_directories (node_check *self);
void node_check_policy (node_check *self);
void node_check_clock (node_check *self);
void node_check_zone (node_check *self);
void node_check_disk (node_check *self);
void node_check_parts (node_check *self);

/*  ---- the broker ----  */

/*  The three sockets; then what the broker says to a stranger: clock, protocol level, whether the token is good.  */
void node_check_broker (node_check *self);

#endif
