/*  support-bundle: what somebody who helps needs to know, as one file, and nothing that would let him in.

    What goes in is listed here piece by piece: nothing is taken because it happens to lie in a directory. Keys, tokens,
    the content of jobs and output never are; of configuration only lines go in whose key does not sound like a secret.  */
#include "common/sys/clock.h"
#include "common/sys/file.h"
#include "ctl/doctor.h"
#include "ctl/identity.h"
#include "ctl/status.h"
#include "ctl/tar.h"
#include "ctl/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define PAGE          1000u
#define OPS_MAX       20000u
#define CONFIG_MAX    (256 * 1024)
#define BUNDLE_FOLDER "bugle-support/"

typedef struct {
    ctl_run *run;
    ctl_client *client; /*  NULL: not reached  */
    ctl_tar tar;
    bg_buf manifest;
    json_t *files; /*  names  */
} bundle;

/*  ---- pieces ----  */

static void add (bundle *self, const char *name, const char *what, bg_slice content)
{
    char path[100];
    (void) snprintf (path, sizeof path, BUNDLE_FOLDER "%s", name);
    ctl_tar_add (&self->tar, path, content);
    bg_buf_printf (&self->manifest, "%-16s %8zu bytes  %s\n", name, content.size, what);
    json_array_append_new (self->files, json_string (name));
}

/*  Takes the value.  */
static void add_json (bundle *self, const char *name, const char *what, json_t *value)
{
    char *text = json_dumps (value, JSON_INDENT (2) | JSON_ENCODE_ANY);
    add (self, name, what, bg_slice_str (text ? text : "null"));
    free (text);
    json_decref (value);
}

static void add_failure (bundle *self, const char *name, const char *what, const bg_error *err)
{
    bg_buf_printf (&self->manifest, "%-16s %14s  %s: %s\n", name, "missing", what, err->message);
}

static json_t *os_release (void)
{
    BG_AUTO_BUF text = {0};
    json_t *object = json_object ();
    if (bg_failed (bg_file_read ("/etc/os-release", 64 * 1024, &text, NULL)))
        return object;
    BG_AUTO_CHAR copy = bg_strdup (bg_buf_cstr (&text));
    char *rest = NULL;
    for (char *line = strtok_r (copy, "\n", &rest); line; line = strtok_r (NULL, "\n", &rest)) {
        char *equals = strchr (line, '=');
        if (!equals)
            continue;
        *equals = 0;
        if (strcmp (line, "ID") == 0 || strcmp (line, "VERSION_ID") == 0)
            json_object_set_new (object, line, json_string (equals + 1));
    }
    return object;
}

static void add_versions (bundle *self)
{
    struct utsname names;
    json_t *object = json_pack (
        "{s:s, s:i, s:o}", "bugle", BUGLE_VERSION, "protocol", WIRE_LEVEL, "os", os_release ());
    if (uname (&names) == 0)
        json_object_set_new (object, "kernel",
            json_pack ("{s:s, s:s, s:s}", "name", names.sysname, "release", names.release,
                "machine", names.machine));
    if (self->client)
        json_object_set_new (
            object, "broker", ctl_json_slice (ctl_client_welcome (self->client)->version));
    add_json (self, "versions.json", "of the programs and of this machine's system", object);
}

static void add_targets (bundle *self)
{
    bg_error err = {0};
    ctl_target_rows rows = {0};
    const wire_target_query query = {.defected = true};
    bg_result result = ctl_targets_fetch (self->run, &query, 0, &rows, &err);
    json_t *list = json_array ();
    if (bg_failed (result) && result.code != BG_NOT_FOUND)
        add_failure (self, "targets.json", "targets", &err);
    for (size_t i = 0; bg_is_ok (result) && i < rows.count; i++)
        json_array_append_new (
            list, ctl_target_json (&rows.rows[i], ctl_client_now_us (self->client)));
    add_json (self, "targets.json", "who is or was enlisted, and how they are", list);
}

