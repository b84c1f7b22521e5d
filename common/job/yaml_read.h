/*  Reading values of a job file: what yaml_job.c and the readers of its parts share. Not for
    others.

    A reader function looks at one node, fills its target when the node is right, and adds a mistake
    to the diagnostics when it is not. Nothing stops at a mistake. Whether a job came out right is
    seen from the count of mistakes before and after.  */
#ifndef BUGLE_JOB_YAML_READ_H
#define BUGLE_JOB_YAML_READ_H

#include "common/job/fields.h"
#include "common/job/yaml_job.h"
#include "common/sys/yaml.h"

struct job_yaml_reader {
    const bg_yaml_file *file;
    bg_diag *diag;
    bg_arena *arena; /*  what is read is copied here  */
    const job_yaml_ports *ports;
    bool is_local;        /*  jobs of this machine alone  */
    bool is_prefixed;     /*  the name of the last one was written so  */
    int64_t not_after_us; /*  of the document; 0: none  */
    bool *anchors_said;   /*  of the schedules of the last document, in order  */
};

/*  Reads each key of a map that is there, in the order of the table (fields.def). Unknown keys,
    those of later versions and those without a value are mistakes. False when the node is no
    map.  */
bool job_yaml_map (job_yaml_reader *self, const bg_yaml *node, job_map map, void *target);
/*  The node of a key, or of its value; NULL when it is not there. The value is NULL, too, when it is
    absent (which the map has told).  */
const bg_yaml *job_yaml_key (const bg_yaml *map, const char *key);
const bg_yaml *job_yaml_value (const bg_yaml *map, const char *key);
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
/*  Index of the word among words, or -1 and a mistake.  */
int job_yaml_choice (job_yaml_reader *self, const bg_yaml *node, const char *what,
    const char *const *words, size_t count);
/*  A duration up to max_us, too.  */
bool job_yaml_duration_to (job_yaml_reader *self, const bg_yaml *node, const char *what,
    int64_t min_us, int64_t max_us, const char *advice, uint64_t *duration_us);
/*  A size: bytes, or a whole number of KiB, MiB, GiB or TiB.  */
bool job_yaml_size (job_yaml_reader *self, const bg_yaml *node, const char *what, uint64_t min,
    uint64_t max, uint64_t *bytes);
/*  2026-12-24, from JOB_YAML_DATE_MIN on, as YYYYMMDD.  */
bool job_yaml_date (job_yaml_reader *self, const bg_yaml *node, const char *what, uint64_t *date);
/*  HH:MM or HH:MM:SS, as seconds.  */
bool job_yaml_clock (
    job_yaml_reader *self, const bg_yaml *node, const char *what, uint64_t *seconds);
/*  2026-12-24T18:00[:30] of a wall clock; allow_date: a date alone is midnight, and *has_time
    false.  */
bool job_yaml_moment (job_yaml_reader *self, const bg_yaml *node, const char *what, bool allow_date,
    int64_t *seconds, bool *has_time);
/*  An instant: RFC 3339 with its offset, or a date, which is its first instant in UTC.  */
bool job_yaml_instant (
    job_yaml_reader *self, const bg_yaml *node, const char *what, int64_t *utc_us);
/*  The name of a zone that is known here; others are the words that may stand there, too.  */
bool job_yaml_zone_name (
    job_yaml_reader *self, const bg_yaml *node, const char *others, bg_slice *name);
/*  A list of names of objects, or one of them alone; without regard to case each once.  */
void job_yaml_names (job_yaml_reader *self, const bg_yaml *node, const char *what, size_t max,
    bg_slice **names, size_t *count);

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

/*  What takes more than a line of the table, each in the file of its map. target: the struct of the
    map.  */
job_yaml_part job_yaml_read_job_name, job_yaml_read_environment, job_yaml_read_at_most,
    job_yaml_read_not_after, job_yaml_read_start, job_yaml_read_history;
job_yaml_part job_yaml_read_targets, job_yaml_read_all, job_yaml_read_group, job_yaml_read_groups,
    job_yaml_read_labels, job_yaml_read_names;
job_yaml_part job_yaml_read_schedules, job_yaml_read_zone, job_yaml_read_except,
    job_yaml_read_within, job_yaml_read_schedule_enabled;
job_yaml_part job_yaml_read_steps, job_yaml_read_run, job_yaml_read_script, job_yaml_read_shell,
    job_yaml_read_step_environment, job_yaml_read_directory, job_yaml_read_retry,
    job_yaml_read_proxy, job_yaml_read_umask, job_yaml_read_stdin, job_yaml_read_stdin_base64,
    job_yaml_read_success_codes, job_yaml_read_output, job_yaml_read_output_file,
    job_yaml_read_limits, job_yaml_read_percent;

/*  Adds that a job has no step of that name; offset as in job_yaml_refuse.  */
void job_yaml_refuse_step (
    job_yaml_reader *self, const bg_yaml *node, const wire_job *job, bg_slice name, size_t offset);

/*  The inside of a schedule: of a job (is_shared false) or a document.  */
void job_yaml_read_schedule (
    job_yaml_reader *self, const bg_yaml *node, bool is_shared, wire_job_schedule *to);
/*  Its form in the readable spelling, and in the Agent's numbers (freq_type is there).  */
void job_yaml_read_every (job_yaml_reader *self, const bg_yaml *node, wire_job_schedule *to);
void job_yaml_read_agent (job_yaml_reader *self, const bg_yaml *node, wire_job_schedule *to);
/*  The documents beside jobs: their whole.  */
void job_yaml_read_shared (job_yaml_reader *self, const bg_yaml *node, wire_schedule *to);
void job_yaml_read_calendar (job_yaml_reader *self, const bg_yaml *node, wire_calendar *to);
/*  What is read well and is unwise all the same.  */
void job_yaml_warn_schedule (
    job_yaml_reader *self, const bg_yaml *node, const wire_job_schedule *schedule);
void job_yaml_warn_flow (job_yaml_reader *self, const bg_yaml *steps, const wire_job *job);

/*  The first date that a file may say (the Agent's, sqlagent.md 7.2).  */
#define JOB_YAML_DATE_MIN 19900101
#define JOB_YAML_DATE_MAX 99991231

/*  Shared with the writer: base64 with padding, on one line.  */
void job_base64_encode (bg_slice bytes, bg_buf *out);
/*  Blanks and line breaks are passed over. False when it is something else.  */
bool job_base64_decode (bg_slice text, bg_buf *bytes);

#define JOB_COUNT_OF(array) (sizeof (array) / sizeof (array)[0])

#endif
