/*  The machine's own documents and deeds: what `bugle-node job apply`, `start` and the like hand over, signed with a key
    that the node has not.

    bugle-exec says what is good. What it takes is held beside the documents of the broker (NODE_PLACE_LOCAL): no broker
    knows of it, so it is in no digest and no inventory, and it stays when an enlistment ends. Its jobs stand in the same
    schedule book as all others. Deeds are not kept: who asks waits for the answer, over a socket on this machine.  */
#include "node/core/rooms.h"

#include <stdio.h>
#include <stdlib.h>

node_local *node_local_find (const node_core *self, bg_id key)
{
    return node_table_find (&self->locals, key);
}

void node_local_post_release (void *object)
{
    node_local_post *post = object;
    bg_arena_fini (&post->arena);
    free (post);
}

/*  ---- what is held ----  */

static void set_problem (node_local *local, bg_slice code, bg_slice message)
{
    snprintf (local->code, sizeof local->code, "%.*s",
        BG_SLICE_ARG (node_cut (code, sizeof local->code - 1)));
    snprintf (local->message, sizeof local->message, "%.*s",
        BG_SLICE_ARG (node_cut (message, sizeof local->message - 1)));
}

static void note (node_core *self, const wire_document *document)
{
    node_local *local = node_local_find (self, document->key);
    if (!local) {
        local = bg_alloc (sizeof *local);
        local->key = document->key;
        node_table_insert (&self->locals, local);
    }
    local->type = document->type;
    local->version = document->version;
    set_problem (local, (bg_slice){0}, (bg_slice){0});
    local->installation = document->installation;
}

static bg_result hold (
    node_core *self, const wire_signed *item, const wire_document *document, bg_error *err)
{
    const node_store *store = self->ports.store;
    BG_AUTO_BUF bytes = {0};
    WIRE_ENCODE (signed, item, &bytes);
    node_document_row row = {.place = NODE_PLACE_LOCAL,
        .key = document->key,
        .type = document->type,
        .version = document->version,
        .signed_item = bg_buf_slice (&bytes)};
    wire_hash32 (item->bytes, row.hash);
    BG_TRY (store->document_put (store->ctx, &row, err));
    note (self, document);
    return node_document_effect (self, item, document->key, true, true, err);
}

typedef struct {
    node_core *core;
    bg_error *err;
    bg_result result;
} recovery;

static bool recover_row (void *visitor, const node_document_row *row)
{
    recovery *at = visitor;
    BG_AUTO_ARENA arena = {0};
    wire_signed item;
    wire_document document;
    at->result = node_decode_signed (row->signed_item, &arena, &item, at->err);
    if (bg_failed (at->result))
        return false;
    if (bg_failed (WIRE_DECODE (document, item.bytes, WIRE_AS_MESSAGE, &arena, &document, NULL)))
        return true;
    note (at->core, &document);
    if (document.type != WIRE_TYPE_WITHDRAWAL)
        at->result = node_document_effect (at->core, &item, row->key, true, false, at->err);
    bg_arena_fini (&at->core->scratch);
    return !bg_failed (at->result);
}

bg_result node_locals_recover (node_core *self, bg_error *err)
{
    const node_store *store = self->ports.store;
    recovery at = {.core = self, .err = err, .result = bg_ok ()};
    BG_TRY (store->document_each (store->ctx, NODE_PLACE_LOCAL, recover_row, &at, err));
    return at.result;
}

/*  ---- to bugle-exec ----  */

static void offer (
    node_core *self, const wire_signed *item, const wire_document *document, uint64_t control)
{
    node_ask *ask = node_ask_new (NODE_ASK_LOCAL, document->key);
    ask->type = document->type;
    ask->version = document->version;
    ask->control = control;
    WIRE_ENCODE (signed, item, &ask->signed_item);
    node_ask_exec (self, ask, WIRE_EXEC_OFFER, &(wire_exec_offer){.has_item = true, .item = *item});
}

