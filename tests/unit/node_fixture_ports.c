/*  What the node's core asks of its shell: its words are kept until the commit. See node_fixture.h.  */
#include "node_fixture_parts.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

node_said *node_fixture_say (node_fixture *self, said_what what)
{
    node_said *said = bg_alloc (sizeof *said);
    said->what = what;
    if (self->last)
        self->last->next = said;
    else
        self->first = said;
    self->last = said;
    return said;
}

void node_said_free (node_said *said)
{
    bg_buf_fini (&said->header);
    bg_buf_fini (&said->body);
    free (said);
}

static void port_open (void *ctx, node_link link, bg_slice endpoints, const bg_key *key)
{
    node_fixture *self = ctx;
    assert_true (endpoints.size > 0);
    assert_true (bg_key_equal (key, &self->signing.broker.public_key));
    self->link_open[link] = true;
    self->opened[link]++;
}

static void port_close (void *ctx, node_link link)
{
    ((node_fixture *) ctx)->link_open[link] = false;
}

static void port_stream (void *ctx, bg_slice stream)
{
    assert_true (((node_fixture *) ctx)->link_open[NODE_LINK_ORDERS]);
    assert_true (stream.size > 0);
}

static void port_send (void *ctx, node_link link, bg_slice header, bg_slice body, bg_slice sigs)
{
    node_fixture *self = ctx;
    assert_true (self->link_open[link]);
    assert_int_equal (sigs.size, 0);
    node_said *said = node_fixture_say (self, link == NODE_LINK_DESK ? SAID_DESK : SAID_ENLIST);
    bg_buf_append_slice (&said->header, header);
    bg_buf_append_slice (&said->body, body);
}

static void port_exec_send (void *ctx, bg_slice blob)
{
    bg_buf_append_slice (&node_fixture_say (ctx, SAID_EXEC)->body, blob);
}

static void port_reply (void *ctx, uint64_t request, const wire_control_answer *answer)
{
    assert_int_equal (request, 77);
    wire_inner_encode (
        WIRE_CONTROL_ANSWER, (bg_id){0}, answer, &node_fixture_say (ctx, SAID_REPLY)->body);
}

static bg_result port_new_keys (void *ctx, bg_key *sign_public, bg_key *curve_public, bg_error *err)
{
    (void) err;
    node_fixture *self = ctx;
    self->keys_made++;
    *sign_public = self->signing.node.public_key;
    *curve_public = self->curve_key;
    return bg_ok ();
}

static void port_sign (void *ctx, wire_type type, bg_id installation, bg_slice bytes, wire_sig *sig)
{
    node_fixture *self = ctx;
    wire_sign (self->signing.crypto, type, installation, bytes, &self->signing.node.public_key,
        self->signing.node.secret, sig);
}

static void port_forget_keys (void *ctx)
{
    ((node_fixture *) ctx)->keys_forgotten++;
}

void node_fixture_random (void *ctx, void *bytes, size_t size)
{
    node_fixture *self = ctx;
    for (size_t i = 0; i < size; i++) {
        self->random =
            self->random * UINT64_C (6364136223846793005) + UINT64_C (1442695040888963407);
        ((uint8_t *) bytes)[i] = (uint8_t) (self->random >> 56);
    }
}

static void port_log (void *ctx, node_log_level level, const char *event, const char *text)
{
    (void) level;
    node_fixture *self = ctx;
    snprintf (self->log, sizeof self->log, "%s: %s", event, text);
}

static const job_zone *utc_zone;

static const job_zone *port_zone (void *ctx, bg_slice name)
{
    const node_fixture *self = ctx;
    if (self->zone_missing && name.size > 0)
        return NULL;
    return self->zone ? self->zone : utc_zone;
}

bg_id node_fixture_new_id (node_fixture *self)
{
    uint8_t entropy[10];
    node_fixture_random (self, entropy, sizeof entropy);
    return bg_id_make (self->now.utc_us, entropy);
}

void node_fixture_drop_said (node_fixture *self)
{
    while (self->first) {
        node_said *said = self->first;
        self->first = said->next;
        node_said_free (said);
    }
    self->last = NULL;
}

void node_fixture_open_ports (node_fixture *self)
{
    if (!utc_zone)
        utc_zone = job_zone_fixed_utc ();
    self->ports = (node_ports){.ctx = self,
        .crypto = self->signing.crypto,
        .store = self->memory ? node_memory_port (self->memory) : node_db_port (self->db),
        .open = port_open,
        .close = port_close,
        .subscribe = port_stream,
        .unsubscribe = port_stream,
        .send = port_send,
        .exec_send = port_exec_send,
        .control_reply = port_reply,
        .new_keys = port_new_keys,
        .sign = port_sign,
        .forget_keys = port_forget_keys,
        .random = node_fixture_random,
        .log = port_log,
        .zone = port_zone};
}

void node_fixture_close_ports (void)
{
    job_zone *zone = (job_zone *) (uintptr_t) utc_zone;
    job_zone_destroy (&zone);
    utc_zone = NULL;
}
