/*  Verification of what a machine signs for itself: see local.h. Beside trust.c and not in it, since no authority, role or
    audience has a say here.
*/
#include "proto/local.h"

#include "common/job/names.h"
#include "proto/keyring_private.h"

#include <sodium.h>

bg_id wire_local_installation (const bg_key *public_key)
{
    static const uint8_t prefix[] = "bugle-local"; /*  with its NUL  */
    bg_id id;
    crypto_generichash_state state;
    crypto_generichash_init (&state, NULL, 0, sizeof id.bytes);
    crypto_generichash_update (&state, prefix, sizeof prefix);
    crypto_generichash_update (&state, public_key->bytes, sizeof public_key->bytes);
    crypto_generichash_final (&state, id.bytes, sizeof id.bytes);
    return id;
}

bool wire_local_is_signed (
    const bg_key *public_key, const wire_signed *item, const wire_crypto *crypto)
{
    const wire_type_row *row = wire_type_find (item->type);
    if (!row || bg_failed (wire_envelope_check (item, row->type, NULL)))
        return false;
    const bg_id installation = wire_local_installation (public_key);
    for (size_t i = 0; i < item->sigs_count; i++) {
        if (wire_verify_one (
                crypto, row->type, installation, item->bytes, &item->sigs[i], public_key))
            return true;
    }
    return false;
}

static bg_result require_signature (const bg_key *public_key, const wire_signed *item,
    wire_type type, const wire_crypto *crypto, bg_error *err)
{
    BG_TRY (wire_envelope_check (item, type, err));
    if (wire_local_is_signed (public_key, item, crypto))
        return bg_ok ();
    return bg_fail (err, BG_BAD_SIGNATURE, "not signed by this machine's own key");
}

static bool is_for_all (const wire_audience *audience)
{
    wire_audience all = {.all = true};
    return wire_equal (&wire_desc_audience, audience, &all);
}

static bg_result check_name (bg_slice name, bg_error *err)
{
    if (!job_name_is_local (name))
        return bg_fail (err, BG_NOT_ALLOWED,
            "this machine's key is for jobs named " JOB_LOCAL_PREFIX "NAME, not for %.*s",
            BG_SLICE_ARG (name));
    return job_local_name_valid (name, err);
}

static bg_result check_key (const wire_document *document, bg_id expected, bg_error *err)
{
    if (bg_id_equal (document->key, expected))
        return bg_ok ();
    return bg_fail (err, BG_INVALID, "the key of the %s is not that of its name",
        wire_type_word (document->type));
}

/*  What binds the key of a document to what it says.  */
static bg_result bind (wire_verified *verified, bg_error *err)
{
    const wire_document *document = &verified->document;
    const bg_id installation = document->installation;
    if (document->type == WIRE_TYPE_JOB) {
        const wire_job *job = verified->body;
        verified->name = job->name;
        BG_TRY (check_name (job->name, err));
        if (!is_for_all (&job->audience))
            return bg_fail (
                err, BG_INVALID, "a local job is for this machine and names no targets");
        return check_key (
            document, wire_document_key (installation, WIRE_TYPE_JOB, job->name), err);
    }
    if (document->type == WIRE_TYPE_SWITCH) {
        const wire_switch *flip = verified->body;
        verified->name = flip->object_name;
        BG_TRY (check_name (flip->object_name, err));
        if (flip->object_type != WIRE_TYPE_JOB || flip->poll_us ||
            !bg_id_equal (flip->object_key,
                wire_document_key (installation, WIRE_TYPE_JOB, flip->object_name)))
            return bg_fail (err, BG_INVALID, "a local switch is of a local job");
        return check_key (
            document, wire_switch_key (installation, WIRE_TYPE_JOB, flip->object_name), err);
    }
    const wire_withdrawal *gone = verified->body;
    verified->name = gone->object_name;
    BG_TRY (check_name (gone->object_name, err));
    if (gone->object_type != WIRE_TYPE_JOB)
        return bg_fail (err, BG_INVALID, "a local withdrawal is of a local job");
    return check_key (
        document, wire_document_key (installation, WIRE_TYPE_JOB, gone->object_name), err);
}

