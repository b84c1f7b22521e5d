/*  What the files of the node's core offer each other, by file, over the state of state.h. Private to node/core.

    Functions that can fail do so with failures of the store, unless it is said otherwise.  */
#ifndef BUGLE_NODE_CORE_ROOMS_H
#define BUGLE_NODE_CORE_ROOMS_H

#include "node/core/state.h"

/*  ---- core.c ----  */

void node_count (node_core *self, int which);
void node_log (node_core *self, node_log_level level, const char *event, const char *format, ...)
    BG_PRINTF (4, 5);
void node_timer_in (node_core *self, node_timer timer, int64_t delay_us);
void node_timer_off (node_core *self, node_timer timer);
/*  Uniform in 0 .. below-1; 0 when below is not positive.  */
int64_t node_random_below (node_core *self, int64_t below);
bg_id node_new_id (node_core *self);
/*  Everything of the enlistment is gone; history stays. Returns to how a new node is.  */
bg_result node_forget (node_core *self, bg_error *err) BG_CHECKED;
/*  Takes an identity over into memory.  */
void node_set_identity (node_core *self, const node_identity *identity);
void node_check_name (node_core *self);

/*  ---- messages.c ----  */

/*  Sends a message of the node on a link; returns its request id.  */
bg_id node_say (node_core *self, node_link link, wire_kind kind, const void *value);
/*  The answer to a request of the broker.  */
void node_say_as (
    node_core *self, node_link link, bg_id request, wire_kind kind, const void *value);
bg_id node_say_exec (node_core *self, wire_kind kind, const void *value);
void node_reply (node_core *self, uint64_t control, const wire_control_answer *answer);
void node_reply_error (node_core *self, uint64_t control, const bg_error *err);
/*  Decodes a wire_signed that was stored.  */
bg_result node_decode_signed (
    bg_slice bytes, bg_arena *arena, wire_signed *out, bg_error *err) BG_CHECKED;
/*  A name, sentence or word within the limits of the wire, cut where it must be.  */
bg_slice node_cut (bg_slice text, size_t max);

/*  ---- session.c ----  */

bg_result node_session_open (node_core *self, bg_error *err) BG_CHECKED;
void node_session_close (node_core *self);
/*  Gives the connection up and tries again after a back-off.  */
void node_session_rebuild (node_core *self, const char *why);
bg_result node_session_link (
    node_core *self, node_link link, node_link_event event, bg_error *err) BG_CHECKED;
bg_result node_session_welcome (node_core *self, const wire_header *header,
    const wire_welcome *welcome, bg_error *err) BG_CHECKED;
void node_session_heartbeat_answer (node_core *self, const wire_heartbeat_answer *answer);
bg_result node_session_error (
    node_core *self, const wire_header *header, const wire_error *error, bg_error *err) BG_CHECKED;
void node_session_connect_timer (node_core *self);
void node_session_hello_timer (node_core *self);
void node_session_heartbeat_timer (node_core *self);
bool node_session_is_up (const node_core *self);

/*  ---- adopt.c ----  */

/*  A restored broker asks for what it lacks.  */
bg_result node_adopt (node_core *self, const wire_adopt *ask, bg_error *err) BG_CHECKED;

/*  ---- polling.c ----  */

/*  How often; of this target's own switch, else as the broker says. 0 in every: as the broker says.  */
int64_t node_poll_interval (const node_core *self);
void node_poll_every (node_core *self, int64_t every_us);
/*  Polls now, or right after the answer that is on its way.  */
void node_poll_want (node_core *self);
void node_poll_reset (node_core *self);
void node_poll_timer (node_core *self);
/*  Documents that wait for something.  */
uint64_t node_poll_waiting (const node_core *self);
void node_poll_answer_timer (node_core *self);
bg_result node_poll_answered (node_core *self, const wire_header *header,
    const wire_poll_answer *answer, bg_error *err) BG_CHECKED;
/*  End of an event: says whether the answer's instructions are settled, and goes on.  */
bg_result node_poll_settle (node_core *self, bg_error *err) BG_CHECKED;
bg_result node_poll_inventory_answered (node_core *self, const wire_header *header,
    const wire_inventory_answer *answer, bg_error *err) BG_CHECKED;

