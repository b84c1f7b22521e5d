/*  target list, and the row of a target that all target commands share.  */
#include "ctl/target.h"

#include "common/job/names.h"
#include "ctl/targets_arg.h"

#define PAGE_ROWS 500

/*  ---- pages ---- */

bg_result ctl_targets_fetch (
    ctl_run *run, const wire_target_query *query, size_t limit, ctl_target_rows *out, bg_error *err)
{
    ctl_client *client = NULL;
    ctl_target_rows all = {0};
    size_t room = 0;
    wire_target_query page = *query;
    BG_TRY (ctl_run_client (run, &client, err));
    for (page.after = 0;;) {
        size_t left = limit > 0 ? limit - all.count : PAGE_ROWS;
        wire_targets *answer = NULL;
        page.limit = left < PAGE_ROWS ? left : PAGE_ROWS;
        BG_TRY (ctl_call (client, WIRE_TARGET_QUERY, &page, WIRE_TARGETS, (void **) &answer, err));
        if (all.count + answer->rows_count > room) {
            room = 2 * (all.count + answer->rows_count);
            wire_target_row *rows = bg_arena_array (&run->arena, wire_target_row, room);
            if (all.count > 0)
                memcpy (rows, all.rows, all.count * sizeof *rows);
            all.rows = rows;
        }
        if (answer->rows_count > 0) {
            memcpy (all.rows + all.count, answer->rows, answer->rows_count * sizeof *all.rows);
            page.after = answer->rows[answer->rows_count - 1].number;
        }
        all.count += answer->rows_count;
        all.total = answer->total;
        all.more = answer->more;
        if (!answer->more || answer->rows_count == 0 || (limit > 0 && all.count >= limit))
            break;
    }
    *out = all;
    return bg_ok ();
}

/*  The broker finds live targets by name, and those that left by id only: their names may be taken
    again. Replaces each name that no live target has by the id of the latest that had it.  */
static bg_result names_to_ids (
    ctl_run *run, bg_slice *names, size_t count, bool *is_changed, bg_error *err)
{
    wire_target_query query = {.defected = true};
    ctl_target_rows all;
    BG_TRY (ctl_targets_fetch (run, &query, 0, &all, err));
    for (size_t i = 0; i < count; i++) {
        const wire_target_row *found = NULL;
        for (size_t j = 0; j < all.count; j++) {
            bool is_named = job_name_compare (all.rows[j].name, names[i]) == 0;
            if (is_named && (found == NULL || found->defected_us != 0))
                found = &all.rows[j];
        }
        if (found == NULL || found->defected_us == 0)
            continue;
        names[i] = bg_arena_printf (&run->arena, "%s", bg_id_text (found->id).text);
        *is_changed = true;
    }
    return bg_ok ();
}

bg_result ctl_targets_named (
    ctl_run *run, const bg_slice *names, size_t count, ctl_target_rows *out, bg_error *err)
{
    wire_target_query query = {
        .names_count = count, .details = true, .defected = true, .switches = true};
    query.names = bg_arena_array (&run->arena, bg_slice, count);
    memcpy (query.names, names, count * sizeof *names);
    bg_error why = {0};
    bool is_changed = false;
    bg_result result = ctl_targets_fetch (run, &query, 0, out, &why);
    if (result.code == BG_NOT_FOUND) {
        BG_TRY (names_to_ids (run, query.names, count, &is_changed, err));
        if (is_changed)
            result = ctl_targets_fetch (run, &query, 0, out, &why);
    }
    if (bg_failed (result) && err != NULL)
        *err = why;
    return result;
}

/*  ---- target list ---- */

static const ctl_column columns[] = {
    {"name", "NAME", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"state", "STATE", CTL_CELL_STATE, CTL_NORMAL, ctl_target_state_print},
    {"location", "LOCATION", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"groups", "GROUPS", CTL_CELL_LIST, CTL_NORMAL, NULL},
    {"local_time", "LOCAL TIME", CTL_CELL_TEXT, CTL_NORMAL, ctl_target_local_print},
    {"last_poll", "LAST POLL", CTL_CELL_TIME, CTL_NORMAL, NULL},
    {"running", "RUNNING", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"unread", "UNREAD", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"connected", "CONNECTED", CTL_CELL_YES, CTL_WIDE, NULL},
    {"labels", "LABELS", CTL_CELL_LIST, CTL_WIDE, NULL},
    {"zone", "ZONE", CTL_CELL_TEXT, CTL_WIDE, NULL},
    {"last_seen", "LAST SEEN", CTL_CELL_TIME, CTL_WIDE, NULL},
    {"poll_interval_s", "POLLS EVERY", CTL_CELL_DURATION, CTL_WIDE, NULL},
    {"clock_offset_s", "CLOCK", CTL_CELL_DURATION, CTL_WIDE, NULL},
    {"version", "VERSION", CTL_CELL_TEXT, CTL_WIDE, NULL},
    {"provisional", "PROVISIONAL", CTL_CELL_YES, CTL_WIDE, NULL},
    {"enlisted", "ENLISTED", CTL_CELL_TIME, CTL_WIDE, NULL},
    {"enlisted_by", "BY", CTL_CELL_TEXT, CTL_WIDE, NULL},
    {"id", "ID", CTL_CELL_ID, CTL_WIDE, NULL},
};

