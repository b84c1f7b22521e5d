/*  The key table: who may connect, and closing the connections of who no longer may.

    A cut waits a little after the key was refused, so that what was sent before (the answer to a
    DEFECT) gets out; it is done within 5 s. Connections are closed through the descriptor of the
    peer's own last message, checked against the socket's inode, because libzmq has no way to
    disconnect one peer.

    Invariant: after front_table_take the ZAP table and is_admitted of all peers say the same.  */
#include "broker/front/front_private.h"

#include "broker/front/limits.h"
#include "common/sys/clock.h"

#include <stdlib.h>
#include <sys/stat.h>

#define CUT_DELAY_US   INT64_C (3000000)
#define CUT_SCAN_US    INT64_C (250000)
#define SILENT_LINE_US INT64_C (3600000000)
#define LIMITS_US      INT64_C (100000) /*  keys of so long share a look at the system  */

static const char *domain_of (uint64_t channel)
{
    switch (channel) {
    case WIRE_ON_DESK:
        return "desk";
    case WIRE_ON_OPS:
        return "ops";
    case WIRE_ON_ORDERS:
        return "orders";
    default:
        return NULL;
    }
}

/*  ---- lines ----  */

void front_note_line (broker_line *line, const bg_zmessage *message)
{
    bg_zpeer peer;
    if (!bg_zmessage_peer (message, &peer))
        return;
    line->fd = peer.fd;
    line->inode = peer.inode;
}

void front_cut_line (front *self, const broker_line *line)
{
    if (line->fd < 0)
        return;
    bg_zpeer peer = {.fd = line->fd, .inode = line->inode};
    if (bg_is_ok (bg_zpeer_cut (&peer, NULL)))
        front_count (self, FRONT_CUT);
}

/*  Over ipc:// there is no descriptor to ask; such a line is dropped after long silence.  */
static bool is_open (const broker_line *line, int64_t now)
{
    struct stat info;
    if (line->fd < 0)
        return now - line->heard_us < SILENT_LINE_US;
    return fstat (line->fd, &info) == 0 && S_ISSOCK (info.st_mode) && info.st_ino == line->inode;
}

/*  ---- cutting ----  */

static void schedule_cut (front *self, broker_peer *peer, int64_t now)
{
    peer->is_admitted = false;
    peer->is_pending = false;
    if (peer->cut_at_us == 0)
        peer->cut_at_us = now + CUT_DELAY_US;
    if (!bg_timer_is_armed (self->cut))
        bg_timer_arm (self->cut, CUT_SCAN_US);
}

typedef struct {
    front *front;
    int64_t now;
    bool is_left; /*  some are not due yet  */
} cut_scan;

static void cut_one (void *ctx, broker_peer *peer)
{
    cut_scan *scan = ctx;
    if (peer->cut_at_us == 0)
        return;
    if (peer->cut_at_us > scan->now) {
        scan->is_left = true;
        return;
    }
    for (size_t i = 0; i < peer->line_count; i++)
        front_cut_line (scan->front, &peer->lines[i]);
    bg_log_event (scan->front->log, BG_LOG_INFO, "peer-cut", "key=%s channel=%s connections=%zu",
        bg_key_text (&peer->key).text, domain_of (peer->channel), peer->line_count);
    broker_peers_remove (scan->front->peers, peer);
}

static void on_cut (void *arg)
{
    front *self = arg;
    cut_scan scan = {self, bg_clock_mono_us (), false};
    broker_peers_each (self->peers, cut_one, &scan);
    if (scan.is_left)
        bg_timer_arm (self->cut, CUT_SCAN_US);
}

/*  ---- the table ----  */

static void admit (front *self, const wire_peer_key *key)
{
    if (!domain_of (key->channel))
        return;
    broker_peer *peer = broker_peers_get (self->peers, (uint32_t) key->channel, &key->key);
    peer->is_admitted = true;
    peer->cut_at_us = 0;
}

/*  Said once, until it was enough in between.  */
static void check_limits (void *arg)
{
    front *self = arg;
    const size_t targets = broker_peers_count (self->peers, WIRE_ON_DESK);
    const broker_limits now = broker_limits_now ("/proc");
    const broker_limits wanted = broker_limits_wanted (targets);
    bool is_changed = false;
    for (int i = 0; i < BROKER_LIMITS; i++) {
        const bool is_short = now.of[i] < wanted.of[i];
        uint64_t *state = &self->counters[FRONT_LIMITS_FIRST + i];
        if (is_short && !*state)
            bg_log_event (self->log, BG_LOG_WARNING, broker_limit_texts[i].event,
                "limit=%llu wanted=%llu targets=%zu hint=%s", (unsigned long long) now.of[i],
                (unsigned long long) wanted.of[i], targets,
                bg_log_cstr (broker_limit_texts[i].hint).text);
        is_changed |= *state != is_short;
        *state = is_short;
    }
    if (is_changed)
        front_stats_tell (self);
}

static void unmark (void *ctx, broker_peer *peer)
{
    (void) ctx;
    peer->is_admitted = false;
    peer->is_pending = false;
}

static void cut_unmarked (void *ctx, broker_peer *peer)
{
    cut_scan *scan = ctx;
    if (peer->channel != WIRE_ON_ENLIST && !peer->is_admitted)
        schedule_cut (scan->front, peer, scan->now);
}