/*  ---- questions.c ----  */

/*  Answers a question that came from the desk.  */
/*  What bugle-exec says of the output that somebody asked for.  */
void node_question_output (node_core *self, const node_ask *ask, const wire_exec_output_part *part);
bg_result node_question (
    node_core *self, const wire_header *header, const wire_ask *ask, bg_error *err) BG_CHECKED;

/*  ---- streams.c ----  */

/*  The names this target listens to; opens the socket when it is closed.  */
void node_streams_set (node_core *self, const bg_slice *names, size_t count);
void node_streams_close (node_core *self);
void node_streams_heads (node_core *self, const wire_stream_head *heads, size_t count);
void node_streams_silence_timer (node_core *self);
bg_result node_streams_order (node_core *self, bg_slice frame0, bg_slice header, bg_slice body,
    bg_slice sigs, bg_error *err) BG_CHECKED;

/*  ---- apply.c ----  */

/*  One instruction of a poll, a push, a publication or a fetch.  */
bg_result node_apply (node_core *self, const wire_signed *item, bg_error *err) BG_CHECKED;
bg_result node_apply_all (node_core *self, const wire_signed *items, size_t count,
    const wire_reference *references, size_t reference_count, bg_error *err) BG_CHECKED;
bg_result node_apply_fetched (node_core *self, const wire_header *header,
    const wire_fetched *fetched, bg_error *err) BG_CHECKED;
bg_result node_apply_verdict (node_core *self, const node_ask *ask,
    const wire_exec_verdict *verdict, bg_error *err) BG_CHECKED;
/*  A login of the authority that is held here has signed these very bytes. What is refused and not even that is nobody's
    word, and nothing of it is kept.  */
bool node_is_proven (const node_core *self, const wire_signed *item);
/*  Offers a document; nothing when bugle-exec is not there or has it already.  */
void node_apply_offer (node_core *self, const wire_signed *item, const wire_document *document);
/*  Offers what waits or was refused again, when what it may need has changed.  */
bg_result node_apply_retry (node_core *self, bg_error *err) BG_CHECKED;
void node_ack (
    node_core *self, bg_id key, uint64_t version, uint64_t state, bg_slice code, bg_slice message);
void node_ack_flush (node_core *self);
void node_ack_drop (node_core *self);

/*  ---- documents.c ----  */

bg_result node_documents_recover (node_core *self, bg_error *err) BG_CHECKED;
node_slot *node_slot_find (const node_core *self, bg_id key);
uint64_t node_slot_settled (const node_slot *slot);
/*  Parks the document until its needs are met.  */
bg_result node_document_wait (node_core *self, const wire_signed *item, bg_id key, uint64_t type,
    uint64_t version, bg_slice code, bg_slice message, bg_error *err) BG_CHECKED;
bg_result node_document_refuse (node_core *self, const wire_signed *item, bg_id key, uint64_t type,
    uint64_t version, bg_slice code, bg_slice message, bg_error *err) BG_CHECKED;
bg_result node_document_hold (node_core *self, const wire_signed *item, bg_id key, uint64_t type,
    uint64_t version, bool addressed, bg_error *err) BG_CHECKED;
/*  What holds in force under a key, in the scratch arena.  */
bg_result node_document_held (
    node_core *self, bg_id key, wire_signed *item, bool *found, bg_error *err) BG_CHECKED;
/*  Lets a document count that bugle-exec has verified; live: not while recovering.  */
bg_result node_document_effect (node_core *self, const wire_signed *item, bg_id key, bool addressed,
    bool live, bg_error *err) BG_CHECKED;
/*  Its name for people, in the scratch arena; empty when it cannot be read.  */
bg_slice node_document_name (node_core *self, bg_slice signed_item);

/*  ---- local.c ----  */

bg_result node_locals_recover (node_core *self, bg_error *err) BG_CHECKED;
node_local *node_local_find (const node_core *self, bg_id key);
bg_result node_local_post_documents (
    node_core *self, uint64_t control, const wire_control_post *post, bg_error *err) BG_CHECKED;
