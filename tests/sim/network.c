/*  The network between the machines and the front, and the front itself.

    A message is packed frames. On its way it may be lost, repeated, held up or overtaken, as the
    weather is. Connections are authenticated: what a link sends arrives under the CURVE key that it
    was opened with, and only keys of the front's table are admitted (enlist admits all). An answer
    reaches the connection that is up when it leaves, and is lost when that is another one on
    arrival; a request of a dead connection may still arrive.  */
#include "tests/sim/network.h"

#include "proto/frame.h"

#include <stdlib.h>

#define RETRY_US       BG_SEC (2) /*  between attempts of a socket to connect  */
#define FRONT_STATS_US BG_SEC (5)

/*  ---- on the way ----  */

static int64_t delay_of (sim_world *self, sim_machine *machine, int direction)
{
    int64_t delay_us = sim_between (&self->rng, 100, self->weather.delay_us + 200);
    /*  Most messages are quick, whatever the weather.  */
    if (sim_chance (&self->rng, 700))
        delay_us = sim_between (&self->rng, 100, 2000);
    int64_t at_us = self->now_us + delay_us;
    if (!machine || (self->weather.reorder && sim_chance (&self->rng, 500)))
        return at_us;
    if (at_us <= machine->net_at_us[direction])
        at_us = machine->net_at_us[direction] + 1;
    machine->net_at_us[direction] = at_us;
    return at_us;
}

static bool is_cut (const sim_machine *machine)
{
    return machine && machine->world->now_us < machine->cut_until_us;
}

/*  machine NULL: people, whose line is never cut.  */
static void carry (sim_world *self, sim_machine *machine, int direction, sim_handler *handler,
    uint64_t tag, bg_slice payload)
{
    if (is_cut (machine) || sim_chance (&self->rng, self->weather.drop))
        return;
    int copies = sim_chance (&self->rng, self->weather.repeat) ? 2 : 1;
    void *owner = machine ? (void *) machine : (void *) self;
    for (int i = 0; i < copies; i++)
        sim_at (self, delay_of (self, machine, direction), handler, owner, tag, payload);
}

/*  ---- the front's tables ----  */

static sim_front_key *key_find (
    sim_front_key *keys, size_t count, wire_channel channel, const bg_key *key)
{
    for (size_t i = 0; i < count; i++)
        if (keys[i].channel == channel && bg_key_equal (&keys[i].key, key))
            return &keys[i];
    return NULL;
}

static void key_add (
    sim_front_key **keys, size_t *count, size_t *capacity, wire_channel channel, const bg_key *key)
{
    if (key_find (*keys, *count, channel, key))
        return;
    if (*count == *capacity) {
        *capacity = *capacity ? 2 * *capacity : 16;
        *keys = bg_realloc (*keys, *capacity * sizeof **keys);
    }
    (*keys)[(*count)++] = (sim_front_key){channel, *key};
}

static void key_drop (sim_front_key *keys, size_t *count, wire_channel channel, const bg_key *key)
{
    sim_front_key *found = key_find (keys, *count, channel, key);
    if (found)
        *found = keys[--*count];
}

static wire_channel channel_of (node_link link)
{
    static const wire_channel channels[] = {
        [NODE_LINK_ENLIST] = WIRE_ON_ENLIST,
        [NODE_LINK_DESK] = WIRE_ON_DESK,
        [NODE_LINK_ORDERS] = WIRE_ON_ORDERS,
    };
    return channels[link];
}

static bool admits (const sim_front *front, wire_channel channel, const bg_key *key)
{
    return channel == WIRE_ON_ENLIST ||
           key_find (front->keys, front->key_count, channel, key) != NULL;
}

/*  ---- links ----  */

static uint64_t link_tag (node_link link, uint64_t number)
{
    return number * NODE_LINK_COUNT + (uint64_t) link;
}

static node_link link_of (uint64_t tag)
{
    return (node_link) (tag % NODE_LINK_COUNT);
}

