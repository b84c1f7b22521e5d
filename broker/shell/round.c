/*  One round of the shell, and what happens when the store fails in it.

    Invariant: outside of shell_round no transaction is open and no output is kept. Nothing that
    the core has sent leaves before the commit of its round.

    Failures of the store:
        full      roll back, drop the outputs, make the core anew in its degraded state: it
                  refuses what would write and answers the rest, beginning with the messages of
                  the round that failed. A probe every few seconds ends that.
        disk      end the process with 1; its start recovers.
        else      make the core anew; if that goes on, end the process.  */
#include "broker/shell/shell_private.h"

#include "common/sys/clock.h"
#include "common/sys/file.h"

#include <string.h>

#define BATCH_MESSAGES 1024
#define BATCH_US       INT64_C (20000)
/*  While more than 2,000 messages a second come, rounds begin so far apart.  */
#define GATHER_US     INT64_C (5000)
#define SPACING_US    INT64_C (500)
#define PROBE_US      INT64_C (3000000)
#define PROBE_MOST_US INT64_C (60000000)
/*  As much must be free before it is tried at all.  */
#define PROBE_BYTES       (UINT64_C (4) * 1024 * 1024)
#define REBUILD_WINDOW_US INT64_C (60000000)
#define REBUILDS_MAX      10

/*  ---- input ----  */

static bg_result feed_hello (shell *self, const wire_front_hello *hello)
{
    bg_log_event (
        self->log, BG_LOG_INFO, "front-connected", "pid=%llu", (unsigned long long) hello->pid);
    self->is_greeted = true;
    self->needs_front_up = true;
    return bg_ok ();
}

static bg_result feed_in (shell *self, bg_now now, const wire_front_message *in, bg_error *err)
{
    broker_message message = {.channel = (wire_channel) in->channel,
        .peer = in->peer,
        .address = in->address,
        .header = in->header,
        .body = in->body,
        .sigs = in->sigs};
    return broker_core_message (self->core, now, &message, err);
}

/*  What a front may send; a broken blob of our own front is a reason to make the connection anew,
    not to die.  */
typedef struct {
    bool is_link_broken;
    bg_result result;
} fed;

static fed feed_blob (shell *self, bg_now now, bg_slice blob, bg_error *err)
{
    BG_AUTO_ARENA arena = {0};
    wire_header header;
    void *value = NULL;
    bg_result result = wire_inner_decode (blob, &arena, &header, &value, err);
    if (bg_failed (result))
        return (fed){true, result};
    if (header.kind == WIRE_FRONT_HELLO)
        return (fed){false, feed_hello (self, value)};
    if (self->is_greeted && header.kind == WIRE_FRONT_IN)
        return (fed){false, feed_in (self, now, value, err)};
    if (self->is_greeted && header.kind == WIRE_FRONT_STATS)
        return (fed){false, broker_core_front_stats (self->core, now, value, err)};
    return (fed){true, bg_fail (err, BG_UNKNOWN_KIND, "the front sent kind %llu out of turn",
                           (unsigned long long) header.kind)};
}

/*  A message of this round, for the case that the round fails: it has not happened then, and its
    sender waits for an answer.  */
static void keep (shell *self, bg_slice blob)
{
    uint32_t size = (uint32_t) blob.size;
    bg_buf_append (&self->taken, &size, sizeof size);
    bg_buf_append_slice (&self->taken, blob);
}

/*  Takes what is there, up to the size of a batch. Failures of the link end up in broken, those
    of the store are returned.  */
static bg_result take_input (
    shell *self, bg_now now, bool *broken, bg_error *link_err, bg_error *err)
{
    int64_t until = bg_clock_mono_us () + BATCH_US;
    for (int i = 0; i < BATCH_MESSAGES && bg_clock_mono_us () < until; i++) {
        bg_slice blob;
        bg_result result = bg_frames_next (self->link, &blob, link_err);
        if (result.code == BG_AGAIN)
            return bg_ok ();
        if (bg_failed (result)) {
            *broken = true;
            return bg_ok ();
        }
        self->round_messages++;
        keep (self, blob);
        fed outcome = feed_blob (self, now, blob, err);
        if (outcome.is_link_broken) {
            *link_err = *err;
            *broken = true;
            return bg_ok ();
        }
        BG_TRY (outcome.result);
    }
    return bg_ok ();
}

