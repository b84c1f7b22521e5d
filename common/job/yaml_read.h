/*  Reading values of a job file: what yaml_job.c and the readers of its parts share. Not for
    others.

    A reader function looks at one node, fills its target when the node is right, and adds a mistake
    to the diagnostics when it is not. Nothing stops at a mistake. Whether a job came out right is
    seen from the count of mistakes before and after.  */
#ifndef BUGLE_JOB_YAML_READ_H
#define BUGLE_JOB_YAML_READ_H

#include "common/job/yaml_job.h"
#include "common/sys/yaml.h"

typedef struct {
    const bg_yaml_file *file;
    bg_diag *diag;
    bg_arena *arena; /*  what is read is copied here  */
    const job_yaml_zones *zones;
    bool is_local;    /*  jobs of this machine alone  */
    bool is_prefixed; /*  the name of the last one was written so  */
} job_yaml_reader;

typedef void job_yaml_part (job_yaml_reader *self, const bg_yaml *value, void *target);

/*  One key of a map. read is NULL for what a later version brings.  */
typedef struct {
    const char *word;
    job_yaml_part *read;
} job_yaml_key;

/*  Calls read for each key that is there, in the order of the table. Unknown keys, those of later
    versions and those without a value are mistakes. False when the node is no map.  */
bool job_yaml_map (job_yaml_reader *self, const bg_yaml *node, const char *what,
    const job_yaml_key *keys, size_t key_count, void *target);
/*  True for a list; else a mistake that shows an example of one.  */
bool job_yaml_is_list (
    job_yaml_reader *self, const bg_yaml *node, const char *what, const char *example);

/*  The largest size of a field of a wire struct: bytes, items or value, as the wire allows; of each
    text of a list.  */
size_t job_yaml_max (const wire_desc *desc, const char *field);
size_t job_yaml_max_each (const wire_desc *desc, const char *field);

/*  A text on one line (is_multiline: newlines and tabs too), not empty, of at most max bytes;
    copied.  */
bool job_yaml_text (job_yaml_reader *self, const bg_yaml *node, const char *what, size_t max,
    bool is_multiline, bg_slice *text);
/*  A name of a job, step or schedule.  */
bool job_yaml_name (
    job_yaml_reader *self, const bg_yaml *node, const char *what, size_t max, bg_slice *name);
/*  Whole number min to max.  */
bool job_yaml_number (job_yaml_reader *self, const bg_yaml *node, const char *what, uint64_t min,
    uint64_t max, uint64_t *number);
/*  A duration of min_us or more; advice (may be NULL) is added to "is at least".  */
bool job_yaml_duration (job_yaml_reader *self, const bg_yaml *node, const char *what,
    int64_t min_us, const char *advice, uint64_t *duration_us);
/*  Index of the word among words, or -1 and a mistake. Words from now_count on are those of later
    versions.  */
int job_yaml_choice (job_yaml_reader *self, const bg_yaml *node, const char *what,
    const char *const *words, size_t now_count, size_t count);
/*  A map of names to texts, ordered by name.  */
void job_yaml_environment (
    job_yaml_reader *self, const bg_yaml *node, wire_pair **pairs, size_t *count);
/*  Adds a mistake for each wrong token in the node's text.  */
void job_yaml_tokens (job_yaml_reader *self, const bg_yaml *node);

/*  Adds what err says, with its hint; at byte offset of the node's text.  */
void job_yaml_refuse (job_yaml_reader *self, const bg_yaml *node, size_t offset, const char *what,
    const bg_error *err);
/*  Adds that a key is missing in a map.  */
void job_yaml_missing (
    job_yaml_reader *self, const bg_yaml *map, const char *what, const char *example);

/*  The parts, each in a file of its own. target: wire_job.  */
void job_yaml_read_targets (job_yaml_reader *self, const bg_yaml *node, void *target);
void job_yaml_read_schedules (job_yaml_reader *self, const bg_yaml *node, void *target);
void job_yaml_read_steps (job_yaml_reader *self, const bg_yaml *node, void *target);

#define JOB_COUNT_OF(array) (sizeof (array) / sizeof (array)[0])

#endif