static void try_connect (void *owner, uint64_t tag, bg_slice payload)
{
    (void) payload;
    sim_machine *machine = owner;
    sim_world *self = machine->world;
    node_link which = link_of (tag);
    sim_link *link = &machine->node.links[which];
    if (!link->open || link->up || link->generation != tag / NODE_LINK_COUNT)
        return;
    if (is_cut (machine) || !self->broker.front.up || !self->broker.front.ready) {
        sim_in (self, RETRY_US + sim_below (&self->rng, RETRY_US), try_connect, machine, tag,
            (bg_slice){0});
        return;
    }
    if (!admits (&self->broker.front, channel_of (which), &link->key)) {
        link->open = false;
        sim_node_link (machine, which, NODE_LINK_REFUSED);
        return;
    }
    link->up = true;
    link->connection = ++self->serial;
    sim_node_link (machine, which, NODE_LINK_UP);
}

static void plan_connect (sim_machine *machine, node_link which, int64_t delay_us)
{
    uint64_t tag = link_tag (which, machine->node.links[which].generation);
    sim_in (machine->world, delay_us, try_connect, machine, tag, (bg_slice){0});
}

void sim_link_close (sim_machine *machine, node_link which)
{
    sim_link *link = &machine->node.links[which];
    link->open = link->up = false;
    link->generation = ++machine->world->serial;
    while (link->topic_count > 0)
        free (link->topics[--link->topic_count]);
}

void sim_link_open (sim_machine *machine, node_link which)
{
    sim_link *link = &machine->node.links[which];
    sim_link_close (machine, which);
    link->open = true;
    link->key = machine->node.curve.public_key;
    plan_connect (machine, which, sim_between (&machine->world->rng, 200, 5000));
}

static void say_down (void *owner, uint64_t tag, bg_slice payload)
{
    (void) payload;
    sim_machine *machine = owner;
    const sim_link *link = &machine->node.links[link_of (tag)];
    if (link->open && !link->up && link->generation == tag / NODE_LINK_COUNT)
        sim_node_link (machine, link_of (tag), NODE_LINK_DOWN);
}

void sim_link_break (sim_machine *machine, node_link which)
{
    sim_link *link = &machine->node.links[which];
    if (!link->open || !link->up)
        return;
    link->up = false;
    sim_in (
        machine->world, 100, say_down, machine, link_tag (which, link->generation), (bg_slice){0});
    plan_connect (machine, which, sim_between (&machine->world->rng, BG_MS (200), BG_SEC (3)));
}

void sim_link_subscribe (sim_machine *machine, bg_slice topic, bool wanted)
{
    sim_link *link = &machine->node.links[NODE_LINK_ORDERS];
    for (size_t i = 0; i < link->topic_count; i++) {
        if (!bg_slice_is (topic, link->topics[i]))
            continue;
        if (!wanted) {
            free (link->topics[i]);
            link->topics[i] = link->topics[--link->topic_count];
        }
        return;
    }
    if (wanted && link->open && link->topic_count < SIM_TOPICS_MAX)
        link->topics[link->topic_count++] = bg_slice_dup (topic);
}

/*  ---- to the broker ----  */

static void answer_heartbeat (sim_machine *machine, const sim_link *link, const wire_header *header)
{
    sim_world *self = machine->world;
    const sim_front *front = &self->broker.front;
    int64_t age_us = self->now_us - front->beacon_us;
    wire_heartbeat_answer answer = {.beacon_age_us = (uint64_t) (age_us > 0 ? age_us : 0),
        .pending = key_find (front->pending, front->pending_count, WIRE_ON_DESK, &link->key)};
    BG_AUTO_BUF head = {0};
    BG_AUTO_BUF body = {0};
    wire_message_encode (
        WIRE_HEARTBEAT_ANSWER, header->request, header->session, &answer, &head, &body);
    bg_slice frames[3] = {bg_buf_slice (&head), bg_buf_slice (&body)};
    BG_AUTO_BUF packed = {0};
    sim_pack (&packed, frames, 3);
    sim_front_send (self, WIRE_ON_DESK, &link->key, bg_buf_slice (&packed));
}

