/*  Jobs as YAML: the set, and the keys of a job itself. The parts are read by yaml_targets.c,
    yaml_schedule.c and yaml_step.c, written by yaml_write.c.

    Invariant: a job in the set passes wire_check and job_body_check.
*/
#include "common/job/yaml_job.h"

#include "common/job/body.h"
#include "common/job/duration.h"
#include "common/job/names.h"
#include "common/job/yaml_read.h"

#include <stdlib.h>

/*  A document of a file. job is NULL when it had a mistake; its name is kept, so that a second one
    is seen.  */
typedef struct {
    wire_job *job;
    bg_slice name;
    const char *file;
    uint32_t line;
    bool is_prefixed;
} set_item;

struct job_yaml_set {
    bg_arena arena;
    job_yaml_zones zones;
    bool is_local;
    set_item *items; /*  all that were read  */
    size_t item_count, item_capacity;
    size_t *good; /*  indexes of those with a job  */
    size_t good_count;
};

job_yaml_set *job_yaml_set_create (const job_yaml_zones *zones)
{
    job_yaml_set *self = bg_alloc (sizeof *self);
    if (zones)
        self->zones = *zones;
    return self;
}

void job_yaml_set_destroy (job_yaml_set **self_p)
{
    job_yaml_set *self = *self_p;
    if (!self)
        return;
    bg_arena_fini (&self->arena);
    free (self->items);
    free (self->good);
    free (self);
    *self_p = NULL;
}

void job_yaml_set_local (job_yaml_set *self)
{
    self->is_local = true;
}

/*  ---- the keys of a job ----  */

/*  With the prefix or without it.  */
static void read_local_name (job_yaml_reader *self, const bg_yaml *value, wire_job *job)
{
    bg_error err = {0};
    const size_t max = job_yaml_max (&wire_desc_job, "name");
    bg_slice name = value->text;
    self->is_prefixed = job_name_is_local (name);
    if (!self->is_prefixed)
        name = bg_arena_printf (self->arena, JOB_LOCAL_PREFIX "%.*s", BG_SLICE_ARG (value->text));
    bg_result result = job_local_name_valid (name, &err);
    if (bg_is_ok (result) && name.size > max)
        result = bg_fail (&err, BG_INVALID, "with its prefix the name has %zu bytes, more than %zu",
            name.size, max);
    if (bg_failed (result))
        job_yaml_refuse (self, value, 0, "name of a job", &err);
    else
        job->name = bg_arena_copy (self->arena, name);
}

static void read_name (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    wire_job *job = target;
    if (value->kind == BG_YAML_SCALAR && self->is_local) {
        read_local_name (self, value, job);
        return;
    }
    if (value->kind == BG_YAML_SCALAR && job_name_is_local (value->text)) {
        bg_yaml_error (self->file, value, self->diag, NULL,
            "names that begin with " JOB_LOCAL_PREFIX
            " are those of a machine's own jobs, which are "
            "made there: bugle-node job apply FILE");
        return;
    }
    job_yaml_name (self, value, "name of a job", job_yaml_max (&wire_desc_job, "name"), &job->name);
}

static void read_description (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    wire_job *job = target;
    if (value->kind == BG_YAML_SCALAR && value->text.size == 0)
        return;
    job_yaml_text (self, value, "description", job_yaml_max (&wire_desc_job, "description"), true,
        &job->description);
}

static void read_category (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    wire_job *job = target;
    job_yaml_name (
        self, value, "category", job_yaml_max (&wire_desc_job, "category"), &job->category);
}

static void read_environment (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    wire_job *job = target;
    job_yaml_environment (self, value, &job->environment, &job->environment_count);
}

static void read_overlap (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    static const char *const words[] = {"skip", "queue", "replace"};
    (void) target;
    (void) job_yaml_choice (self, value, "overlap", words, 1, JOB_COUNT_OF (words));
}

/*  ---- start ----  */

static void read_start_by (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    static const char *const words[] = {"login", "broker", "nobody"};
    wire_job *job = target;
    int choice =
        job_yaml_choice (self, value, "by", words, JOB_COUNT_OF (words), JOB_COUNT_OF (words));
    if (choice > 0)
        job->start_by = (uint64_t) choice;
}

