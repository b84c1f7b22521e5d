/*  Any text as a job file: it is read or refused, never anything else. What was read is a job that
    every receiver takes, and its YAML is read as the same job.

    Built with libFuzzer when BUGLE_FUZZ is on; test_job_yaml_random runs it over mutated job files
    in any case.  */
#include "common/job/body.h"
#include "common/job/uses.h"
#include "common/job/yaml_job.h"
#include "tests/unit/job_yaml_open.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void must (bool holds, const char *what, bg_slice text)
{
    if (holds)
        return;
    fprintf (stderr, "%s:\n%.*s\n", what, BG_SLICE_ARG (text));
    abort ();
}

static bool is_body (wire_type type, const void *body)
{
    if (type == WIRE_TYPE_JOB)
        return bg_is_ok (job_body_check (body, NULL));
    if (type == WIRE_TYPE_SCHEDULE)
        return bg_is_ok (job_schedule_document_check (body, NULL));
    return bg_is_ok (job_calendar_document_check (body, NULL));
}

static void check_document (const job_yaml_document *document)
{
    BG_AUTO_BUF text = {0}, before = {0}, after = {0};
    BG_AUTO_ARENA arena = {0};
    void *decoded = bg_arena_alloc (&arena, document->desc->size);
    job_yaml_set *set = job_yaml_set_create (NULL);
    bg_diag *diag = bg_diag_create ();

    job_yaml_write_document (document->type, document->body, document->not_after_us, &text);
    bg_slice written = bg_buf_slice (&text);
    must (bg_is_ok (job_yaml_read (set, "written", written, diag, NULL)), "not read back", written);
    must (job_yaml_documents (set) == 1, "not one document", written);
    wire_encode (document->desc, document->body, &before);
    const job_yaml_document *again = job_yaml_document_at (set, 0);
    wire_encode (again->desc, again->body, &after);
    must (bg_slice_equal (bg_buf_slice (&before), bg_buf_slice (&after)) &&
              again->not_after_us == document->not_after_us,
        "another document", written);
    must (bg_is_ok (wire_decode (
              document->desc, bg_buf_slice (&before), WIRE_AS_SIGNED, &arena, decoded, NULL)),
        "not taken by receivers", written);
    must (is_body (document->type, decoded), "not a body", written);
    bg_diag_destroy (&diag);
    job_yaml_set_destroy (&set);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    bg_error err = {0};
    bg_slice text = bg_slice_of (data, size);
    job_zone *utc = job_zone_fixed_utc ();
    const job_yaml_ports ports = {.ctx = utc, .zone = any_zone, .ics = any_ics, .today = 20260310};
    job_yaml_set *set = job_yaml_set_create (&ports);
    bg_diag *diag = bg_diag_create ();
    bg_result result = job_yaml_read (set, "fuzz", text, diag, &err);
    must (bg_is_ok (result) == (bg_diag_count (diag) == 0), "result and mistakes disagree", text);
    for (size_t i = 0; i < job_yaml_documents (set); i++)
        check_document (job_yaml_document_at (set, i));
    bg_diag_destroy (&diag);
    job_yaml_set_destroy (&set);
    job_zone_destroy (&utc);
    return 0;
}
