/*  bugle-bare: options and help; see bare.h.  */
#include "tests/load/bare/bare.h"

#include "common/sys/random.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *name;
    size_t offset; /*  in bare_options  */
    uint32_t least, most, normal;
    const char *text;
} number_option;

#define NUMBER(name, member, least, most, normal, text)                                            \
    {                                                                                              \
        name, offsetof (bare_options, member), least, most, normal, text                           \
    }

static const number_option numbers[] = {
    NUMBER ("targets", targets, 1, BARE_TARGETS_MAX, 100, "simulated targets"),
    NUMBER ("size", bytes, 8, 200000, 1024, "bytes of a publication"),
    NUMBER ("report", report, 8, 20000, 200, "bytes of one result"),
    NUMBER ("per", per, 1, 64, 1, "results in a message"),
    NUMBER ("frames", frames, 1, 8, 3, "frames of a message; ours have 3"),
    NUMBER ("rounds", rounds, 1, 1000, 7, "rounds that are measured, after one that is not"),
    NUMBER ("deliveries", deliveries, 1, 10000000, 200000, "of a burst, over all targets"),
    NUMBER ("window", window, 1, 200, 2, "messages without answer a target may have"),
    NUMBER ("rate", rate, 0, 10000000, 0, "messages a second over all targets; 0: no bound"),
    NUMBER ("seconds", seconds, 1, 600, 2, "how long ingest goes on"),
    NUMBER ("commit-rows", commit_rows, 1, 100000, 256, "rows a commit at most"),
    NUMBER ("rows", rows, 5, 100000000, 100000, "rows of the mode rows"),
    NUMBER ("jobs", jobs, 1, 1000000, 1000, "jobs the rows belong to"),
    NUMBER ("pause", pause_ms, 100, 60000, 1500, "milliseconds the broker side is away in a storm"),
    NUMBER ("io-threads", io_threads, 1, 16, 1, "of the broker side"),
    NUMBER ("processes", processes, 0, BARE_PROCESSES_MAX, 0,
        "of the client side; 0: as the descriptor limit asks for"),
};
enum { NUMBERS = sizeof numbers / sizeof numbers[0], LONG_STORE = NUMBERS, LONG_SHARED, LONG_HELP };

static int usage (void)
{
    printf ("usage: bugle-bare [OPTIONS] MODE...\n\n"
            "What ZeroMQ, CURVE and SQLite do without a scheduler on them, in the shapes of the "
            "load lab.\nA line of JSON for each mode; docs/load.md explains the members.\n\n"
            "Modes:\n");
    bare_modes_print ();
    printf ("\nOptions:\n");
    for (size_t i = 0; i < NUMBERS; i++)
        printf ("  --%-12s N  %s (%u)\n", numbers[i].name, numbers[i].text, numbers[i].normal);
    printf (
        "  --store     FILE  a row for each result, committed before its answer; needed by rows\n"
        "  --shared          one client socket of each kind with a connection a target, instead\n"
        "                    of two sockets a target\n"
        "  --help            this text\n");
    return 0;
}

static int complain (const char *what, const char *about)
{
    fprintf (stderr, "bugle-bare: %s%s; see bugle-bare --help\n", what, about);
    return 2;
}

static uint32_t *member (bare_options *options, const number_option *row)
{
    return (uint32_t *) (void *) ((uint8_t *) options + row->offset);
}

static bool set_number (bare_options *options, const number_option *row, const char *text)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull (text, &end, 10);
    if (errno || *end || end == text || *text == '-' || value < row->least || value > row->most) {
        fprintf (stderr, "bugle-bare: --%s takes a number from %u to %u, not %s\n", row->name,
            row->least, row->most, text);
        return false;
    }
    *member (options, row) = (uint32_t) value;
    return true;
}

/*  0 to go on, 1 when help was asked for, 2 when it was wrong.  */
static int parse (int argc, char **argv, bare_options *options)
{
    struct option longs[NUMBERS + 4] = {0};
    for (int i = 0; i < NUMBERS; i++) {
        longs[i] = (struct option){numbers[i].name, required_argument, NULL, i};
        *member (options, &numbers[i]) = numbers[i].normal;
    }
    longs[LONG_STORE] = (struct option){"store", required_argument, NULL, LONG_STORE};
    longs[LONG_SHARED] = (struct option){"shared", no_argument, NULL, LONG_SHARED};
    longs[LONG_HELP] = (struct option){"help", no_argument, NULL, LONG_HELP};
    for (int option; (option = getopt_long (argc, argv, "", longs, NULL)) != -1;) {
        if (option == LONG_HELP)
            return 1;
        if (option == LONG_STORE)
            options->store = optarg;
        else if (option == LONG_SHARED)
            options->is_shared = true;
        else if (option == '?' || !set_number (options, &numbers[option], optarg))
            return 2;
    }
    return 0;
}

static int check (int count, char **modes, const bare_options *options)
{
    if (count == 0)
        return complain ("name at least one mode", "");
    for (int i = 0; i < count; i++) {
        if (!bare_mode_is_known (modes[i]))
            return complain ("there is no mode ", modes[i]);
        if (strcmp (modes[i], "rows") == 0 && !options->store)
            return complain ("mode rows needs --store FILE", "");
        if (strcmp (modes[i], "rows") == 0 && count > 1)
            return complain ("mode rows stands alone: it has the store for itself", "");
    }
    if ((uint64_t) options->report * options->per > BARE_SPACE)
        return complain ("--report times --per is more than a frame may have", "");
    return 0;
}

int main (int argc, char **argv)
{
    bare_options options = {0};
    int wrong = parse (argc, argv, &options);
    if (wrong)
        return wrong == 1 ? usage () : 2;
    wrong = check (argc - optind, argv + optind, &options);
    if (wrong)
        return wrong;
    bg_error err = {0};
    uint32_t processes;
    bg_result result = bg_crypto_init (&err);
    options.asked = options.targets;
    bare_family_fit (&options, &processes);
    if (bg_is_ok (result))
        result = bare_modes_run (&options, processes, argv + optind, argc - optind, &err);
    if (bg_is_ok (result))
        return 0;
    fprintf (stderr, "bugle-bare: %s\n", err.message);
    return 1;
}
