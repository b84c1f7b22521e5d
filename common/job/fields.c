/*  The keys of job files as a table: see fields.h.  */
#include "common/job/fields.h"

#include "common/job/body.h"
#include "common/job/yaml_read.h"

static const job_field fields[] = {
#define JOB_FIELD(map_, key_, kind_, ...)                                                          \
    {.map = JOB_MAP_##map_, .key = (key_), .kind = JOB_FIELD_##kind_, __VA_ARGS__},
#define JOB_LATER(map_, key_) {.map = JOB_MAP_##map_, .key = (key_), .kind = JOB_FIELD_LATER},
#include "common/job/fields.def"
#undef JOB_LATER
#undef JOB_FIELD
};

const job_field *job_fields (size_t *count)
{
    *count = JOB_COUNT_OF (fields);
    return fields;
}

static const job_agent_row agent_rows[] = {
#define JOB_AGENT(section, name, type, kind, what, test)                                           \
    {section, name, type, JOB_AGENT_##kind, what, test},
#include "common/job/agent.def"
#undef JOB_AGENT
};

const job_agent_row *job_agent_rows (size_t *count)
{
    *count = JOB_COUNT_OF (agent_rows);
    return agent_rows;
}

#define A_JOB  "job: j", "targets: {all: true}", "steps: [{name: s, run: [x]}]"
#define A_STEP "{job: j, targets: {all: true}, steps: [{name: s, run: [x], "
#define A_RUN  "{job: j, targets: {all: true}, steps: [{name: s, run: [x]}], "

static const job_map_row maps[JOB_MAP_COUNT] = {
    [JOB_MAP_JOB] = {"A job", "a job", &wire_desc_job, JOB_MAP_JOB, "{", {A_JOB}, "}\n"},
    [JOB_MAP_START] = {"`start` of a job", "start", &wire_desc_job, JOB_MAP_START, A_RUN "start: {",
        {NULL}, "}}\n"},
    [JOB_MAP_HISTORY] = {"`history` of a job", "history", &wire_desc_job, JOB_MAP_HISTORY,
        A_RUN "history: {", {NULL}, "}}\n"},
    [JOB_MAP_TARGETS] = {"`targets` of a job", "targets", &wire_desc_audience, JOB_MAP_TARGETS,
        "{job: j, steps: [{name: s, run: [x]}], targets: {", {NULL}, "}}\n"},
    [JOB_MAP_SCHEDULE] = {"A schedule of a job", "a schedule", &wire_desc_job_schedule,
        JOB_MAP_SCHEDULE, A_RUN "schedules: [{", {"name: n"}, "}]}\n"},
    [JOB_MAP_REPEAT] = {"`repeat` of a schedule", "repeat", &wire_desc_job_schedule, JOB_MAP_REPEAT,
        A_RUN "schedules: [{name: n, every: day, repeat: {", {NULL}, "}}]}\n"},
    [JOB_MAP_STEP] = {"A step", "a step", &wire_desc_job_step, JOB_MAP_STEP,
        "{job: j, targets: {all: true}, steps: [{", {"name: s"}, "}]}\n"},
    [JOB_MAP_RETRY] = {"`retry` of a step", "retry", &wire_desc_job_step, JOB_MAP_RETRY,
        A_STEP "retry: {", {NULL}, "}}]}\n"},
    [JOB_MAP_OUTPUT] = {"`output` of a step", "output", &wire_desc_job_step, JOB_MAP_OUTPUT,
        A_STEP "output: {", {NULL}, "}}]}\n"},
    [JOB_MAP_LIMITS] = {"`limits` of a step", "limits", &wire_desc_limits, JOB_MAP_LIMITS,
        A_STEP "limits: {", {NULL}, "}}]}\n"},
    [JOB_MAP_SHARED] = {"A shared schedule", "a schedule", &wire_desc_job_schedule,
        JOB_MAP_SCHEDULE, "{", {NULL}, "}\n"},
    [JOB_MAP_CALENDAR] = {"A calendar", "a calendar", &wire_desc_calendar, JOB_MAP_CALENDAR, "{",
        {NULL}, "}\n"},
    [JOB_MAP_RANGE] = {"A range of a calendar", "a range", NULL, JOB_MAP_RANGE,
        "{calendar: h, ranges: [{", {NULL}, "}]}\n"},
};

const job_map_row *job_map_of (job_map map)
{
    bg_assert (map < JOB_MAP_COUNT);
    return &maps[map];
}

void job_field_file (job_map map, const char *inside, bg_buf *out)
{
    const job_map_row *row = job_map_of (map);
    bg_buf_append_str (out, row->before);
    for (size_t i = 0; i < JOB_PIECES_MAX && row->pieces[i]; i++) {
        const size_t key = strcspn (row->pieces[i], ":") + 1;
        if (strncmp (row->pieces[i], inside, key) != 0)
            bg_buf_printf (out, "%s, ", row->pieces[i]);
    }
    bg_buf_printf (out, "%s%s", inside, row->after);
}
