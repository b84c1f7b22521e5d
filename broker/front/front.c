/*  The front's life: descriptors, keys, authentication, four sockets, the core; and the same
    backwards.

    Nothing listens before the first key table is there. A peer that were refused for want of it
    would not come back by itself (libzmq gives up after a refusal), one that finds nobody does.

    Invariant: the ZAP thread is there before the first socket that listens and until after the
    last is closed.  */
#include "broker/front/front_private.h"

#include "broker/front/holder.h"
#include "common/sys/clock.h"
#include "common/sys/random.h"
#include "common/sys/zcontext.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define IO_THREADS_MAX 4

/*  What differs between the sockets; design.md sections 5 and 16.  */
typedef struct {
    wire_channel channel;
    int type;
    int handshake_ms;
    int64_t frame_bytes_max;
    int frames_max;
    size_t lines_max;
    unsigned pause_at;
    bool is_for_people; /*  its connections have a thread of their own  */
} socket_row;

static const socket_row socket_table[BROKER_SOCKETS] = {
    [BROKER_ORDERS] = {WIRE_ON_ORDERS, ZMQ_XPUB, 60000, 4096, 1, 4, 0, false},
    [BROKER_DESK] = {WIRE_ON_DESK, ZMQ_ROUTER, 60000, WIRE_FRAME_MAX, WIRE_FRAMES, 4, 90, false},
    [BROKER_ENLIST] = {WIRE_ON_ENLIST, ZMQ_ROUTER, 5000, WIRE_ENLIST_FRAME_MAX, WIRE_FRAMES, 4, 50,
        false},
    [BROKER_OPS] = {WIRE_ON_OPS, ZMQ_ROUTER, 10000, WIRE_FRAME_MAX, WIRE_FRAMES, 256, 75, true},
};

/*  Encryption and system calls are libzmq's, a thread for a share of the connections: half of the processors for
    the fleet's, the rest for the front itself and the core. More than four would wait for these two. One more is for
    people alone: thousands of targets that come back at once would have their commands wait for seconds.  */
static unsigned fleet_threads (void)
{
    const long processors = sysconf (_SC_NPROCESSORS_ONLN);
    return processors < 4 ? 1 : processors < 8 ? (unsigned) processors / 2 : IO_THREADS_MAX;
}

static int64_t threads_of (const socket_row *row)
{
    const int64_t people = INT64_C (1) << fleet_threads ();
    return row->is_for_people ? people : people - 1;
}

