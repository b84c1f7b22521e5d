/*  Jobs as YAML: the set, and the keys of a job itself. The parts are read by yaml_targets.c,
    yaml_schedule.c and yaml_step.c, written by yaml_write.c.

    Invariant: a job in the set passes wire_check and job_body_check.
*/
#include "common/job/yaml_job.h"

#include "common/job/body.h"
#include "common/job/duration.h"
#include "common/job/names.h"
#include "common/job/uses.h"
#include "common/job/yaml_read.h"

#include <stdlib.h>

/*  A document of a file. body is NULL when it had a mistake; its name is kept, so that a second one
    is seen.  */
typedef struct {
    job_yaml_document document;
    wire_job_schedule *schedules; /*  in the body  */
    size_t schedule_count;
    const bool *anchors_said; /*  of schedules, in order  */
} set_item;

struct job_yaml_set {
    bg_arena arena;
    job_yaml_ports ports;
    bool is_local;
    set_item *items; /*  all that were read  */
    size_t item_count, item_capacity;
    size_t *good; /*  indexes of those with a body: calendars, schedules, jobs  */
    size_t good_count;
    size_t job_count; /*  the last ones of good  */
};

job_yaml_set *job_yaml_set_create (const job_yaml_ports *ports)
{
    job_yaml_set *self = bg_alloc (sizeof *self);
    if (ports)
        self->ports = *ports;
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

void job_yaml_read_job_name (job_yaml_reader *self, const bg_yaml *value, void *target)
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

void job_yaml_read_environment (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    wire_job *job = target;
    job_yaml_environment (self, value, &job->environment, &job->environment_count);
}

void job_yaml_read_not_after (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    (void) target;
    if (self->is_local)
        bg_yaml_error (self->file, value, self->diag, NULL,
            "a local job does not expire; leave not_after out");
    else
        (void) job_yaml_instant (self, value, "not_after", &self->not_after_us);
}

void job_yaml_read_history (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    (void) job_yaml_map (self, value, JOB_MAP_HISTORY, target);
    if (value->kind == BG_YAML_MAP && value->count == 0)
        bg_yaml_error (self->file, value, self->diag, NULL, "history is empty; leave it out");
}

/*  ---- start ----  */

/*  "4 per 1d" in its two halves.  */
void job_yaml_read_at_most (job_yaml_reader *self, const bg_yaml *value, void *target)
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

void job_yaml_read_start (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    (void) job_yaml_map (self, value, JOB_MAP_START, target);
}

/*  The step that runs first, when all steps are read.  */
static void read_start_step (job_yaml_reader *self, const bg_yaml *node, wire_job *job)
{
    const bg_yaml *start = job_yaml_value (node, "start");
    const bg_yaml *step =
        start && start->kind == BG_YAML_MAP ? job_yaml_value (start, "step") : NULL;
    bg_slice name;
    if (!step || job->steps_count == 0 ||
        !job_yaml_name (self, step, "step", job_yaml_max (&wire_desc_job_step, "name"), &name))
        return;
    int index = job_body_find_step (job, name);
    if (index < 0)
        job_yaml_refuse_step (self, step, job, name, 0);
    else
        job->start_step = index == 0 ? 0 : (uint64_t) index + 1;
}

/*  Kinds of objects that have documents, but not yet files.  */
static const char *const later_kinds[] = {"secret", "operator", "proxy"};

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

/*  Whether two types share their names: a job may be called as a schedule is.  */
static const set_item *find_item (const job_yaml_set *self, wire_type type, bg_slice name)
{
    for (size_t i = 0; i < self->item_count; i++) {
        const job_yaml_document *document = &self->items[i].document;
        if (document->type == type && document->name.size > 0 &&
            job_name_compare (document->name, name) == 0)
            return &self->items[i];
    }
    return NULL;
}

static void refuse_twice (
    job_yaml_reader *self, const bg_yaml *node, const char *word, const job_yaml_document *first)
{
    const bg_yaml *name = bg_yaml_get (node, word);
    bool is_here = strcmp (first->file, bg_yaml_name (self->file)) == 0;
    bg_yaml_error (self->file, name, self->diag, NULL, "the %s \"%s\" is already in %s%sline %u",
        word, (const char *) name->text.data, is_here ? "" : first->file, is_here ? "" : ", ",
        first->line);
}

/*  ---- documents ----  */

static bg_result check_body (const job_yaml_document *document, bg_error *err)
{
    BG_TRY (wire_check (document->desc, document->body, err));
    if (document->type == WIRE_TYPE_JOB)
        return job_body_check (document->body, err);
    if (document->type == WIRE_TYPE_SCHEDULE)
        return job_schedule_document_check (document->body, err);
    return job_calendar_document_check (document->body, err);
}

/*  What the readers of single values do not see: sizes in all, and the body as its receivers check
    it.  */
static void check_whole (
    job_yaml_reader *self, const bg_yaml *node, const job_yaml_document *document)
{
    bg_error err = {0};
    if (bg_failed (check_body (document, &err))) {
        job_yaml_refuse (self, node, 0, NULL, &err);
        return;
    }
    BG_AUTO_BUF bytes = {0};
    wire_encode (document->desc, document->body, &bytes);
    if (bytes.size > JOB_BODY_BYTES_MAX)
        bg_yaml_error (self->file, node, self->diag, NULL,
            "the %s takes %zu bytes, at most %d are allowed%s",
            wire_type_find (document->type)->word, bytes.size, JOB_BODY_BYTES_MAX,
            document->type == WIRE_TYPE_JOB ? "; put long scripts on the targets" : "");
}

/*  Before which of good an item of this type belongs: calendars, schedules, jobs.  */
static size_t place_for (const job_yaml_set *self, wire_type type)
{
    static const wire_type order[] = {WIRE_TYPE_CALENDAR, WIRE_TYPE_SCHEDULE, WIRE_TYPE_JOB};
    size_t at = 0;
    for (size_t i = 0; i < JOB_COUNT_OF (order); i++) {
        while (at < self->good_count && self->items[self->good[at]].document.type == order[i])
            at++;
        if (order[i] == type)
            break;
    }
    return at;
}

static void add_item (job_yaml_set *self, const set_item *item)
{
    if (self->item_count == self->item_capacity) {
        self->item_capacity = self->item_capacity ? self->item_capacity * 2 : 16;
        self->items = bg_realloc (self->items, self->item_capacity * sizeof *self->items);
        self->good = bg_realloc (self->good, self->item_capacity * sizeof *self->good);
    }
    self->items[self->item_count] = *item;
    if (item->document.body) {
        const size_t at = place_for (self, item->document.type);
        memmove (
            &self->good[at + 1], &self->good[at], (self->good_count - at) * sizeof *self->good);
        self->good[at] = self->item_count;
        self->good_count++;
        self->job_count += item->document.type == WIRE_TYPE_JOB;
    }
    self->item_count++;
}

static wire_job *read_job (job_yaml_reader *reader, const bg_yaml *node)
{
    wire_job *job = bg_arena_alloc (reader->arena, sizeof *job);
    job->has_audience = true;
    if (!job_yaml_map (reader, node, JOB_MAP_JOB, job))
        return NULL;
    read_start_step (reader, node, job);
    check_missing (reader, node);
    if (job->disabled && job_yaml_key (node, "enabled_until"))
        bg_yaml_error (reader->file, job_yaml_key (node, "enabled_until"), reader->diag, NULL,
            "a job that is not enabled is not enabled until a time; leave enabled out");
    if (reader->is_local && bg_yaml_find (node, "targets") < 0)
        job->audience.all = true;
    return job;
}

/*  Fills what item says of itself from its body; false when the node is no map.  */
static bool read_body (job_yaml_reader *reader, const bg_yaml *node, set_item *item)
{
    job_yaml_document *document = &item->document;
    reader->anchors_said = NULL;
    reader->not_after_us = 0;
    if (document->type == WIRE_TYPE_CALENDAR) {
        wire_calendar *calendar = bg_arena_alloc (reader->arena, sizeof *calendar);
        job_yaml_read_calendar (reader, node, calendar);
        document->body = calendar;
        document->name = calendar->name;
    } else if (document->type == WIRE_TYPE_SCHEDULE) {
        wire_schedule *schedule = bg_arena_alloc (reader->arena, sizeof *schedule);
        job_yaml_read_shared (reader, node, schedule);
        document->body = schedule;
        document->name = schedule->spec.name;
        item->schedules = &schedule->spec;
        item->schedule_count = 1;
    } else {
        wire_job *job = read_job (reader, node);
        if (!job)
            return false;
        document->body = job;
        document->name = job->name;
        document->is_prefixed = reader->is_prefixed;
        document->not_after_us = reader->not_after_us;
        item->schedules = job->schedules;
        item->schedule_count = job->schedules_count;
    }
    item->anchors_said = reader->anchors_said;
    return true;
}

/*  A job, unless its keys say otherwise.  */
static wire_type type_of (const bg_yaml *node)
{
    if (node->kind != BG_YAML_MAP || bg_yaml_find (node, "job") >= 0)
        return WIRE_TYPE_JOB;
    if (bg_yaml_find (node, "calendar") >= 0)
        return WIRE_TYPE_CALENDAR;
    return bg_yaml_find (node, "schedule") >= 0 ? WIRE_TYPE_SCHEDULE : WIRE_TYPE_JOB;
}

static void read_document (
    job_yaml_set *self, job_yaml_reader *reader, const bg_yaml *node, const char *file)
{
    size_t before = bg_diag_count (reader->diag);
    if (node->kind == BG_YAML_MAP && is_later_kind (reader, node))
        return;
    const wire_type_row *type = wire_type_find (type_of (node));
    set_item item = {
        .document = {.type = type->type, .desc = type->desc, .file = file, .line = node->line}};
    if (self->is_local && type->type != WIRE_TYPE_JOB) {
        bg_yaml_error (reader->file, node, reader->diag, NULL,
            "a machine's own files hold jobs alone; schedules and calendars come from a broker: "
            "bugle apply -f FILE");
        return;
    }
    if (!read_body (reader, node, &item))
        return;
    const bg_slice name = item.document.name;
    const set_item *first = name.size > 0 ? find_item (self, type->type, name) : NULL;
    if (first)
        refuse_twice (reader, node, type->word, &first->document);
    if (bg_diag_count (reader->diag) == before)
        check_whole (reader, node, &item.document);
    if (bg_diag_count (reader->diag) != before)
        item.document.body = NULL;
    add_item (self, &item);
}

bg_result job_yaml_read (
    job_yaml_set *self, const char *file, bg_slice text, bg_diag *diag, bg_error *err)
{
    size_t before = bg_diag_count (diag);
    bg_yaml_file *yaml = NULL;
    BG_TRY (bg_yaml_parse (file, text, true, &yaml, diag, err));
    job_yaml_reader reader = {.file = yaml,
        .diag = diag,
        .arena = &self->arena,
        .ports = &self->ports,
        .is_local = self->is_local};
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

/*  ---- the set ----  */

size_t job_yaml_documents (const job_yaml_set *self)
{
    return self->good_count;
}

const job_yaml_document *job_yaml_document_at (const job_yaml_set *self, size_t index)
{
    bg_assert (index < self->good_count);
    return &self->items[self->good[index]].document;
}

size_t job_yaml_count (const job_yaml_set *self)
{
    return self->job_count;
}

const job_yaml_document *job_yaml_job_at (const job_yaml_set *self, size_t index)
{
    bg_assert (index < self->job_count);
    return job_yaml_document_at (self, self->good_count - self->job_count + index);
}

const wire_job *job_yaml_job (const job_yaml_set *self, size_t index)
{
    return job_yaml_job_at (self, index)->body;
}

/*  ---- anchors ----  */

static bool is_same_form (const wire_job_schedule *a, const wire_job_schedule *b)
{
    return job_name_compare (a->name, b->name) == 0 && a->kind == b->kind &&
           a->interval == b->interval && a->relative == b->relative && a->factor == b->factor &&
           a->start_date == b->start_date;
}

void job_yaml_keep_anchors (job_yaml_set *self, size_t index, const void *held)
{
    bg_assert (index < self->good_count);
    const set_item *item = &self->items[self->good[index]];
    const wire_job *job = held;
    const bool is_job = item->document.type == WIRE_TYPE_JOB;
    const wire_job_schedule *old = is_job ? job->schedules : &((const wire_schedule *) held)->spec;
    const size_t old_count = is_job ? job->schedules_count : 1;
    for (size_t i = 0; i < item->schedule_count; i++) {
        for (size_t j = 0; j < old_count && !item->anchors_said[i]; j++) {
            if (old[j].anchor_date > 0 && item->schedules[i].anchor_date > 0 &&
                is_same_form (&item->schedules[i], &old[j]))
                item->schedules[i].anchor_date = old[j].anchor_date;
        }
    }
}
