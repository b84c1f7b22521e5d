/*  Enlistment without a token: machines that ask, until an admin has approved or rejected them.

        ENLIST_ASK without proof --> a nonce, nothing kept --> ENLIST_ASK with proof --> a row, durable
        row --POST of the membership that an admin signed for it--> target --> ENLIST_APPROVED
        row --REJECT--> told for a while --> gone
        row --a day without a question--> gone

    Anybody can connect here, so nothing is kept for a machine that has not proven its keys, and rows are bounded: in
    all, by address, in their size. The nonce is not kept either: it is a hash of the two keys and of the minute under
    a secret of this core, so a proof counts for a minute or two, for one peer, and once more does no harm.

    Target id and number are reserved when the row is made: they stand in what the admin signs, and only a membership
    with exactly the keys, id and number of a row makes a target.  */
#include "broker/core/rooms.h"

#include "common/job/names.h"

#define NONCE_US         BG_MIN (1)
#define PENDING_MAX      1000
#define PENDING_OF_ONE   16 /*  from one address  */
#define PENDING_KEEP_US  BG_DAY (1)
#define REJECTED_KEEP_US BG_MIN (10)
#define SEEN_WRITE_US    BG_MIN (10) /*  how much newer a question is before that is written  */
#define AGAIN_LEAST_US   BG_SEC (2)
#define AGAIN_MOST_US    BG_SEC (30)
#define FACT_BYTES_MAX   63
#define AUTHORITY_BYTES                                                                            \
    (40u * 1024u) /*  of versions in one answer; the rest comes with the first polls  */

/*  ---- nonces ----  */

static void nonce_of (const broker_core *self, int64_t period, const bg_key *peer,
    const bg_key *sign_key, uint8_t nonce[16])
{
    BG_AUTO_BUF bytes = {0};
    uint8_t hash[WIRE_HASH_BYTES];
    bg_buf_append (&bytes, self->nonce_secret, sizeof self->nonce_secret);
    bg_buf_append_u64 (&bytes, (uint64_t) period);
    bg_buf_append (&bytes, peer->bytes, sizeof peer->bytes);
    bg_buf_append (&bytes, sign_key->bytes, sizeof sign_key->bytes);
    wire_hash32 (bg_buf_slice (&bytes), hash);
    memcpy (nonce, hash, 16);
}

void broker_stranger_nonce (
    const broker_request *request, const bg_key *sign_key, uint8_t nonce[16])
{
    nonce_of (
        request->core, request->now.mono_us / NONCE_US, &request->message->peer, sign_key, nonce);
}

bg_result broker_stranger_proof (broker_request *request, const wire_signed *proof,
    const bg_key *sign_key, const uint8_t target_nonce[16], const uint8_t hash[32], bool *is_fresh,
    bg_error *err)
{
    broker_core *self = request->core;
    wire_enlist_proof said;
    uint8_t nonce[16];
    *is_fresh = false;
    BG_TRY (wire_verify_proof (self->settings.installation, proof, NULL, sign_key, self->crypto,
        request->arena, &said, err));
    if (!bg_key_equal (&said.broker_curve_key, &self->settings.curve_key) ||
        memcmp (said.target_nonce, target_nonce, sizeof said.target_nonce) != 0 ||
        memcmp (said.membership_hash, hash, sizeof said.membership_hash) != 0)
        return bg_fail (err, BG_BAD_SIGNATURE, "the proof is of something else");
    for (int64_t back = 0; back < 2 && !*is_fresh; back++) {
        nonce_of (
            self, request->now.mono_us / NONCE_US - back, &request->message->peer, sign_key, nonce);
        *is_fresh = memcmp (said.broker_nonce, nonce, sizeof nonce) == 0;
    }
    return bg_ok ();
}

/*  ---- rows ----  */

static broker_pending *pending_of (const broker_core *self, const bg_key *curve_key)
{
    broker_pending *pending = NULL;
    HASH_FIND (hh, self->pendings, curve_key, sizeof *curve_key, pending);
    return pending;
}