static bool offer_row (void *visitor, const node_document_row *row)
{
    node_core *self = visitor;
    BG_AUTO_ARENA arena = {0};
    wire_signed item;
    wire_document document;
    if (!bg_failed (node_decode_signed (row->signed_item, &arena, &item, NULL)) &&
        !bg_failed (WIRE_DECODE (document, item.bytes, WIRE_AS_MESSAGE, &arena, &document, NULL)))
        offer (self, &item, &document, 0);
    return true;
}

bg_result node_locals_offer (node_core *self, bg_error *err)
{
    const node_store *store = self->ports.store;
    return store->document_each (store->ctx, NODE_PLACE_LOCAL, offer_row, self, err);
}

static void refuse (
    node_core *self, uint64_t control, bg_code code, const char *message, const char *hint)
{
    bg_error why = {0};
    bg_ignore (bg_fail (&why, code, "%s", message));
    bg_ignore (bg_hint (&why, "%s", hint));
    node_reply_error (self, control, &why);
}

/*  True when there is nobody to ask; who asked has been told.  */
static bool has_no_exec (node_core *self, uint64_t control)
{
    if (self->full) {
        refuse (self, control, BG_STORAGE_FULL, "no space is left in the node's store",
            "make space and type the command again");
        return true;
    }
    if (self->exec.connected && self->exec.heard)
        return false;
    refuse (self, control, BG_UNREACHABLE,
        "bugle-exec is not running, and only it can say whether this is in order",
        "see: bugle-node status");
    return true;
}

/*  ---- documents from people ----  */

/*  Read loosely, to know what is held under which key; the verdict is bugle-exec's. That may have made its key a moment
    ago: whether it is of that key is asked behind its answer.  */
static bool read_own (node_core *self, const wire_signed *item, wire_document *document)
{
    const bool is_read = !bg_failed (
        WIRE_DECODE (document, item->bytes, WIRE_AS_MESSAGE, &self->scratch, document, NULL));
    return is_read && document->type == item->type && document->version > 0 &&
           !(self->enlisted && bg_id_equal (document->installation, self->identity.installation));
}

static bool is_of_this_machine (const node_core *self, const wire_document *document)
{
    return !bg_id_is_zero (self->exec.local_installation) &&
           bg_id_equal (document->installation, self->exec.local_installation);
}

static void open_post (node_core *self, uint64_t control, const wire_control_post *wanted,
    const wire_document *documents)
{
    const size_t count = wanted->documents_count;
    node_local_post *post = bg_alloc (sizeof *post);
    post->id = node_new_id (self);
    post->control = control;
    post->count = post->open = count;
    post->rows = bg_arena_array (&post->arena, wire_control_job, count);
    for (size_t i = 0; i < count; i++) {
        BG_AUTO_BUF bytes = {0};
        WIRE_ENCODE (signed, &wanted->documents[i], &bytes);
        const bg_slice name = node_document_name (self, bg_buf_slice (&bytes));
        post->rows[i] = (wire_control_job){.name = bg_arena_copy (&post->arena, name),
            .key = documents[i].key,
            .version = documents[i].version,
            .local = true};
        offer (self, &wanted->documents[i], &documents[i], control);
    }
    node_table_insert (&self->local_posts, post);
}

bg_result node_local_post_documents (
    node_core *self, uint64_t control, const wire_control_post *wanted, bg_error *err)
{
    (void) err;
    if (has_no_exec (self, control))
        return bg_ok ();
    wire_document *documents =
        bg_arena_array (&self->scratch, wire_document, wanted->documents_count + 1);
    bool is_own = wanted->documents_count > 0;
    for (size_t i = 0; i < wanted->documents_count; i++)
        is_own = is_own && read_own (self, &wanted->documents[i], &documents[i]);
    if (is_own)
        open_post (self, control, wanted, documents);
    else
        refuse (self, control, BG_NOT_ALLOWED,
            "only what this machine's own key has signed is taken here",
            "jobs of the broker are changed there: bugle job");
    return bg_ok ();
}

