/*  target poll, set-poll, resync: how often and how completely targets compare themselves with the broker.

    poll is a deed, set-poll a switch of each target, resync a request to the broker.  */
#include "common/base/now.h"
#include "common/job/duration.h"
#include "ctl/exec.h"
#include "ctl/fold.h"
#include "ctl/members.h"
#include "ctl/sign.h"

#include <inttypes.h>

#define POLL_LIFE_US BG_MIN (10)
#define BATCH        64
#define ASK_ABOVE    100

static const char **words_from (ctl_run *run, size_t first, size_t *count)
{
    const size_t given = ctl_argument_count (run->parsed);
    const char **words = bg_arena_array (&run->arena, const char *, given + 1);
    *count = 0;
    for (size_t i = first; i < given; i++)
        words[(*count)++] = ctl_argument (run->parsed, i);
    return words;
}

/*  ---- poll ----  */

static json_t *order_json (const wire_issued *issued, bool dry_run)
{
    json_t *object = json_pack ("{s:o, s:s, s:I, s:I, s:o, s:b}", "id",
        dry_run ? json_null () : ctl_json_id (issued->id), "what", wire_deed_word (WIRE_DEED_POLL),
        "targets", (json_int_t) issued->targets, "connected", (json_int_t) issued->connected,
        "expires", ctl_json_time (issued->expires_us), "dry_run", dry_run);
    bg_assert (object != NULL);
    return object;
}

static bg_result issue_poll (ctl_run *run, bool dry_run, wire_issued **issued, bg_error *err)
{
    ctl_client *client = NULL;
    wire_audience to;
    wire_deed deed;
    wire_issue request = {.has_deed = true, .dry_run = dry_run};
    size_t count = 0;
    const char **words = words_from (run, 0, &count);
    BG_TRY (ctl_audience_arg (run, words, count, &to, err));
    BG_TRY (ctl_run_client (run, &client, err));
    BG_TRY (ctl_sign_deed (run, WIRE_DEED_POLL, (bg_slice){0}, &to, (bg_slice){0}, POLL_LIFE_US,
        (bg_slice){0}, &deed, &request.deed, err));
    return ctl_call (client, WIRE_ISSUE, &request, WIRE_ISSUED, (void **) issued, err);
}

bg_result ctl_target_poll (ctl_run *run, bg_error *err)
{
    const bool dry_run = ctl_given (run->parsed, CTL_OPT_DRY_RUN);
    const bool waits = ctl_given (run->parsed, CTL_OPT_WAIT);
    wire_issued *issued = NULL;
    if (ctl_given (run->parsed, CTL_OPT_TIMEOUT) && !waits && !dry_run)
        return bg_fail (
            err, BG_USAGE, "--timeout says how long to wait, but nothing waits: add --wait");
    BG_TRY (issue_poll (run, dry_run, &issued, err));
    ctl_note (run->out, "%s %" PRIu64 " %s (%" PRIu64 " connected)%s",
        dry_run ? "would ask" : "asked", issued->targets,
        issued->targets == 1 ? "target" : "targets", issued->connected, dry_run ? "" : " to poll");
    if (waits && !dry_run)
        return ctl_exec_await (
            run, issued->id, ctl_duration_us (run->parsed, CTL_OPT_TIMEOUT, POLL_LIFE_US), err);
    if (!ctl_is_human (run->out))
        ctl_object (run->out, "order", NULL, 0, "id", order_json (issued, dry_run));
    else if (!dry_run)
        ctl_print (run->out, "%s\n", bg_id_text (issued->id).text);
    if (dry_run)
        ctl_note (run->out, "dry run: nothing was changed");
    return bg_ok ();
}

/*  ---- set-poll ----  */

static bg_result take_interval (ctl_run *run, uint64_t *poll_us, bg_error *err)
{
    const char *text = ctl_argument (run->parsed, 0);
    int64_t value_us = 0;
    *poll_us = 0;
    if (strcmp (text, "default") == 0)
        return bg_ok ();
    if (bg_failed (job_duration_parse (bg_slice_str (text), false, &value_us, err))) {
        bg_ignore (bg_fail (err, BG_USAGE, "'%s' is neither a duration nor 'default'", text));
        return bg_hint (err, "for example: bugle target set-poll 5m db07");
    }
    if (value_us < WIRE_POLL_MIN_US || value_us > WIRE_POLL_MAX_US) {
        bg_ignore (
            bg_fail (err, BG_USAGE, "targets poll every 10 seconds to 8 hours, not '%s'", text));
        return (bg_result){BG_USAGE};
    }
    *poll_us = (uint64_t) value_us;
    return bg_ok ();
}

/*  The interval in a switch that was signed for this target; 0 when there is none.  */
static bg_result current_interval (
    ctl_run *run, const wire_target_row *row, uint64_t *poll_us, bg_error *err)
{
    const wire_keyring *keyring = NULL;
    wire_verified verified;
    *poll_us = 0;
    if (!row->has_switch_document)
        return bg_ok ();
    BG_TRY (ctl_client_authority (run->client, &keyring, err));
    if (bg_failed (wire_verify_document (
            keyring, &row->switch_document, wire_crypto_sodium (), &run->arena, &verified, err)))
        return bg_prefix (err, "the poll interval of %.*s", BG_SLICE_ARG (row->name));
    const wire_switch *flip = verified.body;
    if (verified.desc != &wire_desc_switch || flip->object_type != WIRE_TYPE_MEMBERSHIP ||
        !bg_id_equal (flip->object_key, row->id) ||
        verified.document.version != row->switch_version)
        return bg_fail (err, BG_BAD_SIGNATURE,
            "the broker sent another document in place of the poll interval of %.*s",
            BG_SLICE_ARG (row->name));
    *poll_us = flip->poll_us;
    return bg_ok ();
}

