/*  Verification of documents, deeds, tokens, attestations: see trust.h for the order and the codes.

    Nothing inside signed bytes is looked at before a signature over them holds, with two exceptions that end in a
    refusal or lead to another signature: `needs` of something signed by an unknown key (waiting instead of refused),
    and the token inside a membership, which names the key that must have signed it.
*/
#include "proto/keyring_private.h"

#include "common/job/names.h"
#include "common/job/selector.h"
#include "proto/audience.h"

#include <inttypes.h>

static bg_result waiting (const wire_keyring *keyring, uint64_t authority, bg_error *err)
{
    return bg_fail (err, BG_WAITING, "it needs authority version %" PRIu64 ", here is %" PRIu64,
        authority, wire_keyring_version (keyring));
}

static bg_result check_installation (const wire_keyring *keyring, bg_id installation, bg_error *err)
{
    if (bg_id_equal (installation, wire_keyring_installation (keyring)))
        return bg_ok ();
    return bg_fail (err, BG_WRONG_INSTALLATION, "made for another installation");
}

static bool is_time (int64_t time_us)
{
    return time_us >= 0 && time_us < WIRE_TIME_MAX_US;
}

/*  ---- what binds the key of a document to what it says ----  */

typedef struct {
    const wire_keyring *keyring;
    const wire_document *document;
    const void *body;
    bg_error *err;
} binding;

static bg_result check_key (const binding *self, bg_id expected, bg_slice name)
{
    if (bg_id_equal (self->document->key, expected))
        return bg_ok ();
    return bg_fail (self->err, BG_INVALID, "the key of the %s is not that of %.*s",
        wire_type_word (self->document->type), BG_SLICE_ARG (name));
}

bool wire_is_one_shot (const wire_document *document, const wire_job *job)
{
    return job->max_starts == 1 && job->schedules_count == 0 && document->not_after_us > 0 &&
           !bg_id_is_zero (document->key) &&
           !bg_id_equal (
               document->key, wire_document_key (document->installation, WIRE_TYPE_JOB, job->name));
}

static bg_result bind_job (const binding *self, bg_slice *name)
{
    const wire_job *job = self->body;
    BG_TRY (job_object_name_valid (job->name, self->err));
    *name = job->name;
    if (wire_is_one_shot (self->document, job))
        return bg_ok ();
    return check_key (self,
        wire_document_key (self->document->installation, WIRE_TYPE_JOB, job->name), job->name);
}

/*  Schedules and calendars are for whoever has a job that uses them: they name no audience, and the
    role is all that is asked of who signs them.  */
static bg_result bind_schedule (const binding *self, bg_slice *name)
{
    const wire_schedule *schedule = self->body;
    BG_TRY (job_object_name_valid (schedule->spec.name, self->err));
    if (schedule->spec.kind == WIRE_SCHEDULE_USE)
        return bg_fail (self->err, BG_INVALID, "the schedule %.*s uses another one itself",
            BG_SLICE_ARG (schedule->spec.name));
    *name = schedule->spec.name;
    return check_key (
        self, wire_document_key (self->document->installation, WIRE_TYPE_SCHEDULE, *name), *name);
}

static bg_result bind_calendar (const binding *self, bg_slice *name)
{
    const wire_calendar *calendar = self->body;
    BG_TRY (job_object_name_valid (calendar->name, self->err));
    *name = calendar->name;
    return check_key (
        self, wire_document_key (self->document->installation, WIRE_TYPE_CALENDAR, *name), *name);
}

/*  Switches and withdrawals are of jobs, schedules and calendars; a calendar has no switch.  */
static bg_result check_object_type (const binding *self, uint64_t object_type)
{
    if (object_type == WIRE_TYPE_JOB || object_type == WIRE_TYPE_SCHEDULE ||
        (object_type == WIRE_TYPE_CALENDAR && self->document->type == WIRE_TYPE_WITHDRAWAL))
        return bg_ok ();
    return bg_fail (self->err, BG_NOT_IN_VERSION,
        "a %s of an object of type %" PRIu64 " is not in this version",
        wire_type_word (self->document->type), object_type);
}

/*  The switch of a target: its poll interval. Target and switch go by the target's id, which stays when the name does
    not.  */