broker_pending *broker_pending_with_id (const broker_core *self, bg_id target)
{
    for (broker_pending *pending = self->pendings; pending; pending = pending->hh.next)
        if (bg_id_equal (pending->row.target, target) && pending->rejected_us == 0)
            return pending;
    return NULL;
}

static void set_row (broker_pending *pending, const wire_pending_row *row)
{
    bg_arena arena = {0};
    wire_pending_row copy;
    wire_copy (&wire_desc_pending_row, &arena, row, &copy);
    bg_arena_fini (&pending->arena);
    pending->arena = arena;
    pending->row = copy;
}

static broker_pending *add (broker_core *self, const wire_pending_row *row)
{
    broker_pending *pending = bg_alloc (sizeof *pending);
    set_row (pending, row);
    pending->curve_key = row->curve_key;
    HASH_ADD (hh, self->pendings, curve_key, sizeof pending->curve_key, pending);
    return pending;
}

void broker_pending_free (broker_core *self, broker_pending *pending)
{
    HASH_DEL (self->pendings, pending);
    bg_arena_fini (&pending->arena);
    free (pending);
}

static bg_result store_row (broker_core *self, broker_pending *pending, bg_error *err)
{
    BG_AUTO_BUF bytes = {0};
    wire_encode (&wire_desc_pending_row, &pending->row, &bytes);
    const broker_pending_record record = {.target = pending->row.target,
        .row = bg_buf_slice (&bytes),
        .rejected_us = pending->rejected_us};
    pending->stored_us = pending->row.seen_us;
    self->changed = true;
    return self->store->pending_put (self->store->ctx, &record, err);
}

static bg_result remove_row (
    broker_core *self, broker_pending *pending, bool keep_number, bg_error *err)
{
    BG_TRY (self->store->pending_remove (self->store->ctx, pending->row.target, err));
    self->changed = true;
    if (!keep_number)
        broker_number_spare (self, (uint32_t) pending->row.number);
    broker_pending_free (self, pending);
    return bg_ok ();
}

bg_result broker_pending_drop (broker_core *self, const bg_key *curve_key, bg_error *err)
{
    broker_pending *pending = pending_of (self, curve_key);
    return pending ? remove_row (self, pending, false, err) : bg_ok ();
}

bg_result broker_pending_load (
    broker_core *self, const broker_pending_record *record, bg_error *err)
{
    BG_AUTO_ARENA arena = {0};
    wire_pending_row row;
    const bg_slice copy = bg_arena_copy (&arena, record->row);
    if (bg_failed (WIRE_DECODE (pending_row, copy, WIRE_AS_MESSAGE, &arena, &row, err)))
        return broker_stored_badly (err, "a pending enlistment");
    broker_pending *pending = add (self, &row);
    pending->rejected_us = record->rejected_us;
    pending->stored_us = row.seen_us;
    if (row.number >= self->next_number)
        self->next_number = (uint32_t) row.number + 1;
    return bg_ok ();
}

bg_result broker_pendings_expire (broker_core *self, bg_now now, bg_error *err)
{
    for (broker_pending *pending = self->pendings, *next; pending; pending = next) {
        next = pending->hh.next;
        const int64_t until_us = pending->rejected_us ? pending->rejected_us + REJECTED_KEEP_US
                                                      : pending->row.expires_us;
        if (now.utc_us >= until_us)
            BG_TRY (remove_row (self, pending, false, err));
    }
    return bg_ok ();
}

/*  ---- the question ----  */

/*  The authority that the machine has pinned, else the current one: its chain is what it gets when it is approved.  */
static bg_result pinned_authority (
    broker_request *request, bg_slice pinned, uint8_t hash[32], bg_error *err)
{
    broker_core *self = request->core;
    uint64_t version = 0;
    memcpy (hash, wire_keyring_hash (self->keyring), 32);
    if (pinned.size == 0)
        return bg_ok ();
    if (pinned.size != 32)
        return bg_fail (err, BG_INVALID, "the hash of an authority has 32 bytes");
    BG_TRY (broker_authority_version_of (self, pinned.data, &version, err));
    if (version == 0) {
        bg_ignore (bg_fail (err, BG_CONFLICT,
            "this broker has another authority than the one that this machine has pinned"));
        return bg_hint (err, "enlist again, and compare the code again");
    }
    memcpy (hash, pinned.data, 32);
    return bg_ok ();
}

