/*  bugle-sim: runs worlds of many seeds and says which one went wrong.

        bugle-sim --seeds N [--seed FIRST] [--targets K] [--hours H] [--plant BUG] [--restores]
                  [--store memory|sqlite] [--bench] [--trace]

    Stores are in memory; every fourth seed has the SQLite stores of production. Every twentieth seed is run twice and must take the very same course; every twentieth is run
    without faults with and without publications and must come to the same end; some seeds lose all
    publications, some use real signatures. With --restores the broker is once put back to an older
    state. A quiet world must take the very same course on either kind of store. --bench runs each
    seed once, on stores in memory, and says how many steps a second of processor time that is: a
    step is one event that a process of the world takes. With --plant at least one seed must fail: the exit code is 0 when the bug was found.  */
#include "tests/sim/world.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

typedef struct {
    uint64_t first;
    uint64_t count;
    sim_options base;
    const char *store; /*  of all seeds; NULL: some have these, some those  */
    bool is_bench;
} arguments;

typedef struct {
    uint64_t seeds, events, crashes, rows, deeds, documents;
    int64_t longest_heal_us;
} totals;

static const struct {
    const char *word;
    const char *text;
} plants[] = {
    [SIM_PLANT_NONE] = {"none", "nothing"},
#define SIM_PLANT(name, word, text) [SIM_PLANT_##name] = {word, text},
#include "tests/sim/plants.def"
#undef SIM_PLANT
};

static char replay[256]; /*  the line that runs the seed at hand again  */
static bool is_planted;

/*  An assertion of a core ends the process; the line is printed all the same. A planted bug that is
    caught by an assertion is found.  */
static void on_abort (int signal_number)
{
    static const char before[] = "\naborted; run it again with: ";
    ssize_t written = write (STDERR_FILENO, before, sizeof before - 1);
    written += write (STDERR_FILENO, replay, strlen (replay));
    (void) written;
    if (is_planted && signal_number == SIGABRT)
        _exit (0);
    signal (signal_number, SIG_DFL);
    raise (signal_number);
}

static void note_replay (const arguments *args, uint64_t seed)
{
    snprintf (replay, sizeof replay,
        "bugle-sim --seeds 1 --seed %llu --targets %d --hours %g%s%s%s%s%s --trace\n",
        (unsigned long long) seed, args->base.machines,
        (double) args->base.chaos_us / (double) BG_HOUR (1), args->base.plant ? " --plant " : "",
        args->base.plant ? plants[args->base.plant].word : "",
        args->base.restores ? " --restores" : "", args->store ? " --store " : "",
        args->store ? args->store : "");
}

static void add (totals *sum, const sim_result *result)
{
    sum->seeds++;
    sum->events += result->events;
    sum->crashes += result->crashes;
    sum->rows += result->rows;
    sum->deeds += result->deeds;
    sum->documents += result->documents;
    if (result->healed_us > sum->longest_heal_us)
        sum->longest_heal_us = result->healed_us;
}

/*  One seed in all its ways. False with a sentence when something was wrong.  */
static bool run_seed (const arguments *args, uint64_t seed, totals *sum, char why[1024])
{
    sim_options options = args->base;
    sim_result result, again;
    options.seed = seed;
    options.is_unpublished = seed % 8 == 3;
    options.real_crypto = seed % 32 == 5 && !args->is_bench;
    options.is_sqlite = args->store ? strcmp (args->store, "sqlite") == 0 : seed % 4 == 1;
    sim_run_world (&options, &result);
    add (sum, &result);
    if (result.failed) {
        snprintf (why, 1024, "%s", result.why);
        return false;
    }
    if (options.plant || args->is_bench)
        return true;
    if (seed % 20 == 0) {
        sim_run_world (&options, &again);
        if (again.hash != result.hash || again.failed) {
            snprintf (why, 1024, "the same seed took another course the second time");
            return false;
        }
    }
    if (seed % 20 != 10)
        return true;
    options.is_quiet = true;
    options.restores = false;
    options.is_unpublished = false;
    sim_run_world (&options, &result);
    options.is_unpublished = true;
    sim_run_world (&options, &again);
    if (result.failed || again.failed || result.summary != again.summary) {
        snprintf (why, 1024, "%s",
            result.failed  ? result.why
            : again.failed ? again.why
                           : "without publications the world came to another end");
        return false;
    }
    options.is_sqlite = !options.is_sqlite;
    sim_run_world (&options, &result);
    if (!result.failed && result.hash == again.hash)
        return true;
    snprintf (why, 1024, "%s",
        result.failed ? result.why : "the world took another course on the other kind of store");
    return false;
}

