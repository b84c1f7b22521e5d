/*  What the parent asks of a child, and its answers. Nothing here waits: an order that has to is kept and looked at by a
    timer, while the times that it asks for were taken when things happened.  */
#include "tests/load/swarm/child.h"

#include "common/sys/clock.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/resource.h>

#define LOOK_US         BG_MS (10)
#define RATE_US         BG_MS (5)
#define RESTART_US      BG_MS (5)
#define RESTART_AT_ONCE 20

/*  ---- answers ----  */

static void answer (swarm_child *self, swarm_answer *head, const int64_t *samples, size_t count)
{
    head->sample_count = count;
    const bg_slice parts[] = {
        bg_slice_of (head, sizeof *head), bg_slice_of (samples, count * sizeof *samples)};
    bg_error err = {0};
    bg_result sent = bg_frames_send_parts (self->frames, parts, 2, &err);
    if (bg_is_ok (sent))
        sent = bg_frames_flush_wait (self->frames, 10000, &err);
    if (bg_failed (sent))
        bg_loop_stop (self->shared.loop, 1);
}

static uint64_t read_pss_kib (void)
{
    FILE *file = fopen ("/proc/self/smaps_rollup", "re");
    char line[256];
    unsigned long long kib = 0;
    while (file && fgets (line, sizeof line, file))
        if (strncmp (line, "Pss:", 4) == 0)
            kib = strtoull (line + 4, NULL, 10);
    if (file)
        (void) fclose (file);
    return kib;
}

static uint64_t count_fds (void)
{
    DIR *dir = opendir ("/proc/self/fd");
    uint64_t count = 0;
    while (dir && readdir (dir))
        count++;
    if (dir)
        (void) closedir (dir);
    return count > 3 ? count - 3 : 0; /*  without "." and ".." and this one  */
}

