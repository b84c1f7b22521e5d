/*  bugle-ics: reads one iCalendar file on stdin, writes ranges of time on stdout. The CLI starts it (ctl/ics.c).

    A process of its own because libical is not ours and files are strangers': before the first byte is read it gives up
    memory beyond 256 MiB, processor time beyond 8 s, writing large files, new processes and new privileges. It has no network, no
    key and no environment, but $TZDIR when there is one.

        bugle-ics FROM UNTIL      days since 1970-01-01, until not included

    Answer, in lines: first "bugle-ics 1"; then "local FROM UNTIL" and "utc FROM UNTIL", each ascending, in seconds, and
    "end N" with the number of these lines; or "refused LINE TEXT" for each mistake and "end N". Exit 0 for both; anything
    else means that it broke.  */
#include "common/sys/file.h"
#include "ctl/ics/file.h"
#include "ctl/zones.h"

#include <inttypes.h>
#include <libical/ical.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define FILE_MAX      (8 * 1024 * 1024)
#define MEMORY_MAX    (256 * 1024 * 1024)
#define CPU_SECONDS   8
#define ANSWER_MAX    (64 * 1024 * 1024)
#define DAY_MAX       200000
#define SECONDS_A_DAY 86400

#if defined(__SANITIZE_ADDRESS__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_SANITIZED 1
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED 0
#endif

static bool limit (int what, rlim_t value)
{
    struct rlimit both = {value, value};
    return setrlimit ((__rlimit_resource_t) what, &both) == 0;
}

/*  The sanitizer maps terabytes for itself: no limit of address space with it.  */
static bool give_up_rights (void)
{
    bool done = IS_SANITIZED || limit (RLIMIT_AS, MEMORY_MAX);
    return done && limit (RLIMIT_CPU, CPU_SECONDS) && limit (RLIMIT_CORE, 0) &&
           limit (RLIMIT_FSIZE, ANSWER_MAX) && limit (RLIMIT_NPROC, 0) &&
           limit (RLIMIT_NOFILE, 16) && prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

static bool read_day (const char *text, int64_t *seconds)
{
    char *end = NULL;
    long days = strtol (text, &end, 10);
    *seconds = (int64_t) days * SECONDS_A_DAY;
    return *text && !*end && days >= -DAY_MAX && days <= DAY_MAX;
}

static void print_ranges (const char *word, const ctl_ics_ranges *ranges)
{
    for (size_t i = 0; i < ranges->count; i++)
        printf (
            "%s %" PRId64 " %" PRId64 "\n", word, ranges->items[i].from, ranges->items[i].until);
}

static void answer (const ctl_ics_scope *scope)
{
    const ctl_ics_refusals *refusals = scope->refusals;
    printf ("bugle-ics 1\n");
    size_t kept = refusals->count < CTL_ICS_REFUSALS_MAX ? refusals->count : CTL_ICS_REFUSALS_MAX;
    for (size_t i = 0; i < kept; i++)
        printf ("refused %" PRIu32 " %.*s\n", refusals->items[i].line,
            BG_SLICE_ARG (refusals->items[i].text));
    if (kept == 0) {
        print_ranges ("local", &scope->local);
        print_ranges ("utc", &scope->instants);
        kept = scope->local.count + scope->instants.count;
    }
    printf ("end %zu\n", kept);
}

static int run (ctl_ics_scope *scope)
{
    BG_AUTO_BUF text = {0};
    bg_error err = {0};
    bg_result result = bg_fd_read (STDIN_FILENO, "the file", FILE_MAX, &text, &err);
    if (result.code == BG_TOO_LARGE)
        ctl_ics_refuse (
            scope->refusals, 1, "the file is larger than %d MiB", FILE_MAX / 1024 / 1024);
    else if (bg_failed (result))
        return 1;
    else
        ctl_ics_file_read (scope, bg_buf_slice (&text));
    answer (scope);
    return fflush (stdout) == 0 ? 0 : 1;
}

int main (int argc, char **argv)
{
    BG_AUTO_ARENA arena = {0};
    ctl_zones zones = {0};
    ctl_ics_refusals refusals = {.arena = &arena};
    ctl_ics_scope scope = {.arena = &arena, .refusals = &refusals};
    if (argc != 3 || !read_day (argv[1], &scope.from) || !read_day (argv[2], &scope.until)) {
        fprintf (stderr, "bugle-ics is started by bugle and reads an iCalendar file on stdin\n");
        return 2;
    }
    if (!give_up_rights ()) {
        fprintf (stderr, "bugle-ics: cannot set its limits\n");
        return 1;
    }
    icalerror_set_errors_are_fatal (0);
    job_zone *utc = job_zone_fixed_utc ();
    scope.utc = utc;
    scope.zones = (ctl_ics_zones){ctl_zone_lookup, &zones};
    int code = run (&scope);
    ctl_ics_ranges_fini (&scope.local);
    ctl_ics_ranges_fini (&scope.instants);
    ctl_zones_fini (&zones);
    job_zone_destroy (&utc);
    return code;
}