/*  ---- failure ----  */

static void give_up (shell *self, const bg_error *err)
{
    bg_log_failure (
        self->log, BG_LOG_ERROR, "store-failed", err, "path=%s", bg_log_cstr (self->db_path).text);
    bg_loop_stop (self->loop, 1);
}

/*  The messages of the round that failed, for the degraded core: what would write gets its refusal
    at once, the rest its answer.  */
static bg_result feed_again (shell *self, bg_error *err)
{
    bool changed = false;
    bg_now now = shell_now ();
    BG_TRY (broker_db_begin (self->db, err));
    for (size_t at = 0; at < self->taken.size;) {
        uint32_t size;
        memcpy (&size, self->taken.data + at, sizeof size);
        bg_slice blob = bg_slice_of (self->taken.data + at + sizeof size, size);
        BG_TRY (feed_blob (self, now, blob, err).result);
        at += sizeof size + size;
    }
    BG_TRY (broker_core_before_commit (self->core, now, &changed, err));
    broker_db_rollback (self->db);
    return bg_ok ();
}

/*  Nothing of it is in the store: were it to fail as well, it is as if it had not been tried.  */
static void answer_taken (shell *self)
{
    bg_error err = {0}, link_err = {0};
    if (bg_failed (feed_again (self, &err))) {
        bg_log_failure (
            self->log, BG_LOG_WARNING, "round-not-answered", &err, "bytes=%zu", self->taken.size);
        broker_db_rollback (self->db);
        broker_outputs_drop (self->outputs);
        if (bg_failed (shell_engine_start (self, true, &err)))
            give_up (self, &err);
    } else if (bg_failed (broker_outputs_release (self->outputs, self->link, &link_err))) {
        shell_drop_link (self, &link_err);
    }
}

static void degrade (shell *self, const bg_error *err)
{
    int64_t now = bg_clock_mono_us ();
    bg_log_failure (self->log, BG_LOG_ERROR, "storage-full", err, "path=%s state=%s",
        bg_log_cstr (self->db_path).text, "degraded");
    /*  Full again soon after it seemed better: look less often.  */
    bool is_again = self->recovered_us != 0 && now - self->recovered_us < PROBE_MOST_US;
    self->probe_us =
        is_again && self->probe_us * 2 <= PROBE_MOST_US ? self->probe_us * 2 : PROBE_US;
    bg_timer_arm (self->probe, self->probe_us);
    bg_error again = {0};
    if (bg_failed (shell_engine_start (self, true, &again)))
        give_up (self, &again);
    else
        answer_taken (self);
}

static void rebuild (shell *self, const bg_error *err)
{
    int64_t now = bg_clock_mono_us ();
    self->rebuilds = now - self->rebuilt_us < REBUILD_WINDOW_US ? self->rebuilds + 1 : 1;
    self->rebuilt_us = now;
    bg_log_failure (self->log, BG_LOG_ERROR, "round-failed", err, "action=recover");
    bg_error again = {0};
    if (self->rebuilds > REBUILDS_MAX || bg_failed (shell_engine_start (self, false, &again)))
        give_up (self, again.message[0] ? &again : err);
}

static void fail_round (shell *self, const bg_error *err)
{
    broker_db_rollback (self->db);
    broker_outputs_drop (self->outputs);
    if (err->code == BG_STORAGE_FULL)
        degrade (self, err);
    else if (bg_code_class (err->code) == BG_CLASS_FATAL)
        give_up (self, err);
    else
        rebuild (self, err);
}

void shell_probe (shell *self)
{
    uint64_t bytes = 0;
    bg_error err = {0};
    bg_result result = bg_disk_free (self->db_path, &bytes, &err);
    if (bg_is_ok (result) && bytes < PROBE_BYTES)
        result =
            bg_fail (&err, BG_STORAGE_FULL, "only %llu bytes are free", (unsigned long long) bytes);
    const broker_store *store = broker_db_port (self->db);
    if (bg_is_ok (result))
        result = broker_db_begin (self->db, &err);
    if (bg_is_ok (result)) {
        result = store->meta_set (store->ctx, "probed", bg_clock_utc_us (), &err);
        if (bg_is_ok (result))
            result = broker_db_commit (self->db, &err);
        broker_db_rollback (self->db);
    }
    if (bg_is_ok (result))
        result = shell_engine_start (self, false, &err);
    if (bg_is_ok (result)) {
        self->recovered_us = bg_clock_mono_us ();
        bg_log_event (self->log, BG_LOG_NOTICE, "storage-recovered", "state=normal");
        shell_round (self, false);
        return;
    }
    if (bg_code_class (result.code) == BG_CLASS_FATAL || !self->core) {
        /*  The core was thrown away and could not be made: only a new start helps.  */
        bg_error again = {0};
        if (result.code != BG_STORAGE_FULL || bg_failed (shell_engine_start (self, true, &again))) {
            give_up (self, &err);
            return;
        }
    }
    bg_timer_arm (self->probe, self->probe_us);
}

