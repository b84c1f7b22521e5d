/*  What enlist and defect print when they are done.  */
#include "node/main/commands.h"

#include "common/job/civil.h"
#include "node/shell/zones.h"

#include <stdio.h>

#define JOBS_SHOWN 20

/*  ---- text ----  */

static void print_time (node_zones *zones, bg_slice zone_name, int64_t at_us)
{
    const job_zone *zone = node_zones_get (zones, zone_name);
    int64_t seconds = at_us / 1000000;
    int32_t offset = zone ? job_zone_offset (zone, seconds) : 0;
    job_civil civil = job_civil_from_seconds (seconds + offset);
    int minutes = (offset < 0 ? -offset : offset) / 60;
    (void) printf ("%04d-%02d-%02d %02d:%02d:%02d %c%02d:%02d", (int) civil.year, civil.month,
        civil.day, civil.hour, civil.minute, civil.second, offset < 0 ? '-' : '+', minutes / 60,
        minutes % 60);
}

static const wire_control_job *next_job (const wire_control_answer *answer)
{
    const wire_control_job *next = NULL;
    for (size_t i = 0; i < answer->jobs_count; i++) {
        const wire_control_job *job = &answer->jobs[i];
        if (job->next_us && !job->disabled && (!next || job->next_us < next->next_us))
            next = job;
    }
    return next;
}

static void print_jobs (const wire_control_answer *answer, const node_config *config)
{
    if (answer->jobs_count == 0) {
        (void) printf ("no jobs yet: none is meant for this target\n");
        return;
    }
    (void) printf ("%zu job%s downloaded:", answer->jobs_count, answer->jobs_count == 1 ? "" : "s");
    const wire_control_job *next = next_job (answer);
    for (size_t i = 0; i < answer->jobs_count && i < JOBS_SHOWN; i++)
        (void) printf ("%s %.*s", i ? "," : "", BG_SLICE_ARG (answer->jobs[i].name));
    (void) printf ("%s\n", answer->jobs_count > JOBS_SHOWN ? ", ..." : "");
    if (!next) {
        (void) printf ("next run: none is scheduled\n");
        return;
    }
    node_zones *zones = node_zones_create (config->zone, NULL);
    (void) printf ("next run: %.*s at ", BG_SLICE_ARG (next->name));
    print_time (zones, bg_slice_str (""), next->next_us);
    (void) printf (" (%s)\n", node_zones_local_name (zones));
    node_zones_destroy (&zones);
}

/*  ---- JSON ----  */

static void print_json (const wire_control_answer *answer, const node_contact *contact)
{
    const wire_control_job *next = next_job (answer);
    json_t *jobs = json_array ();
    for (size_t i = 0; i < answer->jobs_count; i++)
        json_array_append_new (jobs, ctl_json_slice (answer->jobs[i].name));
    json_t *object = json_pack ("{s:o, s:I, s:o, s:b, s:b, s:o, s:o, s:o, s:o}", "name",
        ctl_json_slice (answer->name), "number", (json_int_t) answer->number, "broker",
        ctl_json_slice (answer->broker), "pending", false, "unchanged", answer->unchanged, "jobs",
        jobs, "next_job", next ? ctl_json_slice (next->name) : json_null (), "next_run",
        ctl_json_time (next ? next->next_us : 0), "warnings",
        ctl_json_slices (answer->warnings, answer->warnings_count));
    bg_assert (object != NULL);
    ctl_object (contact->out, "enlistment", NULL, 0, "name", object);
}

void node_enlist_print (
    const wire_control_answer *answer, const node_contact *contact, const node_config *config)
{
    if (!ctl_is_human (contact->out)) {
        print_json (answer, contact);
        return;
    }
    (void) printf ("%s %.*s (target %llu) with broker %.*s\n",
        answer->unchanged ? "already enlisted: nothing changed for" : "enlisted",
        BG_SLICE_ARG (answer->name), (unsigned long long) answer->number,
        BG_SLICE_ARG (answer->broker));
    for (size_t i = 0; i < answer->warnings_count; i++)
        (void) printf ("warning: %.*s\n", BG_SLICE_ARG (answer->warnings[i]));
    print_jobs (answer, config);
    if (contact->node_process.pid)
        (void) printf ("start the node with: bugle-node%s%s\n",
            contact->home.is_system ? "" : " --home ",
            contact->home.is_system ? "" : contact->home.state);
}

/*  ---- defect ----  */

static void print_defected (const wire_control_answer *left, const node_command_options *options)
{
    (void) printf ("defected%s%.*s: %llu job%s removed, local history kept\n",
        left->broker.size ? " from " : "", BG_SLICE_ARG (left->broker),
        (unsigned long long) left->removed_jobs, left->removed_jobs == 1 ? "" : "s");
    if (options->force)
        (void) printf (
            "the broker was not asked; if it is there, finish with: bugle target defect %.*s\n",
            left->name.size ? (int) left->name.size : 4,
            left->name.size ? (const char *) left->name.data : "NAME");
}

void node_defect_print (const wire_control_answer *left, const node_command_options *options,
    const node_contact *contact)
{
    if (!ctl_is_human (contact->out))
        ctl_object (contact->out, "defection", NULL, 0, "name",
            json_pack ("{s:o, s:o, s:b, s:b, s:I}", "name", ctl_json_text_or_null (left->name),
                "broker", ctl_json_text_or_null (left->broker), "was_pending", left->pending,
                "forced", options->force, "removed_jobs", (json_int_t) left->removed_jobs));
    else if (left->pending)
        (void) printf ("stopped asking the broker \"%.*s\" to be enlisted as %.*s\n",
            BG_SLICE_ARG (left->broker), BG_SLICE_ARG (left->name));
    else
        print_defected (left, options);
}
