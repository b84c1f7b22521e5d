/*  Changing and starting what this machine has of its own: contact with node and bugle-exec, and the key that signs.  */
#ifndef BUGLE_NODE_MAIN_LOCAL_H
#define BUGLE_NODE_MAIN_LOCAL_H

#include "common/sys/keyfile.h"
#include "node/main/ask.h"

typedef struct {
    ctl_run *run;
    node_contact contact;
    bg_keypair pair;
    bg_id installation;
} node_local_session;

/*  Connects to both parts (under --home they are started when they do not run), and makes the key and the default policy
    where there are none; says so. BG_NOT_ALLOWED for who may not.  */
bg_result node_local_open (node_local_session *self, ctl_run *run, bg_error *err) BG_CHECKED;
/*  Harmless on one that was not opened.  */
void node_local_close (node_local_session *self);

/*  The job that may be changed here. BG_READ_ONLY for a downloaded one, with where to change it; BG_NOT_FOUND.  */
bg_result node_local_writable (
    node_local_session *self, const char *name, node_job_found *found, bg_error *err) BG_CHECKED;
bg_result node_local_read_only (const node_job_found *found, bg_error *err) BG_CHECKED;

/*  Signs a document of that key with a version above last, and has the node take it. *version may be NULL.  */
bg_result node_local_post (node_local_session *self, wire_type type, bg_id key, uint64_t last,
    const void *body, bg_error *err) BG_CHECKED;
/*  Signs and issues a START or STOP.  */
bg_result node_local_issue_deed (node_local_session *self, uint64_t what,
    const wire_control_job *row, const wire_control_answer **answer, bg_error *err) BG_CHECKED;

#endif