static json_t *job_json (const wire_job_row *row)
{
    return json_pack ("{s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:I, s:I}", "name",
        ctl_json_slice (row->name), "revision", (json_int_t) row->revision, "targets",
        (json_int_t) row->targets, "applied", (json_int_t) row->applied, "waiting",
        (json_int_t) row->waiting, "failed", (json_int_t) row->failed, "running",
        (json_int_t) row->running, "disabled", (int) row->disabled, "steps",
        (json_int_t) row->steps, "schedules", (json_int_t) row->schedules);
}

static void add_jobs (bundle *self)
{
    bg_error err = {0};
    json_t *list = json_array ();
    wire_job_query query = {.limit = PAGE};
    wire_jobs *page = NULL;
    do {
        if (bg_failed (ctl_call (
                self->client, WIRE_JOB_QUERY, &query, WIRE_JOBS, (void **) &page, &err))) {
            add_failure (self, "jobs.json", "jobs", &err);
            break;
        }
        for (size_t i = 0; i < page->rows_count; i++)
            json_array_append_new (list, job_json (&page->rows[i]));
        if (page->rows_count > 0)
            query.after = page->rows[page->rows_count - 1].name;
    } while (page->more && page->rows_count > 0);
    add_json (self, "jobs.json", "names and figures of jobs, not what they run", list);
}

static json_t *op_json (const wire_op_row *row)
{
    const char *operation = wire_op_word (row->operation);
    const char *state = wire_delivery_state_word (row->state);
    return json_pack ("{s:o, s:s?, s:s?, s:o, s:I, s:s?, s:o, s:o, s:o, s:I}", "target",
        ctl_json_slice (row->target), "operation", operation, "type", wire_type_word (row->type),
        "name", ctl_json_text_or_null (row->name), "revision", (json_int_t) row->revision, "state",
        state, "code", ctl_json_text_or_null (row->code), "posted", ctl_json_time (row->posted_us),
        "settled", ctl_json_time (row->settled_us), "attempts", (json_int_t) row->attempts);
}

static void add_ops (bundle *self)
{
    bg_error err = {0};
    json_t *list = json_array ();
    wire_op_query query = {.limit = PAGE};
    wire_ops *page = NULL;
    do {
        if (bg_failed (
                ctl_call (self->client, WIRE_OP_QUERY, &query, WIRE_OPS, (void **) &page, &err))) {
            add_failure (self, "ops.json", "the download list", &err);
            break;
        }
        for (size_t i = 0; i < page->rows_count; i++)
            json_array_append_new (list, op_json (&page->rows[i]));
        query.after_number = page->next_number;
        query.after_key = page->next_key;
    } while (page->more && json_array_size (list) < OPS_MAX);
    add_json (self, "ops.json", "the download list, without the words of refusals", list);
}

/*  ---- configuration ----  */

static bool sounds_secret (const char *line)
{
    static const char *const words[] = {"secret", "token", "password", "passwd", "seed", "private"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcasestr (line, words[i]))
            return true;
    return false;
}

static void add_config (bundle *self, const char *path, const char *name)
{
    BG_AUTO_BUF text = {0};
    BG_AUTO_BUF kept = {0};
    bg_error err = {0};
    if (bg_failed (bg_file_read (path, CONFIG_MAX, &text, &err))) {
        add_failure (self, name, path, &err);
        return;
    }
    BG_AUTO_CHAR copy = bg_strdup (bg_buf_cstr (&text));
    char *rest = NULL;
    for (char *line = strtok_r (copy, "\n", &rest); line; line = strtok_r (NULL, "\n", &rest))
        bg_buf_printf (&kept, "%s\n", sounds_secret (line) ? "# a line was removed" : line);
    add (self, name, "configuration, without what sounds like a secret", bg_buf_slice (&kept));
}