static int64_t again_us (const broker_request *request, const broker_pending *pending)
{
    const int64_t age_us = pending ? request->now.utc_us - pending->row.asked_us : 0;
    const int64_t wait_us = age_us / 15;
    if (wait_us < AGAIN_LEAST_US)
        return AGAIN_LEAST_US;
    return wait_us > AGAIN_MOST_US ? AGAIN_MOST_US : wait_us;
}

static void answer_pending (broker_request *request, const wire_enlist_ask *ask,
    const uint8_t hash[32], const broker_pending *pending)
{
    const broker_core *self = request->core;
    wire_enlist_pending answer = {.installation = self->settings.installation,
        .broker = self->settings.name,
        .listed = pending != NULL,
        .again_us = (uint64_t) again_us (request, pending),
        .expires_us = pending ? pending->row.expires_us : 0,
        .time_us = request->now.utc_us,
        .level = WIRE_LEVEL};
    memcpy (answer.authority_hash, hash, sizeof answer.authority_hash);
    broker_stranger_nonce (request, &ask->sign_key, answer.nonce);
    broker_answer (request, WIRE_ENLIST_PENDING, &answer);
}

static bg_result answer_approved (
    broker_request *request, broker_target *target, const uint8_t hash[32], bg_error *err)
{
    broker_core *self = request->core;
    wire_enlist_approved answer = {.has_membership = true,
        .documents = target->rows,
        .time_us = request->now.utc_us,
        .endpoints = self->settings.endpoints,
        .endpoints_count = self->settings.endpoint_count};
    uint64_t version = 0;
    bool more = false;
    BG_TRY (broker_authority_version_of (self, hash, &version, err));
    BG_TRY (broker_authority_versions (self, version, AUTHORITY_BYTES, request->arena,
        &answer.authority, &answer.authority_count, &more, err));
    if (bg_failed (WIRE_DECODE (signed, target->membership_bytes, WIRE_AS_MESSAGE, request->arena,
            &answer.membership, err)))
        return broker_stored_badly (err, "a membership");
    if (target->marks.last_poll_us != 0) {
        /*  It enlists again as what it is: it knows of nothing, so no outcome of before will come.  */
        broker_execution_lost (self, request->now, target);
        BG_TRY (broker_open_runs_forget (self, target, err));
    }
    broker_answer (request, WIRE_ENLIST_APPROVED, &answer);
    return bg_ok ();
}

/*  Who was rejected a while ago makes room: nobody is kept from asking by those who may not.  */
static bg_result make_room (broker_core *self, bg_error *err)
{
    broker_pending *oldest = NULL;
    for (broker_pending *pending = self->pendings; pending; pending = pending->hh.next)
        if (pending->rejected_us != 0 && (!oldest || pending->rejected_us < oldest->rejected_us))
            oldest = pending;
    return oldest ? remove_row (self, oldest, false, err) : bg_ok ();
}

static bg_result check_room (broker_request *request, bg_error *err)
{
    broker_core *self = request->core;
    const bg_slice address = request->message->address;
    size_t here = 0;
    for (const broker_pending *pending = self->pendings; pending; pending = pending->hh.next)
        here += pending->rejected_us == 0 && bg_slice_equal (pending->row.address, address);
    if (here >= PENDING_OF_ONE) {
        bg_ignore (bg_fail (err, BG_OVERLOADED,
            "%d machines at the address %.*s wait for approval already", PENDING_OF_ONE,
            BG_SLICE_ARG (address)));
        return bg_hint (err, "approve or reject them first, or use a token");
    }
    if (HASH_COUNT (self->pendings) >= PENDING_MAX)
        BG_TRY (make_room (self, err));
    if (HASH_COUNT (self->pendings) < PENDING_MAX)
        return bg_ok ();
    bg_ignore (bg_fail (err, BG_OVERLOADED, "%d machines wait for approval already", PENDING_MAX));
    return bg_hint (err, "an administrator looks at them with: bugle target pending");
}

