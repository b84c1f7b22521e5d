/*  bugle job, schedule and calendar versions and revert.

    What the broker sends as an older version is verified before its body is signed again: a broker
    could else have anything signed.  */
#include "ctl/apply.h"
#include "ctl/client.h"
#include "ctl/job.h"
#include "ctl/sign.h"
#include "ctl/standing.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LIST_DEFAULT 50
#define PAGE_MAX     1000

static bg_result ask (
    ctl_run *run, const wire_version_query *query, wire_versions **answer, bg_error *err)
{
    ctl_client *client = NULL;
    BG_TRY (ctl_run_client (run, &client, err));
    return ctl_call (client, WIRE_VERSION_QUERY, query, WIRE_VERSIONS, (void **) answer, err);
}

/*  ---- versions ----  */

static void print_version (const ctl_output *out, const json_t *row, bg_buf *text)
{
    (void) out;
    bg_buf_printf (text, "v%" JSON_INTEGER_FORMAT "%s",
        json_integer_value (json_object_get (row, "version")),
        json_is_true (json_object_get (row, "current")) ? " (newest)" : "");
}

static const ctl_column version_columns[] = {
    {NULL, "VERSION", CTL_CELL_TEXT, CTL_NORMAL, print_version},
    {"what", "WHAT", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"posted", "POSTED", CTL_CELL_TIME, CTL_NORMAL, NULL},
    {"posted_by", "BY", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"held", "HELD BY", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"document_version", "DOCUMENT VERSION", CTL_CELL_NUMBER, CTL_WIDE, NULL},
    {"hash", "HASH", CTL_CELL_TEXT, CTL_WIDE, NULL},
};

static json_t *version_json (const wire_version_row *row)
{
    BG_AUTO_BUF hash = {0};
    for (size_t i = 0; i < sizeof row->hash; i++)
        bg_buf_printf (&hash, "%02x", row->hash[i]);
    BG_AUTO_BUF name = {0};
    bg_buf_printf (&name, "v%" PRIu64, row->revision);
    json_t *object = json_pack ("{s:o, s:I, s:I, s:s, s:o, s:o, s:I, s:b, s:o}", "name",
        ctl_json_slice (bg_buf_slice (&name)), "version", (json_int_t) row->revision,
        "document_version", (json_int_t) row->version, "what",
        row->type == WIRE_TYPE_WITHDRAWAL ? "deleted" : "posted", "posted",
        ctl_json_time (row->posted_us), "posted_by", ctl_json_text_or_null (row->posted_by), "held",
        (json_int_t) row->held, "current", row->current, "hash",
        ctl_json_slice (bg_buf_slice (&hash)));
    bg_assert (object);
    return object;
}

static bg_result list_versions (ctl_run *run, wire_type type, bg_error *err)
{
    wire_version_query query = {.type = type, .name = bg_slice_str (ctl_argument (run->parsed, 0))};
    size_t limit = (size_t) ctl_number (run->parsed, CTL_OPT_LIMIT, LIST_DEFAULT);
    bool more = true;
    ctl_list_begin (run->out, "versions", version_columns,
        sizeof version_columns / sizeof version_columns[0], "name");
    while (more && ctl_list_count (run->out) < limit) {
        wire_versions *answer = NULL;
        size_t left = limit - ctl_list_count (run->out);
        query.limit = left < PAGE_MAX ? left : PAGE_MAX;
        BG_TRY (ask (run, &query, &answer, err));
        for (size_t i = 0; i < answer->rows_count; i++)
            ctl_list_row (run->out, version_json (&answer->rows[i]));
        more = answer->more && answer->rows_count > 0;
        if (more)
            query.before = answer->rows[answer->rows_count - 1].version;
    }
    ctl_list_end (run->out, more, 0);
    return bg_ok ();
}

bg_result ctl_job_versions (ctl_run *run, bg_error *err)
{
    return list_versions (run, WIRE_TYPE_JOB, err);
}

bg_result ctl_schedule_versions (ctl_run *run, bg_error *err)
{
    return list_versions (run, WIRE_TYPE_SCHEDULE, err);
}

bg_result ctl_calendar_versions (ctl_run *run, bg_error *err)
{
    return list_versions (run, WIRE_TYPE_CALENDAR, err);
}

/*  ---- revert ----  */

