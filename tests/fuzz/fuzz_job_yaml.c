/*  Any text as a job file: it is read or refused, never anything else. What was read is a job that
    every receiver takes, and its YAML is read as the same job.

    Built with libFuzzer when BUGLE_FUZZ is on; test_job_yaml_random runs it over mutated job files
    in any case.  */
#include "common/job/body.h"
#include "common/job/yaml_job.h"

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

static void check_job (const wire_job *job)
{
    BG_AUTO_BUF text = {0}, before = {0}, after = {0};
    BG_AUTO_ARENA arena = {0};
    wire_job decoded;
    job_yaml_set *set = job_yaml_set_create (NULL);
    bg_diag *diag = bg_diag_create ();

    job_yaml_write (job, &text);
    bg_slice written = bg_buf_slice (&text);
    must (bg_is_ok (job_yaml_read (set, "written", written, diag, NULL)), "not read back", written);
    must (job_yaml_count (set) == 1, "not one job", written);
    WIRE_ENCODE (job, job, &before);
    WIRE_ENCODE (job, job_yaml_job (set, 0), &after);
    must (bg_slice_equal (bg_buf_slice (&before), bg_buf_slice (&after)), "another job", written);
    must (bg_is_ok (
              WIRE_DECODE (job, bg_buf_slice (&before), WIRE_AS_SIGNED, &arena, &decoded, NULL)),
        "not taken by receivers", written);
    must (bg_is_ok (job_body_check (&decoded, NULL)), "not a body", written);
    bg_diag_destroy (&diag);
    job_yaml_set_destroy (&set);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    bg_error err = {0};
    bg_slice text = bg_slice_of (data, size);
    job_yaml_set *set = job_yaml_set_create (NULL);
    bg_diag *diag = bg_diag_create ();
    bg_result result = job_yaml_read (set, "fuzz", text, diag, &err);
    must (bg_is_ok (result) == (bg_diag_count (diag) == 0), "result and mistakes disagree", text);
    for (size_t i = 0; i < job_yaml_count (set); i++)
        check_job (job_yaml_job (set, i));
    bg_diag_destroy (&diag);
    job_yaml_set_destroy (&set);
    return 0;
}