static bg_result bind_target_switch (const binding *self, const wire_switch *flip, bg_slice *name)
{
    BG_TRY (job_target_name_valid (flip->object_name, self->err));
    if (flip->disabled || flip->until_us)
        return bg_fail (self->err, BG_NOT_IN_VERSION, "disabling a target is not in this version");
    if (flip->poll_us && (flip->poll_us < WIRE_POLL_MIN_US || flip->poll_us > WIRE_POLL_MAX_US))
        return bg_fail (self->err, BG_INVALID, "a target polls every 10 s to 8 h");
    *name = flip->object_name;
    bg_id_string id = bg_id_text (flip->object_key);
    return check_key (self,
        wire_switch_key (
            self->document->installation, WIRE_TYPE_MEMBERSHIP, bg_slice_str (id.text)),
        flip->object_name);
}

static bg_result bind_switch (const binding *self, bg_slice *name)
{
    const wire_switch *flip = self->body;
    if (flip->object_type == WIRE_TYPE_MEMBERSHIP)
        return bind_target_switch (self, flip, name);
    BG_TRY (check_object_type (self, flip->object_type));
    bg_id installation = self->document->installation;
    bg_id object_key =
        wire_document_key (installation, (wire_type) flip->object_type, flip->object_name);
    if (!bg_id_equal (flip->object_key, object_key))
        return bg_fail (self->err, BG_INVALID, "the object's key in the switch is not that of %.*s",
            BG_SLICE_ARG (flip->object_name));
    *name = flip->object_name;
    return check_key (self,
        wire_switch_key (installation, (wire_type) flip->object_type, flip->object_name),
        flip->object_name);
}

static bg_result bind_withdrawal (const binding *self, bg_slice *name)
{
    const wire_withdrawal *gone = self->body;
    BG_TRY (check_object_type (self, gone->object_type));
    *name = gone->object_name;
    return check_key (self,
        wire_document_key (
            self->document->installation, (wire_type) gone->object_type, gone->object_name),
        gone->object_name);
}

static bg_result bind_membership (const binding *self, bg_slice *name)
{
    const wire_membership *member = self->body;
    BG_TRY (job_target_name_valid (member->name, self->err));
    if (bg_id_is_zero (member->target) || !bg_id_equal (member->target, self->document->key))
        return bg_fail (self->err, BG_INVALID,
            "the key of the membership of %.*s is not its target id", BG_SLICE_ARG (member->name));
    if (member->state != WIRE_MEMBER && member->state != WIRE_DEFECTED_MEMBER)
        return bg_fail (self->err, BG_INVALID, "the membership of %.*s has no state",
            BG_SLICE_ARG (member->name));
    if (bg_key_is_zero (&member->sign_key) || bg_key_is_zero (&member->curve_key))
        return bg_fail (self->err, BG_INVALID, "the membership of %.*s has no keys",
            BG_SLICE_ARG (member->name));
    for (size_t i = 0; i < member->groups_count; i++)
        BG_TRY (job_group_name_valid (member->groups[i], self->err));
    for (size_t i = 0; i < member->labels_count; i++) {
        if (!job_label_word_valid (member->labels[i].key) ||
            !job_label_word_valid (member->labels[i].value))
            return bg_fail (self->err, BG_INVALID,
                "label %.*s of the membership is not well-formed",
                BG_SLICE_ARG (member->labels[i].key));
    }
    *name = member->name;
    return bg_ok ();
}

typedef struct {
    wire_type type;
    uint64_t role;
    const char *what;
    bg_result (*bind) (const binding *self, bg_slice *name);
} document_rule;

static const document_rule rules[] = {
    {WIRE_TYPE_MEMBERSHIP, WIRE_ROLE_ADMIN, "a membership", bind_membership},
    {WIRE_TYPE_JOB, WIRE_ROLE_AUTHOR, "a job", bind_job},
    {WIRE_TYPE_SCHEDULE, WIRE_ROLE_AUTHOR, "a schedule", bind_schedule},
    {WIRE_TYPE_CALENDAR, WIRE_ROLE_AUTHOR, "a calendar", bind_calendar},
    {WIRE_TYPE_SWITCH, WIRE_ROLE_OPERATOR, "a switch", bind_switch},
    {WIRE_TYPE_WITHDRAWAL, WIRE_ROLE_AUTHOR, "a withdrawal", bind_withdrawal},
};

static const document_rule *rule_of (uint64_t type)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if ((uint64_t) rules[i].type == type)
            return &rules[i];
    }
    return NULL;
}