static bg_slice text_of (const ctl_run *run, ctl_option_id option)
{
    return bg_slice_str (ctl_text (run->parsed, option, NULL));
}

static uint64_t state_of (const char *word)
{
    static const struct {
        const char *word;
        uint64_t state;
    } states[] = {{"normal", WIRE_TARGET_NORMAL}, {"provisional", WIRE_TARGET_PROVISIONAL},
        {"suspected-offline", WIRE_TARGET_SUSPECTED_OFFLINE},
        {"quarantined", WIRE_TARGET_QUARANTINED}, {"waiting", WIRE_TARGET_WAITING},
        {"never-seen", WIRE_TARGET_NEVER_SEEN}, {"defected", WIRE_TARGET_DEFECTED}};
    for (size_t i = 0; word != NULL && i < sizeof states / sizeof states[0]; i++)
        if (strcmp (states[i].word, word) == 0)
            return states[i].state;
    return 0;
}

static bg_result check_pattern (ctl_run *run, ctl_option_id option, bg_error *err)
{
    const char *text = ctl_text (run->parsed, option, NULL);
    if (text == NULL)
        return bg_ok ();
    if (text[0] == '\0') {
        bg_ignore (bg_fail (err, BG_USAGE, "--%s '' chooses nothing", ctl_options[option].word));
        return bg_hint (err, "leave it out, or give a text or a pattern");
    }
    return bg_ok ();
}

/*  Everything that a list of targets can be restricted by.  */
static bg_result fill_query (ctl_run *run, wire_target_query *query, bg_error *err)
{
    static const ctl_option_id patterns[] = {
        CTL_OPT_LOCATION, CTL_OPT_ZONE, CTL_OPT_NODE_VERSION, CTL_OPT_ENLISTED_BY, CTL_OPT_JOB};
    wire_audience choice = {0};
    bool is_given = false;
    BG_TRY (ctl_targets_arg (run, &choice, &is_given, err));
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++)
        BG_TRY (check_pattern (run, patterns[i], err));
    if (choice.groups_count > 1)
        return bg_fail (err, BG_USAGE, "a list can be cut to one group; ask once for each");
    *query = (wire_target_query){
        .names = choice.names,
        .names_count = choice.names_count,
        .group = choice.groups_count > 0 ? choice.groups[0] : (bg_slice){0},
        .labels = choice.labels,
        .job = text_of (run, CTL_OPT_JOB),
        .defected = ctl_given (run->parsed, CTL_OPT_DEFECTED),
        .state = state_of (ctl_text (run->parsed, CTL_OPT_TARGET_STATE, NULL)),
        .location = text_of (run, CTL_OPT_LOCATION),
        .zone = text_of (run, CTL_OPT_ZONE),
        .version = text_of (run, CTL_OPT_NODE_VERSION),
        .enlisted_by = text_of (run, CTL_OPT_ENLISTED_BY),
        .provisional = ctl_given (run->parsed, CTL_OPT_PROVISIONAL),
        .unread = ctl_given (run->parsed, CTL_OPT_UNREAD),
        .connected = ctl_given (run->parsed, CTL_OPT_CONNECTED),
        .enlisted_since_us = ctl_time_us (run->parsed, CTL_OPT_ENLISTED_SINCE, 0),
        .enlisted_until_us = ctl_time_us (run->parsed, CTL_OPT_ENLISTED_UNTIL, 0),
        .silent_us = ctl_duration_us (run->parsed, CTL_OPT_OFFLINE_FOR, 0),
        .clock_over_us = ctl_duration_us (run->parsed, CTL_OPT_CLOCK_OVER, 0),
        .poll_us = (uint64_t) ctl_duration_us (run->parsed, CTL_OPT_POLL, 0),
    };
    return wire_check (&wire_desc_target_query, query, err);
}

bg_result ctl_target_list (ctl_run *run, bg_error *err)
{
    ctl_client *client = NULL;
    ctl_target_rows found;
    wire_target_query query;
    size_t provisional = 0;
    BG_TRY (fill_query (run, &query, err));
    BG_TRY (ctl_run_client (run, &client, err));
    size_t limit = (size_t) ctl_number (run->parsed, CTL_OPT_LIMIT, 0);
    BG_TRY (ctl_targets_fetch (run, &query, limit, &found, err));
    ctl_list_begin (run->out, "targets", columns, sizeof columns / sizeof columns[0], "name");
    for (size_t i = 0; i < found.count; i++) {
        ctl_list_row (run->out, ctl_target_json (&found.rows[i], ctl_client_now_us (client)));
        provisional += found.rows[i].provisional && found.rows[i].defected_us == 0;
    }
    ctl_list_end (run->out, found.more, found.total);
    ctl_offer_confirm (run, provisional);
    return bg_ok ();
}
