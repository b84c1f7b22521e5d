/*  See net_fixture.h.  */
#include "tests/unit/net_fixture.h"

#include "common/sys/clock.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sodium.h>

static void must (bg_result result, const bg_error *err)
{
    if (bg_failed (result))
        fail_msg ("%s: %s", bg_code_word (result.code), err->message);
}

net_pair net_pair_new (void)
{
    net_pair pair;
    crypto_box_keypair (pair.public_key.bytes, pair.secret_key.bytes);
    return pair;
}

bg_zsocket_options net_server_options (int type, const net_pair *server)
{
    bg_zsocket_options options = bg_zsocket_defaults (type, "desk");
    options.is_server = true;
    options.own_public = &server->public_key;
    options.own_secret = &server->secret_key;
    options.zap_domain = "desk";
    return options;
}

bg_zsocket_options net_client_options (int type, const net_pair *client, const net_pair *server)
{
    bg_zsocket_options options = bg_zsocket_defaults (type, "client");
    options.own_public = &client->public_key;
    options.own_secret = &client->secret_key;
    options.server_public = &server->public_key;
    options.reconnect_ms = 20;
    options.reconnect_max_ms = 100;
    return options;
}

bg_zsocket *net_listen (const bg_zsocket_options *options, char *endpoint)
{
    bg_error err = {0};
    bg_zsocket *server = NULL;
    must (bg_zsocket_create (options, &server, &err), &err);
    must (bg_zsocket_bind (server, "tcp://127.0.0.1:0", endpoint, &err), &err);
    return server;
}

bg_zsocket *net_connect (const bg_zsocket_options *options, const char *endpoint)
{
    bg_error err = {0};
    bg_zsocket *client = NULL;
    must (bg_zsocket_create (options, &client, &err), &err);
    must (bg_zsocket_follow (client, &err), &err);
    must (bg_zsocket_connect (client, endpoint, &err), &err);
    return client;
}

void net_admit (bg_zap *zap, const net_pair *pair)
{
    bg_error err = {0};
    bg_zap_entry entry = {.domain = "desk", .key = pair->public_key, .principal = "somebody"};
    must (bg_zap_add (zap, &entry, &err), &err);
}

static int64_t left (int64_t deadline_us)
{
    int64_t rest = deadline_us - bg_clock_mono_us ();
    return rest > 0 ? rest : 0;
}

void net_wait_link (bg_zsocket *client, bg_link_state state)
{
    int64_t deadline_us = bg_clock_mono_us () + NET_DEADLINE_US;
    bg_link_state seen = 0;
    while (seen != state) {
        bg_error err = {0};
        bool is_readable;
        bg_result result = bg_zsocket_wait (client, left (deadline_us), &is_readable, &seen, &err);
        if (bg_failed (result) && result.code != BG_INTERRUPTED)
            fail_msg ("waiting for \"%s\": %s", bg_link_word (state), err.message);
    }
}

bg_result net_receive (bg_zsocket *socket, bg_zmessage *message)
{
    int64_t deadline_us = bg_clock_mono_us () + NET_DEADLINE_US;
    for (;;) {
        bg_error err = {0};
        bg_result result = bg_zsocket_receive (socket, message, &err);
        if (result.code != BG_AGAIN)
            return result;
        bool is_readable;
        bg_link_state ignored;
        result = bg_zsocket_wait (socket, left (deadline_us), &is_readable, &ignored, &err);
        if (bg_failed (result) && result.code != BG_INTERRUPTED)
            fail_msg ("waiting for a message: %s", err.message);
    }
}

void net_send (bg_zsocket *socket, const char *text)
{
    bg_error err = {0};
    bg_slice frame = bg_slice_str (text);
    must (bg_zsocket_send (socket, (bg_slice){0}, &frame, 1, &err), &err);
}

bool net_frame_is (const bg_zmessage *message, size_t index, const char *text)
{
    return message->count > index && bg_slice_is (bg_zmessage_frame (message, index), text);
}