bg_result node_local_issue (
    node_core *self, uint64_t control, const wire_control_issue *issue, bg_error *err) BG_CHECKED;
/*  bugle-exec has said what it holds: shown all that is held here.  */
bg_result node_locals_offer (node_core *self, bg_error *err) BG_CHECKED;
bg_result node_local_verdict (node_core *self, const node_ask *ask,
    const wire_exec_verdict *verdict, bg_error *err) BG_CHECKED;
/*  The run that a local START began.  */
void node_local_began (node_core *self, const node_ask *ask, const wire_run *run);
/*  bugle-exec is gone: who waits for it is told.  */
void node_locals_exec_lost (node_core *self);
void node_locals_control_gone (node_core *self, uint64_t control);
void node_local_post_release (void *object);

/*  ---- schedule_book.c ----  */

bg_result node_book_hold (
    node_core *self, bg_id key, uint64_t version, const wire_job *job, bg_error *err) BG_CHECKED;
bg_result node_book_drop (node_core *self, bg_id key, bg_error *err) BG_CHECKED;
/*  Of an enlistment that is over: downloaded jobs, their switches, what they share and what is due of them, in memory.  */
void node_book_forget (node_core *self);
/*  The switch of a job or of a shared schedule has changed.  */
bg_result node_book_switch (node_core *self, bg_id object_key, bg_error *err) BG_CHECKED;
/*  A shared schedule or calendar is about to change, and has changed: before, what has come is settled by the old one.  */
bg_result node_book_shared_begin (node_core *self, bg_id key, bg_error *err) BG_CHECKED;
bg_result node_book_shared_end (node_core *self, bg_id key, bg_error *err) BG_CHECKED;
/*  The job has deleted itself: nothing of it comes due any more.  */
void node_book_spent (node_core *self, node_job *job);
bg_result node_book_recover (node_core *self, bg_error *err) BG_CHECKED;
bg_result node_book_zones (node_core *self, bg_error *err) BG_CHECKED;
bg_result node_book_clock_set (node_core *self, bg_error *err) BG_CHECKED;
/*  The node has started; the processors have become idle.  */
bg_result node_book_started (node_core *self, bg_error *err) BG_CHECKED;
bg_result node_book_idle (node_core *self, bg_error *err) BG_CHECKED;
/*  Takes what is due, and sets the deadline.  */
bg_result node_book_pump (node_core *self, bg_error *err) BG_CHECKED;
/*  The schedule of a job by which it runs next, and when it starts; NULL when none does.  */
const node_entry *node_book_next_of (const node_job *job, int64_t *next_us);
void node_job_release (void *object);
/*  The mark of a schedule, durable.  */
bg_result node_entry_mark (
    node_core *self, node_entry *entry, int64_t mark_us, bg_error *err) BG_CHECKED;

/*  ---- schedule_heap.c ----  */

/*  By due_us. Taking out what is not in does nothing.  */
void node_heap_add (node_core *self, node_entry *entry);
void node_heap_remove (node_core *self, node_entry *entry);
/*  NULL when it is empty.  */
const node_entry *node_heap_first (const node_core *self);

/*  ---- schedule_due.c ----  */

/*  Deals with all occurrences that have come since the entry's mark, and moves it.  */
bg_result node_due_take (node_core *self, node_entry *entry, bg_error *err) BG_CHECKED;
/*  What the schedule waits for has happened now.  */
bg_result node_due_event (node_core *self, node_entry *entry, bg_error *err) BG_CHECKED;
/*  Fills next_us and next_fold with the nominal time at which there is something to do next; false: never.  */
bool node_due_next (node_entry *entry);
/*  The first nominal time after one that would run; false: none that could be found.  */
bool node_due_next_run (const node_entry *entry, int64_t after_us, int64_t *at_us);

/*  ---- enabling.c ----  */

