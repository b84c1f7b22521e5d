/*  Idle processors: see idle.h.  */
#include "node/core/idle.h"

#define COUNTERS                                                                                   \
    8 /*  user nice system idle iowait irq softirq steal; guests are in user already  */

bool node_idle_sample (node_idle *self, node_cpu_sample sample, int64_t mono_us)
{
    const node_cpu_sample last = self->last;
    const bool is_first = !self->has_sample || sample.total < last.total || sample.busy < last.busy;
    self->last = sample;
    self->has_sample = true;
    if (is_first) {
        self->is_below = false;
        return false;
    }
    const uint64_t total = sample.total - last.total;
    const uint64_t busy = sample.busy - last.busy;
    if (total == 0)
        return false; /*  too soon to say  */
    if (busy * 100 >= total * self->below) {
        self->is_below = false;
        self->is_told = false;
        return false;
    }
    if (!self->is_below) {
        self->is_below = true;
        self->below_since_us = mono_us;
    }
    if (self->is_told || mono_us - self->below_since_us < self->for_us)
        return false;
    self->is_told = true;
    return true;
}

static bool read_number (bg_slice *rest, uint64_t *number)
{
    size_t at = 0;
    while (at < rest->size && rest->data[at] == ' ')
        at++;
    const size_t from = at;
    *number = 0;
    for (; at < rest->size && rest->data[at] >= '0' && rest->data[at] <= '9'; at++)
        *number = *number * 10 + (uint64_t) (rest->data[at] - '0');
    *rest = bg_slice_of (rest->data + at, rest->size - at);
    return at > from;
}

bool node_idle_read (bg_slice text, node_cpu_sample *sample)
{
    uint64_t counters[COUNTERS] = {0};
    if (text.size < 4 || memcmp (text.data, "cpu ", 4) != 0)
        return false;
    bg_slice rest = bg_slice_of (text.data + 4, text.size - 4);
    size_t count = 0;
    while (count < COUNTERS && read_number (&rest, &counters[count]))
        count++;
    if (count < 4) /*  what is missing behind is of an older kernel  */
        return false;
    *sample = (node_cpu_sample){0};
    for (size_t i = 0; i < COUNTERS; i++)
        sample->total += counters[i];
    sample->busy = sample->total - counters[3] - counters[4];
    return true;
}