/*  ---- documents ----  */

/*  Strict decode of the whole document into out, and its installation.  */
static bg_result open_document (const wire_keyring *keyring, const wire_signed *document,
    bg_arena *arena, wire_verified *out, bg_error *err)
{
    BG_TRY (wire_document_decode (document, arena, &out->document, err));
    const wire_type_row *row = wire_type_find (document->type);
    out->desc = row->desc;
    out->body = bg_arena_alloc (arena, row->desc->size);
    BG_TRY (wire_decode (row->desc, out->document.body, WIRE_AS_SIGNED, arena, out->body, err));
    if (!is_time (out->document.not_after_us))
        return bg_fail (err, BG_INVALID, "it is valid until a time that does not exist");
    return check_installation (keyring, out->document.installation, err);
}

static bg_result bind_document (
    const wire_keyring *keyring, const document_rule *rule, wire_verified *out, bg_error *err)
{
    binding self = {keyring, &out->document, out->body, err};
    return rule->bind (&self, &out->name);
}

static bool same_texts (const bg_slice *a, size_t a_count, const bg_slice *b, size_t b_count)
{
    for (size_t i = 0; i < a_count && i < b_count; i++) {
        if (!bg_slice_equal (a[i], b[i]))
            return false;
    }
    return a_count == b_count;
}

static bool same_pairs (const wire_pair *a, size_t a_count, const wire_pair *b, size_t b_count)
{
    for (size_t i = 0; i < a_count && i < b_count; i++) {
        if (!wire_equal (&wire_desc_pair, &a[i], &b[i]))
            return false;
    }
    return a_count == b_count;
}

/*  A membership signed by a token says what the token's record says, and nothing more.  */
static bg_result check_record (
    const wire_membership *member, const wire_token *record, bg_error *err)
{
    if (!job_name_matches (record->names, member->name))
        return bg_fail (err, BG_TOKEN, "the token is for names like %.*s, not for %.*s",
            BG_SLICE_ARG (record->names), BG_SLICE_ARG (member->name));
    if (!same_texts (member->groups, member->groups_count, record->groups, record->groups_count))
        return bg_fail (err, BG_TOKEN, "the groups of %.*s are not those of its token",
            BG_SLICE_ARG (member->name));
    if (!same_pairs (member->labels, member->labels_count, record->labels, record->labels_count))
        return bg_fail (err, BG_TOKEN, "the labels of %.*s are not those of its token",
            BG_SLICE_ARG (member->name));
    if (record->location.size > 0 && !bg_slice_equal (record->location, member->location))
        return bg_fail (err, BG_TOKEN, "the location of %.*s is not that of its token",
            BG_SLICE_ARG (member->name));
    if (member->variables_count > 0 || member->state != WIRE_MEMBER)
        return bg_fail (
            err, BG_TOKEN, "a membership by token has no variables and begins as a member");
    return bg_ok ();
}

/*  A login signed the token's record, the token signed the membership.  */
static bg_result verify_token_chain (const wire_keyring *keyring, const wire_signed *document,
    const wire_crypto *crypto, bg_arena *arena, wire_verified *out, bg_error *err)
{
    wire_signers unlisted = {.unlisted = 1};
    if (bg_failed (open_document (keyring, document, arena, out, err)))
        return wire_signers_refuse (keyring, &unlisted, err);
    const wire_membership *member = out->body;
    if (!member->has_token)
        return wire_signers_refuse (keyring, &unlisted, err);
    wire_token record;
    const wire_login *login = NULL;
    bg_result result =
        wire_verify_token (keyring, &member->token, crypto, arena, &record, &login, err);
    if (bg_failed (result)) {
        if (err)
            (void) bg_prefix (err, "the token of the membership");
        return result;
    }
    bool is_signed = false;
    for (size_t i = 0; i < document->sigs_count; i++)
        is_signed |= wire_verify_one (crypto, WIRE_TYPE_MEMBERSHIP, out->document.installation,
            document->bytes, &document->sigs[i], &record.token_key);
    if (!is_signed)
        return bg_fail (
            err, BG_BAD_SIGNATURE, "the membership is not signed by the token that it carries");
    if (out->document.version != 1)
        return bg_fail (err, BG_NOT_ALLOWED, "a token signs only version 1 of a membership");
    out->provisional = true;
    return check_record (member, &record, err);
}