static node_local_post *post_of (const node_core *self, uint64_t control)
{
    for (size_t i = 0; control && i < self->local_posts.count; i++) {
        node_local_post *post = self->local_posts.items[i];
        if (post->control == control)
            return post;
    }
    return NULL;
}

static void settle (node_core *self, const node_ask *ask, const wire_exec_verdict *verdict)
{
    node_local_post *post = post_of (self, ask->control);
    if (!post)
        return;
    for (size_t i = 0; i < post->count; i++) {
        wire_control_job *row = &post->rows[i];
        if (!bg_id_equal (row->key, ask->subject) || row->version != ask->version || row->code.size)
            continue;
        row->code = bg_arena_copy (&post->arena, verdict->code);
        row->message = bg_arena_copy (&post->arena, verdict->message);
    }
    if (--post->open > 0)
        return;
    wire_control_answer answer = {
        .code = bg_slice_str ("ok"), .jobs = post->rows, .jobs_count = post->count};
    node_reply (self, post->control, &answer);
    node_local_post_release (node_table_take (&self->local_posts, post->id));
}

static bg_result document_verdict (
    node_core *self, const node_ask *ask, const wire_exec_verdict *verdict, bg_error *err)
{
    wire_signed item;
    wire_document document;
    node_local *held = node_local_find (self, ask->subject);
    const bool is_ok = bg_slice_is (verdict->code, "ok");
    BG_TRY (node_decode_signed (bg_buf_slice (&ask->signed_item), &self->scratch, &item, err));
    const bool is_read = !bg_failed (
        WIRE_DECODE (document, item.bytes, WIRE_AS_MESSAGE, &self->scratch, &document, NULL));
    const bool is_ours = is_read && is_of_this_machine (self, &document);
    if (is_ok && is_ours && ask->control && (!held || held->version < document.version))
        BG_TRY (hold (self, &item, &document, err));
    else if (held && held->version == ask->version)
        set_problem (
            held, is_ok ? (bg_slice){0} : verdict->code, is_ok ? (bg_slice){0} : verdict->message);
    if (!is_ok && !ask->control)
        node_log (self, NODE_LOG_ERROR, "local-refused",
            "bugle-exec does not accept a local %s any more, and will not start it: %.*s",
            wire_type_word (ask->type), BG_SLICE_ARG (verdict->message));
    settle (self, ask, verdict);
    return bg_ok ();
}

/*  ---- deeds from people ----  */

static bg_result send_start (node_core *self, uint64_t control, const wire_signed *item,
    const wire_deed *deed, bg_error *err)
{
    wire_exec_start start = {.has_job = true, .has_deed = true, .deed = *item};
    bool found = false;
    if (node_table_find (&self->jobs, deed->job_key))
        BG_TRY (node_document_held (self, deed->job_key, &start.job, &found, err));
    if (!found) {
        refuse (self, control, BG_NOT_FOUND, "this machine holds no such job",
            "see: bugle-node job list");
        return bg_ok ();
    }
    node_ask *ask = node_ask_new (NODE_ASK_LOCAL_START, deed->job_key);
    ask->control = control;
    node_ask_exec (self, ask, WIRE_EXEC_START, &start);
    return bg_ok ();
}

