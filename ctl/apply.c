/*  bugle apply: files to jobs, jobs to signed documents, those that differ to the broker.

    Everything is read before anything is asked, and everything is compared before anything is posted: a mistake in the last
    file leaves the broker as it was.

    Invariant: what is printed as unchanged was not posted.
*/
#include "ctl/apply.h"

#include "common/sys/file.h"
#include "common/sys/yaml.h"
#include "ctl/sign.h"
#include "ctl/zones.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

/*  ---- deciding ----  */

ctl_apply_plan ctl_apply_compare (const wire_job *job, const ctl_job_found *found)
{
    const wire_job_row *row = found->row;
    if (!row)
        return (ctl_apply_plan){.last_version = found->withdrawn_version};
    return (ctl_apply_plan){
        .is_unchanged = row->has_document && ctl_same_body (&row->document, &wire_desc_job, job),
        .last_version = row->version,
        .seen_version = row->version,
    };
}

void ctl_apply_text (const ctl_apply_outcome *outcome, bg_buf *out)
{
    const char *word = wire_posted_word (outcome->outcome);
    bg_buf_printf (out, "%s %.*s (v%" PRIu64 ") -> ", word ? word : "posted",
        BG_SLICE_ARG (outcome->name), outcome->revision);
    ctl_targets_count (outcome->targets, out);
}

json_t *ctl_apply_json (const ctl_apply_outcome *outcome)
{
    const char *word = wire_posted_word (outcome->outcome);
    return json_pack ("{s:o, s:s, s:I, s:I, s:I}", "name", ctl_json_slice (outcome->name),
        "outcome", word ? word : "posted", "version", (json_int_t) outcome->revision,
        "document_version", (json_int_t) outcome->version, "targets",
        (json_int_t) outcome->targets);
}

/*  ---- files ----  */

static bool is_job_file (const struct dirent *entry)
{
    static const char *const endings[] = {".yaml", ".yml"};
    size_t size = strlen (entry->d_name);
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        size_t ending = strlen (endings[i]);
        if (entry->d_name[0] != '.' && size > ending &&
            strcmp (entry->d_name + size - ending, endings[i]) == 0)
            return true;
    }
    return false;
}

static int by_text (const void *left, const void *right)
{
    return strcmp (*(char *const *) left, *(char *const *) right);
}

static bool is_directory (const char *path)
{
    struct stat st;
    return stat (path, &st) == 0 && S_ISDIR (st.st_mode);
}

/*  Takes path. A file that was named twice is read once.  */
static void add_path (char ***paths, size_t *count, char *path)
{
    for (size_t i = 0; i < *count; i++) {
        if (strcmp ((*paths)[i], path) == 0) {
            free (path);
            return;
        }
    }
    *paths = bg_realloc (*paths, (*count + 1) * sizeof **paths);
    (*paths)[(*count)++] = path;
}

/*  The next entry that is a job file; NULL at the end, then errno tells a failure.  */
static char *next_file (DIR *open_dir, const char *dir)
{
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir (open_dir);
        if (!entry)
            return NULL;
        if (!is_job_file (entry))
            continue;
        char *path = bg_path_join (dir, entry->d_name);
        if (!is_directory (path))
            return path;
        free (path);
    }
}

bg_result ctl_apply_files (const char *dir, char ***paths, size_t *count, bg_error *err)
{
    size_t before = *count;
    DIR *open_dir = opendir (dir);
    if (!open_dir)
        return bg_fail_errno (err, BG_IO, "the directory %s cannot be read", dir);
    for (char *path = next_file (open_dir, dir); path; path = next_file (open_dir, dir))
        add_path (paths, count, path);
    bg_result result = bg_ok ();
    if (errno != 0)
        result = bg_fail_errno (err, BG_IO, "the directory %s cannot be read", dir);
    (void) closedir (open_dir);
    BG_TRY (result);
    if (*count == before) {
        bg_ignore (bg_fail (err, BG_NOT_FOUND, "there are no job files in %s", dir));
        return bg_hint (err, "files named *.yaml and *.yml are taken");
    }
    qsort (*paths + before, *count - before, sizeof **paths, by_text);
    return bg_ok ();
}

