/*  What the files of the broker's core offer each other, by file, over the state of state.h. Private to broker/core.

    Functions that can fail do so with failures of the store or with what the peer is told; which, says
    the file that defines them.  */
#ifndef BUGLE_BROKER_CORE_ROOMS_H
#define BUGLE_BROKER_CORE_ROOMS_H

#include "broker/core/state.h"

/*  ---- core.c ----  */

bool broker_is_store_failure (bg_result result);
/*  A text of the store that cannot be read is the store's failure, whatever the decoder called it.
*/
bg_result broker_stored_badly (bg_error *err, const char *what);
void broker_count (broker_core *self, const char *name);
void broker_count_forget (broker_core *self, const char *name);
void broker_log (broker_core *self, broker_log_level level, const char *event, const char *format,
    ...) BG_PRINTF (4, 5);
bg_id broker_make_id (broker_core *self, bg_now now);
bool broker_id_is_key (bg_id id); /*  not zero  */
void broker_replace_str (char **text, bg_slice with);
bg_slice broker_name_key (bg_arena *arena, bg_slice name);

/*  ---- mode.c ----  */

bg_result broker_mode_load (broker_core *self, bg_error *err) BG_CHECKED;
/*  Numbers go on above what the lost part of a restored store has given out.  */
void broker_mode_numbers (broker_core *self);
/*  Refuses while restored or dismantled: for whatever people and strangers change.  */
bg_result broker_mode_check (const broker_core *self, bg_error *err) BG_CHECKED;
/*  The same for what a request asks; some may be asked of a restored broker.  */
bg_result broker_mode_check_request (
    const broker_core *self, uint64_t what, bg_error *err) BG_CHECKED;
/*  Restored: nothing is handed out.  */
bool broker_mode_is_quiet (const broker_core *self);
/*  Somebody shows a pair with our own signature: above ours it makes the core restored.  */
bg_result broker_mode_proof (
    broker_core *self, uint64_t term, uint64_t position, const char *who, bg_error *err) BG_CHECKED;
bg_result broker_mode_lost (broker_core *self, uint64_t outcomes, bg_error *err) BG_CHECKED;
bg_result broker_mode_adopted (broker_core *self, bg_error *err) BG_CHECKED;
/*  Long work: targets are told that their session is over, a piece at a time.  */
bool broker_mode_has_work (const broker_core *self);
void broker_mode_work (broker_core *self, bg_now now);
broker_retention broker_mode_retention (const broker_core *self);
/*  Three beats and the front's report of them.  */
int64_t broker_silent_us (const broker_core *self, const broker_target *target);
bg_result broker_request_set (broker_request *request, const wire_request *ask,
    const wire_login *signer, bool dry_run, wire_done *answer, bg_error *err) BG_CHECKED;
bg_result broker_request_backup (broker_request *request, const wire_request *ask,
    const wire_login *signer, bool dry_run, wire_done *answer, bg_error *err) BG_CHECKED;
bg_result broker_request_resume (broker_request *request, const wire_request *ask,
    const wire_login *signer, bool dry_run, wire_done *answer, bg_error *err) BG_CHECKED;
bg_result broker_request_dismantle (broker_request *request, const wire_request *ask,
    const wire_login *signer, bool dry_run, wire_done *answer, bg_error *err) BG_CHECKED;

/*  ---- dispatch.c ----  */

void broker_answer (broker_request *request, wire_kind kind, const void *value);
/*  An unasked message to a connected target.  */
void broker_send_target (
    broker_core *self, const broker_target *target, wire_kind kind, bg_slice body);
void broker_send (broker_core *self, wire_channel channel, const bg_key *peer, wire_kind kind,
    bg_id request, bg_id session, const void *value);

/*  ---- targets.c ----  */

bg_result broker_target_load (broker_core *self, const broker_target_record *record,
    const broker_target_marks *marks, broker_target **target, bg_error *err) BG_CHECKED;
void broker_target_free (broker_core *self, broker_target *target);
broker_target *broker_target_at (const broker_core *self, uint32_t number);
broker_target *broker_target_with_id (const broker_core *self, bg_id id);
broker_target *broker_target_with_key (const broker_core *self, const bg_key *key);
/*  A member with this name, without regard to case.  */
broker_target *broker_target_named (const broker_core *self, bg_slice name);
/*  The same, or by an unambiguous piece of the id; BG_NOT_FOUND with the nearest name as hint.  */
bg_result broker_target_find (
    const broker_core *self, bg_slice typed, broker_target **target, bg_error *err) BG_CHECKED;