/*  ZAP first: it must never know a key that is gone. A table that does not fit keeps the old one,
    which is the safe side for nobody; the core is told by way of the log.  */
static void apply_snapshot (front *self)
{
    bg_zap_entry *entries = bg_alloc ((self->snapshot_count + 1) * sizeof *entries);
    size_t count = 0;
    for (size_t i = 0; i < self->snapshot_count; i++) {
        const char *domain = domain_of (self->snapshot[i].channel);
        if (domain)
            entries[count++] = (bg_zap_entry){.domain = domain, .key = self->snapshot[i].key};
    }
    bg_error err = {0};
    bg_result result = bg_zap_replace (self->zap, entries, count, &err);
    free (entries);
    if (bg_failed (result)) {
        bg_log_failure (self->log, BG_LOG_ERROR, "key-table-refused", &err, "keys=%zu", count);
        return;
    }
    broker_peers_each (self->peers, unmark, NULL);
    for (size_t i = 0; i < self->snapshot_count; i++)
        admit (self, &self->snapshot[i]);
    cut_scan scan = {self, bg_clock_mono_us (), false};
    broker_peers_each (self->peers, cut_unmarked, &scan);
    check_limits (self);
    bg_log_event (self->log, BG_LOG_INFO, "key-table", "keys=%zu", count);
    if (self->has_table)
        return;
    self->has_table = true;
    front_table_ready (self);
}

static void remember (front *self, const wire_peer_key *key)
{
    if (self->snapshot_count == self->snapshot_room) {
        self->snapshot_room = self->snapshot_room ? self->snapshot_room * 2 : 1024;
        self->snapshot = bg_realloc (self->snapshot, self->snapshot_room * sizeof *self->snapshot);
    }
    self->snapshot[self->snapshot_count++] = *key;
}

static void forget_snapshot (front *self)
{
    free (self->snapshot);
    self->snapshot = NULL;
    self->snapshot_count = self->snapshot_room = 0;
    self->in_snapshot = false;
}

static void apply_change (front *self, const wire_front_keys *keys)
{
    for (size_t i = 0; i < keys->add_count; i++) {
        const char *domain = domain_of (keys->add[i].channel);
        bg_error err = {0};
        if (!domain)
            continue;
        bg_result result = bg_zap_add (
            self->zap, &(bg_zap_entry){.domain = domain, .key = keys->add[i].key}, &err);
        if (bg_failed (result))
            bg_log_failure (self->log, BG_LOG_ERROR, "key-refused", &err, "channel=%s", domain);
        else
            admit (self, &keys->add[i]);
    }
    for (size_t i = 0; i < keys->cut_count; i++) {
        const char *domain = domain_of (keys->cut[i].channel);
        if (!domain)
            continue;
        bg_ignore (bg_zap_remove (
            self->zap, domain, &keys->cut[i].key, NULL)); /*  not there: what we want  */
        broker_peer *peer =
            broker_peers_find (self->peers, (uint32_t) keys->cut[i].channel, &keys->cut[i].key);
        if (peer)
            schedule_cut (self, peer, bg_clock_mono_us ());
    }
    if (keys->add_count && !bg_timer_is_armed (self->limits))
        bg_timer_arm (self->limits, LIMITS_US);
}

void front_table_take (front *self, const wire_front_keys *keys)
{
    if (keys->reset) {
        forget_snapshot (self);
        self->in_snapshot = true;
    }
    if (!self->in_snapshot) {
        apply_change (self, keys);
        return;
    }
    for (size_t i = 0; i < keys->add_count; i++)
        remember (self, &keys->add[i]);
    if (keys->more)
        return;
    apply_snapshot (self);
    forget_snapshot (self);
}

/*  ---- the sweep: forgets connections that ended and strangers that went ----  */

#define SWEEP_US         INT64_C (60000000)
#define STRANGER_LIFE_US INT64_C (300000000)

static void sweep_one (void *ctx, broker_peer *peer)
{
    cut_scan *scan = ctx;
    for (size_t i = peer->line_count; i > 0; i--)
        if (!is_open (&peer->lines[i - 1], scan->now))
            broker_peer_drop_line (peer, &peer->lines[i - 1]);
    if (peer->channel == WIRE_ON_ENLIST && peer->line_count == 0 &&
        scan->now - peer->heard_us > STRANGER_LIFE_US && !broker_peer_is_punished (peer, scan->now))
        broker_peers_remove (scan->front->peers, peer);
}

static void on_sweep (void *arg)
{
    front *self = arg;
    cut_scan scan = {self, bg_clock_mono_us (), false};
    broker_peers_each (self->peers, sweep_one, &scan);
    bg_timer_arm (self->sweep, SWEEP_US);
}

bg_result front_table_start (front *self, bg_error *err)
{
    BG_TRY (bg_timer_create (self->loop, on_cut, self, &self->cut, err));
    BG_TRY (bg_timer_create (self->loop, on_sweep, self, &self->sweep, err));
    BG_TRY (bg_timer_create (self->loop, check_limits, self, &self->limits, err));
    bg_timer_arm (self->sweep, SWEEP_US);
    return bg_ok ();
}

void front_table_stop (front *self)
{
    bg_timer_destroy (&self->cut);
    bg_timer_destroy (&self->sweep);
    bg_timer_destroy (&self->limits);
    forget_snapshot (self);
}
