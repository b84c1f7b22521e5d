/*  token list and revoke. A token is named by the end of its id, which is its public key in base32.  */
#include "common/base/now.h"
#include "ctl/client.h"
#include "ctl/sign.h"

#define PAGE_ROWS 500
#define ID_TEXT   53 /*  32 bytes in base32, with the end  */
#define ID_SHOWN  8
#define ID_LEAST  4

typedef struct {
    const wire_token_row *row;
    char id[ID_TEXT];
    const char *state;
    bool is_chosen;
} token;

typedef struct {
    token *items;
    size_t count;
} tokens;

/*  ---- looking ----  */

static const char *state_of (const wire_token_row *row, int64_t now_us)
{
    if (row->revoked_us != 0)
        return "revoked";
    if (row->used >= row->uses)
        return "used up";
    return row->expires_us <= now_us ? "expired" : "usable";
}

static int by_time (const void *a, const void *b)
{
    const wire_token_row *one = ((const token *) a)->row;
    const wire_token_row *other = ((const token *) b)->row;
    return one->created_us > other->created_us ? -1 : one->created_us < other->created_us;
}

/*  Newest first.  */
static bg_result fetch (ctl_run *run, bool all, tokens *out, bg_error *err)
{
    ctl_client *client = NULL;
    wire_token_query query = {.limit = PAGE_ROWS, .all = all};
    wire_tokens *page = NULL;
    size_t room = 0;
    *out = (tokens){0};
    BG_TRY (ctl_run_client (run, &client, err));
    const int64_t now_us = ctl_client_now_us (client);
    do {
        BG_TRY (ctl_call (client, WIRE_TOKEN_QUERY, &query, WIRE_TOKENS, (void **) &page, err));
        if (out->count + page->rows_count > room) {
            room = 2 * (out->count + page->rows_count);
            token *items = bg_arena_array (&run->arena, token, room);
            if (out->count > 0)
                memcpy (items, out->items, out->count * sizeof *items);
            out->items = items;
        }
        for (size_t i = 0; i < page->rows_count; i++) {
            token *one = &out->items[out->count++];
            *one = (token){.row = &page->rows[i], .state = state_of (&page->rows[i], now_us)};
            bg_base32_encode (
                bg_slice_of (one->row->token_key.bytes, sizeof one->row->token_key.bytes), one->id);
            query.after = one->row->token_key;
        }
    } while (page->more && page->rows_count > 0);
    if (out->count > 1)
        qsort (out->items, out->count, sizeof *out->items, by_time);
    return bg_ok ();
}

/*  ---- list ----  */

static void id_print (const ctl_output *out, const json_t *row, bg_buf *text)
{
    const char *id = json_string_value (json_object_get (row, "id"));
    const bool is_wide = ctl_output_get (out)->form == CTL_FORM_WIDE;
    bg_buf_append_str (text, is_wide ? id : id + strlen (id) - ID_SHOWN);
}

static const ctl_column columns[] = {
    {"id", "ID", CTL_CELL_TEXT, CTL_NORMAL, id_print},
    {"state", "STATE", CTL_CELL_STATE, CTL_NORMAL, NULL},
    {"names", "NAMES", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"used", "USED", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"uses", "OF", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"groups", "GROUPS", CTL_CELL_LIST, CTL_NORMAL, NULL},
    {"expires", "EXPIRES", CTL_CELL_TIME, CTL_NORMAL, NULL},
    {"created_by", "BY", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"labels", "LABELS", CTL_CELL_LIST, CTL_WIDE, NULL},
    {"location", "LOCATION", CTL_CELL_TEXT, CTL_WIDE, NULL},
    {"replace", "REPLACES", CTL_CELL_TEXT, CTL_WIDE, NULL},
    {"created", "CREATED", CTL_CELL_TIME, CTL_WIDE, NULL},
    {"revoked", "REVOKED", CTL_CELL_TIME, CTL_WIDE, NULL},
    {"revoked_by", "REVOKED BY", CTL_CELL_TEXT, CTL_WIDE, NULL},
};

static json_t *token_json (const token *one)
{
    const wire_token_row *row = one->row;
    json_t *labels = json_object ();
    for (size_t i = 0; i < row->labels_count; i++) {
        BG_AUTO_CHAR key = bg_slice_dup (row->labels[i].key);
        json_object_set_new (labels, key, ctl_json_slice (row->labels[i].value));
    }
    json_t *object = json_pack ("{s:s, s:s, s:o, s:I, s:I, s:o, s:o}", "id", one->id, "state",
        one->state, "names", ctl_json_slice (row->names), "used", (json_int_t) row->used, "uses",
        (json_int_t) row->uses, "groups", ctl_json_slices (row->groups, row->groups_count),
        "labels", labels);
    bg_assert (object != NULL);
    json_object_set_new (object, "location", ctl_json_text_or_null (row->location));
    json_object_set_new (object, "replace", ctl_json_text_or_null (row->replace));
    json_object_set_new (object, "created", ctl_json_time (row->created_us));
    json_object_set_new (object, "created_by", ctl_json_text_or_null (row->created_by));
    json_object_set_new (object, "expires", ctl_json_time (row->expires_us));
    json_object_set_new (object, "revoked", ctl_json_time (row->revoked_us));
    json_object_set_new (object, "revoked_by", ctl_json_text_or_null (row->revoked_by));
    return object;
}