/*  Facts are for people: what is larger than a label word is left out.  */
static void take_facts (broker_request *request, const wire_enlist_ask *ask, wire_pending_row *row)
{
    row->facts = bg_arena_array (request->arena, wire_pair, ask->facts_count + 1);
    for (size_t i = 0; i < ask->facts_count; i++)
        if (ask->facts[i].key.size <= FACT_BYTES_MAX && ask->facts[i].value.size <= FACT_BYTES_MAX)
            row->facts[row->facts_count++] = ask->facts[i];
}

/*  Who waits already goes on waiting.  */
static bg_result check_wanted (const broker_core *self, bg_error *err)
{
    if (broker_core_setting (self, BROKER_SET_ENLIST_PENDING) != 0)
        return bg_ok ();
    bg_ignore (
        bg_fail (err, BG_NOT_ALLOWED, "this broker enlists machines that have a token only"));
    return bg_hint (err, "ask for one: bugle token create; or: bugle broker set enlist-pending on");
}

static bg_result list (broker_request *request, const wire_enlist_ask *ask, const uint8_t hash[32],
    broker_pending **pending_p, bg_error *err)
{
    broker_core *self = request->core;
    broker_pending *pending = pending_of (self, &request->message->peer);
    wire_pending_row row = {.name = ask->name,
        .sign_key = ask->sign_key,
        .curve_key = request->message->peer,
        .asked_us = request->now.utc_us,
        .seen_us = request->now.utc_us,
        .expires_us = request->now.utc_us + PENDING_KEEP_US,
        .address = request->message->address,
        .location = ask->location,
        .zone = ask->zone,
        .version = ask->version};
    memcpy (row.authority_hash, hash, sizeof row.authority_hash);
    take_facts (request, ask, &row);
    if (!pending) {
        BG_TRY (check_wanted (self, err));
        BG_TRY (check_room (request, err));
        row.target = broker_make_id (self, request->now);
        row.number = broker_number_take (self);
        pending = add (self, &row);
        broker_log (self, BROKER_LOG_NOTICE, "enlist-pending", "%.*s asks from %.*s",
            BG_SLICE_ARG (row.name), BG_SLICE_ARG (row.address));
        *pending_p = pending;
        return store_row (self, pending, err);
    }
    row.target = pending->row.target;
    row.number = pending->row.number;
    row.asked_us = pending->row.asked_us;
    /*  The times alone are written now and then.  */
    wire_pending_row same = row;
    same.seen_us = pending->row.seen_us;
    same.expires_us = pending->row.expires_us;
    const bool is_same = wire_equal (&wire_desc_pending_row, &same, &pending->row);
    set_row (pending, &row);
    *pending_p = pending;
    return is_same && row.seen_us - pending->stored_us < SEEN_WRITE_US
               ? bg_ok ()
               : store_row (self, pending, err);
}

/*  Whom the asking machine is already, if anybody. Its name may be another one than it asked for as long as it has
    never been here: the admin gave it.  */
static bg_result member_of (
    broker_request *request, const wire_enlist_ask *ask, broker_target **member, bg_error *err)
{
    broker_target *target = broker_target_with_key (request->core, &request->message->peer);
    *member = NULL;
    if (target && broker_target_is_member (target) && target->marks.last_poll_us == 0 &&
        bg_key_equal (&target->sign_key, &ask->sign_key)) {
        *member = target;
        return bg_ok ();
    }
    return broker_enlist_same (request, &ask->sign_key, ask->name, member, err);
}

