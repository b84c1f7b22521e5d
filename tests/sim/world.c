/*  The loop: events in the order of virtual time until the world is at rest, or something is wrong.  */
#include "tests/sim/world.h"

#include "tests/sim/crypto.h"
#include "tests/sim/oracle.h"

#include <stdio.h>

#define REST_US       BG_SEC (30)
#define REST_PHASE_US BG_SEC (7)
#define HEAL_US       BG_MIN (40) /*  longest life of a deed, ten polls, and the longest run  */

/*  ---- small things for all parts ----  */

void sim_at (sim_world *self, int64_t at_us, sim_handler *handler, void *owner, uint64_t tag,
    bg_slice payload)
{
    sim_events_put (&self->events, at_us, handler, owner, tag, payload);
}

void sim_in (sim_world *self, int64_t delay_us, sim_handler *handler, void *owner, uint64_t tag,
    bg_slice payload)
{
    sim_at (self, self->now_us + delay_us, handler, owner, tag, payload);
}

void sim_fail (sim_world *self, const char *format, ...)
{
    if (self->failed)
        return;
    self->failed = true;
    va_list args;
    va_start (args, format);
    vsnprintf (self->why, sizeof self->why, format, args);
    va_end (args);
    sim_trace (self, "FAILED: %s", self->why);
}

void sim_trace (sim_world *self, const char *format, ...)
{
    if (!self->options.trace)
        return;
    int64_t since_us = self->now_us - SIM_EPOCH_US;
    fprintf (stderr, "%8lld.%06lld ", (long long) (since_us / 1000000),
        (long long) (since_us % 1000000));
    va_list args;
    va_start (args, format);
    vfprintf (stderr, format, args);
    va_end (args);
    fputc ('\n', stderr);
}

void sim_note (sim_world *self, uint64_t what)
{
    self->hash = (self->hash ^ what) * UINT64_C (0x100000001b3);
}

uint64_t sim_hash_bytes (bg_slice bytes)
{
    uint64_t hash = UINT64_C (0xcbf29ce484222325) ^ bytes.size;
    size_t at = 0;
    for (; at + 8 <= bytes.size; at += 8) {
        uint64_t word;
        memcpy (&word, bytes.data + at, sizeof word);
        hash = (hash ^ word) * UINT64_C (0x9fb21c651e98df25);
        hash ^= hash >> 29;
    }
    for (; at < bytes.size; at++)
        hash = (hash ^ bytes.data[at]) * UINT64_C (0x100000001b3);
    return sim_mix (hash);
}

bool sim_has_plant (const sim_world *self, sim_plant plant)
{
    return self->options.plant == plant;
}

void sim_make_pair (sim_rng *rng, sim_pair *pair)
{
    uint8_t seed[32];
    sim_fill (rng, seed, sizeof seed);
    wire_keypair (seed, &pair->public_key, pair->secret);
}

const job_zone *sim_zone_utc (void)
{
    static job_zone *utc;
    if (!utc)
        utc = job_zone_fixed_utc ();
    return utc;
}

void sim_make_authority (
    const sim_world *self, int64_t created_us, wire_login *login, wire_authority *body)
{
    *login = (wire_login){.name = bg_slice_str ("anna"),
        .sign_key = self->admin.public_key,
        .curve_key = self->admin.public_key,
        .role = WIRE_ROLE_ADMIN};
    *body = (wire_authority){.name = bg_slice_str ("sim"),
        .logins = login,
        .logins_count = 1,
        .broker_sign_key = self->broker_sign.public_key,
        .broker_curve_key = self->broker_curve.public_key,
        .threshold = 1,
        .level_floor = 1,
        .created_us = created_us};
}

/*  ---- life ----  */

static void make_first_authority (sim_world *self)
{
    BG_AUTO_ARENA arena = {0};
    wire_authority body;
    wire_login login;
    wire_signed item;
    sim_make_authority (self, self->now_us, &login, &body);
    wire_document fixed = {
        .type = WIRE_TYPE_AUTHORITY, .installation = self->installation, .version = 1};
    wire_document_make (self->crypto, &fixed, &body, self->admin.secret, &arena, &item);
    wire_encode (&wire_desc_signed, &item, &self->authority);
}

