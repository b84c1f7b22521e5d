/*  The modes: what is done with the connected targets, and the line of JSON each prints.

    Not here: how a message travels (server.c, client.c).

    Invariant: between two modes nothing is under way.  */
#include "tests/load/bare/bare.h"

#include "common/sys/clock.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS_MAX = 1000, BURST_MAX = 900 /*  below what a SUB queues  */ };

typedef struct {
    bare_family family;
    const bare_options *options;
    int64_t connect_us;     /*  from the first connection to the last answer and subscription  */
    int64_t connect_cpu_us; /*  of the server  */
} run;

/*  Medians over rounds, and the slowest.  */
typedef struct {
    int64_t p50[ROUNDS_MAX], p99[ROUNDS_MAX], last[ROUNDS_MAX];
    uint32_t count;
} rounds;

/*  ---- figures ----  */

static int compare (const void *a, const void *b)
{
    int64_t x, y;
    memcpy (&x, a, sizeof x);
    memcpy (&y, b, sizeof y);
    return (x > y) - (x < y);
}

static void take_round (rounds *self, bare_board *board, bare_series series)
{
    (void) bare_sort (board, series);
    self->p50[self->count] = bare_percentile (board, series, 50);
    self->p99[self->count] = bare_percentile (board, series, 99);
    self->last[self->count++] = bare_percentile (board, series, 100);
}

static void print_rounds (rounds *self, const char *prefix)
{
    int64_t *all[] = {self->p50, self->p99, self->last};
    static const char *const names[] = {"p50_us", "p99_us", "last_us"};
    for (size_t i = 0; i < 3; i++) {
        qsort (all[i], self->count, sizeof *all[i], compare);
        printf (",\"%s%s\":%lld", prefix, names[i], (long long) all[i][self->count / 2]);
    }
    printf (",\"%sworst_us\":%lld", prefix, (long long) self->last[self->count - 1]);
}

static void print_head (const run *self, const char *mode)
{
    const bare_options *options = self->options;
    printf ("{\"mode\":\"%s\",\"targets\":%u,\"asked\":%u,\"sockets\":\"%s\",\"processes\":%u,"
            "\"io_threads\":%u,\"frames\":%u,\"stored\":%s",
        mode, options->targets, options->asked, options->is_shared ? "shared" : "own",
        self->family.client_count, options->io_threads, options->frames,
        options->store ? "true" : "false");
}

static void print_cpu (int64_t cpu_us, uint64_t messages)
{
    printf (",\"messages\":%llu,\"server_cpu_us_per_message\":%.2f", (unsigned long long) messages,
        (double) cpu_us / (double) (messages ? messages : 1));
}

static bg_result server_cpu (const run *self, int64_t *cpu_us, bg_error *err)
{
    bare_answer answer;
    BG_TRY (bare_server_figures (&self->family, &answer, err));
    *cpu_us = answer.cpu_us;
    return bg_ok ();
}

/*  An order to all clients, the publications that go with it, and the end of it.  */
static bg_result do_order (const run *self, const bare_order *order, uint64_t publications,
    bare_answer *sum, bg_error *err)
{
    bare_board_reset (self->family.board);
    atomic_store (&self->family.board->begun_us, bg_clock_mono_us ());
    bare_clients_order (&self->family, order);
    if (publications)
        bare_order_give (
            &self->family.server, &(bare_order){.verb = BARE_PUBLISH, .goal = publications});
    return bare_clients_wait (&self->family, sum, err);
}

/*  ---- modes ----  */

static bg_result run_fanout (run *self, bg_error *err)
{
    const bare_options *options = self->options;
    rounds received = {0};
    int64_t before_us = 0, after_us;
    for (uint32_t i = 0; i <= options->rounds; i++) {
        bare_answer sum;
        if (i == 1)
            BG_TRY (server_cpu (self, &before_us, err));
        BG_TRY (do_order (self, &(bare_order){.verb = BARE_RECEIVE, .goal = 1}, 1, &sum, err));
        if (i > 0)
            take_round (&received, self->family.board, BARE_RECEIVED);
    }
    BG_TRY (server_cpu (self, &after_us, err));
    print_head (self, "fanout");
    printf (",\"size\":%u,\"rounds\":%u", options->bytes, options->rounds);
    print_rounds (&received, "");
    print_cpu (after_us - before_us, (uint64_t) options->rounds * options->targets);
    return bg_ok ();
}

static bg_result run_burst (run *self, bg_error *err)
{
    const bare_options *options = self->options;
    uint64_t count = options->deliveries / options->targets;
    count = count < 1 ? 1 : count > BURST_MAX ? BURST_MAX : count;
    bare_answer sum;
    int64_t before_us, after_us;
    BG_TRY (server_cpu (self, &before_us, err));
    BG_TRY (do_order (self, &(bare_order){.verb = BARE_RECEIVE, .goal = count}, count, &sum, err));
    int64_t took_us = sum.last_us - atomic_load (&self->family.board->begun_us) + 1;
    BG_TRY (server_cpu (self, &after_us, err));
    uint64_t messages = count * options->targets;
    print_head (self, "burst");
    printf (",\"size\":%u,\"publications\":%llu,\"last_us\":%lld,\"per_second\":%.0f",
        options->bytes, (unsigned long long) count, (long long) took_us,
        (double) messages * 1e6 / (double) took_us);
    print_cpu (after_us - before_us, messages);
    return bg_ok ();
}