static bg_result check_not_rejected (broker_request *request, bg_error *err)
{
    const broker_pending *pending = pending_of (request->core, &request->message->peer);
    if (!pending || pending->rejected_us == 0)
        return bg_ok ();
    bg_ignore (bg_fail (err, BG_REJECTED, "an administrator rejected the enlistment of '%.*s'",
        BG_SLICE_ARG (pending->row.name)));
    return bg_hint (err, "ask the administrator, or for a token: bugle token create");
}

bg_result broker_on_enlist_ask (broker_request *request, bg_error *err)
{
    const wire_enlist_ask *ask = request->body;
    static const uint8_t no_membership[32];
    uint8_t hash[32];
    bool is_fresh = false;
    broker_target *member = NULL;
    broker_pending *pending = NULL;
    BG_TRY (broker_enlist_level (request->core, ask->level_low, ask->level_high, err));
    BG_TRY (job_target_name_valid (ask->name, err));
    BG_TRY (pinned_authority (request, ask->authority_hash, hash, err));
    if (ask->has_proof)
        BG_TRY (broker_stranger_proof (
            request, &ask->proof, &ask->sign_key, ask->nonce, no_membership, &is_fresh, err));
    if (!is_fresh) {
        answer_pending (request, ask, hash, NULL);
        return bg_ok ();
    }
    BG_TRY (member_of (request, ask, &member, err));
    if (member)
        return answer_approved (request, member, hash, err);
    BG_TRY (check_not_rejected (request, err));
    BG_TRY (list (request, ask, hash, &pending, err));
    answer_pending (request, ask, hash, pending);
    return bg_ok ();
}

/*  ---- approved ----  */

bg_result broker_pending_check (const broker_core *self, const broker_pending *pending,
    const wire_membership *membership, bg_error *err)
{
    const wire_pending_row *row = &pending->row;
    if (membership->state != WIRE_MEMBER)
        return bg_fail (err, BG_INVALID, "who asks to be enlisted is approved as a member");
    if (membership->number != row->number ||
        !bg_key_equal (&membership->sign_key, &row->sign_key) ||
        !bg_key_equal (&membership->curve_key, &row->curve_key)) {
        bg_ignore (bg_fail (err, BG_CONFLICT, "the machine that asks as '%.*s' has other keys now",
            BG_SLICE_ARG (row->name)));
        return bg_hint (err, "compare its code again: bugle target pending");
    }
    if (broker_target_at (self, (uint32_t) row->number) ||
        broker_target_with_key (self, &row->curve_key))
        return bg_fail (err, BG_CONFLICT, "the machine that asks as '%.*s' is a target by now",
            BG_SLICE_ARG (row->name));
    if (broker_target_named (self, membership->name)) {
        bg_ignore (bg_fail (err, BG_EXISTS, "the name '%.*s' is taken by another target",
            BG_SLICE_ARG (membership->name)));
        return bg_hint (
            err, "approve it as another one with --name, or let the other one defect first");
    }
    return job_target_name_valid (membership->name, err);
}

bg_result broker_pending_approve (broker_request *request, broker_pending *pending,
    const wire_verified *verified, const wire_signed *document, broker_target **target_p,
    bg_error *err)
{
    broker_core *self = request->core;
    const wire_membership *membership = verified->body;
    BG_AUTO_BUF bytes = {0};
    wire_encode (&wire_desc_signed, document, &bytes);
    const broker_target_marks marks = {.zone = pending->row.zone,
        .version = pending->row.version,
        .facts = broker_facts_text (pending->row.facts, pending->row.facts_count, request->arena)};
    const broker_target_record record = {.number = (uint32_t) membership->number,
        .id = membership->target,
        .name = membership->name,
        .sign_key = membership->sign_key,
        .curve_key = membership->curve_key,
        .membership_version = verified->document.version,
        .membership_revision = 1,
        .membership_state = WIRE_DELIVERY_PENDING,
        .membership = bg_buf_slice (&bytes),
        .membership_us = request->now.utc_us,
        .enlisted_by = request->login->name,
        .enlisted_us = request->now.utc_us};
    BG_TRY (broker_target_load (self, &record, &marks, target_p, err));
    BG_TRY (broker_target_store (self, *target_p, err));
    broker_target_dirty (self, *target_p);
    broker_deliver_readdress (self, *target_p);
    broker_target_admit (self, *target_p);
    broker_log (self, BROKER_LOG_NOTICE, "target-enlisted", "%s, number %u, approved by %.*s",
        (*target_p)->name, (*target_p)->number, BG_SLICE_ARG (request->login->name));
    return remove_row (self, pending, true, err);
}