/*  Takes a newer membership over: name, groups, labels; not the keys. The indexes follow.  */
bg_result broker_target_take_membership (
    broker_core *self, broker_target *target, bg_slice bytes, bg_error *err) BG_CHECKED;
bg_result broker_target_store (
    broker_core *self, const broker_target *target, bg_error *err) BG_CHECKED;
void broker_target_dirty (broker_core *self, broker_target *target);
/*  The same when only the mark of its outbox moved.  */
void broker_target_marked (broker_core *self, broker_target *target);
bool broker_target_is_member (const broker_target *target);
bool broker_target_is_connected (const broker_core *self, const broker_target *target, bg_now now);
uint64_t broker_target_state (const broker_core *self, const broker_target *target, bg_now now);
/*  The switch of its poll interval, NULL when it never had one; and the interval that counts.  */
broker_document *broker_target_switch (const broker_core *self, const broker_target *target);
int64_t broker_target_poll_us (const broker_core *self, const broker_target *target);
bool broker_target_in_group (const broker_target *target, bg_slice group);
bool broker_target_matches (const broker_target *target, const wire_audience *audience);
/*  The target leaves: no deliveries, no deeds, no streams; its name is free. With cut its key goes
    too, else that happens when it has taken its last membership.  */
bg_result broker_target_leave (
    broker_core *self, broker_target *target, bg_now now, bool cut, bg_error *err) BG_CHECKED;
bg_result broker_target_cut (broker_core *self, broker_target *target, bg_error *err) BG_CHECKED;
void broker_target_heard (broker_target *target, bg_now now);
/*  Sends the front what changed of the pending flags; drops keys whose time is over.  */
bg_result broker_targets_scan (broker_core *self, bg_now now, bg_error *err) BG_CHECKED;
void broker_targets_send_keys (broker_core *self);
/*  Its key may connect from now on.  */
void broker_target_admit (broker_core *self, const broker_target *target);

/*  ---- facts.c ----  */

/*  Facts as they are stored; what is no pair of label words is left out.  */
bg_slice broker_facts_text (const wire_pair *facts, size_t count, bg_arena *arena);
/*  Takes facts over from that form.  */
void broker_target_take_facts (broker_target *target, bg_slice text);
/*  The labels of a target and its facts as fact.KEY, for a query's selector. Returns how many; at most limit.  */
size_t broker_target_described (
    const broker_target *target, wire_pair *pairs, size_t limit, bg_arena *arena);

/*  ---- enlist.c ----  */

bg_result broker_on_enlist_hello (broker_request *request, bg_error *err) BG_CHECKED;
bg_result broker_on_enlist_prove (broker_request *request, bg_error *err) BG_CHECKED;
void broker_reservations_expire (broker_core *self, bg_now now);
void broker_reservation_free (broker_core *self, broker_reservation *reservation);
bg_result broker_enlist_level (
    const broker_core *self, uint64_t low, uint64_t high, bg_error *err) BG_CHECKED;
/*  *member is set when exactly this machine is enlisted under this name, and NULL when it is nobody here; enlisted
    under another name it is refused. A machine that was removed here and asks again does not hold what it was removed
    from: its key is cut.  */
bg_result broker_enlist_same (broker_request *request, const bg_key *sign_key, bg_slice name,
    broker_target **member, bg_error *err) BG_CHECKED;
/*  A number for a target to be, and one back of which nothing came.  */
uint32_t broker_number_take (broker_core *self);
void broker_number_spare (broker_core *self, uint32_t number);

/*  ---- tokens.c ----  */

/*  A record that was verified when it was stored.  */
typedef struct {
    broker_token_record record;
    wire_signed bytes;
    wire_token token;
} broker_token;

bg_result broker_on_token_create (broker_request *request, bg_error *err) BG_CHECKED;
bg_result broker_on_token_query (broker_request *request, bg_error *err) BG_CHECKED;
bg_result broker_token_find (
    broker_request *request, const bg_key *token_key, broker_token *out, bg_error *err) BG_CHECKED;
/*  Whether a machine of that name may enlist with it now.  */
bg_result broker_token_usable (
    broker_request *request, const broker_token *token, bg_slice name, bg_error *err) BG_CHECKED;