/*  payload: key, then the three frames.  */
static void arrive_at_front (void *owner, uint64_t tag, bg_slice payload)
{
    sim_machine *machine = owner;
    sim_world *self = machine->world;
    sim_front *front = &self->broker.front;
    bg_slice frames[4];
    bg_key key;
    sim_unpack (payload, frames, 4);
    memcpy (key.bytes, frames[0].data, sizeof key.bytes);
    wire_channel channel = channel_of (link_of (tag));
    if (!front->up || !front->ready || is_cut (machine) || !admits (front, channel, &key))
        return;
    wire_header header;
    const wire_kind_row *row = NULL;
    if (bg_failed (wire_header_decode (frames[1], &header, &row, NULL))) {
        sim_fail (self, "%s sent a header that does not decode", machine->name);
        return;
    }
    if (channel == WIRE_ON_DESK) {
        key_add (&front->seen, &front->seen_count, &front->seen_capacity, channel, &key);
        if (header.kind == WIRE_HEARTBEAT) {
            answer_heartbeat (machine, &machine->node.links[NODE_LINK_DESK], &header);
            return;
        }
    }
    sim_broker_message (self, channel, &key, frames + 1);
}

void sim_link_send (sim_machine *machine, node_link which, bg_slice packed)
{
    const sim_link *link = &machine->node.links[which];
    if (!link->open || !link->up)
        return;
    BG_AUTO_BUF payload = {0};
    bg_slice key = bg_slice_of (link->key.bytes, sizeof link->key.bytes);
    sim_pack (&payload, &key, 1);
    bg_buf_append_slice (&payload, packed);
    carry (
        machine->world, machine, 0, arrive_at_front, link_tag (which, 0), bg_buf_slice (&payload));
}

static void ops_arrive (void *owner, uint64_t tag, bg_slice payload)
{
    (void) tag;
    sim_world *self = owner;
    const sim_front *front = &self->broker.front;
    bg_slice frames[3];
    sim_unpack (payload, frames, 3);
    if (front->up && front->ready && admits (front, WIRE_ON_OPS, &self->admin.public_key))
        sim_broker_message (self, WIRE_ON_OPS, &self->admin.public_key, frames);
}

void sim_ops_send (sim_world *self, bg_slice packed)
{
    carry (self, NULL, 0, ops_arrive, 0, packed);
}

/*  ---- from the broker ----  */

static void arrive_at_node (void *owner, uint64_t tag, bg_slice payload)
{
    sim_machine *machine = owner;
    node_link which = link_of (tag);
    const sim_link *link = &machine->node.links[which];
    if (!link->open || !link->up || link->connection != tag / NODE_LINK_COUNT || is_cut (machine))
        return;
    bg_slice frames[4];
    sim_unpack (payload, frames, which == NODE_LINK_ORDERS ? 4 : 3);
    sim_node_message (machine, which, frames);
}

static void arrive_at_people (void *owner, uint64_t tag, bg_slice payload)
{
    (void) tag;
    bg_slice frames[3];
    sim_unpack (payload, frames, 3);
    sim_people_answer (owner, frames[0], frames[1]);
}

void sim_front_send (sim_world *self, wire_channel channel, const bg_key *peer, bg_slice packed)
{
    if (!self->broker.front.up)
        return;
    if (channel == WIRE_ON_OPS) {
        carry (self, NULL, 1, arrive_at_people, 0, packed);
        return;
    }
    node_link which = channel == WIRE_ON_DESK ? NODE_LINK_DESK : NODE_LINK_ENLIST;
    for (int i = 0; i < self->machine_count; i++) {
        sim_machine *machine = &self->machines[i];
        const sim_link *link = &machine->node.links[which];
        if (link->open && link->up && bg_key_equal (&link->key, peer))
            carry (self, machine, 1, arrive_at_node, link_tag (which, link->connection), packed);
    }
}

static bool is_subscribed (const sim_link *link, bg_slice stream)
{
    for (size_t i = 0; i < link->topic_count; i++) {
        size_t size = strlen (link->topics[i]) + 1; /*  with the NUL  */
        if (stream.size >= size && memcmp (stream.data, link->topics[i], size) == 0)
            return true;
    }
    return false;
}

void sim_front_publish (sim_world *self, bg_slice packed)
{
    if (!self->broker.front.up || self->options.is_unpublished)
        return;
    bg_slice frames[4];
    sim_unpack (packed, frames, 4);
    for (int i = 0; i < self->machine_count; i++) {
        sim_machine *machine = &self->machines[i];
        const sim_link *link = &machine->node.links[NODE_LINK_ORDERS];
        if (link->open && link->up && is_subscribed (link, frames[0]))
            carry (self, machine, 1, arrive_at_node, link_tag (NODE_LINK_ORDERS, link->connection),
                packed);
    }
}