typedef struct {
    ctl_run *run;
    wire_type type;
    const char *word; /*  of the type  */
    bg_slice name;    /*  as the broker has it  */
    ctl_standing found;
    ctl_definition current;      /*  when there is one  */
    const wire_version_row *row; /*  the version to go back to  */
    ctl_definition wanted;
} reverting;

static bg_result hint_versions (const reverting *self, bg_error *err)
{
    return bg_hint (err, "see: bugle %s versions '%.*s'", self->word, BG_SLICE_ARG (self->name));
}

static bg_result no_version (const reverting *self, uint64_t revision, bg_error *err)
{
    bg_ignore (bg_fail (err, BG_NOT_FOUND, "%s '%.*s' has no version v%" PRIu64, self->word,
        BG_SLICE_ARG (self->name), revision));
    return hint_versions (self, err);
}

/*  The newest definition before the one that counts now.  */
static bg_result revision_before (reverting *self, uint64_t *revision, bg_error *err)
{
    wire_version_query query = {.type = self->type, .name = self->name, .limit = PAGE_MAX};
    if (!self->found.is_here) {
        bg_ignore (bg_fail (
            err, BG_USAGE, "%s '%.*s' was deleted", self->word, BG_SLICE_ARG (self->name)));
        return bg_hint (err,
            "bring a version back: bugle %s revert '%.*s' --to N; see: bugle %s "
            "versions '%.*s'",
            self->word, BG_SLICE_ARG (self->name), self->word, BG_SLICE_ARG (self->name));
    }
    query.before = self->found.version;
    for (bool more = true; more;) {
        wire_versions *answer = NULL;
        BG_TRY (ask (self->run, &query, &answer, err));
        for (size_t i = 0; i < answer->rows_count; i++)
            if (answer->rows[i].type == (uint64_t) self->type) {
                *revision = answer->rows[i].revision;
                return bg_ok ();
            }
        more = answer->more && answer->rows_count > 0;
        if (more)
            query.before = answer->rows[answer->rows_count - 1].version;
    }
    return bg_fail (
        err, BG_NOT_FOUND, "%s '%.*s' has only one version", self->word, BG_SLICE_ARG (self->name));
}

static bg_result verify (reverting *self, bg_error *err)
{
    const wire_keyring *keyring = NULL;
    wire_verified verified;
    bg_error why = {0};
    BG_TRY (ctl_client_authority (self->run->client, &keyring, err));
    if (bg_failed (wire_verify_document (keyring, &self->row->document, wire_crypto_sodium (),
            &self->run->arena, &verified, &why))) {
        bg_ignore (bg_fail (err, why.code, "v%" PRIu64 " of '%.*s' cannot be taken back: %.300s",
            self->row->revision, BG_SLICE_ARG (self->name), why.message));
        return bg_hint (err, "who signed it may not sign it any more: apply its file instead");
    }
    const bg_id key =
        wire_document_key (wire_keyring_installation (keyring), self->type, self->name);
    if (verified.document.type != (uint64_t) self->type ||
        !bg_id_equal (verified.document.key, key) ||
        verified.document.version != self->row->version)
        return bg_fail (err, BG_MALFORMED,
            "the broker sent another document than version v%" PRIu64, self->row->revision);
    self->wanted = (ctl_definition){self->type, verified.body, verified.document.not_after_us};
    return bg_ok ();
}

/*  --to as a number or as versions are shown: 3 or v3; 0 when it was not given.  */
static bg_result revision_typed (const reverting *self, uint64_t *revision, bg_error *err)
{
    const char *text = ctl_text (self->run->parsed, CTL_OPT_TO, NULL);
    const char *digits = text && text[0] == 'v' ? text + 1 : text;
    *revision = 0;
    if (!text)
        return bg_ok ();
    if (strspn (digits, "0123456789") == strlen (digits) && strlen (digits) < 10)
        *revision = strtoull (digits, NULL, 10);
    if (*revision > 0)
        return bg_ok ();
    bg_ignore (bg_fail (err, BG_USAGE, "--to takes a version as 3 or v3, not '%.60s'", text));
    return hint_versions (self, err);
}