bool broker_token_replaces (const broker_token *token, bg_slice name);
bg_result broker_request_token_revoke (broker_request *request, const wire_request *ask,
    const wire_login *signer, bool dry_run, wire_done *answer, bg_error *err) BG_CHECKED;

/*  ---- pending.c ----  */

/*  What a stranger has to sign to prove that it has this key: known to nobody before, good for a minute or two.  */
void broker_stranger_nonce (
    const broker_request *request, const bg_key *sign_key, uint8_t nonce[16]);
/*  *is_fresh false: it is well signed, but of an older nonce; the peer is given a new one. hash: what else is in it.  */
bg_result broker_stranger_proof (broker_request *request, const wire_signed *proof,
    const bg_key *sign_key, const uint8_t target_nonce[16], const uint8_t hash[32], bool *is_fresh,
    bg_error *err) BG_CHECKED;
bg_result broker_on_enlist_ask (broker_request *request, bg_error *err) BG_CHECKED;
bg_result broker_on_pending_query (broker_request *request, bg_error *err) BG_CHECKED;
bg_result broker_pending_load (
    broker_core *self, const broker_pending_record *record, bg_error *err) BG_CHECKED;
void broker_pending_free (broker_core *self, broker_pending *pending);
bg_result broker_pendings_expire (broker_core *self, bg_now now, bg_error *err) BG_CHECKED;
/*  Who waits under this target id; NULL when nobody does.  */
broker_pending *broker_pending_with_id (const broker_core *self, bg_id target);
/*  Whether the membership is of exactly that machine, and its name free.  */
bg_result broker_pending_check (const broker_core *self, const broker_pending *pending,
    const wire_membership *membership, bg_error *err) BG_CHECKED;
/*  Makes it a target. The row is gone afterwards.  */
bg_result broker_pending_approve (broker_request *request, broker_pending *pending,
    const wire_verified *verified, const wire_signed *document, broker_target **target,
    bg_error *err) BG_CHECKED;
bg_result broker_pending_drop (
    broker_core *self, const bg_key *curve_key, bg_error *err) BG_CHECKED;
bg_result broker_request_reject (broker_request *request, const wire_request *ask,
    const wire_login *signer, bool dry_run, wire_done *answer, bg_error *err) BG_CHECKED;

/*  ---- claims.c ----  */

bg_result broker_on_enlist_claim (broker_request *request, bg_error *err) BG_CHECKED;

/*  ---- sessions.c ----  */

bg_result broker_on_hello (broker_request *request, bg_error *err) BG_CHECKED;
bg_result broker_on_defect (broker_request *request, bg_error *err) BG_CHECKED;
bg_result broker_on_ops_hello (broker_request *request, bg_error *err) BG_CHECKED;

/*  ---- poll.c, inventory.c ----  */

bg_result broker_on_poll (broker_request *request, bg_error *err) BG_CHECKED;
bg_result broker_on_fetch (broker_request *request, bg_error *err) BG_CHECKED;
bg_result broker_on_inventory (broker_request *request, bg_error *err) BG_CHECKED;
/*  Whether the difference between the digests is to be settled now.  */
bool broker_inventory_wanted (broker_request *request, const wire_poll *poll);

/*  ---- documents.c, document_store.c ----  */

bg_result broker_on_post (broker_request *request, bg_error *err) BG_CHECKED;
broker_document *broker_document_with_key (const broker_core *self, bg_id key);
broker_document *broker_document_job (
    const broker_core *self, bg_slice name); /*  live job of that name, or NULL  */
/*  Live job, schedule or calendar of that name, or NULL.  */
broker_document *broker_document_named (const broker_core *self, wire_type type, bg_slice name);
/*  The same; BG_NOT_FOUND with the nearest name as hint.  */
bg_result broker_document_find (const broker_core *self, wire_type type, bg_slice name,
    broker_document **document, bg_error *err) BG_CHECKED;
bg_result broker_document_find_job (
    const broker_core *self, bg_slice name, broker_document **job, bg_error *err) BG_CHECKED;
bool broker_document_is_live (const broker_document *document);
/*  The switch of a job or schedule, if there is one that counts (newer than its last withdrawal).  */
broker_document *broker_document_switch (const broker_core *self, const broker_document *job);
/*  By its switch if it has one that counts, else by its definition, and in any case from the end on that its definition
    names; *by is what says how it is.  */