/*  Rounds of one message from every target, by themselves or each for a publication.  */
static bg_result run_rounds (run *self, bare_verb verb, bg_error *err)
{
    const bare_options *options = self->options;
    rounds received = {0}, answered = {0};
    int64_t before_us = 0, after_us;
    uint64_t publications = verb == BARE_START ? 1 : 0;
    for (uint32_t i = 0; i <= options->rounds; i++) {
        bare_answer sum;
        bare_order order = {.verb = verb, .goal = 1, .is_absolute = true};
        if (i == 1)
            BG_TRY (server_cpu (self, &before_us, err));
        BG_TRY (do_order (self, &order, publications, &sum, err));
        if (i == 0)
            continue;
        if (publications)
            take_round (&received, self->family.board, BARE_RECEIVED);
        take_round (&answered, self->family.board, BARE_ANSWERED);
    }
    BG_TRY (server_cpu (self, &after_us, err));
    print_head (self, publications ? "start" : "round");
    printf (",\"size\":%u,\"report\":%u,\"per\":%u,\"rounds\":%u",
        publications ? options->bytes : 0, options->report, options->per, options->rounds);
    if (publications)
        print_rounds (&received, "received_");
    print_rounds (&answered, "");
    print_cpu (after_us - before_us, (uint64_t) options->rounds * options->targets);
    return bg_ok ();
}

static bg_result run_round (run *self, bg_error *err)
{
    return run_rounds (self, BARE_ROUND, err);
}

static bg_result run_start (run *self, bg_error *err)
{
    return run_rounds (self, BARE_START, err);
}

static bg_result run_ingest (run *self, bg_error *err)
{
    const bare_options *options = self->options;
    bare_answer sum;
    int64_t before_us, after_us;
    BG_TRY (server_cpu (self, &before_us, err));
    int64_t until_us = bg_clock_mono_us () + (int64_t) options->seconds * 1000000;
    BG_TRY (
        do_order (self, &(bare_order){.verb = BARE_INGEST, .until_us = until_us}, 0, &sum, err));
    double took_us = (double) (sum.last_us - atomic_load (&self->family.board->begun_us) + 1);
    BG_TRY (server_cpu (self, &after_us, err));
    print_head (self, "ingest");
    printf (",\"report\":%u,\"per\":%u,\"window\":%u,\"rate\":%u,\"seconds\":%u", options->report,
        options->per, options->window, options->rate, options->seconds);
    (void) bare_sort (self->family.board, BARE_ANSWERED);
    printf (",\"per_second\":%.0f,\"results_per_second\":%.0f,\"p50_us\":%lld,\"p99_us\":%lld,"
            "\"last_us\":%lld",
        (double) sum.messages * 1e6 / took_us,
        (double) sum.messages * (double) options->per * 1e6 / took_us,
        (long long) bare_percentile (self->family.board, BARE_ANSWERED, 50),
        (long long) bare_percentile (self->family.board, BARE_ANSWERED, 99),
        (long long) bare_percentile (self->family.board, BARE_ANSWERED, 100));
    print_cpu (after_us - before_us, sum.messages);
    return bg_ok ();
}

static void print_connected (const run *self, const char *mode, int64_t took_us, int64_t cpu_us)
{
    double handshakes = 2.0 * self->options->targets;
    print_head (self, mode);
    printf (",\"last_us\":%lld,\"targets_per_second\":%.0f,\"handshakes_per_second\":%.0f,"
            "\"server_cpu_us_per_handshake\":%.1f",
        (long long) took_us, (double) self->options->targets * 1e6 / (double) took_us,
        handshakes * 1e6 / (double) took_us, (double) cpu_us / handshakes);
}

static bg_result run_handshakes (run *self, bg_error *err)
{
    (void) err;
    print_connected (self, "handshakes", self->connect_us, self->connect_cpu_us);
    return bg_ok ();
}

static bg_result run_memory (run *self, bg_error *err)
{
    bare_answer server_now, clients;
    BG_TRY (bare_server_figures (&self->family, &server_now, err));
    bare_clients_order (&self->family, &(bare_order){.verb = BARE_FIGURES});
    BG_TRY (bare_clients_wait (&self->family, &clients, err));
    double targets = self->options->targets;
    print_head (self, "memory");
    printf (",\"server_kib_before\":%lld,\"server_kib\":%lld,\"server_kib_per_target\":%.1f,"
            "\"client_kib_per_target\":%.1f",
        (long long) self->family.base_kib, (long long) server_now.pss_kib,
        (double) (server_now.pss_kib - self->family.base_kib) / targets,
        (double) clients.pss_kib / targets);
    return bg_ok ();
}