static void cut_now (void *owner, uint64_t tag, bg_slice payload)
{
    (void) tag;
    sim_world *self = owner;
    bg_key key;
    memcpy (key.bytes, payload.data, sizeof key.bytes);
    for (int i = 0; i < self->machine_count; i++) {
        sim_machine *machine = &self->machines[i];
        for (node_link which = NODE_LINK_DESK; which <= NODE_LINK_ORDERS; which++) {
            const sim_link *link = &machine->node.links[which];
            if (link->up && bg_key_equal (&link->key, &key) &&
                !admits (&self->broker.front, channel_of (which), &key))
                sim_link_break (machine, which);
        }
    }
}

void sim_front_keys (sim_world *self, int what, wire_channel channel, const bg_key *key)
{
    sim_front *front = &self->broker.front;
    if (!front->up)
        return;
    switch (what) {
    case SIM_KEYS_RESET:
        front->key_count = 0;
        front->pending_count = 0;
        break;
    case SIM_KEYS_ADD:
        key_add (&front->keys, &front->key_count, &front->key_capacity, channel, key);
        break;
    case SIM_KEYS_CUT:
        key_drop (front->keys, &front->key_count, channel, key);
        key_drop (front->pending, &front->pending_count, WIRE_ON_DESK, key);
        sim_in (self, sim_below (&self->rng, BG_SEC (5)), cut_now, self, 0,
            bg_slice_of (key->bytes, sizeof key->bytes));
        break;
    default:
        front->ready = true;
        for (int i = 0; i < self->machine_count; i++)
            cut_now (self, 0,
                bg_slice_of (self->machines[i].node.links[NODE_LINK_DESK].key.bytes, BG_KEY_BYTES));
        break;
    }
}

void sim_front_pending (sim_world *self, const bg_key *key, bool pending)
{
    sim_front *front = &self->broker.front;
    if (!front->up)
        return;
    if (pending)
        key_add (
            &front->pending, &front->pending_count, &front->pending_capacity, WIRE_ON_DESK, key);
    else
        key_drop (front->pending, &front->pending_count, WIRE_ON_DESK, key);
}

/*  ---- the front's life ----  */

static void stats_due (void *owner, uint64_t life, bg_slice payload)
{
    (void) payload;
    sim_world *self = owner;
    if (self->broker.front_life != life)
        return;
    if (self->broker.core) {
        self->broker.front.beacon_us = self->now_us;
        sim_broker_stats (self);
    }
    sim_in (self, FRONT_STATS_US, stats_due, self, life, (bg_slice){0});
}

void sim_front_start (sim_world *self)
{
    sim_front *front = &self->broker.front;
    front->up = true;
    front->ready = false;
    front->key_count = front->pending_count = front->seen_count = 0;
    front->beacon_us = self->now_us;
    self->broker.front_life = ++self->serial;
    sim_in (self, FRONT_STATS_US, stats_due, self, self->broker.front_life, (bg_slice){0});
    sim_broker_front_up (self);
}

static void start_again (void *owner, uint64_t life, bg_slice payload)
{
    (void) payload;
    sim_world *self = owner;
    if (self->broker.front_life == life && !self->broker.front.up)
        sim_front_start (self);
}

void sim_front_crash (sim_world *self)
{
    if (!self->broker.front.up)
        return;
    sim_trace (self, "front crashes");
    self->crashes++;
    self->broker.front.up = self->broker.front.ready = false;
    self->broker.front_life = ++self->serial;
    for (int i = 0; i < self->machine_count; i++)
        for (node_link which = 0; which < NODE_LINK_COUNT; which++)
            sim_link_break (&self->machines[i], which);
    sim_in (self, sim_between (&self->rng, BG_MS (200), BG_SEC (2)), start_again, self,
        self->broker.front_life, (bg_slice){0});
}

void sim_network_fini (sim_world *self)
{
    free (self->broker.front.keys);
    free (self->broker.front.pending);
    free (self->broker.front.seen);
    for (int i = 0; i < self->machine_count; i++)
        for (node_link which = 0; which < NODE_LINK_COUNT; which++)
            sim_link_close (&self->machines[i], which);
}
