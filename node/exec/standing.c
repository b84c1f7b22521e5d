/*  Whom bugle-exec believes, and what time it is: the pinned anchor, the chain of authority
    versions, the target's own membership, and the broker's time as attested to a nonce of
    bugle-exec's own.

    Invariants: without an anchor there is no authority and no membership; authorities only
    follow one another by the rules of proto/trust.h; the membership's target never changes
    until the enlistment is forgotten.
*/
#include "node/exec/core_private.h"

#include <stdlib.h>

/*  ---- what it holds ----  */

static void drop_member (exec_core *self)
{
    bg_arena_fini (&self->member.arena);
    self->member = (exec_membership){0};
}

void exec_standing_fini (exec_core *self)
{
    wire_keyring_destroy (&self->keyring);
    for (size_t i = 0; i < self->authority_count; i++)
        exec_blob_free (&self->authorities[i].record);
    free (self->authorities);
    self->authorities = NULL;
    self->authority_count = 0;
    drop_member (self);
}

static void add_policy (const exec_policy *policy, bg_buf *out)
{
    bg_buf_printf (out, "%s %d %lld %d %u %u", policy->account, policy->root,
        (long long) policy->maximum_run_time_us, policy->has_hours, policy->hours_from,
        policy->hours_to);
    bg_buf_printf (out, " %u %lld", policy->runs, (long long) policy->lease_us);
    bg_buf_append (out, policy->words, policy->words_used);
    for (size_t i = 0; i < policy->proxy_count; i++) {
        const exec_proxy *proxy = &policy->proxies[i];
        bg_buf_printf (out, "\n%s %s %d %d %u %u %u %u", proxy->name, proxy->account, proxy->root,
            proxy->disabled, proxy->kinds, proxy->groups.count, proxy->logins.count, proxy->line);
    }
}

/*  A number that is the same as long as verdicts are: also over a restart of the same program.  */
static uint64_t inputs_of (const exec_core *self)
{
    BG_AUTO_BUF text = {0};
    uint8_t hash[32];
    bg_buf_printf (&text, "%s\n%d\n%s\n%d\n", self->config.version, self->has_policy,
        self->policy_problem, self->has_local);
    bg_buf_append (&text, self->local_key.bytes, sizeof self->local_key.bytes);
    if (self->has_policy)
        add_policy (&self->policy, &text);
    wire_hash32 (bg_buf_slice (&text), hash);
    return bg_read_u64 (hash) & INT64_MAX;
}

static wire_exec_standing describe (const exec_core *self)
{
    wire_exec_standing standing = {.anchored = self->is_anchored,
        .policy = self->has_policy,
        .policy_problem = bg_slice_str (self->policy_problem),
        .version = bg_slice_str (self->config.version),
        .time_known = self->attested.known,
        .open_runs = self->runs.count,
        .inputs = inputs_of (self)};
    if (self->has_local) {
        standing.local_key = self->local_key;
        standing.local_installation = self->local_installation;
    }
    if (self->keyring) {
        standing.installation = wire_keyring_installation (self->keyring);
        standing.authority = wire_keyring_version (self->keyring);
    }
    if (self->member.version) {
        standing.membership = self->member.version;
        standing.target = self->member.body.target;
    }
    return standing;
}

void exec_send_standing (exec_core *self, uint64_t peer, bg_id request)
{
    BG_AUTO_ARENA arena = {0};
    wire_exec_standing standing = describe (self);
    standing.policy_problem = wire_fit_text (standing.policy_problem, 512, true, &arena);
    exec_reply (self, peer, WIRE_EXEC_STANDING, request, &standing);
}

void exec_tell_standing (exec_core *self)
{
    exec_send_standing (self, self->node, (bg_id){{0}});
}

bg_result exec_require_member (const exec_core *self, bg_error *err)
{
    if (!self->is_anchored)
        return bg_fail (err, BG_NOT_ENLISTED, "this machine is not enlisted with a broker");
    if (!self->keyring)
        return bg_fail (err, BG_WAITING, "the broker's authority document has not arrived yet");
    if (!self->member.version)
        return bg_fail (err, BG_WAITING, "this target's membership document has not arrived yet");
    if (self->member.body.state != WIRE_MEMBER)
        return bg_fail (err, BG_NOT_ENLISTED, "this target has defected");
    return bg_ok ();
}