/*  Every target greets and every subscription is there. begun_us: since when.  */
static bg_result wait_connected (run *self, int64_t begun_us, int64_t *took_us, bg_error *err)
{
    bare_answer clients, server_now;
    BG_TRY (bare_clients_wait (&self->family, &clients, err));
    bare_order_give (&self->family.server,
        &(bare_order){.verb = BARE_WAIT, .subscriptions = self->options->targets});
    BG_TRY (bare_child_wait (&self->family.server, &server_now, err));
    int64_t last_us = server_now.last_us > clients.last_us ? server_now.last_us : clients.last_us;
    *took_us = last_us - begun_us + 1;
    return bg_ok ();
}

/*  The server is killed; each target has a message to send when it is back.  */
static bg_result run_storm (run *self, bg_error *err)
{
    bare_child *server = &self->family.server;
    kill (server->pid, SIGKILL);
    waitpid (server->pid, NULL, 0);
    close (server->fd);
    *server = (bare_child){0};
    /*  The clients must have seen the end before they speak, or the message goes into it.  */
    usleep (self->options->pause_ms * 500);
    bare_clients_order (&self->family, &(bare_order){.verb = BARE_ROUND});
    usleep (self->options->pause_ms * 500);
    BG_TRY (bare_family_serve (&self->family, err));
    int64_t begun_us = bg_clock_mono_us (), before_us, after_us, took_us;
    BG_TRY (server_cpu (self, &before_us, err));
    BG_TRY (wait_connected (self, begun_us, &took_us, err));
    BG_TRY (server_cpu (self, &after_us, err));
    print_connected (self, "storm", took_us, after_us - before_us);
    return bg_ok ();
}

/*  ---- all of them ----  */

static const struct {
    const char *word;
    bg_result (*run) (run *self, bg_error *err); /*  NULL: without targets  */
    const char *text;
} mode_table[] = {
    {"handshakes", run_handshakes, "all targets connect, greet and are answered"},
    {"memory", run_memory, "what a connected target costs the broker side"},
    {"fanout", run_fanout, "one publication at a time to all"},
    {"burst", run_burst, "publications back to back to all"},
    {"round", run_round, "one message from every target at once, answered"},
    {"start", run_start, "one publication to all, one message back from each, answered"},
    {"ingest", run_ingest, "messages from all targets, answered, for some seconds"},
    {"storm", run_storm, "the broker side is killed and comes back"},
    {"rows", NULL, "rows into the store alone, no targets"},
};
enum { MODES = sizeof mode_table / sizeof mode_table[0] };

static int mode_of (const char *word)
{
    int found = -1;
    for (int i = 0; i < MODES; i++)
        if (strcmp (mode_table[i].word, word) == 0)
            found = i;
    return found;
}

bool bare_mode_is_known (const char *word)
{
    return mode_of (word) >= 0;
}

void bare_modes_print (void)
{
    for (int i = 0; i < MODES; i++)
        printf ("  %-14s %s\n", mode_table[i].word, mode_table[i].text);
}

static bg_result connect_all (run *self, uint32_t processes, bg_error *err)
{
    int64_t before_us, after_us;
    BG_TRY (bare_family_start (&self->family, processes, err));
    BG_TRY (server_cpu (self, &before_us, err));
    int64_t begun_us = bg_clock_mono_us ();
    bare_clients_order (&self->family, &(bare_order){.verb = BARE_CONNECT});
    BG_TRY (wait_connected (self, begun_us, &self->connect_us, err));
    BG_TRY (server_cpu (self, &after_us, err));
    self->connect_cpu_us = after_us - before_us;
    return bg_ok ();
}

static bg_result run_modes (run *self, char **modes, int count, bg_error *err)
{
    for (int i = 0; i < count; i++) {
        int which = mode_of (modes[i]);
        if (!mode_table[which].run) {
            BG_TRY (bare_rows_run (self->options, err));
            continue;
        }
        bg_result result = mode_table[which].run (self, err);
        if (bg_failed (result))
            return bg_prefix (err, "mode %s", modes[i]);
        printf ("}\n");
        fflush (stdout);
    }
    return bg_ok ();
}

bg_result bare_modes_run (
    const bare_options *options, uint32_t processes, char **modes, int count, bg_error *err)
{
    run *self = bg_alloc (sizeof *self);
    *self = (run){.options = options, .family = {.options = options}};
    bool needs_targets = false;
    for (int i = 0; i < count; i++)
        needs_targets = needs_targets || mode_table[mode_of (modes[i])].run;
    self->family.board = bare_board_create ();
    bg_result result = needs_targets ? connect_all (self, processes, err) : bg_ok ();
    if (bg_is_ok (result))
        result = run_modes (self, modes, count, err);
    bare_family_end (&self->family);
    free (self);
    return result;
}
