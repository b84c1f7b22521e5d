/*  Signing. Nothing is signed for a broker whose authority was not verified or whose clock cannot
 * be right.  */
#include "ctl/sign.h"

#include "common/base/now.h"
#include "common/job/body.h"
#include "common/job/uses.h"
#include "common/sys/clock.h"
#include "common/sys/random.h"
#include "ctl/times.h"

#define CLOCK_LIMIT_US BG_MIN (5)
#define RECONNECT_US   BG_SEC (10)
#define BATCH_ITEMS    64
#define BATCH_BYTES    (200 * 1024)
#define ONE_SHOT_MAX   180000 /*  bytes of a job inside a deed  */
#define NEEDS_MAX      64

static bg_result check_clock (const ctl_client *client, bg_error *err)
{
    int64_t broker_us = ctl_client_now_us (client);
    int64_t own_us = bg_clock_utc_us ();
    int64_t apart_us = broker_us > own_us ? broker_us - own_us : own_us - broker_us;
    if (apart_us <= CLOCK_LIMIT_US)
        return bg_ok ();
    BG_AUTO_BUF broker = {0};
    BG_AUTO_BUF own = {0};
    ctl_times_people (broker_us, true, &broker);
    ctl_times_people (own_us, true, &own);
    bg_ignore (bg_fail (err, BG_CLOCK, "the broker's clock says %s, the clock here says %s",
        bg_buf_cstr (&broker), bg_buf_cstr (&own)));
    return bg_hint (err, "set the one that is wrong; they may differ by 5 minutes");
}

/*  Everything that must hold before a signature is made.  */
static bg_result ready (
    ctl_run *run, ctl_client **client, const wire_keyring **keyring, bg_error *err)
{
    BG_TRY (ctl_run_client (run, client, err));
    BG_TRY (ctl_client_authority (*client, keyring, err));
    BG_TRY (check_clock (*client, err));
    const bg_key *own = &ctl_client_identity (*client)->sign.public_key;
    const wire_login *login = wire_keyring_login_by_sign_key (*keyring, own);
    if (login == NULL || wire_keyring_is_revoked (*keyring, own)) {
        bg_ignore (bg_fail (err, BG_NOT_ALLOWED, "your signing key is no login of broker %.*s",
            BG_SLICE_ARG (ctl_client_welcome (*client)->broker)));
        return bg_hint (err, "your public identity is shown by: bugle key show");
    }
    return bg_ok ();
}

/*  What a job or schedule uses has to be there first, in whatever version. Of more than can be said the rest comes when
    it comes.  */
static void add_needs (
    bg_arena *arena, bg_id installation, wire_type type, const void *body, wire_needs *needs)
{
    const wire_job *job = type == WIRE_TYPE_JOB ? body : NULL;
    const wire_schedule *schedule = type == WIRE_TYPE_SCHEDULE ? body : NULL;
    size_t count = 0;
    const job_use *uses = job_uses (job        ? job->schedules
                                    : schedule ? &schedule->spec
                                               : NULL,
        job        ? job->schedules_count
        : schedule ? 1
                   : 0,
        arena, &count);
    needs->documents_count = count < NEEDS_MAX ? count : NEEDS_MAX;
    needs->documents = bg_arena_array (arena, wire_need, needs->documents_count + 1);
    for (size_t i = 0; i < needs->documents_count; i++)
        needs->documents[i] = (wire_need){
            .key = wire_document_key (installation, uses[i].type, uses[i].name), .version = 1};
}

static bg_result sign_document (ctl_run *run, wire_type type, bg_id key, uint64_t last_version,
    const void *body, int64_t not_after_us, wire_signed *out, bg_error *err)
{
    ctl_client *client = NULL;
    const wire_keyring *keyring = NULL;
    BG_TRY (ready (run, &client, &keyring, err));
    const wire_type_row *row = wire_type_find (type);
    bg_assert (row != NULL);
    BG_TRY (wire_check (row->desc, body, err));
    uint64_t now_ms = (uint64_t) (ctl_client_now_us (client) / 1000);
    wire_document fixed = {
        .type = (uint64_t) type,
        .installation = wire_keyring_installation (keyring),
        .key = key,
        .version = last_version + 1 > now_ms ? last_version + 1 : now_ms,
        .has_needs = true,
        .needs = {.authority = wire_keyring_version (keyring)},
        .not_after_us = not_after_us,
        .dry_run = type != WIRE_TYPE_AUTHORITY && ctl_given (run->parsed, CTL_OPT_DRY_RUN),
    };
    add_needs (&run->arena, fixed.installation, type, body, &fixed.needs);
    wire_document_make (wire_crypto_sodium (), &fixed, body,
        ctl_client_identity (client)->sign.secret, &run->arena, out);
    return bg_ok ();
}