static bool is_local_type (uint64_t type)
{
    return type == WIRE_TYPE_JOB || type == WIRE_TYPE_SWITCH || type == WIRE_TYPE_WITHDRAWAL;
}

bg_result wire_local_verify (const bg_key *public_key, const wire_signed *document,
    const wire_crypto *crypto, bg_arena *arena, wire_verified *out, bg_error *err)
{
    wire_verified verified = {0};
    if (!is_local_type (document->type))
        return bg_fail (err, BG_INVALID, "this machine's key signs jobs, switches and withdrawals");
    const wire_type_row *row = wire_type_find (document->type);
    BG_TRY (require_signature (public_key, document, row->type, crypto, err));
    BG_TRY (wire_document_decode (document, arena, &verified.document, err));
    verified.desc = row->desc;
    verified.body = bg_arena_alloc (arena, row->desc->size);
    BG_TRY (
        wire_decode (row->desc, verified.document.body, WIRE_AS_SIGNED, arena, verified.body, err));
    if (!bg_id_equal (verified.document.installation, wire_local_installation (public_key)))
        return bg_fail (err, BG_WRONG_INSTALLATION, "made for another installation");
    if (verified.document.has_needs || verified.document.not_after_us)
        return bg_fail (err, BG_INVALID, "a local document needs nothing and has no end");
    BG_TRY (bind (&verified, err));
    wire_hash32 (document->bytes, verified.hash);
    *out = verified;
    return bg_ok ();
}

/*  ---- deeds ----  */

static bg_result check_deed (const wire_deed *deed, bg_id broker_installation, bg_error *err)
{
    if (deed->what != WIRE_DEED_START && deed->what != WIRE_DEED_STOP)
        return bg_fail (err, BG_INVALID, "this machine's key signs STARTs and STOPs");
    if (bg_id_is_zero (deed->id) || !is_for_all (&deed->to) || deed->has_document ||
        deed->has_needs || !bg_id_is_zero (deed->exec))
        return bg_fail (
            err, BG_INVALID, "the local %s is not well-formed", wire_deed_word (deed->what));
    if (deed->issued_us < 0 || deed->expires_us <= deed->issued_us ||
        deed->expires_us >= WIRE_TIME_MAX_US ||
        deed->expires_us - deed->issued_us > WIRE_LOCAL_DEED_LIFE_MAX_US)
        return bg_fail (
            err, BG_INVALID, "a local deed expires after it is issued, at most 10 minutes later");
    const bool is_local = job_name_is_local (deed->job_name);
    const bg_id installation = is_local ? deed->installation : broker_installation;
    if (bg_id_is_zero (installation))
        return bg_fail (err, BG_NOT_ENLISTED, "this machine is not enlisted with a broker");
    if (!bg_id_equal (
            deed->job_key, wire_document_key (installation, WIRE_TYPE_JOB, deed->job_name)))
        return bg_fail (err, BG_INVALID, "the job key in the deed is not that of %.*s",
            BG_SLICE_ARG (deed->job_name));
    return bg_ok ();
}

bg_result wire_local_verify_deed (const bg_key *public_key, bg_id broker_installation,
    const wire_signed *deed, const wire_crypto *crypto, bg_arena *arena, wire_deed *out,
    bg_error *err)
{
    wire_deed body;
    BG_TRY (require_signature (public_key, deed, WIRE_TYPE_DEED, crypto, err));
    BG_TRY (WIRE_DECODE (deed, deed->bytes, WIRE_AS_SIGNED, arena, &body, err));
    if (!bg_id_equal (body.installation, wire_local_installation (public_key)))
        return bg_fail (err, BG_WRONG_INSTALLATION, "made for another installation");
    BG_TRY (check_deed (&body, broker_installation, err));
    *out = body;
    return bg_ok ();
}