/*  "4 per 1d" in its two halves.  */
static void read_at_most (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    static const char middle[] = " per ";
    wire_job *job = target;
    bg_slice text = {0};
    if (!job_yaml_text (self, value, "at_most", 128, false, &text))
        return;
    const char *found = strstr ((const char *) text.data, middle);
    char *end = NULL;
    unsigned long long number = strtoull ((const char *) text.data, &end, 10);
    bool is_number = text.data[0] >= '0' && text.data[0] <= '9' && end == found;
    size_t max = job_yaml_max (&wire_desc_job, "at_most");
    if (!found || !is_number || number == 0 || number > max) {
        bg_yaml_error (self->file, value, self->diag, NULL,
            "at_most must be a number from 1 to %zu and a period, such as 4 per 1d, not \"%s\"",
            max, (const char *) text.data);
        return;
    }
    bg_error err = {0};
    int64_t period_us;
    const char *period = found + sizeof middle - 1;
    size_t offset = (size_t) (period - (const char *) text.data);
    if (bg_failed (job_duration_parse (bg_slice_str (period), false, &period_us, &err))) {
        job_yaml_refuse (self, value, offset, "at_most", &err);
        return;
    }
    if (period_us == 0) {
        bg_yaml_error_at (
            self->file, value, offset, self->diag, NULL, "the period of at_most is at least 1s");
        return;
    }
    job->at_most = number;
    job->at_most_period_us = (uint64_t) period_us;
}

static void read_max_starts (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    wire_job *job = target;
    job_yaml_number (self, value, "max_starts", 1, job_yaml_max (&wire_desc_job, "max_starts"),
        &job->max_starts);
}

static const job_yaml_key start_keys[] = {
    {"by", read_start_by},
    {"at_most", read_at_most},
    {"max_starts", read_max_starts},
    {"approve", NULL},
};

static void read_start (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    (void) job_yaml_map (self, value, "start", start_keys, JOB_COUNT_OF (start_keys), target);
}

static const job_yaml_key job_keys[] = {
    {"job", read_name},
    {"description", read_description},
    {"category", read_category},
    {"targets", job_yaml_read_targets},
    {"schedules", job_yaml_read_schedules},
    {"overlap", read_overlap},
    {"start", read_start},
    {"environment", read_environment},
    {"steps", job_yaml_read_steps},
    {"lease", NULL},
    {"not_after", NULL},
    {"replaces", NULL},
    {"notify", NULL},
    {"as", NULL},
    {"limits", NULL},
    {"output", NULL},
    {"misfire", NULL},
    {"misfire_window", NULL},
    {"splay", NULL},
    {"calendar", NULL},
    {"calendars", NULL},
    {"secrets", NULL},
    {"enabled", NULL},
};

/*  Kinds of objects that have documents, but not yet files.  */
static const char *const later_kinds[] = {"schedule", "calendar", "secret", "operator", "proxy"};

/*  ---- documents ----  */

static bool is_later_kind (job_yaml_reader *self, const bg_yaml *node)
{
    for (size_t i = 0; i < JOB_COUNT_OF (later_kinds); i++) {
        int index = bg_yaml_find (node, later_kinds[i]);
        if (index < 0 || bg_yaml_find (node, "job") >= 0)
            continue;
        bg_yaml_error (self->file, node->keys[index], self->diag, NULL,
            "objects of the kind \"%s\" are not in this version", later_kinds[i]);
        return true;
    }
    return false;
}

static void check_missing (job_yaml_reader *self, const bg_yaml *node)
{
    static const struct {
        const char *key, *what, *example;
    } required[] = {
        {"job", "the job has no name", "job: NAME"},
        {"targets", "the job has no targets, so nobody would run it",
            "targets: {all: true}, or a group, labels or names"},
        {"steps", "the job has no steps", "steps: with at least one"},
    };
    for (size_t i = 0; i < JOB_COUNT_OF (required); i++) {
        const bool is_needed = !self->is_local || strcmp (required[i].key, "targets") != 0;
        if (is_needed && bg_yaml_find (node, required[i].key) < 0)
            job_yaml_missing (self, node, required[i].what, required[i].example);
    }
}

static const set_item *find_item (const job_yaml_set *self, bg_slice name)
{
    for (size_t i = 0; i < self->item_count; i++) {
        if (self->items[i].name.size > 0 && job_name_compare (self->items[i].name, name) == 0)
            return &self->items[i];
    }
    return NULL;
}

static void refuse_twice (job_yaml_reader *self, const bg_yaml *node, const set_item *first)
{
    const bg_yaml *name = bg_yaml_get (node, "job");
    bool is_here = strcmp (first->file, bg_yaml_name (self->file)) == 0;
    bg_yaml_error (self->file, name, self->diag, NULL, "the job \"%s\" is already in %s%sline %u",
        (const char *) name->text.data, is_here ? "" : first->file, is_here ? "" : ", ",
        first->line);
}