/*  No signature counts: waiting when the document itself says that it needs a newer authority.  */
static bg_result refuse_document (const wire_keyring *keyring, const wire_signed *document,
    const wire_signers *signers, bg_error *err)
{
    BG_AUTO_ARENA arena = {0};
    wire_document fixed;
    if (!signers->broken && bg_is_ok (wire_document_decode (document, &arena, &fixed, NULL)) &&
        fixed.has_needs && fixed.needs.authority > wire_keyring_version (keyring))
        return waiting (keyring, fixed.needs.authority, err);
    return wire_signers_refuse (keyring, signers, err);
}

static bg_result verify_document (const wire_keyring *keyring, const wire_signed *document,
    const wire_crypto *crypto, bg_arena *arena, wire_verified *out, bg_error *err)
{
    const document_rule *rule = rule_of (document->type);
    if (!rule && wire_type_find (document->type))
        return bg_fail (
            err, BG_INVALID, "%s is not a document of targets", wire_type_word (document->type));
    BG_TRY (wire_envelope_check (document, rule ? rule->type : WIRE_TYPE_JOB, err));
    wire_signers signers = wire_signers_collect (keyring, document, crypto);
    if (signers.valid_count > 0) {
        BG_TRY (open_document (keyring, document, arena, out, err));
        BG_TRY (wire_signers_choose (keyring, &signers, rule->role, rule->what, &out->signer, err));
        return bind_document (keyring, rule, out, err);
    }
    bg_result refusal = refuse_document (keyring, document, &signers, err);
    if (rule->type != WIRE_TYPE_MEMBERSHIP || signers.broken || refusal.code == BG_WAITING)
        return refusal;
    BG_TRY (verify_token_chain (keyring, document, crypto, arena, out, err));
    return bind_document (keyring, rule, out, err);
}

bg_result wire_verify_document_asked (const wire_keyring *keyring, const wire_signed *document,
    const wire_crypto *crypto, bg_arena *arena, wire_verified *out, bg_error *err)
{
    wire_verified verified = {0};
    BG_TRY (verify_document (keyring, document, crypto, arena, &verified, err));
    wire_hash32 (document->bytes, verified.hash);
    *out = verified;
    return bg_ok ();
}

static bg_result check_meant (bool dry_run, bg_error *err)
{
    return dry_run ? bg_fail (err, BG_NOT_ALLOWED, "it was signed for a dry run and counts nowhere")
                   : bg_ok ();
}

bg_result wire_verify_document (const wire_keyring *keyring, const wire_signed *document,
    const wire_crypto *crypto, bg_arena *arena, wire_verified *out, bg_error *err)
{
    wire_verified verified;
    BG_TRY (wire_verify_document_asked (keyring, document, crypto, arena, &verified, err));
    BG_TRY (check_meant (verified.document.dry_run, err));
    *out = verified;
    return bg_ok ();
}

bool wire_is_signed (
    const wire_keyring *keyring, const wire_signed *item, const wire_crypto *crypto)
{
    const wire_type_row *row = wire_type_find (item->type);
    return row && bg_is_ok (wire_envelope_check (item, row->type, NULL)) &&
           wire_signers_collect (keyring, item, crypto).valid_count > 0;
}

/*  ---- deeds ----  */

/*  A START or STOP names its job, by key and name. One-shot jobs have random keys.  */
static bg_result check_deed_job (const wire_deed *deed, bg_error *err)
{
    if (deed->has_document && deed->what != WIRE_DEED_START)
        return bg_fail (err, BG_INVALID, "only a START brings its job");
    const bool is_named = bg_id_equal (
        deed->job_key, wire_document_key (deed->installation, WIRE_TYPE_JOB, deed->job_name));
    const bool is_free =
        !bg_id_is_zero (deed->job_key) &&
        (deed->has_document || (deed->what == WIRE_DEED_STOP && !bg_id_is_zero (deed->exec)));
    if (is_free ? is_named && deed->has_document : !is_named)
        return bg_fail (err, BG_INVALID, "the job key in the deed is not that of %.*s",
            BG_SLICE_ARG (deed->job_name));
    return bg_ok ();
}