/*  A switch has a key of its own, a withdrawal that of what it withdraws: the rules of design
 * section 6.  */
static bg_id key_of (wire_type type, bg_id installation, bg_slice name, const void *body)
{
    if (type == WIRE_TYPE_SWITCH)
        return wire_switch_key (
            installation, (wire_type) ((const wire_switch *) body)->object_type, name);
    if (type == WIRE_TYPE_WITHDRAWAL)
        return wire_document_key (
            installation, (wire_type) ((const wire_withdrawal *) body)->object_type, name);
    return wire_document_key (installation, type, name);
}

bg_result ctl_sign_document_key (ctl_run *run, wire_type type, bg_id key, uint64_t last_version,
    const void *body, wire_signed *out, bg_error *err)
{
    return sign_document (run, type, key, last_version, body, 0, out, err);
}

bg_result ctl_sign_document (ctl_run *run, wire_type type, bg_slice name, uint64_t last_version,
    const void *body, wire_signed *out, bg_error *err)
{
    return ctl_sign_definition (run, type, name, last_version, body, 0, out, err);
}

bg_result ctl_sign_definition (ctl_run *run, wire_type type, bg_slice name, uint64_t last_version,
    const void *body, int64_t not_after_us, wire_signed *out, bg_error *err)
{
    ctl_client *client = NULL;
    const wire_keyring *keyring = NULL;
    BG_TRY (ready (run, &client, &keyring, err));
    bg_id key = key_of (type, wire_keyring_installation (keyring), name, body);
    return sign_document (run, type, key, last_version, body, not_after_us, out, err);
}

static bg_id new_id (int64_t now_us)
{
    uint8_t entropy[10];
    bg_random_bytes (entropy, sizeof entropy);
    return bg_id_make (now_us, entropy);
}

/*  What all deeds have; its times and id are new.  */
static bg_result begin_deed (ctl_run *run, uint64_t what, const wire_audience *to, int64_t life_us,
    bg_slice reason, wire_deed *deed, bg_error *err)
{
    ctl_client *client = NULL;
    const wire_keyring *keyring = NULL;
    if (life_us <= 0 || life_us > WIRE_DEED_LIFE_MAX_US)
        return bg_fail (err, BG_USAGE, "an order may wait for targets at most 7 days");
    BG_TRY (ready (run, &client, &keyring, err));
    int64_t now_us = ctl_client_now_us (client);
    *deed = (wire_deed){
        .installation = wire_keyring_installation (keyring),
        .id = new_id (now_us),
        .what = what,
        .issued_us = now_us,
        .expires_us = now_us + life_us,
        .has_to = true,
        .to = *to,
        .has_needs = true,
        .needs = {.authority = wire_keyring_version (keyring)},
        .reason = reason,
        .dry_run = run->rehearses || ctl_given (run->parsed, CTL_OPT_DRY_RUN),
    };
    return bg_ok ();
}

static bg_result end_deed (ctl_run *run, const wire_deed *deed, wire_signed *out, bg_error *err)
{
    BG_TRY (wire_check (&wire_desc_deed, deed, err));
    wire_signed_make (wire_crypto_sodium (), WIRE_TYPE_DEED, deed->installation, deed,
        ctl_client_identity (run->client)->sign.secret, &run->arena, out);
    return bg_ok ();
}

bg_result ctl_sign_deed (ctl_run *run, uint64_t what, bg_slice job_name, const wire_audience *to,
    bg_slice step, int64_t life_us, bg_slice reason, wire_deed *deed, wire_signed *out,
    bg_error *err)
{
    BG_TRY (begin_deed (run, what, to, life_us, reason, deed, err));
    if (job_name.size > 0)
        deed->job_key = wire_document_key (deed->installation, WIRE_TYPE_JOB, job_name);
    deed->job_name = job_name;
    deed->step = step;
    return end_deed (run, deed, out, err);
}

bg_result ctl_sign_cancel (ctl_run *run, const wire_deed *start, int64_t life_us, bg_slice reason,
    wire_deed *deed, wire_signed *out, bg_error *err)
{
    const wire_audience all = {.all = true};
    BG_TRY (begin_deed (run, WIRE_DEED_STOP, &all, life_us, reason, deed, err));
    deed->job_key = start->job_key;
    deed->job_name = start->job_name;
    deed->exec = start->id;
    return end_deed (run, deed, out, err);
}

/*  Job, document and deed lie in each other, and the outermost has to fit one message.  */
static bg_result check_size (const wire_job *job, bg_error *err)
{
    BG_AUTO_BUF bytes = {0};
    WIRE_ENCODE (job, job, &bytes);
    if (bytes.size <= ONE_SHOT_MAX)
        return bg_ok ();
    bg_ignore (bg_fail (err, BG_TOO_LARGE,
        "the command with its input takes %zu bytes; an order holds %d", bytes.size, ONE_SHOT_MAX));
    return bg_hint (err, "put files where the targets can fetch them, and let the command do that");
}

