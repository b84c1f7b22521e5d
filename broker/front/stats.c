/*  Every five seconds: counters and who was heard to the core, refusals to the log, each at a
    bounded rate.  */
#include "broker/front/front_private.h"

#include "common/sys/clock.h"

#include <stdlib.h>

#define STATS_US     INT64_C (5000000)
#define SEEN_MAX     1000 /*  in one message, as in inner.def  */
#define REFUSALS_MAX 16   /*  log lines for refused keys each time  */

static const char *const words[FRONT_COUNTERS] = {
#define FRONT_COUNTER(NAME, word, text) [FRONT_##NAME] = word,
#include "broker/front/counters.def"
#undef FRONT_COUNTER
};

const char *front_counter_word (front_counter counter)
{
    return words[counter];
}

typedef struct {
    front *front;
    wire_front_seen *seen;
    size_t count;
    wire_counter *counters; /*  sent with the first message only  */
    size_t counter_count;
} batch;

static void send_batch (batch *self)
{
    wire_front_stats stats = {.counters = self->counters,
        .counters_count = self->counter_count,
        .seen = self->seen,
        .seen_count = self->count};
    (void) front_link_send (self->front, WIRE_FRONT_STATS, &stats);
    self->counter_count = 0;
    self->count = 0;
}

static void add_seen (void *ctx, broker_peer *peer)
{
    batch *self = ctx;
    if (peer->channel != WIRE_ON_DESK || !peer->is_heard)
        return;
    peer->is_heard = false;
    self->seen[self->count++] = (wire_front_seen){.peer = peer->key, .open_runs = peer->open_runs};
    if (self->count == SEEN_MAX)
        send_batch (self);
}

void front_stats_tell (front *self)
{
    wire_counter counters[FRONT_COUNTERS];
    batch out = {
        .front = self, .seen = bg_alloc (SEEN_MAX * sizeof *out.seen), .counters = counters};
    for (size_t i = 0; i < FRONT_COUNTERS; i++)
        if (self->counters[i] || i >= FRONT_LIMITS_FIRST)
            counters[out.counter_count++] =
                (wire_counter){.name = bg_slice_str (words[i]), .value = self->counters[i]};
    broker_peers_each (self->peers, add_seen, &out);
    if (out.count || out.counter_count)
        send_batch (&out);
    free (out.seen);
}

static void log_refusals (front *self)
{
    bg_zap_refusal refusals[REFUSALS_MAX];
    size_t count = bg_zap_take_refusals (self->zap, refusals, REFUSALS_MAX);
    for (size_t i = 0; i < count; i++)
        bg_log_event (self->log, BG_LOG_NOTICE, "key-not-known", "socket=%s key=%s address=%s",
            refusals[i].domain, bg_key_text (&refusals[i].key).text,
            bg_log_cstr (refusals[i].address).text);
}

/*  Which of the counters tell of trouble: the first ones of the table, up to the plain figures.  */
static void log_trouble (front *self)
{
    BG_AUTO_BUF text = {0};
    for (size_t i = 0; i < FRONT_REQUESTS; i++) {
        if (self->counters[i] == self->logged[i])
            continue;
        bg_buf_printf (&text, "%s%s=%llu", text.size ? " " : "", words[i],
            (unsigned long long) (self->counters[i] - self->logged[i]));
        self->logged[i] = self->counters[i];
    }
    if (text.size)
        bg_log_event (self->log, BG_LOG_WARNING, "refused", "%s", bg_buf_cstr (&text));
}

static void on_stats (void *arg)
{
    front *self = arg;
    bg_zap_counts zap = bg_zap_count (self->zap);
    self->counters[FRONT_REFUSED_KEY] = zap.refused;
    self->counters[FRONT_REFUSED_ZAP] = zap.malformed;
    if (self->link)
        front_stats_tell (self);
    log_refusals (self);
    log_trouble (self);
    bg_log_tick (self->log);
    bg_timer_arm (self->stats, STATS_US);
}

bg_result front_stats_start (front *self, bg_error *err)
{
    BG_TRY (bg_timer_create (self->loop, on_stats, self, &self->stats, err));
    bg_timer_arm (self->stats, STATS_US);
    return bg_ok ();
}

void front_stats_stop (front *self)
{
    bg_timer_destroy (&self->stats);
}