bool broker_document_is_disabled (const broker_core *self, const broker_document *job,
    int64_t now_us, const broker_document **by);
/*  As the job says, else who posted it.  */
const char *broker_document_owner (const broker_document *job);
/*  Its signed bytes, decoded into the arena.  */
bg_result broker_document_signed (broker_core *self, broker_document *document, bg_arena *arena,
    wire_signed *out, bg_error *err) BG_CHECKED;
/*  Takes a record for the newest version of its key: a new document or a newer version of the one
    in memory. Deliveries are not touched.  */
bg_result broker_document_take (broker_core *self, const broker_document_record *record,
    broker_document **document, bg_error *err) BG_CHECKED;
void broker_document_free (broker_core *self, broker_document *document);
void broker_document_dirty (broker_core *self, broker_document *document);
/*  Jobs by name, withdrawn ones too.  */
broker_document **broker_document_order (broker_core *self, size_t *count);
void broker_content_hash (const wire_document *document, uint8_t hash[32]);

/*  A signed document that a target holds and this store lacks, as if it had been posted: verified, newer than what is
    here (*taken), stored, delivered. request->target holds it, request->login is NULL.  */
bg_result broker_post_adopt (
    broker_request *request, const wire_signed *item, bool *taken, bg_error *err) BG_CHECKED;

/*  ---- shared.c, shared_checks.c ----  */

/*  A live schedule or calendar.  */
bool broker_document_is_shared (const broker_document *document);
/*  Remembers what the newest version uses; after the arena of its parts was emptied.  */
void broker_shared_take (const broker_core *self, broker_document *document,
    const wire_job_schedule *schedules, size_t count);
/*  True when the user is live and uses what has this key.  */
bool broker_shared_is_used_by (const broker_document *user, bg_id key);
/*  Whom a schedule or calendar is for: all who have a row of what uses it.  */
void broker_shared_addressed (const broker_core *self, bg_id key, broker_bitmap *out);
/*  The rows of these schedules and calendars, of what they use and of their switches follow their users; who gets
    something new is told at once.  */
bg_result broker_shared_follow (
    broker_request *request, const bg_id *uses, size_t count, bg_error *err) BG_CHECKED;
/*  A new version stands: its switch and what it uses follow it, and what its version before used. To be called before it
    is pushed itself.  */
bg_result broker_shared_posted (broker_request *request, const broker_document *document,
    const bg_id *old_uses, size_t old_count, bg_error *err) BG_CHECKED;
/*  All schedules and calendars for one target, after its jobs and before switches.  */
void broker_shared_readdress (broker_core *self, broker_target *target);
/*  The one stream that stands for all who use it; NULL when there is no such.  */
broker_stream *broker_shared_stream (broker_core *self, const broker_document *document);

/*  What a POST has besides what stands: the items before, as they will be.  */
typedef struct {
    const wire_verified **items;
    size_t count;
} broker_posting;

/*  A job or schedule uses nothing that is not there: BG_NOT_FOUND with the nearest name.  */
bg_result broker_shared_check_uses (broker_request *request, const wire_verified *verified,
    const broker_posting *before, bg_error *err) BG_CHECKED;
/*  A schedule or calendar that goes is used by nothing: BG_CONFLICT that names who uses it.  */
bg_result broker_shared_check_unused (broker_request *request, const broker_document *document,
    const broker_posting *before, bg_error *err) BG_CHECKED;

/*  ---- query_documents.c ----  */

bg_result broker_on_document_query (broker_request *request, bg_error *err) BG_CHECKED;

/*  ---- adopt.c ----  */

/*  This store was restored once: what targets hold and it lacks is taken back.  */
bool broker_adopt_is_on (const broker_core *self);
/*  Asks the target for documents that an inventory named and that are not known here. Only a broker that was restored
    does; *asked is how many.  */
void broker_adopt_ask (
    broker_request *request, const wire_held *items, size_t count, size_t *asked);
bg_result broker_on_adopted (broker_request *request, bg_error *err) BG_CHECKED;
/*  A target that is not known here shows its membership (ENLIST_CLAIM; the proof of its key was checked). A broker that
    was restored takes it in again and *target is it; otherwise *target is NULL and nothing was changed.  */
bg_result broker_adopt_target (broker_request *request, const wire_signed *membership,
    broker_target **target, bg_error *err) BG_CHECKED;

/*  ---- authority.c ----  */