bg_result exec_require_newest (const exec_core *self, bg_error *err)
{
    const exec_attested *said = &self->attested;
    if (said->authority > wire_keyring_version (self->keyring))
        return bg_fail (err, BG_WAITING,
            "the broker has authority version %llu, and it has not arrived here",
            (unsigned long long) said->authority);
    if (said->membership > self->member.version)
        return bg_fail (err, BG_WAITING,
            "the broker has version %llu of this target's membership, and it has not arrived here",
            (unsigned long long) said->membership);
    return bg_ok ();
}

bg_result exec_require_storage (const exec_core *self, bg_error *err)
{
    if (self->storage_full)
        return bg_fail (err, BG_WAITING, "no space is left for the log of bugle-exec");
    return bg_ok ();
}

/*  ---- anchor ----  */

/*  What is the machine's own stays. Occurrences that were done stay done until they expire: a broker that still
    knows the machine enlists it as the target that it was, then they have the ids that they had, and a clock
    that is set back brings them again. Deeds of before an enlistment are refused by their time.  */
static void forget_enlistment (exec_core *self)
{
    for (size_t i = self->floors.count; i-- > 0;) {
        const exec_floor *floor = exec_table_at (&self->floors, i);
        if (!floor->is_local)
            exec_table_drop (&self->floors, floor->key);
    }
    for (size_t i = self->done.count; i-- > 0;) {
        const exec_done *done = exec_table_at (&self->done, i);
        if (!done->is_local && !done->is_occurrence)
            exec_table_drop (&self->done, done->id);
    }
    exec_buckets_forget (self);
    exec_spent_forget (self);
    self->stops.count = 0;
}

void exec_apply_anchor (exec_core *self, const wire_record_anchor *record)
{
    static const uint8_t none[32];
    exec_standing_fini (self);
    forget_enlistment (self);
    self->attested = (exec_attested){0};
    self->anchored_boot_us = 0;
    self->nonce.outstanding = false;
    self->is_anchored = memcmp (record->authority_hash, none, sizeof none) != 0;
    memcpy (self->anchor, record->authority_hash, sizeof self->anchor);
    exec_recount_runs (self);
}

bg_result exec_write_policy (exec_core *self, char note[256], bg_error *err)
{
    exec_policy policy;
    BG_TRY (self->ports.policy_write (self->ports.ctx, &policy, note, err));
    self->has_policy = true;
    self->policy = policy;
    self->policy_problem[0] = 0;
    return bg_ok ();
}

bg_result exec_anchor (
    exec_core *self, bg_now now, const wire_exec_anchor *anchor, char note[256], bg_error *err)
{
    static const uint8_t none[32];
    if (memcmp (anchor->authority_hash, none, sizeof none) == 0)
        return bg_fail (err, BG_INVALID, "an authority hash of zeros pins nothing");
    bool is_same = self->is_anchored &&
                   memcmp (self->anchor, anchor->authority_hash, sizeof self->anchor) == 0;
    bool has_left = self->member.version && self->member.body.state != WIRE_MEMBER;
    if (self->is_anchored && !is_same && self->member.version && !has_left) {
        bg_ignore (bg_fail (err, BG_ENLISTED, "this machine is already enlisted as %.*s",
            BG_SLICE_ARG (self->member.body.name)));
        return bg_hint (err, "defect first: bugle-node defect");
    }
    if (anchor->write_policy && !self->has_policy)
        BG_TRY (exec_write_policy (self, note, err));
    if (is_same && !has_left)
        return bg_ok ();
    wire_record_anchor record = {0};
    memcpy (record.authority_hash, anchor->authority_hash, sizeof record.authority_hash);
    exec_append (self, WIRE_RECORD_ANCHOR, &record, true);
    exec_apply_anchor (self, &record);
    self->anchored_boot_us = now.boot_us;
    self->nonce.due_mono_us = now.mono_us;
    exec_log (self, EXEC_SAY_NOTICE, "anchored", "policy=%s", self->has_policy ? "yes" : "no");
    return bg_ok ();
}

bg_result exec_forget (exec_core *self, bg_error *err)
{
    (void) err;
    if (!self->is_anchored)
        return bg_ok ();
    wire_record_anchor record = {0};
    exec_append (self, WIRE_RECORD_ANCHOR, &record, true);
    exec_apply_anchor (self, &record);
    exec_log (self, EXEC_SAY_NOTICE, "forgotten", "open-runs=%zu", self->runs.count);
    return bg_ok ();
}