/*  ---- the round ----  */

void shell_drop_link (shell *self, const bg_error *why)
{
    if (!self->link)
        return;
    if (why)
        bg_log_failure (self->log, BG_LOG_WARNING, "front-lost", why, "path=%s",
            bg_log_cstr (self->socket_path).text);
    bg_fd_watch_destroy (&self->link_watch);
    bg_frames_destroy (&self->link);
    self->is_greeted = false;
    self->needs_front_up = false;
}

static bg_result run_events (
    shell *self, bg_now now, bool is_readable, bool *broken, bg_error *link_err, bg_error *err)
{
    if (is_readable && self->link)
        BG_TRY (take_input (self, now, broken, link_err, err));
    if (self->needs_front_up) {
        self->needs_front_up = false;
        BG_TRY (broker_core_front_up (self->core, now, err));
    }
    if (now.mono_us >= broker_core_deadline (self->core))
        BG_TRY (broker_core_tick (self->core, now, err));
    if (broker_core_has_work (self->core))
        BG_TRY (broker_core_work (self->core, now, err));
    return bg_ok ();
}

static bg_result run_transaction (
    shell *self, bool is_readable, bool *broken, bg_error *link_err, bg_error *err)
{
    bool changed = false;
    bg_now now = shell_now ();
    BG_TRY (broker_db_begin (self->db, err));
    BG_TRY (run_events (self, now, is_readable, broken, link_err, err));
    BG_TRY (broker_core_before_commit (self->core, now, &changed, err));
    if (changed)
        return broker_db_commit (self->db, err);
    broker_db_rollback (self->db);
    return bg_ok ();
}

/*  A transaction costs as much as twenty messages. While many come, those of a few milliseconds share one; a single
    one never waits.  */
static bool gathers (const shell *self)
{
    return self->link && self->round_messages > 0 && bg_rush_is (&self->rush, SPACING_US) &&
           bg_clock_mono_us () < self->round_us + GATHER_US;
}

void shell_gathered (void *arg)
{
    shell_round (arg, true);
}

static void plan_next (shell *self)
{
    if (!self->core || bg_loop_is_stopped (self->loop))
        return;
    bool is_choked = self->link && bg_frames_queued (self->link) > SHELL_QUEUE_HIGH;
    bool has_input = self->link && !is_choked && bg_frames_has_next (self->link);
    bool is_gathering = !has_input && gathers (self);
    if (is_gathering)
        bg_timer_arm_at (self->gather, self->round_us + GATHER_US);
    else
        bg_timer_disarm (self->gather);
    if (self->link)
        bg_fd_watch_set (self->link_watch,
            (is_choked || is_gathering ? 0u : BG_FD_READ) |
                (bg_frames_wants_write (self->link) ? (unsigned) BG_FD_WRITE : 0u));
    bg_timer_arm_at (self->deadline, broker_core_deadline (self->core));
    if (has_input || self->needs_front_up || broker_core_has_work (self->core))
        bg_defer_arm (self->more);
}

void shell_round (shell *self, bool is_readable)
{
    bg_error err = {0}, link_err = {0};
    bool broken = false;
    self->round_messages = 0;
    self->round_us = bg_clock_mono_us ();
    bg_result result = run_transaction (self, is_readable, &broken, &link_err, &err);
    if (bg_failed (result)) {
        fail_round (self, &err);
    } else if (bg_failed (broker_outputs_release (self->outputs, self->link, &link_err))) {
        broken = true;
    }
    bg_buf_clear (&self->taken);
    bg_rush_add (&self->rush, self->round_us, self->round_messages, SPACING_US);
    if (broken)
        shell_drop_link (self, &link_err);
    shell_beside (self);
    plan_next (self);
}
