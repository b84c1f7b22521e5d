/*  Times that a child remembers: see stats.h.  */
#include "tests/load/swarm/stats.h"

#include <stdlib.h>

void swarm_samples_add (swarm_samples *self, int64_t value)
{
    if (self->count == self->capacity) {
        self->capacity = self->capacity ? 2 * self->capacity : 64;
        self->items = bg_realloc (self->items, self->capacity * sizeof *self->items);
    }
    self->items[self->count++] = value;
}

void swarm_samples_fini (swarm_samples *self)
{
    free (self->items);
    *self = (swarm_samples){0};
}

void swarm_stats_init (swarm_stats *self, size_t targets)
{
    *self = (swarm_stats){.targets = targets};
    self->documents = bg_alloc (2 * SWARM_DOCUMENTS * sizeof *self->documents);
}

static void forget_documents (swarm_stats *self)
{
    for (size_t i = 0; i < 2 * SWARM_DOCUMENTS; i++) {
        swarm_samples_fini (&self->documents[i].held);
        self->documents[i] = (swarm_document){0};
    }
    self->document_count = 0;
}

static void forget_exec (swarm_exec *self)
{
    swarm_samples_fini (&self->begun);
    free (self->seen);
    *self = (swarm_exec){0};
}

void swarm_stats_reset (swarm_stats *self)
{
    forget_documents (self);
    for (size_t i = 0; i < SWARM_EXECS; i++)
        forget_exec (&self->execs[i]);
    swarm_samples_fini (&self->acks);
    self->produced_first_us = self->produced_last_us = 0;
}

void swarm_stats_fini (swarm_stats *self)
{
    if (self->documents)
        swarm_stats_reset (self);
    free (self->documents);
    *self = (swarm_stats){0};
}

size_t swarm_stats_exec (swarm_stats *self, bg_id id)
{
    const swarm_exec *found = swarm_stats_find_exec (self, id);
    if (found)
        return (size_t) (found - self->execs);
    const size_t slot = self->exec_next;
    self->exec_next = (slot + 1) % SWARM_EXECS;
    forget_exec (&self->execs[slot]);
    self->execs[slot].id = id;
    self->execs[slot].seen = bg_alloc (self->targets + 1);
    return slot;
}

/*  Newest first: it is nearly always the one asked for.  */
const swarm_exec *swarm_stats_find_exec (const swarm_stats *self, bg_id id)
{
    for (size_t i = 1; i <= SWARM_EXECS; i++) {
        const swarm_exec *exec = &self->execs[(self->exec_next + SWARM_EXECS - i) % SWARM_EXECS];
        if (exec->seen && bg_id_equal (exec->id, id))
            return exec;
    }
    return NULL;
}

bool swarm_stats_begun (swarm_stats *self, size_t slot, size_t target, int64_t utc_us)
{
    swarm_exec *exec = &self->execs[slot];
    swarm_samples_add (&exec->begun, utc_us);
    const bool is_first = exec->seen[target] == 0;
    exec->seen[target] = 1;
    return is_first;
}

/*  The place of a document, or the empty one where it would be.  */
static swarm_document *place_of (const swarm_stats *self, bg_id key, uint64_t version)
{
    uint64_t hash;
    memcpy (&hash, key.bytes, sizeof hash);
    hash = (hash ^ version) * UINT64_C (0x9e3779b97f4a7c15);
    for (size_t i = hash >> 40;; i++) {
        swarm_document *at = &self->documents[i % (2 * SWARM_DOCUMENTS)];
        if (!at->held.count || (at->version == version && bg_id_equal (at->key, key)))
            return at;
    }
}

void swarm_stats_held (swarm_stats *self, bg_id key, uint64_t version, int64_t utc_us)
{
    if (self->document_count == SWARM_DOCUMENTS)
        forget_documents (self);
    swarm_document *at = place_of (self, key, version);
    if (!at->held.count) {
        self->document_count++;
        at->key = key;
        at->version = version;
    }
    swarm_samples_add (&at->held, utc_us);
}

static const swarm_document *newest_of (const swarm_stats *self, bg_id key)
{
    const swarm_document *newest = NULL;
    for (size_t i = 0; i < 2 * SWARM_DOCUMENTS; i++) {
        const swarm_document *at = &self->documents[i];
        if (at->held.count && bg_id_equal (at->key, key) &&
            (!newest || at->version > newest->version))
            newest = at;
    }
    return newest;
}

const swarm_document *swarm_stats_find_document (
    const swarm_stats *self, bg_id key, uint64_t version)
{
    if (version == 0)
        return newest_of (self, key);
    const swarm_document *at = place_of (self, key, version);
    return at->held.count ? at : NULL;
}