static void init (sim_world *self, const sim_options *options)
{
    self->options = *options;
    self->now_us = SIM_EPOCH_US;
    self->rng = sim_rng_of (options->seed, 1);
    self->crypto = options->real_crypto ? wire_crypto_sodium () : sim_crypto_stub ();
    bg_assert (wire_crypto_sodium ()); /*  it initialises the library, which hashes need as well  */
    sim_fill (&self->rng, &self->installation, sizeof self->installation);
    sim_make_pair (&self->rng, &self->admin);
    sim_make_pair (&self->rng, &self->broker_sign);
    sim_make_pair (&self->rng, &self->broker_curve);
    sim_tap_begin (self);
    sim_oracle_init (self);
    sim_people_init (self);
    make_first_authority (self);
    sim_broker_init (self);
    self->machine_count = options->machines;
    for (int i = 0; i < self->machine_count; i++)
        sim_machine_init (self, i);
}

static void start (sim_world *self)
{
    sim_chaos_start (self);
    sim_front_start (self);
    sim_broker_start (self);
    for (int i = 0; i < self->machine_count; i++) {
        sim_exec_start (&self->machines[i]);
        sim_node_start (&self->machines[i]);
    }
    sim_people_start (self);
}

static void fini (sim_world *self)
{
    sim_network_fini (self);
    for (int i = 0; i < self->machine_count; i++)
        sim_machine_fini (&self->machines[i]);
    sim_broker_fini (self);
    sim_people_fini (self);
    sim_oracle_fini (self);
    sim_events_fini (&self->events);
    bg_buf_fini (&self->authority);
    sim_tap_end ();
}

static void step (sim_world *self)
{
    sim_event event;
    bool any = sim_events_take (&self->events, &event);
    bg_assert (any && event.at_us >= self->now_us);
    self->now_us = event.at_us;
    self->event_count++;
    sim_note (self, (uint64_t) event.at_us);
    sim_note (self, event.tag);
    sim_note (self, sim_hash_bytes (bg_buf_slice (&event.payload)));
    event.handler (event.owner, event.tag, bg_buf_slice (&event.payload));
    bg_buf_fini (&event.payload);
}

static void run_until (sim_world *self, int64_t until_us)
{
    while (!self->failed && self->events.count && self->events.items[0].at_us <= until_us)
        step (self);
    if (self->now_us < until_us)
        self->now_us = until_us;
}

static void come_to_rest (sim_world *self)
{
    char why[256] = "";
    char said[256] = "";
    int64_t since_us = self->now_us;
    /*  Schedules are due at whole multiples of 10 s, also those of disabled jobs, which are told of:
        looks lie in between.  */
    run_until (self, self->now_us + REST_PHASE_US);
    while (!self->failed && self->now_us - since_us < HEAL_US) {
        run_until (self, self->now_us + REST_US);
        if (!self->failed && sim_oracle_at_rest (self, why))
            return;
        if (strcmp (why, said) != 0)
            sim_trace (self, "not at rest: %s", why);
        memcpy (said, why, sizeof said);
    }
    sim_fail (self, "no rest within %lld min: %s", (long long) (HEAL_US / BG_MIN (1)), why);
}

void sim_run_world (const sim_options *options, sim_result *result)
{
    sim_world *self = bg_alloc (sizeof *self);
    init (self, options);
    if (!self->failed)
        start (self);
    run_until (self, SIM_EPOCH_US + options->chaos_us);
    int64_t healed_us = self->now_us;
    if (!self->failed) {
        sim_chaos_heal (self);
        come_to_rest (self);
    }
    *result = (sim_result){.failed = self->failed,
        .hash = self->hash,
        .events = self->event_count,
        .crashes = self->crashes,
        .deeds = self->people->deed_count,
        .documents = self->people->documents,
        .healed_us = self->now_us - healed_us};
    if (!self->failed)
        sim_oracle_summary (self, result);
    memcpy (result->why, self->why, sizeof result->why);
    fini (self);
    __builtin_free (self);
}