static uint64_t cpu_us (void)
{
    struct rusage used;
    (void) getrusage (RUSAGE_SELF, &used);
    return (uint64_t) (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 +
           (uint64_t) (used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

static uint64_t counter_of (const swarm_target *target, const char *name)
{
    const node_counter *counter = node_core_counters (target->node);
    for (; counter->name; counter++)
        if (strcmp (counter->name, name) == 0)
            return counter->value;
    return 0;
}

/*  A target is in a group when it follows the group's stream.  */
static bool is_in_group (const swarm_target *target, const char *group, size_t size)
{
    for (size_t i = 0; i < target->topic_count; i++) {
        const char *topic = target->topics[i];
        if (strncmp (topic, "g/", 2) == 0 && strncasecmp (topic + 2, group, size) == 0 &&
            topic[2 + size] == 0)
            return true;
    }
    return false;
}

static bool is_in_groups (const swarm_target *target, const char *groups)
{
    while (groups && *groups) {
        const size_t size = strcspn (groups, ",");
        if (size && !is_in_group (target, groups, size))
            return false;
        groups += groups[size] ? size + 1 : size;
    }
    return true;
}

static void add_target (const swarm_target *target, swarm_counts *counts)
{
    node_core_state state;
    node_core_get_state (target->node, &state);
    counts->enlisted += target->since_us[SWARM_ENLISTED] != 0;
    counts->connected += target->since_us[SWARM_CONNECTED] != 0;
    counts->current += target->since_us[SWARM_CURRENT] != 0;
    counts->not_in_groups +=
        target->since_us[SWARM_CURRENT] && !is_in_groups (target, target->shared->options->groups);
    counts->cut += target->is_cut;
    counts->open_runs += state.open_runs + state.waiting_runs;
    counts->outbox += state.outbox;
    counts->refused_items += counter_of (target, "reports-refused");
}

static swarm_counts count_all (swarm_child *self)
{
    swarm_notes_read (&self->shared);
    swarm_counts counts = self->shared.counts;
    counts.targets = self->shared.target_count;
    for (size_t i = 0; i < self->shared.target_count; i++)
        add_target (&self->shared.targets[i], &counts);
    counts.pss_kib = read_pss_kib ();
    counts.fds = count_fds ();
    counts.cpu_us = cpu_us ();
    swarm_crypto_counts (self->shared.crypto, &counts.verify_asked, &counts.verify_computed);
    return counts;
}

/*  ---- waits ----  */

static bool is_ready (const swarm_child *self, swarm_what what)
{
    for (size_t i = 0; i < self->shared.target_count; i++)
        if (!self->shared.targets[i].since_us[what])
            return false;
    return true;
}

static void answer_wait (swarm_child *self, const swarm_wait *wait, bool is_over)
{
    swarm_samples times = {0};
    for (size_t i = 0; i < self->shared.target_count; i++)
        if (self->shared.targets[i].since_us[wait->what])
            swarm_samples_add (&times, self->shared.targets[i].since_us[wait->what]);
    swarm_answer head = {.number = wait->number, .word = wait->word, .ok = is_over};
    if (wait->word == SWARM_STOP)
        head.counts = count_all (self);
    answer (self, &head, times.items, times.count);
    swarm_samples_fini (&times);
    if (wait->word == SWARM_STOP)
        bg_loop_stop (self->shared.loop, 0);
}

void swarm_child_look (void *arg)
{
    swarm_child *self = arg;
    const int64_t now_us = bg_clock_mono_us ();
    bool any = self->enlist_next < self->shared.target_count || self->shared.enlisting > 0;
    for (size_t i = 0; i < SWARM_WAITS_MAX; i++) {
        swarm_wait *wait = &self->waits[i];
        if (!wait->number)
            continue;
        const bool is_over = is_ready (self, wait->what);
        if (!is_over && now_us < wait->until_us) {
            any = true;
            continue;
        }
        const swarm_wait done = *wait;
        *wait = (swarm_wait){0};
        answer_wait (self, &done, is_over);
    }
    if (any)
        bg_timer_arm (self->look, LOOK_US);
}

static void begin_wait (swarm_child *self, const swarm_order *order)
{
    for (size_t i = 0; i < SWARM_WAITS_MAX; i++) {
        if (self->waits[i].number)
            continue;
        self->waits[i] = (swarm_wait){
            order->number, order->word, order->what, bg_clock_mono_us () + order->timeout_us};
        swarm_child_look (self);
        return;
    }
    answer (self, &(swarm_answer){.number = order->number, .word = order->word}, NULL, 0);
}

/*  ---- the orders ----  */

static void give_status (swarm_child *self, const swarm_order *order)
{
    swarm_answer head = {
        .number = order->number, .word = order->word, .ok = true, .counts = count_all (self)};
    answer (self, &head, NULL, 0);
}

static void give_exec (swarm_child *self, const swarm_order *order)
{
    const swarm_exec *exec = swarm_stats_find_exec (&self->shared.stats, order->id);
    swarm_answer head = {.number = order->number, .word = order->word, .ok = true};
    if (exec) {
        head.over = exec->over;
        head.acknowledged = exec->acknowledged;
        head.last_us = exec->last_ack_us;
    }
    answer (self, &head, exec ? exec->begun.items : NULL, exec ? exec->begun.count : 0);
}

static bg_id key_of (const swarm_child *self, const swarm_order *order)
{
    if (!bg_id_is_zero (order->id))
        return order->id;
    for (size_t i = 0; i < self->shared.target_count; i++) {
        const exec_status status = exec_core_status (self->shared.targets[i].exec);
        if (status.is_member)
            return wire_document_key (
                status.installation, WIRE_TYPE_JOB, bg_slice_str (order->name));
    }
    return (bg_id){{0}};
}

static void give_held (swarm_child *self, const swarm_order *order)
{
    const swarm_document *found =
        swarm_stats_find_document (&self->shared.stats, key_of (self, order), order->count);
    swarm_answer head = {.number = order->number, .word = order->word, .ok = true};
    answer (self, &head, found ? found->held.items : NULL, found ? found->held.count : 0);
}

static void give_produced (swarm_child *self, const swarm_order *order)
{
    const swarm_stats *stats = &self->shared.stats;
    swarm_answer head = {.number = order->number,
        .word = order->word,
        .ok = true,
        .over = self->shared.counts.produced,
        .first_us = stats->produced_first_us,
        .last_us = stats->produced_last_us};
    answer (self, &head, stats->acks.items, stats->acks.count);
}

static void confirm (swarm_child *self, const swarm_order *order)
{
    answer (
        self, &(swarm_answer){.number = order->number, .word = order->word, .ok = true}, NULL, 0);
}

/*  The share of targets by their numbers, so that the same ones are meant every time.  */
static size_t share_of (const swarm_child *self, double percent)
{
    const double count = (double) self->shared.target_count * percent / 100.0;
    const size_t whole = (size_t) (count + 0.5);
    return whole < self->shared.target_count ? whole : self->shared.target_count;
}

void swarm_child_restart_some (void *arg)
{
    swarm_child *self = arg;
    for (size_t i = 0; i < RESTART_AT_ONCE && self->restart_left; i++, self->restart_left--) {
        swarm_target *target =
            &self->shared.targets[self->churn_next++ % self->shared.target_count];
        bg_error err = {0};
        if (target->since_us[SWARM_ENLISTED] && bg_failed (swarm_target_restart (target, &err)))
            swarm_target_failed (target, "restart", &err);
    }
    if (self->restart_left)
        bg_timer_arm (self->restart, RESTART_US);
}

void swarm_child_restart (swarm_child *self, size_t count)
{
    self->restart_left += self->shared.target_count ? count : 0;
    swarm_child_restart_some (self);
}

static void produce (swarm_child *self, const swarm_order *order)
{
    swarm_stats *stats = &self->shared.stats;
    swarm_samples_fini (&stats->acks);
    stats->produced_first_us = stats->produced_last_us = 0;
    self->shared.counts.produced = 0;
    self->produce_rate = order->rate;
    self->produce_per = order->per;
    self->produce_owed = 0;
    uint64_t asked = 0;
    for (size_t i = 0; i < self->shared.target_count; i++) {
        swarm_target *target = &self->shared.targets[i];
        /*  One without a job would wait for it, and never be quiet.  */
        const bool can = target->since_us[SWARM_CONNECTED] && !bg_id_is_zero (target->job_key);
        asked += can;
        target->produce_left = can ? order->count : 0;
        target->produce_per = order->rate > 0 ? 0 : order->per;
        if (!can)
            continue;
        target->since_us[SWARM_QUIET] = 0;
        if (order->rate <= 0)
            swarm_target_settle (target);
    }
    /*  Time that this took is not owed: a rate begins when the first outcome can be made.  */
    self->produce_at_us = bg_clock_mono_us ();
    if (order->rate > 0)
        bg_timer_arm (self->rate, 0);
    swarm_answer head = {.number = order->number, .word = order->word, .ok = true, .over = asked};
    answer (self, &head, NULL, 0);
}

void swarm_child_rate (void *arg)
{
    swarm_child *self = arg;
    const int64_t now_us = bg_clock_mono_us ();
    self->produce_owed += self->produce_rate * (double) (now_us - self->produce_at_us) / 1e6;
    self->produce_at_us = now_us;
    const size_t count = self->shared.target_count;
    bool any = false;
    for (size_t tried = 0; tried < count && self->produce_owed >= 1; tried++) {
        swarm_target *target = &self->shared.targets[self->produce_next++ % count];
        if (!target->produce_left || target->outbox || !target->since_us[SWARM_CONNECTED])
            continue;
        uint64_t now =
            self->produce_per < target->produce_left ? self->produce_per : target->produce_left;
        now = (double) now > self->produce_owed ? (uint64_t) self->produce_owed : now;
        target->produce_left -= swarm_target_produce (target, now);
        self->produce_owed -= (double) now;
        swarm_target_settle (target);
    }
    for (size_t i = 0; i < count && !any; i++)
        any = self->shared.targets[i].produce_left > 0;
    if (any)
        bg_timer_arm (self->rate, RATE_US);
}

static void cut_or_heal (swarm_child *self, const swarm_order *order)
{
    const size_t count =
        order->word == SWARM_CUT ? share_of (self, order->percent) : self->shared.target_count;
    for (size_t i = 0; i < count; i++) {
        if (order->word == SWARM_CUT)
            swarm_target_cut (&self->shared.targets[i]);
        else
            swarm_target_heal (&self->shared.targets[i]);
    }
}

void swarm_child_order (swarm_child *self, const swarm_order *order)
{
    swarm_notes_read (&self->shared);
    switch (order->word) {
    case SWARM_STATUS:
        give_status (self, order);
        return;
    case SWARM_STOP:
        self->shared.is_ending = true;
        self->enlist_next = self->shared.target_count;
        begin_wait (self, order);
        return;
    case SWARM_WAIT:
        begin_wait (self, order);
        return;
    case SWARM_EXEC:
        give_exec (self, order);
        return;
    case SWARM_HELD:
        give_held (self, order);
        return;
    case SWARM_PRODUCED:
        give_produced (self, order);
        return;
    case SWARM_PRODUCE:
        produce (self, order);
        return;
    case SWARM_CUT:
    case SWARM_HEAL:
        cut_or_heal (self, order);
        break;
    case SWARM_RESTART:
        swarm_child_restart (self, share_of (self, order->percent));
        break;
    case SWARM_RESET:
        swarm_stats_reset (&self->shared.stats);
        break;
    }
    confirm (self, order);
}