static double seconds_of (clockid_t clock)
{
    struct timespec now;
    clock_gettime (clock, &now);
    return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

static int run_all (const arguments *args)
{
    totals sum = {0};
    const double begun = seconds_of (CLOCK_MONOTONIC),
                 worked = seconds_of (CLOCK_PROCESS_CPUTIME_ID);
    bool found = false;
    for (uint64_t i = 0; i < args->count && !found; i++) {
        char why[1024] = "";
        note_replay (args, args->first + i);
        if (run_seed (args, args->first + i, &sum, why))
            continue;
        found = true;
        printf ("seed %llu: %s\n", (unsigned long long) (args->first + i), why);
        printf ("run it again with: %s", replay);
    }
    const double seconds = seconds_of (CLOCK_MONOTONIC) - begun;
    const double cpu_seconds = seconds_of (CLOCK_PROCESS_CPUTIME_ID) - worked;
    printf (
        "%llu seeds from %llu: %llu events in %.1f s, %llu crashes, %llu documents, %llu deeds, "
        "%llu outcomes, slowest healing %lld s\n",
        (unsigned long long) sum.seeds, (unsigned long long) args->first,
        (unsigned long long) sum.events, seconds, (unsigned long long) sum.crashes,
        (unsigned long long) sum.documents, (unsigned long long) sum.deeds,
        (unsigned long long) sum.rows, (long long) (sum.longest_heal_us / BG_SEC (1)));
    if (args->is_bench)
        printf ("%.0f steps a second of one processor, %.2f us each\n",
            (double) sum.events / cpu_seconds, cpu_seconds * 1e6 / (double) sum.events);
    if (args->base.plant) {
        printf ("planted %s (%s): %s\n", plants[args->base.plant].word,
            plants[args->base.plant].text, found ? "found" : "NOT FOUND");
        return found ? 0 : 1;
    }
    return found ? 1 : 0;
}

static int usage (FILE *out)
{
    fputs ("usage: bugle-sim --seeds N [--seed FIRST] [--targets K] [--hours H] [--plant BUG] "
           "[--restores]\n"
           "                 [--store memory|sqlite] [--bench] [--trace]\n\nbugs that can be "
           "planted:\n",
        out);
    for (int i = 1; i < SIM_PLANT_COUNT; i++)
        fprintf (out, "  %-22s %s\n", plants[i].word, plants[i].text);
    return out == stdout ? 0 : 2;
}

static bool plant_of (const char *word, sim_plant *plant)
{
    for (int i = 1; i < SIM_PLANT_COUNT; i++) {
        if (strcmp (plants[i].word, word) == 0) {
            *plant = (sim_plant) i;
            return true;
        }
    }
    return false;
}

static bool is_store (const char *word)
{
    return !word || strcmp (word, "memory") == 0 || strcmp (word, "sqlite") == 0;
}

int main (int argc, char **argv)
{
    static const struct option options[] = {{"seeds", required_argument, NULL, 'n'},
        {"seed", required_argument, NULL, 's'}, {"targets", required_argument, NULL, 'k'},
        {"hours", required_argument, NULL, 'H'}, {"plant", required_argument, NULL, 'p'},
        {"restores", no_argument, NULL, 'r'}, {"trace", no_argument, NULL, 't'},
        {"store", required_argument, NULL, 'S'}, {"bench", no_argument, NULL, 'b'},
        {"help", no_argument, NULL, 'h'}, {0}};
    arguments args = {.first = 1, .count = 1, .base = {.machines = 4, .chaos_us = BG_MIN (30)}};
    for (int option; (option = getopt_long (argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'n':
            args.count = strtoull (optarg, NULL, 10);
            break;
        case 's':
            args.first = strtoull (optarg, NULL, 10);
            break;
        case 'k':
            args.base.machines = atoi (optarg);
            break;
        case 'H':
            args.base.chaos_us = (int64_t) (strtod (optarg, NULL) * (double) BG_HOUR (1));
            break;
        case 'p':
            if (!plant_of (optarg, &args.base.plant))
                return usage (stderr);
            break;
        case 'r':
            args.base.restores = true;
            break;
        case 'S':
            args.store = optarg;
            break;
        case 'b':
            args.is_bench = true;
            break;
        case 't':
            args.base.trace = true;
            break;
        case 'h':
            return usage (stdout);
        default:
            return usage (stderr);
        }
    }
    if (optind != argc || args.base.machines < 1 || args.base.machines > SIM_MACHINES_MAX ||
        args.base.chaos_us <= 0 || !is_store (args.store))
        return usage (stderr);
    if (args.is_bench && !args.store)
        args.store = "memory";
    is_planted = args.base.plant != SIM_PLANT_NONE;
    signal (SIGABRT, on_abort);
    signal (SIGSEGV, on_abort);
    return run_all (&args);
}