/*  Checks a posted authority against the current one; *next is the keyring to be.  */
bg_result broker_authority_check (broker_request *request, const wire_signed *document,
    wire_keyring **next, bg_error *err) BG_CHECKED;
/*  Makes it the current one: login keys of the front change. Takes the keyring.  */
void broker_authority_take (broker_core *self, wire_keyring *next);
bg_result broker_authority_check_settings (
    const broker_core *self, const wire_keyring *keyring, bg_error *err) BG_CHECKED;
/*  Versions >= from, at most 64 and at most bytes of them, into the arena. *more: there are more.
*/
bg_result broker_authority_versions (broker_core *self, uint64_t from, size_t bytes,
    bg_arena *arena, wire_signed **versions, size_t *count, bool *more, bg_error *err) BG_CHECKED;
/*  The version with this hash; 0: there is none.  */
bg_result broker_authority_version_of (
    broker_core *self, const uint8_t hash[32], uint64_t *version, bg_error *err) BG_CHECKED;
bg_result broker_on_authority_query (broker_request *request, bg_error *err) BG_CHECKED;

/*  ---- deliver.c ----  */

/*  0 when there is no row.  */
uint64_t broker_deliver_state (const broker_document *document, uint32_t number);
void broker_deliver_set (
    broker_core *self, broker_document *document, broker_target *target, uint64_t state);
/*  The target said what it has settled of a document (0: nothing) whose row is not at the newest:
    the row of a document that it lacks, or a skipped one.  */
void broker_deliver_learn (
    broker_core *self, broker_document *document, broker_target *target, uint64_t version);
/*  The version of a row that belongs into the target's digest: 0 for none, BROKER_HELD_OLDER when it
    is not known.  */
uint64_t broker_deliver_expected (const broker_document *document, uint32_t number);
/*  Rows in one of these states (bits 1 << WIRE_DELIVERY_*), added to out.  */
void broker_deliver_select (const broker_document *document, uint64_t states, broker_bitmap *out);
/*  Before and after a document in memory moves to a newer version: rows leave the digests of their
    targets and come back pending, addressed is computed anew, new rows are added.  */
void broker_deliver_retract (broker_core *self, broker_document *document);
void broker_deliver_renew (broker_core *self, broker_document *document);
/*  A target is new, or has other groups and labels: rows for what now addresses it.  */
void broker_deliver_readdress (broker_core *self, broker_target *target);
void broker_deliver_readdress_one (
    broker_core *self, broker_document *document, broker_target *target);
void broker_deliver_forget (broker_core *self, broker_target *target);
/*  Whom an audience addresses among the members, for a dry run too.  */
void broker_deliver_audience (
    const broker_core *self, const wire_audience *audience, broker_bitmap *out);
/*  The membership's own slot.  */
void broker_deliver_membership (broker_target *target, uint64_t old_version, uint64_t state);
void broker_deliver_membership_state (broker_target *target, uint64_t state);
void broker_deliver_encode (broker_document *document, bg_buf *out);
bg_result broker_deliver_decode (
    broker_core *self, broker_document *document, bg_slice bytes, bg_error *err) BG_CHECKED;
bg_result broker_on_ack (broker_request *request, bg_error *err) BG_CHECKED;

/*  ---- op_events.c ----  */

/*  Remembers a change for who follows the list. number 0: all rows, as when it was posted.  */
void broker_op_changed (
    broker_core *self, const broker_document *document, uint32_t number, uint64_t state);
void broker_op_deed_changed (
    broker_core *self, const broker_execution *deed, uint32_t number, uint64_t state);
void broker_op_member_changed (broker_core *self, const broker_target *target);
bg_result broker_on_op_tail (broker_request *request, bg_error *err) BG_CHECKED;

/*  ---- push.c ----  */

/*  One document to one target, once more.  */
bg_result broker_push_again (broker_core *self, bg_now now, broker_document *document,
    const broker_target *target, bg_error *err) BG_CHECKED;

/*  Sends a new version, or a deed, to those who are connected: by stream where the audience is one,
    else target by target. Only a hint; the poll is the truth.  */
bg_result broker_push_document (
    broker_core *self, bg_now now, broker_document *document, bg_error *err) BG_CHECKED;
/*  To those for whom it is pending, each over its own session.  */
bg_result broker_push_single (
    broker_core *self, bg_now now, broker_document *document, bg_error *err) BG_CHECKED;