/*  All that is read from, in order; "-" is stdin.  */
typedef struct {
    char **paths;
    size_t count;
} path_list;

static void free_paths (path_list *self)
{
    for (size_t i = 0; i < self->count; i++)
        free (self->paths[i]);
    free (self->paths);
}

static bg_result list_paths (ctl_run *run, path_list *list, bg_error *err)
{
    size_t count = 0;
    const char *const *given = ctl_list (run->parsed, CTL_OPT_FILE, &count);
    if (count == 0) {
        bg_ignore (bg_fail (err, BG_USAGE, "bugle apply needs -f FILE or -f DIR"));
        return bg_hint (err, "see: bugle apply --help");
    }
    for (size_t i = 0; i < count; i++) {
        if (given[i][0] == '\0')
            return bg_fail (err, BG_USAGE, "-f: an empty name means nothing");
        if (is_directory (given[i]))
            BG_TRY (ctl_apply_files (given[i], &list->paths, &list->count, err));
        else
            add_path (&list->paths, &list->count, bg_strdup (given[i]));
    }
    return bg_ok ();
}

/*  The message without the file's name in front: it stands there anyway.  */
static const char *without (const char *message, const char *path)
{
    size_t size = strlen (path);
    bool begins = strncmp (message, path, size) == 0 && message[size] == ' ';
    return begins ? message + size + 1 : message;
}

/*  A file that cannot be read is one mistake among the others.  */
static void read_path (ctl_run *run, const char *path, job_yaml_set *set, bg_diag *diag)
{
    BG_AUTO_BUF text = {0};
    bg_error why = {0};
    bool is_stdin = strcmp (path, "-") == 0;
    size_t before = bg_diag_count (diag);
    bg_result result = is_stdin ? ctl_read_stdin (run, BG_YAML_BYTES, &text, &why)
                                : bg_file_read (path, BG_YAML_BYTES, &text, &why);
    if (bg_is_ok (result))
        result = job_yaml_read (set, is_stdin ? "stdin" : path, bg_buf_slice (&text), diag, &why);
    if (bg_is_ok (result) || bg_diag_count (diag) > before)
        return;
    const bg_diag_place place = {.file = is_stdin ? "stdin" : path};
    if (why.sys_errno != 0)
        bg_diag_add (diag, &place, NULL, "cannot be read: %s", strerror (why.sys_errno));
    else
        bg_diag_add (diag, &place, NULL, "%s", without (why.message, path));
}

static bg_result read_all (ctl_run *run, const path_list *list, job_yaml_set *set, bg_error *err)
{
    bg_diag *diag = bg_diag_create ();
    for (size_t i = 0; i < list->count; i++)
        read_path (run, list->paths[i], set, diag);
    bg_result result = bg_diag_result (diag, err);
    if (bg_failed (result)) {
        BG_AUTO_BUF text = {0};
        bg_diag_print (diag, &text);
        FILE *talk = ctl_output_get (run->out)->talk;
        (void) fwrite (text.data, 1, text.size, talk);
        bg_ignore (bg_hint (err, "nothing was posted"));
    }
    bg_diag_destroy (&diag);
    return result;
}

/*  ---- the broker ----  */

typedef struct {
    size_t count;
    ctl_apply_outcome *outcomes; /*  one a job, in the order of the files  */
    wire_post_item *items;       /*  those that differ  */
    size_t *item_jobs;           /*  their indexes in outcomes  */
    size_t item_count;
} apply_work;