/*  ---- authority and membership ----  */

static void hold_authority (
    exec_core *self, wire_keyring *keyring, const wire_record_document *record)
{
    wire_keyring_destroy (&self->keyring);
    self->keyring = keyring;
    self->authorities =
        bg_realloc (self->authorities, (self->authority_count + 1) * sizeof *self->authorities);
    exec_authority *item = &self->authorities[self->authority_count++];
    item->record = exec_blob (WIRE_RECORD_DOCUMENT, record);
    item->version = wire_keyring_version (keyring);
    memcpy (item->hash, wire_keyring_hash (keyring), sizeof item->hash);
}

static bg_result next_keyring (
    exec_core *self, const wire_signed *document, wire_keyring **keyring, bg_error *err)
{
    if (!self->keyring)
        return wire_keyring_first (document, self->anchor, self->ports.crypto, keyring, err);
    return wire_keyring_next (self->keyring, document, self->ports.crypto, keyring, err);
}

/*  An older version of the very chain that is held is no news and no fault.  */
static const exec_authority *known_authority (const exec_core *self, const wire_signed *document)
{
    uint8_t hash[32];
    wire_hash32 (document->bytes, hash);
    for (size_t i = 0; i < self->authority_count; i++) {
        if (memcmp (self->authorities[i].hash, hash, sizeof hash) == 0)
            return &self->authorities[i];
    }
    return NULL;
}

bg_result exec_take_authority (exec_core *self, bg_now now, const wire_signed *document,
    wire_exec_verdict *verdict, bg_error *err)
{
    (void) now;
    const exec_authority *known = known_authority (self, document);
    verdict->addressed = true;
    if (known) {
        verdict->version = known->version;
        return bg_ok ();
    }
    BG_TRY (exec_require_storage (self, err));
    wire_keyring *keyring = NULL;
    BG_TRY (next_keyring (self, document, &keyring, err));
    wire_record_document record = {.has_document = true, .document = *document};
    exec_append (self, WIRE_RECORD_DOCUMENT, &record, true);
    hold_authority (self, keyring, &record);
    verdict->version = wire_keyring_version (keyring);
    exec_log (
        self, EXEC_SAY_INFO, "authority", "version=%llu", (unsigned long long) verdict->version);
    return bg_ok ();
}

static void hold_member (exec_core *self, const wire_record_document *record, uint64_t version,
    const wire_membership *body)
{
    drop_member (self);
    BG_AUTO_BUF blob = {0};
    wire_inner_encode (WIRE_RECORD_DOCUMENT, (bg_id){{0}}, record, &blob);
    exec_membership *member = &self->member;
    member->record = bg_arena_copy (&member->arena, bg_buf_slice (&blob));
    member->version = version;
    wire_hash32 (record->document.bytes, member->hash);
    wire_copy (&wire_desc_membership, &member->arena, body, &member->body);
}

bg_result exec_take_membership (
    exec_core *self, const wire_signed *document, const wire_verified *verified, bg_error *err)
{
    const wire_membership *body = verified->body;
    const exec_membership *held = &self->member;
    if (held->version) {
        if (!bg_id_equal (body->target, held->body.target))
            return bg_fail (err, BG_WRONG_TARGET, "the membership is of target %s, this one is %s",
                bg_id_short (body->target).text, bg_id_short (held->body.target).text);
        if (verified->document.version < held->version)
            return bg_fail (err, BG_SUPERSEDED, "a newer membership is held");
        if (verified->document.version == held->version) {
            if (memcmp (verified->hash, held->hash, sizeof held->hash) == 0)
                return bg_ok ();
            return bg_fail (err, BG_FORK, "another membership of the same version is held");
        }
    }
    BG_TRY (exec_require_storage (self, err));
    wire_record_document record = {.has_document = true, .document = *document};
    exec_append (self, WIRE_RECORD_DOCUMENT, &record, true);
    hold_member (self, &record, verified->document.version, body);
    exec_log (self, EXEC_SAY_INFO, "membership", "name=%.*s number=%llu", BG_SLICE_ARG (body->name),
        (unsigned long long) body->number);
    return bg_ok ();
}