bg_result broker_push_deed (broker_core *self, bg_now now, const broker_execution *execution,
    const wire_audience *to, bg_error *err) BG_CHECKED;
bg_result broker_push_membership (
    broker_core *self, bg_now now, const broker_target *target, bg_error *err) BG_CHECKED;
bool broker_push_work (broker_core *self, bg_now now);
void broker_push_free (broker_push *push);

/*  ---- streams.c ----  */

broker_stream *broker_stream_named (
    broker_core *self, bg_slice name); /*  made when it is not there  */
broker_stream *broker_stream_of_group (broker_core *self, bg_slice group);
/*  The stream that carries exactly this audience; NULL when there is none.  */
broker_stream *broker_stream_for (broker_core *self, const wire_audience *audience);
void broker_stream_queue (broker_core *self, broker_stream *stream, const wire_signed *item,
    const wire_reference *instead);
void broker_streams_flush (broker_core *self);
void broker_stream_tick (broker_core *self, bg_now now);
/*  A member leaves the stream: a new key.  */
void broker_stream_rotate (broker_core *self, broker_stream *stream, bg_now now);
void broker_streams_rotate_due (broker_core *self, bg_now now);
/*  Heads or names of the streams of a target, in the arena.  */
wire_stream_head *broker_stream_heads (
    broker_core *self, const broker_target *target, bg_arena *arena, size_t *count);
bg_slice *broker_stream_names (
    broker_core *self, const broker_target *target, bg_arena *arena, size_t *count);
void broker_stream_free (broker_core *self, broker_stream *stream);

/*  ---- deeds.c ----  */

bg_result broker_on_issue (broker_request *request, bg_error *err) BG_CHECKED;
/*  The error that a group matched nobody, with the nearest one that does.  */
bg_result broker_group_empty (const broker_core *self, bg_slice group, bg_error *err) BG_CHECKED;

/*  ---- executions.c ----  */

/*  In memory, else loaded from the store; NULL when there is no such one.  */
bg_result broker_execution_get (broker_core *self, bg_now now, bg_id id,
    broker_execution **execution, bg_error *err) BG_CHECKED;
bg_result broker_execution_load (broker_core *self, const broker_execution_record *record,
    broker_execution **execution, bg_error *err) BG_CHECKED;
void broker_execution_record_of (
    const broker_execution *execution, bg_buf *bitmaps, broker_execution_record *record);
/*  The three sets and the flags of a stored one.  */
bg_result broker_execution_decode (
    broker_execution *execution, bg_slice bytes, bg_error *err) BG_CHECKED;
void broker_execution_free (broker_core *self, broker_execution *execution);
/*  What a target said: it took the deed up; it is over there with a run state.  */
void broker_execution_begun (
    broker_core *self, bg_now now, broker_execution *execution, broker_target *target);
void broker_execution_over (broker_core *self, bg_now now, broker_execution *execution,
    broker_target *target, uint64_t state);
void broker_execution_gone (broker_core *self, bg_now now, broker_target *target);
/*  The target has forgotten what it had begun; what it has not taken up yet still reaches it.  */
void broker_execution_lost (broker_core *self, bg_now now, broker_target *target);
/*  A STOP of this execution: whoever of its targets has not begun is canceled.  */
void broker_execution_cancel (broker_core *self, bg_now now, broker_execution *execution,
    const broker_bitmap *targets, bg_id by);
/*  What the bitmaps of a record say of the whole execution.  */
void broker_execution_marks (bg_slice bitmaps, bool *one_shot, bg_id *canceled_by);
/*  True while this target should still get the deed.  */
bool broker_execution_is_pending (const broker_execution *execution, uint32_t number);
/*  WIRE_EXEC_* of each target of an execution by its number, 0 for others; next_number of them in the
    request's arena. BG_NOT_FOUND.  */
bg_result broker_execution_states (
    broker_request *request, bg_id id, uint8_t **states, bg_error *err) BG_CHECKED;
void broker_executions_expire (broker_core *self, bg_now now);
void broker_execution_row (
    const broker_core *self, const broker_execution *execution, wire_exec_row *row);
/*  A run of it that waited for its turn has begun.  */
void broker_execution_moved (broker_core *self, broker_execution *execution);
/*  Targets on which a run of it waits for its turn.  */
void broker_execution_waiting (
    const broker_core *self, const broker_execution *execution, broker_bitmap *out);
