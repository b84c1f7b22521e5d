/*  What a START and a document cost a target's two cores, without sockets and without checks of signatures.

        node_bench [COUNT]          a table, of COUNT starts and documents (300)

    The node's core (store in memory) and that of bugle-exec are those of the tests, with the same broker of a few rules. Only
    time inside the cores and the store's commit counts: the linker puts the functions below around their entry points
    (--wrap, see load.cmake). Every signature is taken for good, since a check costs the same whatever is done here.
*/
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/unit/node_pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define COUNT     300
#define COUNT_MAX 1000 /*  what the records of the tests' bugle-exec have room for  */

/*  ---- time inside the cores ----  */

static struct {
    int64_t ns;
    uint64_t calls;
    int depth;
} inside[2]; /*  node, bugle-exec  */

static int64_t now_ns (void)
{
    struct timespec at;
    clock_gettime (CLOCK_MONOTONIC, &at);
    return (int64_t) at.tv_sec * 1000000000 + at.tv_nsec;
}

static int64_t enter (int which)
{
    inside[which].depth++;
    return now_ns ();
}

static void leave (int which, int64_t since)
{
    if (--inside[which].depth > 0)
        return;
    inside[which].ns += now_ns () - since;
    inside[which].calls++;
}

/*  A function of a core: its declarations, and what it does around the real one.  */
#define WRAP(which, type, name, params, args)                                                      \
    type __real_##name params;                                                                     \
    type __wrap_##name params;                                                                     \
    type __wrap_##name params                                                                      \
    {                                                                                              \
        const int64_t since = enter (which);                                                       \
        const type result = __real_##name args;                                                    \
        leave (which, since);                                                                      \
        return result;                                                                             \
    }

WRAP (0, bg_result, node_core_desk,
    (node_core * self, bg_now now, bg_slice header, bg_slice body, bg_slice sigs, bg_error *err),
    (self, now, header, body, sigs, err))
WRAP (0, bg_result, node_core_order,
    (node_core * self, bg_now now, bg_slice stream, bg_slice header, bg_slice body, bg_slice sigs,
        bg_error *err),
    (self, now, stream, header, body, sigs, err))
WRAP (0, bg_result, node_core_exec, (node_core * self, bg_now now, bg_slice blob, bg_error *err),
    (self, now, blob, err))
WRAP (0, bg_result, node_core_before_commit, (node_core * self, bg_now now, bg_error *err),
    (self, now, err))
WRAP (1, bg_result, exec_core_handle,
    (exec_core * self, bg_now now, exec_peer peer, bg_slice blob, bg_error *err),
    (self, now, peer, blob, err))

void __real_node_memory_commit (node_memory *self);
void __wrap_node_memory_commit (node_memory *self);
void __wrap_node_memory_commit (node_memory *self)
{
    const int64_t since = enter (0);
    __real_node_memory_commit (self);
    leave (0, since);
}

void __real_exec_core_run_file (
    exec_core *self, bg_now now, bg_id run, const bg_slice *records, size_t count, bool alive);
void __wrap_exec_core_run_file (
    exec_core *self, bg_now now, bg_id run, const bg_slice *records, size_t count, bool alive);
void __wrap_exec_core_run_file (
    exec_core *self, bg_now now, bg_id run, const bg_slice *records, size_t count, bool alive)
{
    const int64_t since = enter (1);
    __real_exec_core_run_file (self, now, run, records, count, alive);
    leave (1, since);
}

/*  ---- no checks ----  */

static bool is_good (
    void *ctx, const uint8_t signature[64], bg_slice message, const bg_key *public_key)
{
    (void) ctx;
    (void) signature;
    (void) message;
    (void) public_key;
    return true;
}

const wire_crypto *__real_wire_crypto_sodium (void);
const wire_crypto *__wrap_wire_crypto_sodium (void);
const wire_crypto *__wrap_wire_crypto_sodium (void)
{
    static wire_crypto port;
    port = *__real_wire_crypto_sodium ();
    port.verify = is_good;
    return &port;
}

/*  ---- the work ----  */

/*  What each operation took; their median stands beside other load.  */
typedef struct {
    int64_t *ns[2];
    size_t count;
    uint64_t calls;
} samples;

static int by_value (const void *a, const void *b)
{
    const int64_t one = *(const int64_t *) a;
    const int64_t other = *(const int64_t *) b;
    return one < other ? -1 : one > other;
}

static void note (samples *self)
{
    for (int i = 0; i < 2; i++) {
        self->ns[i] = bg_realloc (self->ns[i], (self->count + 1) * sizeof **self->ns);
        self->ns[i][self->count] = inside[i].ns;
        self->calls += inside[i].calls;
    }
    self->count++;
    memset (inside, 0, sizeof inside);
}

static void print_row (const char *what, samples *self)
{
    double median_us[2];
    for (int i = 0; i < 2; i++) {
        qsort (self->ns[i], self->count, sizeof **self->ns, by_value);
        median_us[i] = (double) self->ns[i][self->count / 2] / 1000.0;
        free (self->ns[i]);
    }
    printf ("%-28s %8.2f %8.2f %8.2f %8.1f\n", what, median_us[0], median_us[1],
        median_us[0] + median_us[1], (double) self->calls / (double) self->count);
    *self = (samples){.count = 0};
}

static void publish (node_pair *self, const wire_signed *item)
{
    node_fixture_publish (&self->node, 0, self->node.stream_sequence[0] + 1, item);
}

static void starts (node_pair *self, size_t count, samples *out)
{
    node_fixture *node = &self->node;
    for (size_t i = 0; i < count; i++) {
        const wire_signed item = node_fixture_start (node, "one", node->now.utc_us);
        publish (self, &item);
        node_pair_finish (self, WIRE_RUN_SUCCEEDED);
        note (out);
        bg_assert (node->run_count == 1);
        node->run_count = 0;
        node->now.utc_us += BG_MS (1);
        node->now.mono_us += BG_MS (1);
        node->now.boot_us += BG_MS (1);
    }
}

/*  New versions of one job, or jobs of their own.  */
static void documents (node_pair *self, size_t count, bool is_one, samples *out)
{
    char name[32];
    for (size_t i = 0; i < count; i++) {
        snprintf (name, sizeof name, "job-%zu", is_one ? (size_t) 0 : i);
        const wire_signed item = node_fixture_job (&self->node, name, NULL, 0);
        publish (self, &item);
        note (out);
    }
    bg_assert (node_fixture_state (&self->node).jobs >= (is_one ? 2 : count));
}

int main (int argc, char **argv)
{
    const size_t count = argc > 1 ? (size_t) strtoul (argv[1], NULL, 10) : COUNT;
    if (count < 1 || count > COUNT_MAX) {
        fprintf (stderr, "node_bench: a count from 1 to %d, not %s\n", COUNT_MAX, argv[1]);
        return 2;
    }
    node_pair *self = bg_alloc (sizeof *self);
    node_pair_init_in_memory (self);
    node_fixture_enlist (&self->node);
    node_fixture_push (&self->node, node_fixture_job (&self->node, "one", NULL, 0));
    memset (inside, 0, sizeof inside);
    printf ("%-28s %8s %8s %8s %8s\n", "median, us", "node", "exec", "both", "calls");
    samples took = {.count = 0};
    starts (self, count, &took);
    print_row ("START, outcome, answer", &took);
    documents (self, count, true, &took);
    print_row ("version of one job", &took);
    documents (self, count, false, &took);
    print_row ("job of its own", &took);
    node_pair_fini (self);
    free (self);
    return 0;
}