static bg_result compare_one (
    ctl_run *run, const wire_job *job, apply_work *work, size_t index, bg_error *err)
{
    ctl_job_found found;
    BG_TRY (ctl_job_look (run, job->name, true, &found, err));
    ctl_apply_plan plan = ctl_apply_compare (job, &found);
    if (plan.is_unchanged) {
        work->outcomes[index] = (ctl_apply_outcome){.name = found.row->name,
            .outcome = WIRE_POSTED_UNCHANGED,
            .revision = found.row->revision,
            .version = found.row->version,
            .targets = found.row->targets};
        return bg_ok ();
    }
    wire_post_item *item = &work->items[work->item_count];
    *item = (wire_post_item){.has_document = true, .seen_version = plan.seen_version};
    BG_TRY (ctl_sign_document (
        run, WIRE_TYPE_JOB, job->name, plan.last_version, job, &item->document, err));
    work->outcomes[index].name = job->name;
    work->item_jobs[work->item_count++] = index;
    return bg_ok ();
}

static bg_result compare_all (
    ctl_run *run, const job_yaml_set *set, apply_work *work, bg_error *err)
{
    work->count = job_yaml_count (set);
    work->outcomes = bg_arena_array (&run->arena, ctl_apply_outcome, work->count);
    work->items = bg_arena_array (&run->arena, wire_post_item, work->count);
    work->item_jobs = bg_arena_array (&run->arena, size_t, work->count);
    for (size_t i = 0; i < work->count; i++)
        BG_TRY (compare_one (run, job_yaml_job (set, i), work, i, err));
    return bg_ok ();
}

static bg_result post_all (ctl_run *run, apply_work *work, bool dry_run, bg_error *err)
{
    size_t done = 0;
    if (work->item_count == 0)
        return bg_ok ();
    wire_posted_item *rows = bg_arena_array (&run->arena, wire_posted_item, work->item_count);
    bg_result result = ctl_post (run, work->items, work->item_count, dry_run, rows, &done, err);
    for (size_t i = 0; i < done; i++) {
        ctl_apply_outcome *outcome = &work->outcomes[work->item_jobs[i]];
        outcome->outcome = rows[i].outcome;
        outcome->revision = rows[i].revision;
        outcome->version = rows[i].version;
        outcome->targets = rows[i].targets;
    }
    return result;
}

/*  Those whose outcome is known: all, unless posting broke off.  */
static void print_outcomes (ctl_run *run, const apply_work *work)
{
    if (!ctl_is_human (run->out))
        ctl_list_begin (run->out, "applied", NULL, 0, "name");
    for (size_t i = 0; i < work->count; i++) {
        if (work->outcomes[i].outcome == 0)
            continue;
        BG_AUTO_BUF text = {0};
        ctl_apply_text (&work->outcomes[i], &text);
        if (ctl_is_human (run->out))
            ctl_print (run->out, "%s\n", bg_buf_cstr (&text));
        else
            ctl_list_row (run->out, ctl_apply_json (&work->outcomes[i]));
    }
    if (!ctl_is_human (run->out))
        ctl_list_end (run->out, false, 0);
}

static bg_result apply_set (ctl_run *run, const job_yaml_set *set, bg_error *err)
{
    apply_work work = {0};
    bool dry_run = ctl_given (run->parsed, CTL_OPT_DRY_RUN);
    BG_TRY (compare_all (run, set, &work, err));
    bg_result result = post_all (run, &work, dry_run, err);
    print_outcomes (run, &work);
    if (dry_run && bg_is_ok (result))
        ctl_note (run->out, "dry run: nothing was changed");
    return result;
}

bg_result ctl_apply (ctl_run *run, bg_error *err)
{
    const job_yaml_zones zones = {ctl_zone_exists, NULL};
    bool has_zones = ctl_zones_are_here ();
    path_list list = {0};
    job_yaml_set *set = job_yaml_set_create (has_zones ? &zones : NULL);
    bg_result result = list_paths (run, &list, err);
    if (bg_is_ok (result) && !has_zones)
        ctl_warn (run->out, "this machine has no zone files, so names of zones are not checked");
    if (bg_is_ok (result))
        result = read_all (run, &list, set, err);
    if (bg_is_ok (result))
        result = apply_set (run, set, err);
    job_yaml_set_destroy (&set);
    free_paths (&list);
    return result;
}