void broker_executions_watch (broker_core *self, bg_now now);
void broker_executions_drop (broker_core *self, bg_now now);
bg_result broker_on_exec_watch (broker_request *request, bg_error *err) BG_CHECKED;

/*  ---- reports.c ----  */

bg_result broker_on_report (broker_request *request, bg_error *err) BG_CHECKED;
void broker_open_run_load (broker_core *self, const broker_open_run_record *record);
void broker_open_run_free (broker_core *self, broker_open_run *run);
/*  A target whose key is cut tells nothing more: its runs are not shown as running any longer. What
    became of them it alone knows.  */
bg_result broker_open_runs_forget (
    broker_core *self, const broker_target *target, bg_error *err) BG_CHECKED;

/*  ---- requests.c ----  */

bg_result broker_on_request (broker_request *request, bg_error *err) BG_CHECKED;
/*  What a login signed counts within a minute of its time. what begins the sentence of BG_CLOCK: "the command was
    issued".  */
bg_result broker_check_issued (
    const broker_request *request, int64_t issued_us, const char *what, bg_error *err) BG_CHECKED;
bg_result broker_request_op_retry (broker_request *request, const wire_request *ask,
    const wire_login *signer, bool dry_run, wire_done *answer, bg_error *err) BG_CHECKED;
bg_result broker_request_op_skip (broker_request *request, const wire_request *ask,
    const wire_login *signer, bool dry_run, wire_done *answer, bg_error *err) BG_CHECKED;

/*  ---- request_members.c ----  */

bg_result broker_request_resync (broker_request *request, const wire_request *ask,
    const wire_login *signer, bool dry_run, wire_done *answer, bg_error *err) BG_CHECKED;
bg_result broker_request_forget (broker_request *request, const wire_request *ask,
    const wire_login *signer, bool dry_run, wire_done *answer, bg_error *err) BG_CHECKED;

/*  ---- questions.c ----  */

bg_result broker_on_ask_target (broker_request *request, bg_error *err) BG_CHECKED;
bg_result broker_on_told (broker_request *request, bg_error *err) BG_CHECKED;
void broker_questions_expire (broker_core *self, bg_now now);
void broker_question_free (broker_core *self, broker_question *question);

/*  ---- queries ----  */

bg_result broker_on_status_query (broker_request *request, bg_error *err) BG_CHECKED;
bg_result broker_on_job_query (broker_request *request, bg_error *err) BG_CHECKED;
bg_result broker_on_group_query (broker_request *request, bg_error *err) BG_CHECKED;
bg_result broker_on_target_query (broker_request *request, bg_error *err) BG_CHECKED;

/*  ---- target_filter.c ----  */

/*  request and query are set by the caller, the rest is filled when it is opened.  */
typedef struct {
    broker_request *request;
    const wire_target_query *query;
    wire_audience labels;
    wire_pair *described;
    broker_bitmap names; /*  wanted numbers, when names were given  */
    const broker_document *job;
    uint8_t *exec_states; /*  by number, when the query is about an execution  */
} broker_target_filter;

bg_result broker_target_filter_open (broker_target_filter *filter, bg_error *err) BG_CHECKED;
void broker_target_filter_close (broker_target_filter *filter);
bool broker_target_wanted (const broker_target_filter *filter, const broker_target *target);

bg_result broker_on_exec_query (broker_request *request, bg_error *err) BG_CHECKED;
bg_result broker_on_history_query (broker_request *request, bg_error *err) BG_CHECKED;

/*  ---- categories.c, purge.c ----  */

bg_result broker_on_category_query (broker_request *request, bg_error *err) BG_CHECKED;
bg_result broker_request_category_create (broker_request *request, const wire_request *ask,
    const wire_login *signer, bool dry_run, wire_done *answer, bg_error *err) BG_CHECKED;
bg_result broker_request_category_delete (broker_request *request, const wire_request *ask,
    const wire_login *signer, bool dry_run, wire_done *answer, bg_error *err) BG_CHECKED;
bg_result broker_request_purge (broker_request *request, const wire_request *ask,
    const wire_login *signer, bool dry_run, wire_done *answer, bg_error *err) BG_CHECKED;
bg_result broker_on_op_query (broker_request *request, bg_error *err) BG_CHECKED;
bg_result broker_on_version_query (broker_request *request, bg_error *err) BG_CHECKED;

#endif