/*  The log is ours and checked; who signed the membership was verified when it was taken, and
    its signer may have left since.  */
static bg_result replay_membership (
    exec_core *self, const wire_record_document *record, bg_error *err)
{
    BG_AUTO_ARENA arena = {0};
    wire_document document;
    wire_membership body;
    BG_TRY (WIRE_DECODE (document, record->document.bytes, WIRE_AS_SIGNED, &arena, &document, err));
    BG_TRY (WIRE_DECODE (membership, document.body, WIRE_AS_SIGNED, &arena, &body, err));
    hold_member (self, record, document.version, &body);
    return bg_ok ();
}

bg_result exec_apply_document (exec_core *self, const wire_record_document *record, bg_error *err)
{
    bg_error why = {0};
    bg_result result = bg_ok ();
    if (!self->is_anchored)
        return bg_fail (err, BG_FOREIGN_FILE, "a document stands in the log before the anchor");
    if (record->document.type == WIRE_TYPE_MEMBERSHIP) {
        result = replay_membership (self, record, &why);
    } else {
        wire_keyring *keyring = NULL;
        result = next_keyring (self, &record->document, &keyring, &why);
        if (bg_is_ok (result))
            hold_authority (self, keyring, record);
    }
    if (bg_failed (result))
        return bg_fail (
            err, BG_FOREIGN_FILE, "a document of the log does not verify: %s", why.message);
    return bg_ok ();
}

/*  ---- attested time ----  */

bool exec_broker_time (const exec_core *self, bg_now now, int64_t *time_us)
{
    if (!self->attested.known)
        return false;
    *time_us = self->attested.time_us + (now.boot_us - self->attested.boot_us);
    return true;
}

int64_t exec_best_time (const exec_core *self, bg_now now)
{
    int64_t time_us = now.utc_us;
    (void) exec_broker_time (self, now, &time_us);
    return time_us;
}

bg_result exec_check_expiry (
    exec_core *self, bg_now now, int64_t expires_us, const char *what, bg_error *err)
{
    int64_t time_us = 0;
    if (!exec_broker_time (self, now, &time_us)) {
        self->nonce.wanted = true;
        return bg_fail (err, BG_WAITING,
            "%s expires, and the broker's time is not known since this machine started", what);
    }
    if (time_us > expires_us)
        return bg_fail (err, BG_EXPIRED, "%s expired %lld s ago", what,
            (long long) (time_us / BG_SEC (1) - expires_us / BG_SEC (1)));
    return bg_ok ();
}

static bg_result check_issue (
    const exec_core *self, int64_t time_us, const wire_deed *deed, const char *what, bg_error *err)
{
    if (deed->issued_us - EXEC_AHEAD_US > time_us)
        return bg_fail (err, BG_CLOCK, "%s was issued %lld s ahead of the broker's time", what,
            (long long) (deed->issued_us / BG_SEC (1) - time_us / BG_SEC (1)));
    if (deed->issued_us < self->attested.enlisted_us)
        return bg_fail (err, BG_WRONG_TARGET, "%s was issued before this target enlisted", what);
    return bg_ok ();
}

static bg_result unless_fresh (
    exec_core *self, bg_now now, bg_result result, const char *what, bg_error *err)
{
    bool is_fresh = now.boot_us - self->attested.boot_us <= EXEC_NONCE_LIFE_US;
    if (bg_is_ok (result) || result.code == BG_WAITING || is_fresh || !self->node)
        return result;
    self->nonce.wanted = true;
    return bg_fail (
        err, BG_WAITING, "the broker's time is asked for once more before %s is refused", what);
}

bg_result exec_check_fresh_expiry (
    exec_core *self, bg_now now, int64_t expires_us, const char *what, bg_error *err)
{
    return unless_fresh (
        self, now, exec_check_expiry (self, now, expires_us, what, err), what, err);
}

bg_result exec_check_deed_time (
    exec_core *self, bg_now now, const wire_deed *deed, const char *what, bg_error *err)
{
    int64_t time_us = 0;
    bg_result result = exec_check_expiry (self, now, deed->expires_us, what, err);
    if (bg_is_ok (result) && exec_broker_time (self, now, &time_us))
        result = check_issue (self, time_us, deed, what, err);
    return unless_fresh (self, now, result, what, err);
}

