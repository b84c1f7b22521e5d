/*  The ZAP handler's self-test: real CURVE handshakes against a socket of our own, at every start.

    It guards against what cannot be seen from settings: a libzmq that ignores enforcement, or a
    handler that answers wrongly. The refusal counts only when the client was told so (a silent
    failure could be anything); the admission only when its message arrives with our tag and its
    key. The socket is an abstract Unix one with a random name, so the test needs no port, no file
    and no network.
*/
#include "common/sys/clock.h"
#include "common/sys/zap.h"
#include "common/sys/zap_private.h"
#include "common/sys/zsocket.h"

#include <sodium.h>
#include <stdio.h>

typedef struct {
    bg_zap *zap;
    int64_t deadline_us; /*  CLOCK_MONOTONIC  */
    bg_key server_public;
    bg_zsocket *server;
    char endpoint[BG_ENDPOINT_MAX];
} self_test;

static void new_pair (bg_key *public_key, bg_key *secret_key)
{
    crypto_box_keypair (public_key->bytes, secret_key->bytes);
}

static int64_t time_left (const self_test *self)
{
    int64_t left = self->deadline_us - bg_clock_mono_us ();
    return left > 0 ? left : 0;
}

static bg_result open_server (self_test *self, bg_error *err)
{
    bg_key secret;
    new_pair (&self->server_public, &secret);
    bg_zsocket_options options = bg_zsocket_defaults (ZMQ_ROUTER, "self-test");
    options.is_server = true;
    options.own_public = &self->server_public;
    options.own_secret = &secret;
    options.zap_domain = ZAP_SELF_TEST_DOMAIN;
    bg_result result = bg_zsocket_create (&options, &self->server, err);
    sodium_memzero (&secret, sizeof secret);
    BG_TRY (result);
    char name[BG_ENDPOINT_MAX];
    snprintf (name, sizeof name, "ipc://@bugle-self-test-%08x%08x%08x%08x", randombytes_random (),
        randombytes_random (), randombytes_random (), randombytes_random ());
    return bg_zsocket_bind (self->server, name, self->endpoint, err);
}

static bg_result open_client (self_test *self, const bg_key *public_key, const bg_key *secret_key,
    bg_zsocket **client, bg_error *err)
{
    bg_zsocket_options options = bg_zsocket_defaults (ZMQ_DEALER, "self-test client");
    options.own_public = public_key;
    options.own_secret = secret_key;
    options.server_public = &self->server_public;
    BG_TRY (bg_zsocket_create (&options, client, err));
    BG_TRY (bg_zsocket_follow (*client, err));
    BG_TRY (bg_zsocket_connect (*client, self->endpoint, err));
    bg_slice probe = bg_slice_str ("probe");
    return bg_zsocket_send (*client, (bg_slice){0}, &probe, 1, err);
}

/*  The first answer to the client's handshake.  */
static bg_result wait_verdict (
    self_test *self, bg_zsocket *client, bg_link_state *verdict, bg_error *err)
{
    do {
        bool is_readable;
        bg_result result = bg_zsocket_wait (client, time_left (self), &is_readable, verdict, err);
        if (bg_failed (result) && result.code != BG_INTERRUPTED)
            return result;
    } while (*verdict == 0 || *verdict == BG_LINK_DOWN);
    return bg_ok ();
}

static bg_result expect_refusal (self_test *self, bg_error *err)
{
    bg_key public_key, secret_key;
    new_pair (&public_key, &secret_key);
    bg_zsocket *stranger = NULL;
    bg_link_state verdict = 0;
    bg_result result = open_client (self, &public_key, &secret_key, &stranger, err);
    if (bg_is_ok (result))
        result = wait_verdict (self, stranger, &verdict, err);
    bg_zsocket_destroy (&stranger);
    BG_TRY (result);
    if (verdict != BG_LINK_REFUSED)
        return bg_fail (err, BG_CRYPTO, "an unknown key was not refused but got \"%s\"",
            bg_link_word (verdict));
    return bg_ok ();
}

static bg_result expect_message (self_test *self, const bg_key *sender, bg_error *err)
{
    bool is_readable = false;
    while (!is_readable) {
        bg_link_state none;
        bg_result result =
            bg_zsocket_wait (self->server, time_left (self), &is_readable, &none, err);
        if (bg_failed (result) && result.code != BG_INTERRUPTED)
            return result;
    }
    BG_AUTO_ZMESSAGE message = {0};
    BG_TRY (bg_zsocket_receive (self->server, &message, err));
    bg_key key;
    if (!bg_zap_check_user_id (self->zap, bg_zmessage_user_id (&message), &key) ||
        !bg_key_equal (&key, sender))
        return bg_fail (err, BG_CRYPTO, "a message arrived without the sender's identity");
    if (bg_zsocket_receive (self->server, &message, NULL).code != BG_AGAIN)
        return bg_fail (err, BG_CRYPTO, "a message arrived that nobody admitted could send");
    return bg_ok ();
}

static bg_result expect_admission (self_test *self, bg_error *err)
{
    bg_key public_key, secret_key;
    new_pair (&public_key, &secret_key);
    bg_zap_entry entry = {.domain = ZAP_SELF_TEST_DOMAIN, .key = public_key};
    BG_TRY (bg_zap_add (self->zap, &entry, err));
    bg_zsocket *friend = NULL;
    bg_link_state verdict = 0;
    bg_result result = open_client (self, &public_key, &secret_key, &friend, err);
    if (bg_is_ok (result))
        result = wait_verdict (self, friend, &verdict, err);
    if (bg_is_ok (result) && verdict != BG_LINK_UP)
        result = bg_fail (
            err, BG_CRYPTO, "a known key was not admitted but got \"%s\"", bg_link_word (verdict));
    if (bg_is_ok (result))
        result = expect_message (self, &public_key, err);
    bg_zsocket_destroy (&friend);
    bg_ignore (bg_zap_remove (self->zap, entry.domain, &entry.key, NULL)); /*  was just added  */
    return result;
}

bg_result bg_zap_self_test (bg_zap *zap, int64_t timeout_us, bg_error *err)
{
    self_test self = {.zap = zap, .deadline_us = bg_clock_mono_us () + timeout_us};
    bg_result result = open_server (&self, err);
    if (bg_is_ok (result))
        result = expect_refusal (&self, err);
    if (bg_is_ok (result))
        result = expect_admission (&self, err);
    bg_zsocket_destroy (&self.server);
    if (bg_failed (result) && err)
        bg_ignore (bg_prefix (err, "the authentication self-test failed"));
    return result;
}