static bg_result check_deed (const wire_deed *deed, bg_error *err)
{
    const bool of_job = deed->what == WIRE_DEED_START || deed->what == WIRE_DEED_STOP;
    if (!of_job && deed->what != WIRE_DEED_POLL)
        return bg_fail (err, BG_NOT_IN_VERSION, "a deed %s is not in this version",
            wire_deed_word (deed->what) ? wire_deed_word (deed->what) : "of this number");
    if (bg_id_is_zero (deed->id))
        return bg_fail (err, BG_INVALID, "the deed has no id");
    if (wire_audience_is_empty (&deed->to))
        return bg_fail (err, BG_INVALID, "the deed is for nobody");
    if (deed->expires_us <= deed->issued_us || !is_time (deed->issued_us) ||
        !is_time (deed->expires_us) || deed->expires_us - deed->issued_us > WIRE_DEED_LIFE_MAX_US)
        return bg_fail (err, BG_INVALID, "a deed expires after it is issued, at most 7 days later");
    if (of_job)
        return check_deed_job (deed, err);
    if (!bg_id_is_zero (deed->job_key) || deed->job_name.size > 0 || deed->has_document)
        return bg_fail (err, BG_INVALID, "a POLL has no job");
    return bg_ok ();
}

static bg_result refuse_deed (const wire_keyring *keyring, const wire_signed *deed,
    const wire_signers *signers, bg_error *err)
{
    BG_AUTO_ARENA arena = {0};
    wire_deed inside;
    if (!signers->broken &&
        bg_is_ok (WIRE_DECODE (deed, deed->bytes, WIRE_AS_SIGNED, &arena, &inside, NULL)) &&
        inside.has_needs && inside.needs.authority > wire_keyring_version (keyring))
        return waiting (keyring, inside.needs.authority, err);
    return wire_signers_refuse (keyring, signers, err);
}

bg_result wire_verify_deed (const wire_keyring *keyring, const wire_signed *deed,
    const wire_crypto *crypto, bg_arena *arena, wire_deed *out, const wire_login **signer,
    bg_error *err)
{
    BG_TRY (wire_verify_deed_asked (keyring, deed, crypto, arena, out, signer, err));
    return check_meant (out->dry_run, err);
}

bg_result wire_verify_deed_asked (const wire_keyring *keyring, const wire_signed *deed,
    const wire_crypto *crypto, bg_arena *arena, wire_deed *out, const wire_login **signer,
    bg_error *err)
{
    BG_TRY (wire_envelope_check (deed, WIRE_TYPE_DEED, err));
    wire_signers signers = wire_signers_collect (keyring, deed, crypto);
    if (signers.valid_count == 0)
        return refuse_deed (keyring, deed, &signers, err);
    BG_TRY (WIRE_DECODE (deed, deed->bytes, WIRE_AS_SIGNED, arena, out, err));
    BG_TRY (check_installation (keyring, out->installation, err));
    BG_TRY (wire_signers_choose (keyring, &signers, WIRE_ROLE_OPERATOR, "a deed", signer, err));
    return check_deed (out, err);
}

bg_result wire_verify_one_shot (const wire_keyring *keyring, const wire_deed *deed,
    const wire_crypto *crypto, bg_arena *arena, wire_verified *out, bg_error *err)
{
    bg_assert (deed->has_document);
    if (deed->document.type != WIRE_TYPE_JOB)
        return bg_fail (err, BG_INVALID, "the START brings something that is not a job");
    wire_verified verified;
    BG_TRY (wire_verify_document (keyring, &deed->document, crypto, arena, &verified, err));
    const wire_job *job = verified.body;
    if (!wire_is_one_shot (&verified.document, job) ||
        !bg_id_equal (verified.document.key, deed->job_key) ||
        !bg_slice_equal (job->name, deed->job_name) ||
        !wire_equal (&wire_desc_audience, &job->audience, &deed->to))
        return bg_fail (err, BG_INVALID,
            "the job in the START is not a one-shot job of the same key, name and targets");
    *out = verified;
    return bg_ok ();
}

/*  ---- requests ----  */

bg_result wire_verify_request (const wire_keyring *keyring, const wire_signed *request,
    uint64_t role, const wire_crypto *crypto, bg_arena *arena, wire_request *out,
    const wire_login **signer, bg_error *err)
{
    BG_TRY (wire_envelope_check (request, WIRE_TYPE_REQUEST, err));
    wire_signers signers = wire_signers_collect (keyring, request, crypto);
    if (signers.valid_count == 0)
        return wire_signers_refuse (keyring, &signers, err);
    BG_TRY (WIRE_DECODE (request, request->bytes, WIRE_AS_SIGNED, arena, out, err));
    BG_TRY (check_installation (keyring, out->installation, err));
    BG_TRY (wire_signers_choose (keyring, &signers, role, "this request", signer, err));
    if (bg_id_is_zero (out->id) || !is_time (out->issued_us))
        return bg_fail (err, BG_INVALID, "the request has no id or no time");
    return bg_ok ();
}