/*  Two per target: the soft limit of 1,024 would end at 400 targets.  */
static void raise_descriptors (front *self)
{
    struct rlimit limit;
    if (getrlimit (RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit (RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < 1024)
        bg_log_event (self->log, BG_LOG_WARNING, "descriptors-few", "limit=%llu",
            (unsigned long long) limit.rlim_cur);
}

static broker_budget_rule budget_of (const broker_config *config, wire_channel channel)
{
    if (channel == WIRE_ON_ENLIST)
        return (broker_budget_rule){config->enlist_rate, config->enlist_burst};
    return (broker_budget_rule){config->peer_rate, config->peer_burst};
}

static bg_result name_holder (const char *endpoint, bg_error *err)
{
    unsigned port = broker_endpoint_port (endpoint);
    broker_holder holder = broker_port_holder (port);
    if (port == 0 || !holder.text[0])
        return (bg_result){BG_BUSY};
    bg_ignore (
        bg_fail (err, BG_BUSY, "cannot listen on %s: %s listens there", endpoint, holder.text));
    return bg_hint (err, "stop that program, or give this broker another port in broker.yaml");
}

static bg_result open_socket (front *self, broker_socket which, const bg_key *secret, bg_error *err)
{
    const socket_row *row = &socket_table[which];
    front_socket *socket = &self->sockets[which];
    bg_zsocket_options options = bg_zsocket_defaults (row->type, broker_socket_word (which));
    options.is_server = true;
    options.own_public = &self->keys.public_key;
    options.own_secret = secret;
    options.zap_domain = broker_socket_word (which);
    options.handshake_ms = row->handshake_ms;
    options.frame_bytes_max = row->frame_bytes_max;
    options.frames_max = row->frames_max;
    options.io_threads = threads_of (row);
    *socket = (front_socket){.front = self,
        .channel = row->channel,
        .lines_max = row->lines_max,
        .pause_at = row->pause_at,
        .budget = budget_of (&self->options->home->config, row->channel)};
    BG_TRY (bg_zsocket_create (&options, &socket->zsocket, err));
    bg_result result =
        bg_zsocket_bind (socket->zsocket, self->endpoints.listen[which], socket->actual, err);
    if (result.code == BG_BUSY)
        return name_holder (self->endpoints.listen[which], err);
    BG_TRY (result);
    bg_zsocket_handlers handlers = {
        .readable = row->channel == WIRE_ON_ORDERS ? front_on_subscription : front_on_request};
    if (row->channel == WIRE_ON_DESK)
        BG_TRY (bg_timer_create (self->loop, front_gathered, socket, &socket->gather, err));
    return bg_zsocket_watch (socket->zsocket, self->loop, &handlers, socket, err);
}

static bg_result open_sockets (front *self, bg_error *err)
{
    bg_key secret = bg_keypair_curve_secret (&self->keys);
    bg_result result = bg_ok ();
    for (int i = 0; i < BROKER_SOCKETS && bg_is_ok (result); i++)
        result = open_socket (self, (broker_socket) i, &secret, err);
    explicit_bzero (&secret, sizeof secret);
    return result;
}

static bg_result tell_where (const front *self, bg_error *err)
{
    broker_contact contact = {.broker_key = self->keys.public_key};
    for (int i = 0; i < BROKER_SOCKETS; i++)
        snprintf (contact.endpoint[i], sizeof contact.endpoint[i], "%s", self->endpoints.local[i]);
    return broker_contact_write (self->options->home, &contact, err);
}

static bg_result open_up (front *self, bg_error *err)
{
    BG_TRY (open_sockets (self, err));
    BG_TRY (bg_zap_open_domain (self->zap, "enlist", true, err));
    return tell_where (self, err);
}

void front_table_ready (front *self)
{
    if (bg_failed (open_up (self, &self->failure))) {
        bg_loop_stop (self->loop, 1);
        return;
    }
    char text[1200];
    snprintf (text, sizeof text, "orders=%s desk=%s enlist=%s ops=%s",
        self->sockets[BROKER_ORDERS].actual, self->sockets[BROKER_DESK].actual,
        self->sockets[BROKER_ENLIST].actual, self->sockets[BROKER_OPS].actual);
    broker_part_ready (self->part, text);
}

static bg_result start (front *self, bg_error *err)
{
    BG_TRY (bg_crypto_init (err));
    uint8_t secret[BROKER_PEERS_SECRET];
    bg_random_bytes (secret, sizeof secret);
    self->peers = broker_peers_create (secret);
    BG_TRY (broker_part_create (self->options, &self->part, err));
    self->loop = broker_part_loop (self->part);
    self->log = broker_part_log (self->part);
    raise_descriptors (self);
    BG_TRY (broker_home_curve_key (self->options->home, &self->keys, err));
    BG_TRY (broker_home_endpoints (self->options->home, &self->endpoints, err));
    const bg_zcontext_options context = {.io_threads = fleet_threads () + 1};
    BG_TRY (bg_zcontext_open (&context, err));
    BG_TRY (bg_zap_create (&self->zap, err));
    BG_TRY (front_table_start (self, err));
    BG_TRY (front_stats_start (self, err));
    return front_link_start (self, err);
}

static void stop (front *self)
{
    if (self->loop) {
        front_link_stop (self);
        front_stats_stop (self);
        front_table_stop (self);
    }
    for (size_t i = 0; i < BROKER_SOCKETS; i++) {
        bg_timer_destroy (&self->sockets[i].gather);
        bg_zsocket_destroy (&self->sockets[i].zsocket);
    }
    bg_zap_destroy (&self->zap);
    bg_zcontext_close ();
    broker_peers_destroy (&self->peers);
    bg_keypair_fini (&self->keys);
    broker_part_destroy (&self->part);
    free (self->core_path);
}

bg_result broker_front_run (const broker_part_options *options, int *exit_code, bg_error *err)
{
    front self = {.options = options,
        .started_us = bg_clock_mono_us (),
        .core_path = bg_home_path (&options->home->home, BG_HOME_RUN_CORE, "core.sock"),
        .queue_bytes = (size_t) options->home->config.queue_kib * 1024};
    bg_result result = start (&self, err);
    if (bg_is_ok (result))
        result = bg_loop_run (self.loop, exit_code, err);
    if (bg_is_ok (result) && self.failure.code != BG_OK) {
        *err = self.failure;
        result = (bg_result){self.failure.code};
    }
    stop (&self);
    return result;
}
