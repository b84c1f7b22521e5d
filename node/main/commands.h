/*  The commands of bugle-node that talk to a running node, and the contact they share.

    enlist and defect ask a node over its control socket, and bugle-exec over its own. When none runs on the home they
    start both parts for as long as they need them.
*/
#ifndef BUGLE_NODE_MAIN_COMMANDS_H
#define BUGLE_NODE_MAIN_COMMANDS_H

#include "common/sys/frames.h"
#include "common/sys/home.h"
#include "common/sys/process.h"
#include "ctl/output.h"
#include "node/shell/config.h"
#include "proto/wire.h"

typedef struct {
    const char *home;       /*  NULL: the system's directories  */
    const char *name;       /*  NULL: configured or default  */
    const char *location;   /*  NULL: configured  */
    char *token;            /*  @FILE, -, the text, or NULL: BUGLE_TOKEN; wiped once read  */
    const char *broker;     /*  without a token: HOST, HOST:PORT or an endpoint  */
    const char *broker_key; /*  and its public key  */
    int64_t timeout_us;
    int64_t wait_us; /*  for the approval; INT64_MAX: as long as it takes  */
    bool force;
    ctl_output *out; /*  borrowed  */
} node_command_options;

typedef struct {
    bg_home home;
    bg_frames *node;
    bg_frames *exec;
    bg_process node_process; /*  pid 0: was running already  */
    bg_process exec_process;
    char *log_path;  /*  where parts that we started write  */
    ctl_output *out; /*  for enlist and defect, who set it; borrowed  */
} node_contact;

/*  Each prints what happened on stdout and returns BG_OK, or fills err.  */
bg_result node_enlist_command (const node_command_options *options, bg_error *err) BG_CHECKED;
bg_result node_defect_command (const node_command_options *options, bg_error *err) BG_CHECKED;
/*  A token from @FILE, - (standard input), or the text itself, which is wiped from where it lies; NULL: BUGLE_TOKEN.  */
bg_result node_token_read (char *argument, bg_buf *text, bg_error *err) BG_CHECKED;
/*  The way without a token: shows the code, then waits for an admin to approve it. Ctrl-C ends the waiting only.  */
bg_result node_enlist_pending (
    node_contact *contact, const node_command_options *options, bg_error *err) BG_CHECKED;

/*  ---- what the two ways of enlisting share ----  */

/*  What a verdict or control answer says, as an error of ours.  */
bg_result node_said (bg_slice code, bg_slice message, bg_slice hint, bg_error *err) BG_CHECKED;
/*  Pins the authority with this hash in bugle-exec.  */
bg_result node_enlist_pin (node_contact *contact, const uint8_t authority_hash[32], bg_arena *arena,
    bg_error *err) BG_CHECKED;
/*  An enlistment that came to nothing leaves nothing behind: bugle-exec may be anchored to another broker next time.  */
void node_enlist_unpin (node_contact *contact, bg_arena *arena);
void node_enlist_print (
    const wire_control_answer *answer, const node_contact *contact, const node_config *config);
void node_defect_print (const wire_control_answer *left, const node_command_options *options,
    const node_contact *contact);

/*  ---- contact with both parts ----  */

/*  Connects to both, starting what does not run. BG_NOT_FOUND, BG_FOREIGN_FILE, BG_IO, BG_TIMEOUT with a sentence.  */
bg_result node_contact_open (node_contact *self, const char *home, bg_error *err) BG_CHECKED;
/*  Ends what was started.  */
void node_contact_close (node_contact *self);
/*  One request, one answer of the kind expected, decoded into the arena. Other messages of bugle-exec are skipped.  */
bg_result node_contact_ask (bg_frames *frames, wire_kind kind, const void *value,
    wire_kind answer_kind, int64_t timeout_us, bg_arena *arena, void **answer,
    bg_error *err) BG_CHECKED;

#endif