/*  What the readers of single values do not see: sizes in all, and the body as its receivers check
    it.  */
static void check_whole (job_yaml_reader *self, const bg_yaml *node, const wire_job *job)
{
    bg_error err = {0};
    if (bg_failed (wire_check (&wire_desc_job, job, &err)) ||
        bg_failed (job_body_check (job, &err))) {
        job_yaml_refuse (self, node, 0, NULL, &err);
        return;
    }
    BG_AUTO_BUF bytes = {0};
    WIRE_ENCODE (job, job, &bytes);
    if (bytes.size > JOB_BODY_BYTES_MAX)
        bg_yaml_error (self->file, node, self->diag, NULL,
            "the job takes %zu bytes, at most %d are allowed; put long scripts on the targets",
            bytes.size, JOB_BODY_BYTES_MAX);
}

static void add_item (job_yaml_set *self, const set_item *item)
{
    if (self->item_count == self->item_capacity) {
        self->item_capacity = self->item_capacity ? self->item_capacity * 2 : 16;
        self->items = bg_realloc (self->items, self->item_capacity * sizeof *self->items);
        self->good = bg_realloc (self->good, self->item_capacity * sizeof *self->good);
    }
    if (item->job)
        self->good[self->good_count++] = self->item_count;
    self->items[self->item_count++] = *item;
}

static void read_document (
    job_yaml_set *self, job_yaml_reader *reader, const bg_yaml *node, const char *file)
{
    size_t before = bg_diag_count (reader->diag);
    if (node->kind == BG_YAML_MAP && is_later_kind (reader, node))
        return;
    wire_job *job = bg_arena_alloc (&self->arena, sizeof *job);
    job->has_audience = true;
    if (!job_yaml_map (reader, node, "a job", job_keys, JOB_COUNT_OF (job_keys), job))
        return;
    check_missing (reader, node);
    if (reader->is_local && bg_yaml_find (node, "targets") < 0)
        job->audience.all = true;
    const set_item *first = job->name.size > 0 ? find_item (self, job->name) : NULL;
    if (first)
        refuse_twice (reader, node, first);
    if (bg_diag_count (reader->diag) == before)
        check_whole (reader, node, job);
    bool is_good = bg_diag_count (reader->diag) == before;
    add_item (
        self, &(set_item){is_good ? job : NULL, job->name, file, node->line, reader->is_prefixed});
}

bg_result job_yaml_read (
    job_yaml_set *self, const char *file, bg_slice text, bg_diag *diag, bg_error *err)
{
    size_t before = bg_diag_count (diag);
    bg_yaml_file *yaml = NULL;
    BG_TRY (bg_yaml_parse (file, text, true, &yaml, diag, err));
    job_yaml_reader reader = {yaml, diag, &self->arena, &self->zones, self->is_local, false};
    const char *kept_name = bg_arena_str (&self->arena, bg_slice_str (file));
    size_t documents = 0;
    for (size_t i = 0; i < bg_yaml_documents (yaml); i++) {
        const bg_yaml *node = bg_yaml_document (yaml, i);
        if (bg_yaml_is_absent (node))
            continue;
        documents++;
        read_document (self, &reader, node, kept_name);
    }
    if (documents == 0) {
        bg_diag_place place = {.file = file};
        bg_diag_add (
            diag, &place, NULL, "there is no job in this file; a job begins with job: NAME");
    }
    bg_yaml_destroy (&yaml);
    if (bg_diag_count (diag) > before)
        return bg_diag_result (diag, err);
    return bg_ok ();
}

size_t job_yaml_count (const job_yaml_set *self)
{
    return self->good_count;
}

static const set_item *item_at (const job_yaml_set *self, size_t index)
{
    bg_assert (index < self->good_count);
    return &self->items[self->good[index]];
}

const wire_job *job_yaml_job (const job_yaml_set *self, size_t index)
{
    return item_at (self, index)->job;
}

const char *job_yaml_file (const job_yaml_set *self, size_t index)
{
    return item_at (self, index)->file;
}

uint32_t job_yaml_line (const job_yaml_set *self, size_t index)
{
    return item_at (self, index)->line;
}

bool job_yaml_is_prefixed (const job_yaml_set *self, size_t index)
{
    return item_at (self, index)->is_prefixed;
}
