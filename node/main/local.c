/*  What the commands for local jobs share: see local.h. The key never leaves this process and the file; the node sees only
    what it has signed.  */
#include "node/main/local.h"

#include "common/base/now.h"
#include "common/sys/clock.h"
#include "common/sys/random.h"
#include "proto/local.h"

#include <poll.h>

#define ANSWER_US    BG_SEC (15)
#define DEED_LIFE_US BG_MIN (1)
#define EXEC_WAIT_US BG_SEC (10)
#define LOOK_MS      20

static bg_result make_key (node_local_session *self, bg_error *err)
{
    const wire_exec_local request = {.write_policy = true};
    void *said = NULL;
    BG_TRY (node_contact_ask (self->contact.exec, WIRE_EXEC_LOCAL, &request, WIRE_EXEC_VERDICT,
        ANSWER_US, &self->run->arena, &said, err));
    const wire_exec_verdict *verdict = said;
    BG_TRY (node_said (verdict->code, verdict->message, verdict->hint, err));
    if (verdict->message.size)
        ctl_note (self->run->out, "%.*s", BG_SLICE_ARG (verdict->message));
    BG_AUTO_CHAR path = bg_home_path (&self->contact.home, BG_HOME_EXEC, "local.key");
    BG_TRY (bg_keyfile_read (path, BG_KEY_ED25519, &self->pair, err));
    self->installation = wire_local_installation (&self->pair.public_key);
    return bg_ok ();
}

/*  A node that has just started reaches bugle-exec a moment later. What comes too early would be refused.  */
static bg_result await_exec (node_local_session *self, bg_error *err)
{
    const wire_control_query query = {.state = true};
    const int64_t until_us = bg_clock_mono_us () + EXEC_WAIT_US;
    for (;;) {
        const wire_control_answer *answer = NULL;
        BG_TRY (node_ask_over (
            self->contact.node, WIRE_CONTROL_QUERY, &query, &self->run->arena, &answer, err));
        if (answer->state.exec_version.size || bg_clock_mono_us () > until_us)
            return bg_ok ();
        (void) poll (NULL, 0, LOOK_MS);
    }
}

bg_result node_local_open (node_local_session *self, ctl_run *run, bg_error *err)
{
    *self = (node_local_session){.run = run};
    bg_result result =
        node_contact_open (&self->contact, ctl_text (run->parsed, CTL_OPT_HOME, NULL), err);
    if (bg_is_ok (result))
        result = make_key (self, err);
    return bg_is_ok (result) ? await_exec (self, err) : result;
}

void node_local_close (node_local_session *self)
{
    if (!self->run)
        return;
    node_contact_close (&self->contact);
    bg_keypair_fini (&self->pair);
    self->run = NULL;
}

/*  ---- what may be changed ----  */

bg_result node_local_read_only (const node_job_found *found, bg_error *err)
{
    const bg_slice name = found->row->name;
    const bg_slice broker = found->answer->broker;
    bg_ignore (bg_fail (err, BG_READ_ONLY,
        "the job %.*s comes from the broker%s%.*s, and nobody "
        "changes it here",
        BG_SLICE_ARG (name), broker.size ? " " : "", BG_SLICE_ARG (broker)));
    return bg_hint (err,
        "change it there, with: bugle job; one of this machine's own would be "
        "local/%.*s",
        BG_SLICE_ARG (name));
}

bg_result node_local_writable (
    node_local_session *self, const char *name, node_job_found *found, bg_error *err)
{
    BG_TRY (node_find_job (self->contact.node, &self->run->arena, name, found, err));
    if (found->row && !found->row->local)
        return node_local_read_only (found, err);
    if (found->row)
        return bg_ok ();
    bg_ignore (bg_fail (err, BG_NOT_FOUND,
        found->deleted_version ? "the local job '%.200s' was deleted"
                               : "there is no local job '%.200s'",
        name));
    return bg_hint (err, "see: bugle-node job list --local");
}

/*  ---- handing over ----  */

bg_result node_local_post (node_local_session *self, wire_type type, bg_id key, uint64_t last,
    const void *body, bg_error *err)
{
    const uint64_t now_ms = (uint64_t) (bg_clock_utc_us () / 1000);
    const wire_document fixed = {.type = type,
        .installation = self->installation,
        .key = key,
        .version = now_ms > last ? now_ms : last + 1};
    wire_signed item;
    wire_document_make (
        wire_crypto_sodium (), &fixed, body, self->pair.secret, &self->run->arena, &item);
    const wire_control_post post = {.documents = &item, .documents_count = 1};
    const wire_control_answer *answer = NULL;
    BG_TRY (node_ask_over (
        self->contact.node, WIRE_CONTROL_POST, &post, &self->run->arena, &answer, err));
    if (answer->jobs_count != 1)
        return bg_fail (err, BG_MALFORMED, "the node's answer is not about what was handed over");
    const wire_control_job *row = &answer->jobs[0];
    return node_said (row->code, row->message, (bg_slice){0}, err);
}

bg_result node_local_issue_deed (node_local_session *self, uint64_t what,
    const wire_control_job *row, const wire_control_answer **answer, bg_error *err)
{
    const int64_t now_us = bg_clock_utc_us ();
    const wire_deed deed = {.installation = self->installation,
        .id = bg_id_new (),
        .what = what,
        .issued_us = now_us,
        .expires_us = now_us + DEED_LIFE_US,
        .has_to = true,
        .to = {.all = true},
        .job_key = row->key,
        .job_name = row->name};
    wire_control_issue issue = {.has_deed = true};
    wire_signed_make (wire_crypto_sodium (), WIRE_TYPE_DEED, self->installation, &deed,
        self->pair.secret, &self->run->arena, &issue.deed);
    return node_ask_over (
        self->contact.node, WIRE_CONTROL_ISSUE, &issue, &self->run->arena, answer, err);
}