/*  ---- tokens, attestations, proofs, leaves ----  */

bg_result wire_verify_token (const wire_keyring *keyring, const wire_signed *token,
    const wire_crypto *crypto, bg_arena *arena, wire_token *out, const wire_login **signer,
    bg_error *err)
{
    BG_TRY (wire_envelope_check (token, WIRE_TYPE_TOKEN, err));
    wire_signers signers = wire_signers_collect (keyring, token, crypto);
    if (signers.valid_count == 0)
        return wire_signers_refuse (keyring, &signers, err);
    BG_TRY (WIRE_DECODE (token, token->bytes, WIRE_AS_SIGNED, arena, out, err));
    BG_TRY (check_installation (keyring, out->installation, err));
    BG_TRY (wire_signers_choose (keyring, &signers, WIRE_ROLE_ADMIN, "a token", signer, err));
    if (bg_key_is_zero (&out->token_key) || out->uses == 0 || out->expires_us <= out->issued_us)
        return bg_fail (err, BG_INVALID, "the token has no key, no uses or no time");
    return job_name_pattern_valid (out->names, err);
}

/*  All of these keys have signed, and value is the struct of the type.  */
static bg_result verify_by (const wire_signed *self, wire_type type, bg_id installation,
    const bg_key *const *keys, size_t key_count, const wire_crypto *crypto, bg_arena *arena,
    void *value, bg_error *err)
{
    BG_TRY (wire_envelope_check (self, type, err));
    for (size_t k = 0; k < key_count; k++) {
        bool is_signed = false;
        for (size_t i = 0; i < self->sigs_count; i++)
            is_signed |=
                wire_verify_one (crypto, type, installation, self->bytes, &self->sigs[i], keys[k]);
        if (!is_signed)
            return bg_fail (err, BG_BAD_SIGNATURE, "the %s is not signed by the key that it takes",
                wire_type_word (type));
    }
    BG_TRY (
        wire_decode (wire_type_find (type)->desc, self->bytes, WIRE_AS_SIGNED, arena, value, err));
    bg_id inside;
    memcpy (
        &inside, value, sizeof inside); /*  the installation is the first field of all of them  */
    if (!bg_id_equal (inside, installation))
        return bg_fail (err, BG_WRONG_INSTALLATION, "made for another installation");
    return bg_ok ();
}

_Static_assert(offsetof (wire_attestation, installation) == 0, "first field");
_Static_assert(offsetof (wire_enlist_proof, installation) == 0, "first field");
_Static_assert(offsetof (wire_leave, installation) == 0, "first field");

bg_result wire_verify_attestation (const wire_keyring *keyring, const wire_signed *attestation,
    const wire_crypto *crypto, bg_arena *arena, wire_attestation *out, bg_error *err)
{
    const bg_key *key = wire_keyring_broker_sign_key (keyring);
    BG_TRY (verify_by (attestation, WIRE_TYPE_ATTESTATION, wire_keyring_installation (keyring),
        &key, 1, crypto, arena, out, err));
    if (!is_time (out->time_us))
        return bg_fail (err, BG_INVALID, "the attestation is of a time that does not exist");
    return bg_ok ();
}

bg_result wire_verify_proof (bg_id installation, const wire_signed *proof, const bg_key *token_key,
    const bg_key *sign_key, const wire_crypto *crypto, bg_arena *arena, wire_enlist_proof *out,
    bg_error *err)
{
    const bg_key *keys[] = {sign_key, token_key};
    const size_t count = token_key ? 2 : 1;
    return verify_by (proof, WIRE_TYPE_PROOF, installation, keys, count, crypto, arena, out, err);
}

bg_result wire_verify_leave (bg_id installation, const wire_signed *leave, const bg_key *sign_key,
    const wire_crypto *crypto, bg_arena *arena, wire_leave *out, bg_error *err)
{
    return verify_by (leave, WIRE_TYPE_LEAVE, installation, &sign_key, 1, crypto, arena, out, err);
}