/*  Takes over what switches and documents say for the job and its schedules.  */
void node_enabling_apply (const node_core *self, node_job *job);
/*  *change_us: when that may be different next, INT64_MAX: never.  */
bool node_enabling_is_disabled (const node_entry *entry, int64_t at_us, int64_t *change_us);
/*  The first time, at or after one, at which it is not disabled; INT64_MAX: none.  */
int64_t node_enabling_enabled_from (const node_entry *entry, int64_t at_us);
bool node_enabling_job_is_disabled (const node_job *job, int64_t at_us);

/*  ---- schedule_shared.c ----  */

bg_result node_shared_hold (
    node_core *self, bg_id key, const wire_document *document, bg_error *err) BG_CHECKED;
bg_result node_shared_drop (node_core *self, bg_id key, bg_error *err) BG_CHECKED;
void node_shared_release (void *object);
/*  Makes the schedule ready of its bytes and what they name; what is wrong stands in problem.  */
void node_entry_make (node_core *self, node_entry *entry);
/*  self may be NULL when the core goes too.  */
void node_entry_fini (node_core *self, node_entry *entry);

/*  ---- spent.c ----  */

/*  Sets job->spent by what is stored.  */
bg_result node_spent_find (node_core *self, node_job *job, bg_error *err) BG_CHECKED;
/*  The job has deleted itself with this run.  */
bg_result node_spent_take (node_core *self, const wire_run *run, bg_error *err) BG_CHECKED;
bg_result node_spent_recover (node_core *self, bg_error *err) BG_CHECKED;

/*  ---- occurrences.c ----  */

/*  The id under which bugle-exec knows an occurrence.  */
bg_id node_occurrence_id (
    const node_core *self, const node_job *job, bg_slice schedule, int64_t nominal_us, int fold);
void node_occurrence_release (void *object);
bg_result node_occurrence_due (node_core *self, const node_entry *entry, int64_t nominal_us,
    int fold, bg_error *err) BG_CHECKED;
bg_result node_occurrences_recover (node_core *self, bg_error *err) BG_CHECKED;
bg_result node_occurrences_pump (node_core *self, bg_error *err) BG_CHECKED;
/*  utc_us of the next thing to do about pending occurrences; INT64_MAX: none.  */
int64_t node_occurrences_deadline (const node_core *self);
bg_result node_occurrence_verdict (
    node_core *self, bg_id occurrence, const wire_exec_verdict *verdict, bg_error *err) BG_CHECKED;
bg_result node_occurrence_done (node_core *self, bg_id occurrence, bg_error *err) BG_CHECKED;

/*  ---- deeds.c ----  */

bg_result node_deeds_recover (node_core *self, bg_error *err) BG_CHECKED;
void node_deed_release (void *object);
bg_result node_deed_take (node_core *self, const wire_signed *item, bg_error *err) BG_CHECKED;
bg_result node_deeds_pump (node_core *self, bg_error *err) BG_CHECKED;
/*  A poll sent after serial is settled: what needs a job that nobody sent will not come.  */
bg_result node_deeds_polled (node_core *self, bg_error *err) BG_CHECKED;
bg_result node_deed_verdict (node_core *self, const node_ask *ask, const wire_exec_verdict *verdict,
    bg_error *err) BG_CHECKED;
/*  bugle-exec shows a run of it; reported: the outbox has news of that run, which tells the broker.  */
bg_result node_deed_began (
    node_core *self, const wire_run *run, bool reported, bg_error *err) BG_CHECKED;
/*  bugle-exec is gone: what was with it is to be sent again.  */
void node_deeds_exec_lost (node_core *self);
bg_result node_deeds_prune (node_core *self, bg_error *err) BG_CHECKED;

/*  ---- runs.c ----  */

bg_result node_runs_recover (node_core *self, bg_error *err) BG_CHECKED;
bg_result node_run_heard (node_core *self, const wire_run *run, bg_error *err) BG_CHECKED;
/*  Another outbox begins: what is open has not been told in it.  */
void node_runs_untold (node_core *self);
/*  Runs of a job (all zero: of all) that go on, or that wait for their turn.  */
size_t node_runs_of (const node_core *self, bg_id job_key, bool waiting);

