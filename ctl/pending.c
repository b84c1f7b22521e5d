/*  Machines that ask to be enlisted: see pending.h.  */
#include "ctl/pending.h"

#include "common/base/now.h"
#include "common/job/names.h"
#include "common/sys/file.h"
#include "ctl/client.h"
#include "ctl/fold.h"

#define PAGE_ROWS       500
#define CODES_FILE_MAX  (256u * 1024u)
#define NAMES_BYTES_MAX 200

/*  ---- looking ----  */

static bg_result add_code (ctl_client *client, ctl_pending *one, bg_error *err)
{
    const wire_keyring *keyring = NULL;
    BG_TRY (ctl_client_authority (client, &keyring, err));
    one->is_trusted = ctl_client_trusts_authority (client, one->row->authority_hash);
    one->code = wire_enlist_code_of (wire_keyring_installation (keyring), one->row->authority_hash,
        wire_keyring_broker_curve_key (keyring), one->row->name, &one->row->sign_key,
        &one->row->curve_key);
    return bg_ok ();
}

bg_result ctl_pending_fetch (ctl_run *run, ctl_pendings *out, bg_error *err)
{
    ctl_client *client = NULL;
    wire_pending_query query = {.limit = PAGE_ROWS};
    wire_pending *page = NULL;
    size_t room = 0;
    *out = (ctl_pendings){0};
    BG_TRY (ctl_run_client (run, &client, err));
    do {
        BG_TRY (ctl_call (client, WIRE_PENDING_QUERY, &query, WIRE_PENDING, (void **) &page, err));
        if (out->count + page->rows_count > room) {
            room = 2 * (out->count + page->rows_count);
            ctl_pending *rows = bg_arena_array (&run->arena, ctl_pending, room);
            if (out->count > 0)
                memcpy (rows, out->rows, out->count * sizeof *rows);
            out->rows = rows;
        }
        for (size_t i = 0; i < page->rows_count; i++) {
            ctl_pending *one = &out->rows[out->count++];
            *one = (ctl_pending){.row = &page->rows[i]};
            BG_TRY (add_code (client, one, err));
            query.after = page->rows[i].target;
        }
    } while (page->more && page->rows_count > 0);
    return bg_ok ();
}

/*  ---- choosing ----  */

static void choose (ctl_pendings *all, ctl_pending *one, bool by_code)
{
    if (!one->is_chosen) {
        one->is_chosen = true;
        all->chosen++;
        all->by_name++;
    }
    if (by_code && !one->by_code) {
        one->by_code = true;
        all->by_name--;
    }
}

static bool choose_code (ctl_pendings *all, bg_slice code)
{
    for (size_t i = 0; i < all->count; i++)
        if (all->rows[i].is_trusted && wire_enlist_code_equal (&all->rows[i].code, code)) {
            choose (all, &all->rows[i], true);
            return true;
        }
    return false;
}

static bool choose_names (ctl_pendings *all, bg_slice pattern)
{
    bool found = false;
    for (size_t i = 0; i < all->count; i++)
        if (job_name_matches (pattern, all->rows[i].row->name)) {
            choose (all, &all->rows[i], false);
            found = true;
        }
    return found;
}

