/*  The peer table: see peers.h. One hash table over (channel, key). Strangers choose their keys, so
    it is hashed with a secret (SipHash), and uthash gets the value ready-made.

    Invariant: each line's routing id belongs to exactly one line of one peer of the channel;
    libzmq gives a routing id to one connection at a time, and dead lines are dropped when a send
    says so.  */
#include "broker/front/peers.h"

#include <stdlib.h>

#include <sodium.h>

#define uthash_malloc(size)       bg_alloc (size)
#define uthash_free(memory, size) free (memory)
#define uthash_fatal(message)     bg_assert_failed (message, __FILE__, __LINE__)
#include <uthash.h>

#define PENALTY_US      INT64_C (10000000)
#define PENALTY_MOST_US INT64_C (300000000)
#define FORGIVEN_US     INT64_C (3600000000)

typedef struct {
    bg_key key;
    uint32_t channel;
} peer_address;

typedef struct entry entry;
struct entry {
    broker_peer peer; /*  first, so that a peer is its entry  */
    peer_address address;
    UT_hash_handle hh;
};

struct broker_peers {
    uint8_t secret[crypto_shorthash_KEYBYTES];
    entry *entries;
    size_t counts[8]; /*  by channel  */
};

broker_peers *broker_peers_create (const uint8_t secret[BROKER_PEERS_SECRET])
{
    broker_peers *self = bg_alloc (sizeof *self);
    memcpy (self->secret, secret, sizeof self->secret);
    return self;
}

static unsigned hash_of (const broker_peers *self, const peer_address *address)
{
    uint8_t hash[crypto_shorthash_BYTES];
    (void) crypto_shorthash (hash, (const uint8_t *) address, sizeof *address, self->secret);
    return bg_read_u32 (hash);
}

static void free_entry (entry *self)
{
    for (size_t i = 0; i < self->peer.line_count; i++)
        broker_line_fini (&self->peer.lines[i]);
    free (self->peer.lines);
    free (self);
}

void broker_peers_destroy (broker_peers **self_p)
{
    broker_peers *self = *self_p;
    if (!self)
        return;
    entry *list = self->entries, *next;
    entry *at = list;
    HASH_CLEAR (hh, self->entries);
    for (; at; at = next) {
        next = at->hh.next;
        free_entry (at);
    }
    free (self);
    *self_p = NULL;
}

static peer_address address_of (uint32_t channel, const bg_key *key)
{
    peer_address address;
    memset (&address, 0, sizeof address);
    address.key = *key;
    address.channel = channel;
    return address;
}

broker_peer *broker_peers_find (const broker_peers *self, uint32_t channel, const bg_key *key)
{
    peer_address address = address_of (channel, key);
    entry *found = NULL;
    HASH_FIND_BYHASHVALUE (
        hh, self->entries, &address, sizeof address, hash_of (self, &address), found);
    return found ? &found->peer : NULL;
}

broker_peer *broker_peers_get (broker_peers *self, uint32_t channel, const bg_key *key)
{
    bg_assert (channel < sizeof self->counts / sizeof self->counts[0]);
    broker_peer *known = broker_peers_find (self, channel, key);
    if (known)
        return known;
    entry *made = bg_alloc (sizeof *made);
    made->address = address_of (channel, key);
    made->peer.key = *key;
    made->peer.channel = channel;
    HASH_ADD_BYHASHVALUE (
        hh, self->entries, address, sizeof made->address, hash_of (self, &made->address), made);
    self->counts[channel]++;
    return &made->peer;
}

void broker_peers_remove (broker_peers *self, broker_peer *peer)
{
    entry *gone = (entry *) (void *) peer;
    self->counts[peer->channel]--;
    HASH_DELETE (hh, self->entries, gone);
    free_entry (gone);
}

size_t broker_peers_count (const broker_peers *self, uint32_t channel)
{
    return self->counts[channel];
}

void broker_peers_each (broker_peers *self, void (*fn) (void *ctx, broker_peer *peer), void *ctx)
{
    entry *at, *next;
    HASH_ITER (hh, self->entries, at, next)
    fn (ctx, &at->peer);
}

/*  ---- lines ----  */

void broker_line_fini (broker_line *self)
{
    free (self->routing_id);
    self->routing_id = NULL;
}

static size_t line_heard_least (const broker_peer *self)
{
    size_t least = 0;
    for (size_t i = 1; i < self->line_count; i++)
        if (self->lines[i].heard_us < self->lines[least].heard_us)
            least = i;
    return least;
}

static void take_out (broker_peer *self, size_t index)
{
    self->lines[index] = self->lines[--self->line_count];
}

broker_line *broker_peer_line (broker_peer *self, bg_slice routing_id, int64_t mono_us, size_t max,
    bool *is_new, broker_line *evicted)
{
    *is_new = false;
    *evicted = (broker_line){.fd = -1};
    for (size_t i = 0; i < self->line_count; i++) {
        broker_line *line = &self->lines[i];
        if (!bg_slice_equal (bg_slice_of (line->routing_id, line->routing_id_size), routing_id))
            continue;
        line->heard_us = mono_us;
        return line;
    }
    if (self->line_count >= max) {
        size_t least = line_heard_least (self);
        *evicted = self->lines[least];
        take_out (self, least);
    }
    self->lines = bg_realloc (self->lines, (self->line_count + 1) * sizeof *self->lines);
    broker_line *line = &self->lines[self->line_count++];
    *line = (broker_line){.routing_id = (uint8_t *) bg_slice_dup (routing_id),
        .routing_id_size = routing_id.size,
        .fd = -1,
        .heard_us = mono_us};
    *is_new = true;
    return line;
}

void broker_line_ask (broker_line *self, bg_id request)
{
    self->requests[self->next_request++ % BROKER_LINE_REQUESTS] = request;
}

static bool has_asked (const broker_line *self, bg_id request)
{
    for (size_t i = 0; i < BROKER_LINE_REQUESTS; i++)
        if (bg_id_equal (self->requests[i], request))
            return true;
    return false;
}

broker_line *broker_peer_answer_line (broker_peer *self, bg_id request)
{
    broker_line *last = NULL;
    bool is_any = bg_id_is_zero (request);
    for (size_t i = 0; i < self->line_count; i++) {
        broker_line *line = &self->lines[i];
        if (!is_any && has_asked (line, request))
            return line;
        if (!last || line->heard_us > last->heard_us)
            last = line;
    }
    return last;
}

void broker_peer_drop_line (broker_peer *self, broker_line *line)
{
    size_t index = (size_t) (line - self->lines);
    bg_assert (index < self->line_count);
    broker_line_fini (line);
    take_out (self, index);
}

/*  ---- penalties ----  */

void broker_peer_punish (broker_peer *self, int64_t mono_us)
{
    if (self->penalty_us != 0 && mono_us - self->penalty_us > FORGIVEN_US)
        self->strikes = 0;
    int64_t length = PENALTY_MOST_US;
    if (self->strikes < 5)
        length = PENALTY_US << self->strikes;
    self->strikes++;
    self->penalty_us = mono_us + (length < PENALTY_MOST_US ? length : PENALTY_MOST_US);
}

bool broker_peer_is_punished (const broker_peer *self, int64_t mono_us)
{
    return self->penalty_us != 0 && mono_us < self->penalty_us;
}
