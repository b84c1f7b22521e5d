/*  See lag.h. A binary heap by time, then by the order of coming.  */
#include "tests/load/swarm/lag.h"

#include "common/sys/clock.h"
#include "common/sys/random.h"

#include <stdlib.h>

typedef struct {
    int64_t due_us; /*  mono  */
    uint64_t serial;
    swarm_target *target;
    node_link link;
    bool is_out;
    uint64_t generation; /*  of the link  */
    bg_slice frames[NODE_LINK_FRAMES_MAX];
    size_t count;
    uint8_t *bytes;
} held_message;

struct swarm_lag {
    swarm_shared *shared;
    bg_timer *timer;
    held_message **items;
    size_t count;
    size_t capacity;
    uint64_t serial;
};

static bool is_before (const held_message *a, const held_message *b)
{
    return a->due_us < b->due_us || (a->due_us == b->due_us && a->serial < b->serial);
}

static void push (swarm_lag *self, held_message *message)
{
    if (self->count == self->capacity) {
        self->capacity = self->capacity ? 2 * self->capacity : 64;
        self->items = bg_realloc (self->items, self->capacity * sizeof (held_message *));
    }
    size_t at = self->count++;
    for (; at > 0 && is_before (message, self->items[(at - 1) / 2]); at = (at - 1) / 2)
        self->items[at] = self->items[(at - 1) / 2];
    self->items[at] = message;
}

static held_message *pop (swarm_lag *self)
{
    held_message *first = self->items[0];
    held_message *last = self->items[--self->count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child + 1 < self->count && is_before (self->items[child + 1], self->items[child]))
            child++;
        if (child >= self->count || !is_before (self->items[child], last))
            break;
        self->items[at] = self->items[child];
        at = child;
    }
    if (self->count)
        self->items[at] = last;
    return first;
}

static void message_free (held_message *self)
{
    free (self->bytes);
    free (self);
}

static void deliver (const held_message *self)
{
    swarm_target *target = self->target;
    if (target->generations[self->link] != self->generation)
        return;
    if (self->is_out)
        node_links_send (target->links, self->link, self->frames);
    else
        swarm_target_message (target, self->link, self->frames);
}

static void on_due (void *arg)
{
    swarm_lag *self = arg;
    const int64_t now_us = bg_clock_mono_us ();
    for (int i = 0; i < 64 && self->count && self->items[0]->due_us <= now_us; i++) {
        held_message *message = pop (self);
        deliver (message);
        message_free (message);
    }
    if (self->count)
        bg_timer_arm_at (self->timer, self->items[0]->due_us);
}

bg_result swarm_lag_create (swarm_shared *shared, swarm_lag **lag, bg_error *err)
{
    swarm_lag *self = bg_alloc (sizeof *self);
    self->shared = shared;
    *lag = self;
    return bg_timer_create (shared->loop, on_due, self, &self->timer, err);
}

void swarm_lag_destroy (swarm_lag **self_p)
{
    swarm_lag *self = *self_p;
    if (!self)
        return;
    bg_timer_destroy (&self->timer);
    for (size_t i = 0; i < self->count; i++)
        message_free (self->items[i]);
    free (self->items);
    free (self);
    *self_p = NULL;
}

/*  Later than what is under way on that link already.  */
static int64_t due_of (const swarm_lag *self, swarm_target *target, node_link link, bool is_out)
{
    const swarm_options *options = self->shared->options;
    const uint64_t width = (uint64_t) (options->lag_high_us - options->lag_low_us) + 1;
    int64_t due_us =
        bg_clock_mono_us () + options->lag_low_us + (int64_t) (bg_random_u64 () % width);
    int64_t *last_us = &target->lag_last_us[link][is_out];
    due_us = due_us < *last_us ? *last_us : due_us;
    *last_us = due_us;
    return due_us;
}

void swarm_lag_hold (swarm_lag *self, swarm_target *target, node_link link, bool is_out,
    const bg_slice *frames, size_t count)
{
    held_message *message = bg_alloc (sizeof *message);
    *message = (held_message){.due_us = due_of (self, target, link, is_out),
        .serial = ++self->serial,
        .target = target,
        .link = link,
        .is_out = is_out,
        .generation = target->generations[link],
        .count = count};
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += frames[i].size;
    message->bytes = bg_alloc (size + 1);
    for (size_t i = 0, at = 0; i < count; at += frames[i].size, i++) {
        if (frames[i].size)
            memcpy (message->bytes + at, frames[i].data, frames[i].size);
        message->frames[i] = bg_slice_of (message->bytes + at, frames[i].size);
    }
    push (self, message);
    if (self->items[0] == message)
        bg_timer_arm_at (self->timer, message->due_us);
}