/*  ---- rejected ----  */

static bg_result reject (
    broker_core *self, broker_pending *pending, bg_now now, const wire_login *login, bg_error *err)
{
    pending->rejected_us = now.utc_us;
    broker_log (self, BROKER_LOG_NOTICE, "enlist-rejected", "%.*s at %.*s, by %.*s",
        BG_SLICE_ARG (pending->row.name), BG_SLICE_ARG (pending->row.address),
        BG_SLICE_ARG (login->name));
    return store_row (self, pending, err);
}

bg_result broker_request_reject (broker_request *request, const wire_request *ask,
    const wire_login *signer, bool dry_run, wire_done *answer, bg_error *err)
{
    broker_core *self = request->core;
    bg_id *ids = bg_arena_array (request->arena, bg_id, ask->ids_count + 1);
    if (ask->ids_count == 0)
        return bg_fail (err, BG_INVALID, "whom to reject is not said");
    for (size_t i = 0; i < ask->ids_count; i++) {
        BG_TRY (bg_id_parse (ask->ids[i], &ids[i], err));
        if (!broker_pending_with_id (self, ids[i])) {
            bg_ignore (bg_fail (err, BG_NOT_FOUND, "no machine asks under the id %.*s any more",
                BG_SLICE_ARG (ask->ids[i])));
            return bg_hint (err, "see: bugle target pending");
        }
    }
    for (size_t i = 0; !dry_run && i < ask->ids_count; i++) {
        broker_pending *pending = broker_pending_with_id (self, ids[i]);
        if (pending) /*  the same id may stand there twice  */
            BG_TRY (reject (self, pending, request->now, signer, err));
    }
    answer->count = ask->ids_count;
    answer->text = bg_slice_str ("machines were rejected");
    return bg_ok ();
}

/*  ---- looking ----  */

static int by_id (const void *a, const void *b)
{
    const broker_pending *const *one = a;
    const broker_pending *const *other = b;
    return memcmp (
        (*one)->row.target.bytes, (*other)->row.target.bytes, sizeof (*one)->row.target.bytes);
}

bg_result broker_on_pending_query (broker_request *request, bg_error *err)
{
    (void) err;
    const wire_pending_query *query = request->body;
    const broker_core *self = request->core;
    const size_t limit = query->limit ? query->limit : PENDING_MAX;
    const broker_pending **sorted =
        bg_arena_array (request->arena, const broker_pending *, HASH_COUNT (self->pendings) + 1);
    size_t count = 0, bytes = 0;
    for (const broker_pending *pending = self->pendings; pending; pending = pending->hh.next)
        if (pending->rejected_us == 0 &&
            memcmp (pending->row.target.bytes, query->after.bytes, sizeof query->after.bytes) > 0)
            sorted[count++] = pending;
    if (count > 1)
        qsort (sorted, count, sizeof *sorted, by_id);
    wire_pending answer = {.rows = bg_arena_array (request->arena, wire_pending_row, count + 1)};
    for (size_t i = 0; i < count && answer.rows_count < limit; i++) {
        BG_AUTO_BUF encoded = {0};
        wire_pending_row *row = &answer.rows[answer.rows_count];
        *row = sorted[i]->row;
        row->name_taken = broker_target_named (self, row->name) != NULL;
        wire_encode (&wire_desc_pending_row, row, &encoded);
        bytes += encoded.size;
        if (bytes > BROKER_PAGE_BYTES)
            break;
        answer.rows_count++;
    }
    answer.more = answer.rows_count < count;
    broker_answer (request, WIRE_PENDING, &answer);
    return bg_ok ();
}
