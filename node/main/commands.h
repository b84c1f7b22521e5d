/*  The commands of bugle-node that talk to a running node, and the contact they share.

    enlist and defect ask a node over its control socket, and bugle-exec over its own. When none runs on the home they
    start both parts for as long as they need them.
*/
#ifndef BUGLE_NODE_MAIN_COMMANDS_H
#define BUGLE_NODE_MAIN_COMMANDS_H

#include "common/sys/frames.h"
#include "common/sys/home.h"
#include "common/sys/process.h"
#include "proto/wire.h"

typedef struct {
    const char *home;     /*  NULL: the system's directories  */
    const char *name;     /*  NULL: configured or default  */
    const char *location; /*  NULL: configured  */
    char *token;          /*  @FILE, -, the text, or NULL: BUGLE_TOKEN; wiped once read  */
    int64_t timeout_us;
    bool force;
} node_command_options;

/*  Each prints what happened on stdout and returns BG_OK, or fills err.  */
bg_result node_enlist_command (const node_command_options *options, bg_error *err) BG_CHECKED;
bg_result node_defect_command (const node_command_options *options, bg_error *err) BG_CHECKED;

/*  A token from @FILE, - (standard input), or the text itself, which is wiped from where it lies; NULL: BUGLE_TOKEN.  */
bg_result node_token_read (char *argument, bg_buf *text, bg_error *err) BG_CHECKED;

/*  ---- contact with both parts ----  */

typedef struct {
    bg_home home;
    bg_frames *node;
    bg_frames *exec;
    bg_process node_process; /*  pid 0: was running already  */
    bg_process exec_process;
    char *log_path; /*  where parts that we started write  */
} node_contact;

/*  Connects to both, starting what does not run. BG_NOT_FOUND, BG_FOREIGN_FILE, BG_IO, BG_TIMEOUT with a sentence.  */
bg_result node_contact_open (node_contact *self, const char *home, bg_error *err) BG_CHECKED;
/*  Ends what was started.  */
void node_contact_close (node_contact *self);
/*  One request, one answer of the kind expected, decoded into the arena. Other messages of bugle-exec are skipped.  */
bg_result node_contact_ask (bg_frames *frames, wire_kind kind, const void *value,
    wire_kind answer_kind, int64_t timeout_us, bg_arena *arena, void **answer,
    bg_error *err) BG_CHECKED;

#endif