static bg_result fetch (reverting *self, bg_error *err)
{
    wire_version_query query = {
        .type = self->type, .name = self->name, .documents = true, .limit = 1};
    wire_versions *answer = NULL;
    BG_TRY (revision_typed (self, &query.revision, err));
    if (query.revision == 0)
        BG_TRY (revision_before (self, &query.revision, err));
    BG_TRY (ask (self->run, &query, &answer, err));
    if (answer->rows_count == 0)
        return no_version (self, query.revision, err);
    self->row = &answer->rows[0];
    if (self->row->type != (uint64_t) self->type || !self->row->has_document) {
        bg_ignore (bg_fail (err, BG_INVALID, "v%" PRIu64 " of %s '%.*s' is where it was deleted",
            query.revision, self->word, BG_SLICE_ARG (self->name)));
        return bg_hint (
            err, "to delete it: bugle %s delete '%.*s'", self->word, BG_SLICE_ARG (self->name));
    }
    return verify (self, err);
}

static bg_result look_up (reverting *self, bg_error *err)
{
    self->name = bg_slice_str (ctl_argument (self->run->parsed, 0));
    BG_TRY (ctl_standing_known (self->run, self->type, self->name, &self->found, err));
    self->name = self->found.name;
    if (!self->found.is_here || !self->found.document)
        return bg_ok ();
    return ctl_definition_of (
        self->found.document, self->type, &self->run->arena, &self->current, err);
}

static void print_reverted (const reverting *self, const wire_posted_item *posted, bool dry_run)
{
    ctl_output *out = self->run->out;
    const bool is_unchanged = posted->outcome == WIRE_POSTED_UNCHANGED;
    BG_AUTO_BUF diff = {0};
    ctl_definition_diff (&self->current, &self->wanted, &diff);
    if (!ctl_is_human (out)) {
        json_t *object = json_pack ("{s:o, s:s, s:I, s:I, s:I, s:I, s:o, s:b}", "name",
            ctl_json_slice (self->name), "outcome", is_unchanged ? "unchanged" : "reverted", "to",
            (json_int_t) self->row->revision, "version", (json_int_t) posted->revision,
            "document_version", (json_int_t) posted->version, "targets",
            (json_int_t) posted->targets, "diff", ctl_json_slice (bg_buf_slice (&diff)), "dry_run",
            dry_run);
        bg_assert (object);
        ctl_object (out, "reverted", NULL, 0, "name", object);
        return;
    }
    if (is_unchanged) {
        ctl_print (out, "unchanged %.*s (it is as in v%" PRIu64 " already)\n",
            BG_SLICE_ARG (self->name), self->row->revision);
        return;
    }
    BG_AUTO_BUF targets = {0};
    ctl_targets_count (posted->targets, &targets);
    if (dry_run)
        ctl_print_slice (out, bg_buf_slice (&diff));
    ctl_print (out, "%s %.*s to v%" PRIu64 " (v%" PRIu64 ") -> %s\n",
        dry_run ? "would revert" : "reverted", BG_SLICE_ARG (self->name), self->row->revision,
        posted->revision, bg_buf_cstr (&targets));
}

static bg_result revert (ctl_run *run, wire_type type, bg_error *err)
{
    reverting self = {.run = run, .type = type, .word = wire_type_word (type)};
    const bool dry_run = ctl_given (run->parsed, CTL_OPT_DRY_RUN);
    BG_TRY (look_up (&self, err));
    BG_TRY (fetch (&self, err));
    const ctl_apply_plan plan = ctl_apply_compare (&self.found, &self.wanted);
    wire_posted_item posted = {.outcome = WIRE_POSTED_UNCHANGED};
    if (plan.is_unchanged) {
        posted.revision = self.found.revision;
        posted.version = self.found.version;
        posted.targets = self.found.targets;
    } else {
        size_t done = 0;
        wire_post_item item = {.has_document = true, .seen_version = plan.seen_version};
        BG_TRY (ctl_definition_sign (run, &self.wanted, plan.last_version, &item.document, err));
        BG_TRY (ctl_post (run, &item, 1, dry_run, &posted, &done, err));
    }
    print_reverted (&self, &posted, dry_run);
    return bg_ok ();
}

bg_result ctl_job_revert (ctl_run *run, bg_error *err)
{
    return revert (run, WIRE_TYPE_JOB, err);
}

bg_result ctl_schedule_revert (ctl_run *run, bg_error *err)
{
    return revert (run, WIRE_TYPE_SCHEDULE, err);
}

bg_result ctl_calendar_revert (ctl_run *run, bg_error *err)
{
    return revert (run, WIRE_TYPE_CALENDAR, err);
}