bg_result ctl_sign_one_shot (ctl_run *run, const wire_job *job, const wire_audience *to,
    int64_t life_us, bg_slice reason, wire_deed *deed, wire_signed *out, bg_error *err)
{
    BG_TRY (begin_deed (run, WIRE_DEED_START, to, life_us, reason, deed, err));
    wire_job body = *job;
    body.has_audience = true;
    body.audience = *to;
    body.max_starts = 1;
    body.schedules = NULL;
    body.schedules_count = 0;
    BG_TRY (wire_check (&wire_desc_job, &body, err));
    BG_TRY (job_body_check (&body, err));
    BG_TRY (check_size (&body, err));
    const wire_document fixed = {.type = WIRE_TYPE_JOB,
        .installation = deed->installation,
        .key = new_id (deed->issued_us),
        .version = (uint64_t) (deed->issued_us / 1000),
        .has_needs = true,
        .needs = deed->needs,
        .not_after_us = deed->expires_us};
    deed->job_key = fixed.key;
    deed->job_name = job->name;
    deed->has_document = true;
    wire_document_make (wire_crypto_sodium (), &fixed, &body,
        ctl_client_identity (run->client)->sign.secret, &run->arena, &deed->document);
    return end_deed (run, deed, out, err);
}

bg_result ctl_sign_token (ctl_run *run, const wire_token *token, wire_signed *out, bg_error *err)
{
    ctl_client *client = NULL;
    const wire_keyring *keyring = NULL;
    BG_TRY (ready (run, &client, &keyring, err));
    wire_token copy = *token;
    copy.installation = wire_keyring_installation (keyring);
    copy.authority = wire_keyring_version (keyring);
    BG_TRY (wire_check (&wire_desc_token, &copy, err));
    wire_signed_make (wire_crypto_sodium (), WIRE_TYPE_TOKEN, copy.installation, &copy,
        ctl_client_identity (client)->sign.secret, &run->arena, out);
    return bg_ok ();
}

bg_result ctl_request (
    ctl_run *run, const wire_request *ask, bool dry_run, wire_done **done, bg_error *err)
{
    ctl_client *client = NULL;
    const wire_keyring *keyring = NULL;
    BG_TRY (ready (run, &client, &keyring, err));
    uint8_t entropy[10];
    bg_random_bytes (entropy, sizeof entropy);
    wire_request copy = *ask;
    copy.installation = wire_keyring_installation (keyring);
    copy.issued_us = ctl_client_now_us (client);
    copy.id = bg_id_make (copy.issued_us, entropy);
    copy.dry_run = dry_run;
    BG_TRY (wire_check (&wire_desc_request, &copy, err));
    wire_ask_request message = {.has_request = true, .dry_run = dry_run};
    wire_signed_make (wire_crypto_sodium (), WIRE_TYPE_REQUEST, copy.installation, &copy,
        ctl_client_identity (client)->sign.secret, &run->arena, &message.request);
    bg_result result = ctl_call (client, WIRE_REQUEST, &message, WIRE_DONE, (void **) done, err);
    if (result.code != BG_CLOSED)
        return result;
    BG_TRY (ctl_client_reconnect (client, RECONNECT_US, err));
    return ctl_call (client, WIRE_REQUEST, &message, WIRE_DONE, (void **) done, err);
}

/*  How many of the items, from the first, fit into one message.  */
static size_t batch_of (const wire_post_item *items, size_t count)
{
    size_t bytes = 0, taken = 0;
    while (taken < count && taken < BATCH_ITEMS) {
        bytes += items[taken].document.bytes.size + 1024;
        if (taken > 0 && bytes > BATCH_BYTES)
            break;
        taken++;
    }
    return taken;
}

bg_result ctl_post (ctl_run *run, const wire_post_item *items, size_t count, bool dry_run,
    wire_posted_item *rows, size_t *done, bg_error *err)
{
    ctl_client *client = NULL;
    BG_TRY (ctl_run_client (run, &client, err));
    for (*done = 0; *done < count;) {
        size_t taken = batch_of (items + *done, count - *done);
        wire_post request = {.items_count = taken, .dry_run = dry_run};
        request.items = bg_arena_array (&run->arena, wire_post_item, taken);
        memcpy (request.items, items + *done, taken * sizeof *items);
        wire_posted *answer = NULL;
        BG_TRY (ctl_call (client, WIRE_POST, &request, WIRE_POSTED, (void **) &answer, err));
        if (answer->items_count != taken)
            return bg_fail (err, BG_MALFORMED, "the broker answered for %zu of %zu documents",
                answer->items_count, taken);
        memcpy (rows + *done, answer->items, taken * sizeof *rows);
        *done += taken;
    }
    return bg_ok ();
}