static void add_context (bundle *self)
{
    bg_error err = {0};
    ctl_config *config = NULL;
    const ctl_context *context = NULL;
    const char *name = ctl_text (self->run->parsed, CTL_OPT_CONTEXT, getenv ("BUGLE_CONTEXT"));
    bg_result result = ctl_run_config (self->run, &config, &err);
    if (bg_is_ok (result))
        result = ctl_contexts_find (config, name && *name ? name : NULL, &context, &err);
    if (bg_failed (result)) {
        add_failure (self, "context.json", "context", &err);
        return;
    }
    char hash[65];
    bg_hex_encode (bg_slice_of (context->authority_hash, 32), hash);
    add_json (self, "context.json", "which broker, and how it is trusted",
        json_pack ("{s:s, s:s?, s:s?, s:s, s:s}", "name", context->name, "endpoint",
            context->endpoint, "home", context->home, "broker_key",
            bg_key_text (&context->broker_key).text, "authority", hash));
    if (!context->home)
        return;
    BG_AUTO_CHAR path = bg_path_join (context->home, "etc/broker.yaml");
    add_config (self, bg_path_exists (path) ? path : "/etc/bugle/broker.yaml", "broker.yaml");
}

/*  ---- all of it ----  */

static void fill (bundle *self)
{
    ctl_doctoring doctor;
    ctl_doctor_run (self->run, &doctor);
    self->client = doctor.client;
    add_json (self, "doctor.json", "what bugle doctor finds", json_incref (doctor.rows));
    if (doctor.status)
        add_json (self, "status.json", "the broker's state and counters",
            ctl_status_json (doctor.client, doctor.status));
    ctl_doctor_fini (&doctor);
    add_versions (self);
    add_context (self);
    if (!self->client)
        return;
    add_targets (self);
    add_jobs (self);
    add_ops (self);
}

static char *file_name (ctl_run *run)
{
    const char *to = ctl_text (run->parsed, CTL_OPT_TO, NULL);
    const time_t now = (time_t) (bg_clock_utc_us () / 1000000);
    struct tm at;
    char text[64];
    if (to)
        return bg_strdup (to);
    (void) gmtime_r (&now, &at);
    (void) strftime (text, sizeof text, "bugle-support-%Y-%m-%dT%H-%M-%SZ.tar.gz", &at);
    return bg_strdup (text);
}

bg_result ctl_support_bundle (ctl_run *run, bg_error *err)
{
    static const ctl_column fields[] = {
        {"file", "File", CTL_CELL_TEXT, CTL_NORMAL, NULL},
        {"bytes", "Bytes", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
        {"files", "Has", CTL_CELL_LIST, CTL_NORMAL, NULL},
    };
    bundle self = {
        .run = run, .tar = {.time_s = bg_clock_utc_us () / 1000000}, .files = json_array ()};
    BG_AUTO_BUF packed = {0};
    BG_AUTO_CHAR path = file_name (run);
    if (bg_path_exists (path)) {
        json_decref (self.files);
        bg_ignore (bg_fail (err, BG_EXISTS, "%s exists already", path));
        return bg_hint (err, "name another file with --to");
    }
    bg_buf_printf (&self.manifest,
        "Support bundle of Bugle %s, made %s\n\nNot in it: keys, tokens, what jobs run with their "
        "environment, output, history.\n\n",
        BUGLE_VERSION, bg_clock_text (bg_clock_utc_us ()).text);
    fill (&self);
    ctl_tar_add (&self.tar, BUNDLE_FOLDER "MANIFEST", bg_buf_slice (&self.manifest));
    ctl_tar_end (&self.tar, &packed);
    bg_result result = bg_file_create (path, bg_buf_slice (&packed), err);
    if (bg_is_ok (result)) {
        ctl_object (run->out, "bundle", fields, sizeof fields / sizeof fields[0], "file",
            json_pack ("{s:s, s:I, s:O}", "file", path, "bytes", (json_int_t) packed.size, "files",
                self.files));
        ctl_note (run->out,
            "it has names of machines and jobs: look into it before you send it (tar xzf)");
        if (!self.client)
            ctl_warn (
                run->out, "the broker was not reached: the bundle has only what this side knows");
    }
    json_decref (self.files);
    ctl_tar_fini (&self.tar);
    bg_buf_fini (&self.manifest);
    return result;
}