static bool is_code (bg_slice text)
{
    size_t letters = 0, hyphens = 0;
    for (size_t i = 0; i < text.size; i++) {
        const uint8_t c = text.data[i];
        hyphens += c == '-';
        letters += (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    }
    return letters == 12 && hyphens == 2 && letters + hyphens == text.size;
}

static bg_result not_asking (const ctl_pendings *all, bg_slice text, bg_error *err)
{
    if (is_code (text))
        bg_ignore (bg_fail (
            err, BG_NOT_FOUND, "no machine that asks shows the code %.*s", BG_SLICE_ARG (text)));
    else
        bg_ignore (bg_fail (err, BG_NOT_FOUND, "no machine asks to be enlisted as '%.*s' (%zu ask)",
            BG_SLICE_ARG (text), all->count));
    return bg_hint (err, "see: bugle target pending");
}

static bg_result choose_file (
    ctl_run *run, ctl_pendings *all, const char *path, size_t *missing, bg_error *err)
{
    bg_buf text = {0};
    const bool is_stdin = strcmp (path, "-") == 0;
    bg_result result = is_stdin ? ctl_read_stdin (run, CODES_FILE_MAX, &text, err)
                                : bg_file_read (path, CODES_FILE_MAX, &text, err);
    char *rest = NULL;
    size_t codes = 0;
    char *copy = bg_arena_str (&run->arena, bg_buf_slice (&text));
    bg_buf_fini (&text);
    BG_TRY (result);
    for (char *line = strtok_r (copy, "\n", &rest); line; line = strtok_r (NULL, "\n", &rest)) {
        line[strcspn (line, "#\r")] = '\0';
        line += strspn (line, " \t");
        line[strcspn (line, " \t")] = '\0'; /*  a name may stand behind it, for people  */
        if (*line == '\0')
            continue;
        codes++;
        if (choose_code (all, bg_slice_str (line)))
            continue;
        (*missing)++;
        ctl_warn (run->out, "no machine that asks shows the code %s", line);
    }
    if (codes == 0)
        return bg_fail (err, BG_USAGE, "there is no code in %s", is_stdin ? "stdin" : path);
    return bg_ok ();
}

bg_result ctl_pending_check_twins (const ctl_pendings *all, bg_error *err)
{
    for (size_t i = 0; i < all->count; i++)
        for (size_t k = 0; k < i; k++) {
            const ctl_pending *one = &all->rows[i];
            const ctl_pending *other = &all->rows[k];
            if (!one->is_chosen || !other->is_chosen || (one->by_code && other->by_code) ||
                job_name_compare (one->row->name, other->row->name) != 0)
                continue;
            bg_ignore (bg_fail (err, BG_CONFLICT, "two machines ask as '%.*s': at %.*s and at %.*s",
                BG_SLICE_ARG (one->row->name), BG_SLICE_ARG (other->row->address),
                BG_SLICE_ARG (one->row->address)));
            return bg_hint (err, "name the one that is meant by its code");
        }
    return bg_ok ();
}

bg_result ctl_pending_choose (ctl_run *run, ctl_pendings *all, size_t *missing, bg_error *err)
{
    const size_t count = ctl_argument_count (run->parsed);
    const char *file = ctl_text (run->parsed, CTL_OPT_CODES, NULL);
    const bool is_all = ctl_given (run->parsed, CTL_OPT_ALL);
    size_t own_missing = 0;
    if (is_all && (count > 0 || file))
        return bg_fail (err, BG_USAGE, "--all stands alone");
    if (!is_all && count == 0 && !file) {
        bg_ignore (bg_fail (err, BG_USAGE, "which machines?"));
        return bg_hint (
            err, "codes, names, patterns, --codes FILE or --all; see: bugle target pending");
    }
    for (size_t i = 0; i < count; i++) {
        const bg_slice text = bg_slice_str (ctl_argument (run->parsed, i));
        if (!choose_code (all, text) && !choose_names (all, text))
            return not_asking (all, text, err);
    }
    if (file)
        BG_TRY (choose_file (run, all, file, missing ? missing : &own_missing, err));
    for (size_t i = 0; is_all && i < all->count; i++)
        choose (all, &all->rows[i], false);
    if (all->chosen == 0) {
        bg_ignore (bg_fail (err, BG_NOT_FOUND, "no machine asks to be enlisted"));
        return bg_hint (err, "on the machine: bugle-node enlist --broker HOST --broker-key KEY");
    }
    return bg_ok ();
}

void ctl_pending_names (const ctl_pendings *all, bg_arena *arena, bg_buf *out)
{
    bg_slice *names = bg_arena_array (arena, bg_slice, all->count + 1);
    size_t count = 0;
    for (size_t i = 0; i < all->count; i++)
        if (all->rows[i].is_chosen)
            names[count++] = all->rows[i].row->name;
    ctl_fold (names, count, count, NAMES_BYTES_MAX, out);
}

/*  ---- showing ----  */

static void age_print (const ctl_output *out, const json_t *row, bg_buf *text)
{
    (void) out;
    const json_int_t age_s = json_integer_value (json_object_get (row, "age_s"));
    if (age_s < 60)
        bg_buf_printf (text, "%" JSON_INTEGER_FORMAT "s", age_s);
    else if (age_s < 3600)
        bg_buf_printf (text, "%" JSON_INTEGER_FORMAT "m", age_s / 60);
    else
        bg_buf_printf (text, "%" JSON_INTEGER_FORMAT "h%02" JSON_INTEGER_FORMAT "m", age_s / 3600,
            age_s / 60 % 60);
}

const ctl_column ctl_pending_columns[] = {
    {"code", "CODE", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"name", "NAME", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"address", "ADDRESS", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"location", "LOCATION", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"os", "OS", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"age_s", "AGE", CTL_CELL_DURATION, CTL_NORMAL, age_print},
    {"note", "NOTE", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"zone", "ZONE", CTL_CELL_TEXT, CTL_WIDE, NULL},
    {"version", "VERSION", CTL_CELL_TEXT, CTL_WIDE, NULL},
    {"seen", "LAST ASKED", CTL_CELL_TIME, CTL_WIDE, NULL},
    {"expires", "UNTIL", CTL_CELL_TIME, CTL_WIDE, NULL},
    {"id", "ID", CTL_CELL_ID, CTL_WIDE, NULL},
};
const size_t ctl_pending_column_count = sizeof ctl_pending_columns / sizeof ctl_pending_columns[0];

static json_t *facts_json (const wire_pending_row *row)
{
    json_t *object = json_object ();
    for (size_t i = 0; i < row->facts_count; i++) {
        BG_AUTO_CHAR key = bg_slice_dup (row->facts[i].key);
        json_object_set_new (object, key, ctl_json_slice (row->facts[i].value));
    }
    return object;
}

/*  "debian 12" of the facts os and os.version.  */
static json_t *os_json (const wire_pending_row *row)
{
    bg_slice os = {0}, version = {0};
    for (size_t i = 0; i < row->facts_count; i++) {
        if (bg_slice_is (row->facts[i].key, "os"))
            os = row->facts[i].value;
        if (bg_slice_is (row->facts[i].key, "os.version"))
            version = row->facts[i].value;
    }
    BG_AUTO_BUF text = {0};
    bg_buf_printf (&text, "%.*s%s%.*s", BG_SLICE_ARG (os), os.size && version.size ? " " : "",
        BG_SLICE_ARG (version));
    return ctl_json_text_or_null (bg_buf_slice (&text));
}

json_t *ctl_pending_json (const ctl_pending *one, int64_t now_us)
{
    const wire_pending_row *row = one->row;
    const char *note = !one->is_trusted  ? "it was shown another authority"
                       : row->name_taken ? "the name is taken"
                                         : NULL;
    json_t *object = json_object ();
    json_object_set_new (
        object, "code", one->is_trusted ? json_string (one->code.text) : json_null ());
    json_object_set_new (object, "name", ctl_json_slice (row->name));
    json_object_set_new (object, "address", ctl_json_text_or_null (row->address));
    json_object_set_new (object, "location", ctl_json_text_or_null (row->location));
    json_object_set_new (object, "os", os_json (row));
    json_object_set_new (object, "age_s",
        json_integer (
            (json_int_t) ((now_us > row->asked_us ? now_us - row->asked_us : 0) / BG_SEC (1))));
    json_object_set_new (object, "note", note ? json_string (note) : json_null ());
    json_object_set_new (object, "name_taken", json_boolean (row->name_taken));
    json_object_set_new (object, "zone", ctl_json_text_or_null (row->zone));
    json_object_set_new (object, "version", ctl_json_text_or_null (row->version));
    json_object_set_new (object, "facts", facts_json (row));
    json_object_set_new (object, "asked", ctl_json_time (row->asked_us));
    json_object_set_new (object, "seen", ctl_json_time (row->seen_us));
    json_object_set_new (object, "expires", ctl_json_time (row->expires_us));
    json_object_set_new (object, "id", ctl_json_id (row->target));
    json_object_set_new (object, "number", json_integer ((json_int_t) row->number));
    return object;
}