typedef struct {
    bg_id job_key;
    bg_slice job_name;
    uint64_t job_version;
    bg_id exec;
    bg_slice schedule;
    int64_t nominal_us;
    bg_id occurrence;
    bg_slice reason;
    bg_slice message;
} node_not_run;

/*  Something that should have run and did not: history too.  */
bg_result node_run_not_run (node_core *self, const node_not_run *what, bg_error *err) BG_CHECKED;

/*  ---- outbox.c ----  */

bg_result node_outbox_recover (node_core *self, bg_error *err) BG_CHECKED;
/*  blob: the run, encoded. It takes the place of what is said of the same run and has not been sent.  */
bg_result node_outbox_add (
    node_core *self, const wire_run *run, bg_slice blob, bg_error *err) BG_CHECKED;
/*  What was added last is in the next report.  */
bool node_outbox_tells_soon (const node_core *self);
bg_result node_outbox_pump (node_core *self, bg_error *err) BG_CHECKED;
/*  A session opened; mark: what the broker has.  */
bg_result node_outbox_opened (node_core *self, uint64_t mark, bg_error *err) BG_CHECKED;
bg_result node_outbox_answered (node_core *self, const wire_header *header,
    const wire_report_answer *answer, bg_error *err) BG_CHECKED;
bg_result node_outbox_refused (node_core *self, const wire_error *error, bg_error *err) BG_CHECKED;
void node_outbox_timer (node_core *self);

/*  ---- exec_link.c ----  */

bg_result node_exec_connected (node_core *self, bg_error *err) BG_CHECKED;
void node_exec_lost (node_core *self);
bg_result node_exec_message (node_core *self, bg_slice blob, bg_error *err) BG_CHECKED;
/*  Sends a request and remembers what it was about. The core owns the ask; its id is set here.  */
void node_ask_exec (node_core *self, node_ask *ask, wire_kind kind, const void *value);
node_ask *node_ask_new (node_ask_kind kind, bg_id subject);
void node_ask_release (void *object);
/*  What bugle-exec should know by now and does not: pin, authorities, membership.  */
bg_result node_exec_settle (node_core *self, bg_error *err) BG_CHECKED;
/*  With each poll: what bugle-exec could not take when it was offered (no space for its log) is offered again, the
    chain of authorities first.  */
bg_result node_exec_remind (node_core *self, bg_error *err) BG_CHECKED;
void node_exec_anchor (node_core *self, const uint8_t authority_hash[32]);

/*  ---- enlistment.c, pending.c, membership.c, defect.c, control.c ----  */

bg_result node_enlist_begin (
    node_core *self, uint64_t control, const wire_control_enlist *wanted, bg_error *err) BG_CHECKED;
/*  bugle-exec changed: an enlistment may go on.  */
bg_result node_enlist_exec (node_core *self, bg_error *err) BG_CHECKED;
void node_enlist_anchored (node_core *self, const wire_exec_verdict *verdict);
bg_result node_enlist_message (
    node_core *self, const wire_header *header, const void *body, bg_error *err) BG_CHECKED;
void node_enlist_again (node_core *self);
bg_result node_enlist_timeout (node_core *self, bg_error *err) BG_CHECKED;
/*  End of an event: answers when all is settled.  */
void node_enlist_settle (node_core *self);
void node_enlist_fail (node_core *self, const bg_error *why);
void node_enlist_drop (node_core *self);
/*  One endpoint a line, in the arena.  */
bg_slice node_enlist_join (bg_arena *arena, const bg_slice *endpoints, size_t count);
/*  The name that the person, the configuration or the machine says.  */
bg_slice node_enlist_name (const node_core *self, bg_slice wanted);
bg_result node_enlist_name_fits (const node_core *self, bg_slice name, bg_error *why) BG_CHECKED;
/*  Makes the message that is said from now on; node_enlist_say says it.  */
void node_enlist_prepare (node_core *self, wire_kind kind, const void *value);
void node_enlist_say (node_core *self, int64_t again_us);
/*  The chain from the pinned version on becomes the keyring.  */
bg_result node_enlist_authorities (node_core *self, const wire_signed *authority, size_t count,
    bg_id installation, bg_error *why) BG_CHECKED;
