/*  What the broker's history costs when it is large: rows in, questions meanwhile, retention meanwhile, size.

        history_bench --dir DIR [--rows N] [--order burst|random|batched] [...]

    Fills a store of the broker through the store's own port, in transactions like the rounds of the broker's core, with a
    synced commit each. One thread, as in the broker: a question or a piece of retention is one more thing that a round
    does. Prints tables as docs/performance.md has them. The store is removed at the end.

    Ends with 1 when a page took longer than it may (--judge) or retention left what it had to remove.  */
#include "tests/load/history/bench.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_US INT64_C (1750000000000000)
#define PER_ROW_US                                                                                 \
    INT64_C (500000) /*  10 million in 58 days: within the 90 of the default retention  */

typedef struct {
    const char *dir;
    const char *phases;
    uint64_t rows;
    uint64_t there;
    uint64_t per_line;
    uint32_t per_round;
    uint32_t questions;
    uint64_t removed;
    load_plan plan;
    bool keep;
    bool judge;
} options;

static const char usage[] =
    "usage: history_bench --dir DIR [options]\n"
    "\n"
    "  --dir DIR         where the store is made (and used again, when --keep left one there)\n"
    "  --rows N          runs in the history (1000000)\n"
    "  --there N         so many of them are there, left by --keep: the rest is added\n"
    "  --order ORDER     burst: of one job from all targets together; random: any of any; batched: "
    "64 of\n"
    "                    a target together (burst)\n"
    "  --jobs N          (1000)\n"
    "  --targets N       (10000)\n"
    "  --round N         rows in a transaction (256)\n"
    "  --questions N     rounds per question (500)\n"
    "  --removed N       rows that retention removes (a fifth of all)\n"
    "  --phases LETTERS  of f: fill, q: questions, p: retention, u: purge, s: sizes (fsqpu)\n"
    "  --line N          rows in a line of the table (1000000)\n"
    "  --keep            leave the store: 4 GB with 10 million rows\n"
    "  --judge           end with 1 when a page took longer than 20 ms (p99)\n";

static void fail_usage (void)
{
    fputs (usage, stderr);
    exit (2);
}

static uint64_t number (const char *text)
{
    char *end = NULL;
    const unsigned long long value = strtoull (text, &end, 10);
    if (*text == 0 || *end != 0 || value == 0)
        fail_usage ();
    return value;
}

static load_order order_of (const char *text)
{
    static const char *const names[] = {
        [LOAD_BURST] = "burst", [LOAD_RANDOM] = "random", [LOAD_BATCHED] = "batched"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp (text, names[i]) == 0)
            return (load_order) i;
    fail_usage ();
    return LOAD_BURST;
}

static options read_options (int argc, char **argv)
{
    static const struct option table[] = {{"dir", 1, NULL, 'd'}, {"rows", 1, NULL, 'n'},
        {"there", 1, NULL, 'h'}, {"order", 1, NULL, 'o'}, {"jobs", 1, NULL, 'j'},
        {"targets", 1, NULL, 't'}, {"round", 1, NULL, 'r'}, {"questions", 1, NULL, 'q'},
        {"removed", 1, NULL, 'm'}, {"phases", 1, NULL, 'p'}, {"line", 1, NULL, 'l'},
        {"keep", 0, NULL, 'k'}, {"judge", 0, NULL, 'J'}, {"help", 0, NULL, 'H'},
        {NULL, 0, NULL, 0}};
    options self = {.phases = "fsqpu",
        .rows = 1000000,
        .per_line = 1000000,
        .per_round = 256,
        .questions = 500,
        .plan = {.order = LOAD_BURST, .jobs = 1000, .targets = 10000, .seed = 1}};
    for (int letter; (letter = getopt_long (argc, argv, "", table, NULL)) != -1;) {
        switch (letter) {
        case 'd':
            self.dir = optarg;
            break;
        case 'n':
            self.rows = number (optarg);
            break;
        case 'h':
            self.there = number (optarg);
            break;
        case 'o':
            self.plan.order = order_of (optarg);
            break;
        case 'j':
            self.plan.jobs = (uint32_t) number (optarg);
            break;
        case 't':
            self.plan.targets = (uint32_t) number (optarg);
            break;
        case 'r':
            self.per_round = (uint32_t) number (optarg);
            break;
        case 'q':
            self.questions = (uint32_t) number (optarg);
            break;
        case 'm':
            self.removed = number (optarg);
            break;
        case 'p':
            self.phases = optarg;
            break;
        case 'l':
            self.per_line = number (optarg);
            break;
        case 'k':
            self.keep = true;
            break;
        case 'J':
            self.judge = true;
            break;
        case 'H':
            fputs (usage, stdout);
            exit (0);
        default:
            fail_usage ();
        }
    }
    if (!self.dir || optind != argc || self.there > self.rows)
        fail_usage ();
    if (self.removed == 0)
        self.removed = self.rows / 5;
    self.plan.first_us = FIRST_US;
    self.plan.per_row_us = PER_ROW_US;
    return self;
}

static bool wants (const options *with, char phase)
{
    return strchr (with->phases, phase) != NULL;
}

static void remove_store (const char *path)
{
    char name[4096];
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        (void) snprintf (name, sizeof name, "%s%s", path, suffixes[i]);
        (void) unlink (name);
    }
}

/*  As the broker would have it: the store knows how many there are.  */
static void open_store (bench *self, const options *with)
{
    const broker_target_record last = {.number = with->plan.targets,
        .name = bg_slice_str ("last"),
        .enlisted_by = bg_slice_str ("bench")};
    MUST (broker_db_open (self->path, &self->db, err));
    self->store = broker_db_port (self->db);
    MUST (broker_db_begin (self->db, err));
    MUST (self->store->target_put (self->store->ctx, &last, err));
    MUST (broker_db_commit (self->db, err));
}

static bool run_phases (bench *self, const options *with)
{
    bool is_good = true;
    load_init (&self->rows, &with->plan);
    load_go_on (&self->rows, wants (with, 'f') ? with->there : with->rows);
    open_store (self, with);
    if (wants (with, 'f'))
        bench_fill (self, with->rows - with->there, with->per_line);
    if (wants (with, 's')) {
        broker_db_close (&self->db);
        bench_sizes (self->path, with->rows);
        open_store (self, with);
    }
    if (wants (with, 'q'))
        is_good = bench_queries (self, with->questions) || !with->judge;
    if (wants (with, 'p'))
        is_good = bench_prune (self, with->removed) && is_good;
    if (wants (with, 'u'))
        bench_purge (self);
    broker_db_close (&self->db);
    load_fini (&self->rows);
    return is_good;
}

int main (int argc, char **argv)
{
    const options with = read_options (argc, argv);
    char path[4000];
    (void) snprintf (path, sizeof path, "%s/history.db", with.dir);
    bench self = {.path = path, .per_round = with.per_round};
    if (wants (&with, 'f') && with.there == 0)
        remove_store (path);
    const bool is_good = run_phases (&self, &with);
    if (!with.keep)
        remove_store (path);
    return is_good ? 0 : 1;
}