static bg_result sign_interval (
    ctl_run *run, const ctl_member *member, uint64_t poll_us, wire_post_item *item, bg_error *err)
{
    const wire_keyring *keyring = NULL;
    const wire_target_row *row = member->row;
    const bg_id_string id = bg_id_text (row->id);
    const wire_switch body = {.object_type = WIRE_TYPE_MEMBERSHIP,
        .object_name = row->name,
        .object_key = row->id,
        .poll_us = poll_us};
    BG_TRY (ctl_client_authority (run->client, &keyring, err));
    const bg_id key = wire_switch_key (
        wire_keyring_installation (keyring), WIRE_TYPE_MEMBERSHIP, bg_slice_str (id.text));
    *item = (wire_post_item){.has_document = true, .seen_version = row->switch_version};
    return ctl_sign_document_key (
        run, WIRE_TYPE_SWITCH, key, row->switch_version, &body, &item->document, err);
}

static bg_result post_intervals (ctl_run *run, const ctl_members *members, uint64_t poll_us,
    ctl_member_result *results, size_t *done, bg_error *err)
{
    const bool dry_run = ctl_given (run->parsed, CTL_OPT_DRY_RUN);
    wire_post_item *items = bg_arena_array (&run->arena, wire_post_item, members->count + 1);
    wire_posted_item *rows = bg_arena_array (&run->arena, wire_posted_item, members->count + 1);
    size_t count = 0;
    *done = 0;
    for (size_t i = 0; i < members->count; i++) {
        const ctl_member *member = &members->items[i];
        uint64_t current_us = 0;
        BG_TRY (current_interval (run, member->row, &current_us, err));
        const bool is_same = current_us == poll_us || member->row->defected_us != 0;
        results[i] = (ctl_member_result){.member = member,
            .name = member->row->name,
            .outcome = is_same ? "unchanged" : "changed"};
        if (!is_same)
            BG_TRY (sign_interval (run, member, poll_us, &items[count++], err));
    }
    if (count > ASK_ABOVE && !dry_run)
        BG_TRY (ctl_confirm (run, err, "Change how often %zu targets poll?", count));
    const bg_result result = ctl_post (run, items, count, dry_run, rows, done, err);
    for (size_t i = 0, at = 0; i < members->count; i++)
        if (strcmp (results[i].outcome, "changed") == 0 && at++ >= *done)
            results[i].outcome = "not done";
    return result;
}

bg_result ctl_target_set_poll (ctl_run *run, bg_error *err)
{
    uint64_t poll_us = 0;
    size_t count = 0;
    size_t done = 0;
    ctl_members members;
    BG_TRY (take_interval (run, &poll_us, err));
    const char **words = words_from (run, 1, &count);
    BG_TRY (ctl_choose (run, words, count, NULL, &members, err));
    ctl_member_result *results = bg_arena_array (&run->arena, ctl_member_result, members.count + 1);
    const bg_result result = post_intervals (run, &members, poll_us, results, &done, err);
    if (bg_failed (result) && done == 0)
        return result;
    ctl_members_print (run, "poll_intervals", results, members.count);
    return result;
}

/*  ---- resync ----  */

static void print_resync (ctl_run *run, const wire_done *done, bool full, bool dry_run)
{
    if (!ctl_is_human (run->out)) {
        json_t *object =
            json_pack ("{s:I, s:o, s:b, s:b}", "targets", (json_int_t) done->count, "names",
                ctl_json_slices (done->names, done->names_count), "full", full, "dry_run", dry_run);
        bg_assert (object != NULL);
        ctl_object (run->out, "resync", NULL, 0, "targets", object);
    } else {
        BG_AUTO_BUF names = {0};
        ctl_fold (done->names, done->names_count, (size_t) done->count, 0, &names);
        ctl_print (run->out, "%s %s\n", dry_run ? "would ask" : "asked", bg_buf_cstr (&names));
    }
    if (dry_run)
        ctl_note (run->out, "dry run: nothing was changed");
}

bg_result ctl_target_resync (ctl_run *run, bg_error *err)
{
    const bool dry_run = ctl_given (run->parsed, CTL_OPT_DRY_RUN);
    wire_request ask = {
        .what = WIRE_REQUEST_RESYNC, .has_to = true, .full = ctl_given (run->parsed, CTL_OPT_FULL)};
    wire_done *done = NULL;
    size_t count = 0;
    const char **words = words_from (run, 0, &count);
    BG_TRY (ctl_audience_arg (run, words, count, &ask.to, err));
    if (!dry_run && ask.full && !ctl_given (run->parsed, CTL_OPT_YES)) {
        BG_TRY (ctl_request (run, &ask, true, &done, err));
        if (done->count > ASK_ABOVE)
            BG_TRY (ctl_confirm (
                run, err, "Send everything again to %" PRIu64 " targets?", done->count));
    }
    BG_TRY (ctl_request (run, &ask, dry_run, &done, err));
    print_resync (run, done, ask.full, dry_run);
    return bg_ok ();
}