bg_result node_local_issue (
    node_core *self, uint64_t control, const wire_control_issue *issue, bg_error *err)
{
    wire_deed deed;
    if (has_no_exec (self, control))
        return bg_ok ();
    const bool is_read =
        issue->deed.type == WIRE_TYPE_DEED && !bg_failed (WIRE_DECODE (deed, issue->deed.bytes,
                                                  WIRE_AS_MESSAGE, &self->scratch, &deed, NULL));
    if (is_read && deed.what == WIRE_DEED_START)
        return send_start (self, control, &issue->deed, &deed, err);
    if (!is_read || deed.what != WIRE_DEED_STOP) {
        refuse (self, control, BG_INVALID, "the request is no START and no STOP",
            "use the bugle-node of the version that runs");
        return bg_ok ();
    }
    node_ask *stop = node_ask_new (NODE_ASK_LOCAL_STOP, deed.job_key);
    stop->control = control;
    node_ask_exec (
        self, stop, WIRE_EXEC_OFFER, &(wire_exec_offer){.has_item = true, .item = issue->deed});
    return bg_ok ();
}

/*  What kept a START from beginning, as opposed to a request that was none.  */
static bool is_not_run (bg_slice code)
{
    static const char *const words[] = {
        "disabled", "overlap", "window", "lease", "policy", "limit", "storage"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (bg_slice_is (code, words[i]))
            return true;
    }
    return false;
}

static bg_result record_not_run (
    node_core *self, bg_id key, const wire_exec_verdict *verdict, bg_error *err)
{
    const node_job *job = node_table_find (&self->jobs, key);
    if (!job || !is_not_run (verdict->code))
        return bg_ok ();
    return node_run_not_run (self,
        &(node_not_run){
            .job_key = key,
            .job_name = bg_slice_str (job->name),
            .job_version = job->version,
            .reason = verdict->code,
            .message = verdict->message,
        },
        err);
}

static bg_result deed_verdict (
    node_core *self, const node_ask *ask, const wire_exec_verdict *verdict, bg_error *err)
{
    const bool is_start = ask->kind == NODE_ASK_LOCAL_START;
    wire_control_answer answer = {.code = verdict->code,
        .message = verdict->message,
        .hint = verdict->hint,
        .unchanged = verdict->began && is_start};
    for (size_t i = 0; i < self->open_runs.count; i++)
        answer.open_runs +=
            bg_id_equal (((const node_open_run *) self->open_runs.items[i])->job_key, ask->subject);
    if (is_start && !bg_slice_is (verdict->code, "ok"))
        BG_TRY (record_not_run (self, ask->subject, verdict, err));
    node_reply (self, ask->control, &answer);
    return bg_ok ();
}

bg_result node_local_verdict (
    node_core *self, const node_ask *ask, const wire_exec_verdict *verdict, bg_error *err)
{
    return ask->kind == NODE_ASK_LOCAL ? document_verdict (self, ask, verdict, err)
                                       : deed_verdict (self, ask, verdict, err);
}

void node_local_began (node_core *self, const node_ask *ask, const wire_run *run)
{
    wire_control_answer answer = {.code = bg_slice_str ("ok"), .run = run->run};
    node_reply (self, ask->control, &answer);
}

/*  ---- who goes away ----  */

void node_locals_exec_lost (node_core *self)
{
    static const char gone[] = "bugle-exec went away before it answered";
    static const char hint[] = "see bugle-node job list and history; type it again if need be";
    while (self->local_posts.count > 0) {
        const node_local_post *post = self->local_posts.items[0];
        refuse (self, post->control, BG_UNREACHABLE, gone, hint);
        node_local_post_release (node_table_take (&self->local_posts, post->id));
    }
    for (size_t i = 0; i < self->asks.count; i++) {
        node_ask *ask = self->asks.items[i];
        if (ask->kind != NODE_ASK_LOCAL_START && ask->kind != NODE_ASK_LOCAL_STOP)
            continue;
        refuse (self, ask->control, BG_UNREACHABLE, gone, hint);
        ask->kind = NODE_ASK_FORGET; /*  answered once  */
    }
}

void node_locals_control_gone (node_core *self, uint64_t control)
{
    node_local_post *post = post_of (self, control);
    if (post)
        node_local_post_release (node_table_take (&self->local_posts, post->id));
}
