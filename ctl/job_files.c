/*  Job files: see job_files.h.  */
#include "ctl/job_files.h"

#include "common/sys/clock.h"
#include "common/sys/file.h"
#include "common/sys/yaml.h"
#include "ctl/ics.h"
#include "ctl/zones.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

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

static bg_result list_paths (const char *const *given, size_t count, path_list *list, bg_error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (given[i][0] == '\0')
            return bg_fail (err, BG_USAGE, "an empty name of a file means nothing");
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
    BG_AUTO_BUF text = {0};
    bg_diag *diag = bg_diag_create ();
    for (size_t i = 0; i < list->count; i++)
        read_path (run, list->paths[i], set, diag);
    bg_result result = bg_diag_result (diag, err);
    bg_diag_print (diag, &text);
    FILE *talk = ctl_output_get (run->out)->talk;
    (void) fwrite (text.data, 1, text.size, talk);
    if (bg_failed (result))
        bg_ignore (bg_hint (err, "nothing was posted"));
    bg_diag_destroy (&diag);
    return result;
}

/*  ---- what the reader asks ----  */

typedef struct {
    ctl_zones zones; /*  of ranges of calendars  */
    int64_t now_us;
} surroundings;

static const job_zone *find_zone (void *ctx, const char *name, bg_error *err)
{
    surroundings *self = ctx;
    return ctl_zone_lookup (&self->zones, bg_slice_str (name), err);
}

/*  A path in a file begins beside that file.  */
static bg_result read_ics (void *ctx, const char *yaml_file, const char *path, unsigned years,
    bg_arena *arena, wire_calendar *calendar, bg_error *err)
{
    const surroundings *self = ctx;
    const char *slash = strrchr (yaml_file, '/');
    if (path[0] == '/' || !slash)
        return ctl_ics_calendar (path, years, self->now_us, arena, calendar, err);
    BG_AUTO_CHAR beside = bg_strdup_printf ("%.*s/%s", (int) (slash - yaml_file), yaml_file, path);
    return ctl_ics_calendar (beside, years, self->now_us, arena, calendar, err);
}

/*  The date by this machine's clock and zone, YYYYMMDD: the day on which whoever applies a file says
    "every two weeks".  */
static uint32_t today_of (int64_t now_us)
{
    const time_t now = (time_t) (now_us / 1000000);
    struct tm day;
    if (!localtime_r (&now, &day))
        return 0;
    return (uint32_t) ((day.tm_year + 1900) * 10000 + (day.tm_mon + 1) * 100 + day.tm_mday);
}

bg_result ctl_job_files_read (ctl_run *run, const char *const *given, size_t count, bool is_local,
    job_yaml_set **set, bg_error *err)
{
    surroundings around = {.now_us = bg_clock_utc_us ()};
    const bool has_zones = ctl_zones_are_here ();
    const job_yaml_ports ports = {
        .ctx = &around,
        .zone_exists = has_zones ? ctl_zone_exists : NULL,
        .zone = has_zones ? find_zone : NULL,
        .ics = read_ics,
        .today = today_of (around.now_us),
    };
    path_list list = {0};
    job_yaml_set *read = job_yaml_set_create (&ports);
    if (is_local)
        job_yaml_set_local (read);
    bg_result result = list_paths (given, count, &list, err);
    if (bg_is_ok (result) && !has_zones)
        ctl_warn (run->out, "this machine has no zone files, so names of zones are not checked");
    if (bg_is_ok (result))
        result = read_all (run, &list, read, err);
    free_paths (&list);
    ctl_zones_fini (&around.zones);
    if (bg_failed (result))
        job_yaml_set_destroy (&read);
    else
        *set = read;
    return result;
}