bg_result ctl_token_list (ctl_run *run, bg_error *err)
{
    tokens all;
    BG_TRY (fetch (run, ctl_given (run->parsed, CTL_OPT_ALL), &all, err));
    ctl_list_begin (run->out, "tokens", columns, sizeof columns / sizeof columns[0], "id");
    const size_t limit = (size_t) ctl_number (run->parsed, CTL_OPT_LIMIT, 0);
    const size_t shown = limit > 0 && limit < all.count ? limit : all.count;
    for (size_t i = 0; i < shown; i++)
        ctl_list_row (run->out, token_json (&all.items[i]));
    ctl_list_end (run->out, shown < all.count, all.count);
    return bg_ok ();
}

/*  ---- revoke ----  */

static bool ends_with (const token *one, bg_slice typed)
{
    const size_t size = strlen (one->id);
    if (typed.size < ID_LEAST || typed.size > size)
        return false;
    for (size_t i = 0; i < typed.size; i++) {
        const uint8_t c = typed.data[i];
        const char letter = (char) (c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
        if (letter != one->id[size - typed.size + i])
            return false;
    }
    return true;
}

static bg_result choose_one (tokens *all, const char *typed, bg_error *err)
{
    token *found = NULL;
    for (size_t i = 0; i < all->count; i++) {
        if (!ends_with (&all->items[i], bg_slice_str (typed)))
            continue;
        if (found) {
            bg_ignore (bg_fail (err, BG_INVALID, "'%s' is the end of several tokens' ids", typed));
            return bg_hint (err, "write more of the id; see: bugle token list --all -o wide");
        }
        found = &all->items[i];
    }
    if (!found) {
        bg_ignore (bg_fail (err, BG_NOT_FOUND, "there is no token '%s'", typed));
        return bg_hint (
            err, "write at least its last %d characters; see: bugle token list --all", ID_LEAST);
    }
    found->is_chosen = true;
    return bg_ok ();
}

static bg_result choose (ctl_run *run, tokens *all, size_t *chosen, bg_error *err)
{
    const size_t count = ctl_argument_count (run->parsed);
    const bool is_all = ctl_given (run->parsed, CTL_OPT_ALL);
    if (is_all == (count > 0)) {
        bg_ignore (bg_fail (err, BG_USAGE, is_all ? "--all stands alone" : "which tokens?"));
        return bg_hint (err, "ids as bugle token list shows them, or --all");
    }
    for (size_t i = 0; i < count; i++)
        BG_TRY (choose_one (all, ctl_argument (run->parsed, i), err));
    *chosen = 0;
    for (size_t i = 0; i < all->count; i++) {
        all->items[i].is_chosen |= is_all && strcmp (all->items[i].state, "usable") == 0;
        *chosen += all->items[i].is_chosen;
    }
    return bg_ok ();
}

static void print_revoked (ctl_run *run, const tokens *all, bool dry_run)
{
    static const ctl_column shown[] = {
        {"outcome", "OUTCOME", CTL_CELL_TEXT, CTL_NORMAL, NULL},
        {"id", "TOKEN", CTL_CELL_TEXT, CTL_NORMAL, id_print},
        {"names", "NAMES", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    };
    ctl_list_begin (run->out, "revocations", shown, 3, "id");
    for (size_t i = 0; i < all->count; i++) {
        const token *one = &all->items[i];
        if (!one->is_chosen)
            continue;
        const char *outcome = one->row->revoked_us != 0            ? "unchanged"
                              : dry_run && ctl_is_human (run->out) ? "would be revoked"
                                                                   : "revoked";
        ctl_list_row (
            run->out, json_pack ("{s:s, s:s, s:o, s:b}", "outcome", outcome, "id", one->id, "names",
                          ctl_json_slice (one->row->names), "dry_run", dry_run));
    }
    ctl_list_end (run->out, false, 0);
    if (dry_run)
        ctl_note (run->out, "dry run: nothing was changed");
}

bg_result ctl_token_revoke (ctl_run *run, bg_error *err)
{
    const bool dry_run = ctl_given (run->parsed, CTL_OPT_DRY_RUN);
    tokens all;
    size_t chosen = 0;
    BG_TRY (fetch (run, true, &all, err));
    BG_TRY (choose (run, &all, &chosen, err));
    if (ctl_given (run->parsed, CTL_OPT_ALL) && chosen > 0 && !dry_run)
        BG_TRY (ctl_confirm (run, err, "Revoke %zu token%s?", chosen, chosen == 1 ? "" : "s"));
    for (size_t i = 0; i < all.count; i++) {
        const token *one = &all.items[i];
        wire_done *done = NULL;
        if (!one->is_chosen || one->row->revoked_us != 0)
            continue;
        const wire_request request = {
            .what = WIRE_REQUEST_TOKEN_REVOKE, .token_key = one->row->token_key};
        BG_TRY (ctl_request (run, &request, dry_run, &done, err));
    }
    print_revoked (run, &all, dry_run);
    return bg_ok ();
}