void exec_ask_time (exec_core *self, bg_now now)
{
    exec_nonce *nonce = &self->nonce;
    bool is_old = !nonce->outstanding || now.boot_us - nonce->sent_boot_us > EXEC_NONCE_LIFE_US;
    if (!self->node || !self->keyring || !self->member.version)
        return;
    if (now.mono_us < nonce->due_mono_us && !(nonce->wanted && is_old))
        return;
    self->ports.random (self->ports.ctx, nonce->bytes, sizeof nonce->bytes);
    nonce->outstanding = true;
    nonce->wanted = false;
    nonce->sent_boot_us = now.boot_us;
    nonce->due_mono_us =
        now.mono_us + (self->attested.known ? EXEC_NONCE_EVERY_US : EXEC_NONCE_LIFE_US);
    wire_exec_nonce message = {0};
    memcpy (message.nonce, nonce->bytes, sizeof message.nonce);
    exec_reply (self, self->node, WIRE_EXEC_NONCE, (bg_id){{0}}, &message);
}

void exec_apply_attested (exec_core *self, const wire_record_attested *record)
{
    exec_attested *held = &self->attested;
    held->known = bg_id_equal (record->boot, self->config.boot);
    held->time_us = record->time_us;
    held->boot_us = record->boot_time_us;
    held->boot = record->boot;
    held->term = record->term;
    held->position = record->position;
    held->authority = record->authority;
    held->membership = record->membership;
    held->enlisted_us = record->enlisted_us;
}

/*  The broker's time when this enlistment began, or rather before; follows a broker whose clock is set
    back, so that its deeds do not seem to be older than the enlistment.  */
static int64_t enlisted_time (const exec_core *self, const wire_attestation *said)
{
    const exec_attested *held = &self->attested;
    int64_t sent_us = self->nonce.sent_boot_us;
    if (held->boot_us == 0)
        return self->anchored_boot_us
                   ? said->time_us - (sent_us - self->anchored_boot_us) - EXEC_AHEAD_US
                   : 0;
    if (!held->known || held->enlisted_us == 0)
        return held->enlisted_us;
    int64_t back_us = held->time_us + (sent_us - held->boot_us) - said->time_us;
    return back_us > EXEC_NONCE_LIFE_US ? held->enlisted_us - back_us : held->enlisted_us;
}

/*  The answer proves that the broker's clock showed its time somewhere between nonce and
    answer. The nonce's end is taken: what has an expiry then ends rather too early, by a minute
    at most, than too late.  */
bg_result exec_attest (exec_core *self, bg_now now, const wire_signed *attestation, bg_error *err)
{
    BG_TRY (exec_require_member (self, err));
    BG_AUTO_ARENA arena = {0};
    wire_attestation body;
    BG_TRY (wire_verify_attestation (
        self->keyring, attestation, self->ports.crypto, &arena, &body, err));
    exec_nonce *nonce = &self->nonce;
    if (!bg_id_equal (body.target, self->member.body.target))
        return bg_fail (err, BG_WRONG_TARGET, "the attestation is for another target");
    if (!nonce->outstanding || body.exec_nonce.size != sizeof nonce->bytes ||
        memcmp (body.exec_nonce.data, nonce->bytes, sizeof nonce->bytes) != 0)
        return bg_fail (
            err, BG_STALE, "the attestation answers another nonce than the last one asked");
    nonce->outstanding = false;
    if (now.boot_us - nonce->sent_boot_us > EXEC_NONCE_LIFE_US) {
        nonce->due_mono_us = now.mono_us;
        return bg_fail (err, BG_STALE, "the answer took too long to tell the time");
    }
    bool is_higher = body.term > self->attested.term ||
                     (body.term == self->attested.term && body.position > self->attested.position);
    wire_record_attested record = {.time_us = body.time_us,
        .boot_time_us = nonce->sent_boot_us,
        .boot = self->config.boot,
        .term = is_higher ? body.term : self->attested.term,
        .position = is_higher ? body.position : self->attested.position,
        .authority = is_higher ? body.authority : self->attested.authority,
        .membership = is_higher ? body.membership : self->attested.membership,
        .enlisted_us = enlisted_time (self, &body)};
    exec_append (self, WIRE_RECORD_ATTESTED, &record, false);
    exec_apply_attested (self, &record);
    nonce->due_mono_us = now.mono_us + EXEC_NONCE_EVERY_US;
    return bg_ok ();
}