/*  The broker has stored this membership: it is checked, stored here, and the session begins. *why says what was wrong
    with it; then nothing has happened.  */
bg_result node_enlist_stored (
    node_core *self, const wire_signed *membership, bg_error *why, bg_error *err) BG_CHECKED;

bg_result node_pending_begin (
    node_core *self, uint64_t control, const wire_control_enlist *wanted, bg_error *err) BG_CHECKED;
/*  After a start: an enlistment that waits goes on waiting.  */
bg_result node_pending_recover (node_core *self, bg_error *err) BG_CHECKED;
bool node_pending_is (const node_core *self);
bg_result node_pending_message (
    node_core *self, const wire_header *header, const void *body, bg_error *err) BG_CHECKED;
void node_pending_again (node_core *self);
void node_pending_exec (node_core *self);
void node_pending_anchored (node_core *self, const wire_exec_verdict *verdict);
/*  Nobody waits for it any more: here nothing of it stays. The broker forgets it in a day. keep_keys: another
    enlistment follows at once.  */
bg_result node_pending_withdraw (node_core *self, bool keep_keys, bg_error *err) BG_CHECKED;
void node_pending_describe (const node_core *self, wire_control_answer *answer);
/*  ---- claim.c ----  */

/*  The desk has refused this target again and again: asks why, now and then.  */
bg_result node_claim_begin (node_core *self, bg_error *err) BG_CHECKED;
/*  The session stands, or the enlistment is gone: there is nothing to ask.  */
void node_claim_reset (node_core *self);
bg_result node_claim_timer (node_core *self, bg_error *err) BG_CHECKED;
bool node_claim_answers (const node_core *self, const wire_header *header);
bg_result node_claim_message (
    node_core *self, const wire_header *header, const void *body, bg_error *err) BG_CHECKED;

/*  The membership that the target asks for, and the proof over the whole transcript.  */
void node_membership_make (
    node_core *self, wire_enlist_prove *prove, bg_arena *arena, const wire_token *record);

/*  The same without a token: by the target's own key alone.  */
void node_membership_prove (
    node_core *self, const wire_enlist_proof *proof, bg_arena *arena, wire_signed *out);

bg_result node_defect_begin (
    node_core *self, uint64_t control, const wire_control_defect *wanted, bg_error *err) BG_CHECKED;
bg_result node_defect_pump (node_core *self, bg_error *err) BG_CHECKED;
/*  After a start: a defection that was asked for goes on.  */
void node_defect_recover (node_core *self);
/*  The broker does not admit this target. *left: that was the answer to a defection.  */
bg_result node_defect_unadmitted (node_core *self, bool *left, bg_error *err) BG_CHECKED;
bg_result node_defected (node_core *self, const wire_header *header, bg_error *err) BG_CHECKED;
/*  A membership says so: a defection that is asked for here at the same time ends well with it.  */
bg_result node_defect_by_membership (node_core *self, bg_error *err) BG_CHECKED;
bg_result node_defect_refused (node_core *self, const wire_error *error, bg_error *err) BG_CHECKED;
bg_result node_defect_timeout (node_core *self, bg_error *err) BG_CHECKED;

/*  with_jobs: with the downloaded ones, as after an enlistment.  */
void node_control_describe (node_core *self, wire_control_answer *answer, bool with_jobs);
/*  Name, version, whether it runs and when next.  */
void node_describe_job (const node_core *self, const node_job *job, wire_control_job *out);

/*  ---- query.c ----  */

bg_result node_control_query (
    node_core *self, uint64_t control, const wire_control_query *wanted, bg_error *err) BG_CHECKED;

/*  ---- status.c ----  */

/*  How this target is, in its own words; all of it in the scratch arena.  */
bg_result node_describe_state (node_core *self, wire_node_state *out, bg_error *err) BG_CHECKED;
/*  What keeps it from working, as sentences for people; how many.  */
size_t node_describe_warnings (node_core *self, bg_slice **warnings);

#endif
