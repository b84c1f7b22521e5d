/*  Job files read without the machine they are on: every zone is ctx (UTC, or NULL), every iCalendar file is there and has
    nothing in it.  */
#ifndef BUGLE_TESTS_JOB_YAML_OPEN_H
#define BUGLE_TESTS_JOB_YAML_OPEN_H

#include "common/job/yaml_job.h"

/*  For ports of job_yaml_set_create.  */
const job_zone *any_zone (void *ctx, const char *name, bg_error *err);
bg_result any_ics (void *ctx, const char *yaml_file, const char *path, unsigned years,
    bg_arena *arena, wire_calendar *calendar, bg_error *err);

#endif
