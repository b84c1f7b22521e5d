/*  The ops connection of one command. Synchronous, without a loop: one socket, one request under
    way.

    States of the link: not up yet (nobody there until told otherwise), up, gone. While it is not up
    for the first time the limit is CONNECT_US, and again as much when a probe finds the broker; afterwards ANSWER_US: a broker that is busy is
    another thing than one that is not there.
*/
#include "ctl/client.h"

#include "common/sys/clock.h"
#include "common/sys/probe.h"
#include "common/sys/random.h"
#include "common/sys/zcontext.h"
#include "common/sys/zsocket.h"
#include "proto/frame.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#define CONNECT_US                                                                                 \
    1200000              /*  with the next, so that "nobody is there" is said within two seconds  */
#define PROBE_US  500000 /*  to find out why  */
#define ANSWER_US 30000000 /*  once connected  */
#define REPEAT_US 500000 /*  a question without an answer is asked again, then after twice that  */

struct ctl_client {
    ctl_run *run;
    ctl_context context; /*  texts belong to the configuration  */
    ctl_identity identity;
    bg_zsocket *socket;
    char endpoint[BG_ENDPOINT_MAX];
    bool is_up;
    bool is_slow;       /*  the probe found the broker and the connection did not  */
    int64_t up_us;      /*  since when, CLOCK_MONOTONIC  */
    int64_t connect_us; /*  how long to wait for a connection  */
    int64_t answer_us;
    bg_id request; /*  the last one sent  */
    wire_ops_welcome welcome;
    int64_t broker_minus_mono_us;
    wire_keyring *keyring;
    bg_buf authorities; /*  hashes of all versions from the pinned one on  */
};

/*  ---- waiting ---- */

/*  Nobody answered for connect_us: finds out why. BG_OK: somebody is there and only slow, wait on; that is believed once.  */
static bg_result nobody (ctl_client *self, bg_error *err)
{
    bg_probe probe;
    int64_t patience_us = self->connect_us < PROBE_US ? self->connect_us : PROBE_US;
    bool is_asked = bg_is_ok (
        bg_probe_run (self->endpoint, &self->context.broker_key, patience_us, &probe, NULL));
    bool is_there = is_asked && probe.state == BG_PROBE_WELL;
    if (is_there && !self->is_slow) {
        self->is_slow = true;
        return bg_ok ();
    }
    BG_AUTO_BUF found = {0}, advice = {0};
    if (is_asked && !is_there)
        bg_probe_say (&probe, &found);
    bg_ignore (bg_fail (err, BG_UNREACHABLE, "no broker answered at %s (context %s)%s%s",
        self->endpoint, self->context.name, found.size ? ": " : "", bg_buf_cstr (&found)));
    if (self->context.home != NULL && !(is_asked && probe.state == BG_PROBE_WRONG_KEY))
        return bg_hint (err, "start it with: bugle-broker --home %s", self->context.home);
    if (!found.size)
        return bg_hint (err, "it is there and very slow; try again, or wait longer with --timeout");
    bg_probe_advise (&probe, &advice);
    return bg_hint (err, "%s", bg_buf_cstr (&advice));
}

static bg_result link_changed (ctl_client *self, bg_link_state state, bg_error *err)
{
    switch (state) {
    case BG_LINK_UP:
        self->is_up = true;
        self->up_us = bg_clock_mono_us ();
        return bg_ok ();
    case BG_LINK_DOWN:
        /*  Before the first connection libzmq goes on trying.  */
        if (!self->is_up)
            return bg_ok ();
        self->is_up = false;
        bg_ignore (
            bg_fail (err, BG_CLOSED, "the broker at %s closed the connection", self->endpoint));
        return bg_hint (err, "it may be restarting; try again");
    case BG_LINK_REFUSED:
        bg_ignore (bg_fail (
            err, BG_NOT_ALLOWED, "the broker at %s does not know your key", self->endpoint));
        return bg_hint (err, "your public identity is shown by: bugle key show");
    case BG_LINK_MISMATCH:
        bg_ignore (bg_fail (
            err, BG_UNREACHABLE, "what listens at %s is no broker of Bugle", self->endpoint));
        return bg_hint (err, "see: bugle context list -o wide");
    }
    return bg_ok ();
}

/*  Waits for one message, at most timeout_us once connected and connect_us before.  */
static bg_result wait_readable (ctl_client *self, int64_t timeout_us, bg_error *err)
{
    int64_t start_us = bg_clock_mono_us ();
    for (;;) {
        int64_t limit_us = self->is_up ? timeout_us : self->connect_us;
        int64_t left_us = limit_us - (bg_clock_mono_us () - start_us);
        bool is_readable = false;
        bg_link_state link = 0;
        bg_error why = {0};
        bg_result result =
            bg_zsocket_wait (self->socket, left_us > 0 ? left_us : 0, &is_readable, &link, &why);
        if (result.code == BG_TIMEOUT && !self->is_up) {
            BG_TRY (nobody (self, err));
            start_us = bg_clock_mono_us ();
            continue;
        }
        if (result.code == BG_TIMEOUT)
            return bg_fail (
                err, BG_TIMEOUT, "the broker at %s did not answer in time", self->endpoint);
        if (bg_failed (result)) {
            if (err != NULL)
                *err = why;
            return result;
        }
        if (link != 0)
            BG_TRY (link_changed (self, link, err));
        if (is_readable) {
            self->is_up = true;
            return bg_ok ();
        }
    }
}

/*  ---- messages ---- */

static bg_result send_as (
    ctl_client *self, bg_id id, wire_kind kind, const void *request, bg_error *err)
{
    const wire_kind_row *row = wire_kind_find (kind);
    bg_assert (row != NULL);
    BG_TRY (wire_check (row->desc, request, err));
    BG_AUTO_BUF header = {0};
    BG_AUTO_BUF body = {0};
    self->request = id;
    wire_message_encode (kind, self->request, (bg_id){0}, request, &header, &body);
    if (body.size > WIRE_FRAME_MAX)
        return bg_fail (err, BG_TOO_LARGE, "a request of %zu bytes is over the limit of %d",
            body.size, WIRE_FRAME_MAX);
    bg_slice frames[WIRE_FRAMES] = {bg_buf_slice (&header), bg_buf_slice (&body), {0}};
    return bg_zsocket_send (self->socket, (bg_slice){0}, frames, WIRE_FRAMES, err);
}

bg_result ctl_send (ctl_client *self, wire_kind kind, const void *request, bg_error *err)
{
    return send_as (self, bg_id_new (), kind, request, err);
}

static bg_result take_error (
    const wire_kind_row *row, bg_slice body, bg_arena *arena, bg_error *err)
{
    void *value = NULL;
    BG_TRY (wire_body_decode (row, body, arena, &value, err));
    return wire_error_to (value, err);
}

/*  One message: *is_ours is false for the answer to an earlier request.  */
static bg_result take_message (ctl_client *self, wire_kind expected, bg_arena *arena, void **answer,
    bool *is_ours, bg_error *err)
{
    BG_AUTO_ZMESSAGE message = {0};
    *is_ours = false;
    bg_result result = bg_zsocket_receive (self->socket, &message, err);
    if (result.code == BG_AGAIN)
        return bg_ok ();
    BG_TRY (result);
    if (message.count != WIRE_FRAMES)
        return bg_fail (
            err, BG_MALFORMED, "the broker sent a message of %zu frames", message.count);
    wire_header header;
    const wire_kind_row *row = NULL;
    BG_TRY (wire_header_decode (bg_zmessage_frame (&message, 0), &header, &row, err));
    if (!bg_id_equal (header.request, self->request))
        return bg_ok ();
    *is_ours = true;
    /*  Slices of the answer point into the body, which must outlive the message.  */
    bg_slice body = bg_arena_copy (arena, bg_zmessage_frame (&message, 1));
    if (row != NULL && row->kind == WIRE_ERROR)
        return take_error (row, body, arena, err);
    if (row == NULL || row->kind != expected)
        return bg_fail (
            err, BG_MALFORMED, "the broker answered with a message of kind %" PRIu64, header.kind);
    return wire_body_decode (row, body, arena, answer, err);
}

bg_result ctl_receive (ctl_client *self, wire_kind expected, int64_t timeout_us, bg_arena *arena,
    void **answer, bg_error *err)
{
    int64_t end_us = bg_clock_mono_us () + timeout_us;
    for (;;) {
        int64_t left_us = end_us - bg_clock_mono_us ();
        bool is_ours = false;
        BG_TRY (wait_readable (self, left_us > 0 ? left_us : 0, err));
        BG_TRY (take_message (self, expected, arena, answer, &is_ours, err));
        if (is_ours)
            return bg_ok ();
    }
}

/*  Questions change nothing, so they may be asked again.  */
static bool is_question (wire_kind kind)
{
    static const wire_kind questions[] = {WIRE_OPS_HELLO, WIRE_STATUS_QUERY, WIRE_AUTHORITY_QUERY,
        WIRE_JOB_QUERY, WIRE_TARGET_QUERY, WIRE_EXEC_QUERY, WIRE_HISTORY_QUERY};
    for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
        if (questions[i] == kind)
            return true;
    }
    return false;
}

/*  What the broker's core had taken and not answered when it died is lost without a sign: the
    connection is the front's and stays. A question is asked again under the same id, so that a late
    answer to the first one counts as well.  */
bg_result ctl_call (ctl_client *self, wire_kind kind, const void *request, wire_kind expected,
    void **answer, bg_error *err)
{
    int64_t end_us = bg_clock_mono_us () + self->answer_us;
    bg_id id = bg_id_new ();
    for (int64_t patience_us = REPEAT_US;; patience_us *= 2) {
        BG_TRY (send_as (self, id, kind, request, err));
        int64_t left_us = end_us - bg_clock_mono_us ();
        bool is_last = !is_question (kind) || left_us <= patience_us;
        bg_error why = {0};
        bg_result result = ctl_receive (
            self, expected, is_last ? left_us : patience_us, &self->run->arena, answer, &why);
        if (result.code == BG_TIMEOUT && !is_last)
            continue;
        if (bg_failed (result) && err != NULL)
            *err = why;
        return result;
    }
}

/*  ---- opening ---- */

static bg_result make_socket (ctl_client *self, bg_error *err)
{
    bg_zsocket_options options = bg_zsocket_defaults (ZMQ_DEALER, "ops");
    bg_key secret = bg_keypair_curve_secret (&self->identity.curve);
    options.own_public = &self->identity.curve.public_key;
    options.own_secret = &secret;
    options.server_public = &self->context.broker_key;
    options.reconnect_ms = 100;
    options.reconnect_max_ms = 500;
    bg_result result = bg_zsocket_create (&options, &self->socket, err);
    explicit_bzero (&secret, sizeof secret);
    BG_TRY (result);
    BG_TRY (bg_zsocket_follow (self->socket, err));
    return bg_zsocket_connect (self->socket, self->endpoint, err);
}

static bg_result hello (ctl_client *self, bg_error *err)
{
    wire_ops_hello request = {
        .level_low = WIRE_LEVEL,
        .level_high = WIRE_LEVEL,
        .version = bg_slice_str (BUGLE_VERSION),
    };
    wire_ops_welcome *welcome = NULL;
    int64_t sent_us = bg_clock_mono_us ();
    BG_TRY (ctl_call (self, WIRE_OPS_HELLO, &request, WIRE_OPS_WELCOME, (void **) &welcome, err));
    int64_t got_us = bg_clock_mono_us ();
    self->welcome = *welcome;
    /*  The broker read its clock somewhere between the two, and not before there was a connection.  */
    int64_t from_us = self->up_us > sent_us ? self->up_us : sent_us;
    self->broker_minus_mono_us = welcome->time_us - (from_us + (got_us - from_us) / 2);
    return bg_ok ();
}

static bg_result open_all (ctl_client *self, bg_error *err)
{
    BG_AUTO_BUF endpoint = {0};
    BG_TRY (ctl_context_endpoint (&self->context, &endpoint, err));
    if (endpoint.size >= sizeof self->endpoint)
        return bg_fail (
            err, BG_INVALID, "the endpoint of context %s is too long", self->context.name);
    memcpy (self->endpoint, endpoint.data, endpoint.size);
    BG_TRY (bg_zcontext_open (NULL, err));
    BG_TRY (make_socket (self, err));
    BG_TRY (hello (self, err));
    ctl_detail (self->run->out, "broker %.*s %.*s at %s, login %.*s (%s)",
        BG_SLICE_ARG (self->welcome.broker), BG_SLICE_ARG (self->welcome.version), self->endpoint,
        BG_SLICE_ARG (self->welcome.login),
        wire_role_word (self->welcome.role) != NULL ? wire_role_word (self->welcome.role)
                                                    : "unknown role");
    return bg_ok ();
}

/*  --timeout is for the broker, unless the command waits for outcomes with it.  */
static bool timeout_is_ours (const ctl_run *run)
{
    const ctl_command *command = ctl_parsed_command (run->parsed);
    for (size_t i = 0; command != NULL && i < command->takes_count; i++) {
        if (command->takes[i].option == CTL_OPT_TIMEOUT)
            return false;
    }
    return ctl_given (run->parsed, CTL_OPT_TIMEOUT);
}

bg_result ctl_client_open (ctl_run *run, const ctl_context *context, const ctl_identity *identity,
    ctl_client **client, bg_error *err)
{
    ctl_client *self = bg_alloc (sizeof *self);
    self->run = run;
    self->context = *context;
    self->identity = *identity;
    self->connect_us = CONNECT_US;
    self->answer_us = ANSWER_US;
    if (timeout_is_ours (run))
        self->connect_us = self->answer_us =
            ctl_duration_us (run->parsed, CTL_OPT_TIMEOUT, CONNECT_US);
    bg_result result = open_all (self, err);
    if (bg_failed (result))
        ctl_client_close (&self);
    else
        *client = self;
    return result;
}

void ctl_client_close (ctl_client **self_p)
{
    ctl_client *self = *self_p;
    if (self == NULL)
        return;
    bg_zsocket_destroy (&self->socket);
    bg_zcontext_close ();
    wire_keyring_destroy (&self->keyring);
    bg_buf_fini (&self->authorities);
    ctl_identity_fini (&self->identity);
    free (self);
    *self_p = NULL;
}

bg_result ctl_client_reconnect (ctl_client *self, int64_t timeout_us, bg_error *err)
{
    int64_t connect_us = self->connect_us, answer_us = self->answer_us;
    self->is_up = false;
    self->connect_us = self->answer_us = timeout_us;
    /*  A broker that came back may listen elsewhere.  */
    BG_AUTO_BUF endpoint = {0};
    bg_result result = ctl_context_endpoint (&self->context, &endpoint, err);
    if (bg_is_ok (result) && endpoint.size < sizeof self->endpoint) {
        memset (self->endpoint, 0, sizeof self->endpoint);
        memcpy (self->endpoint, endpoint.data, endpoint.size);
        bg_zsocket_destroy (&self->socket);
        result = make_socket (self, err);
        if (bg_is_ok (result))
            result = hello (self, err);
    }
    self->connect_us = connect_us;
    self->answer_us = answer_us;
    return result;
}

/*  ---- what is known of the broker ---- */

const wire_ops_welcome *ctl_client_welcome (const ctl_client *self)
{
    return &self->welcome;
}

const ctl_context *ctl_client_context (const ctl_client *self)
{
    return &self->context;
}

const ctl_identity *ctl_client_identity (const ctl_client *self)
{
    return &self->identity;
}

int64_t ctl_client_now_us (const ctl_client *self)
{
    return bg_clock_mono_us () + self->broker_minus_mono_us;
}

/*  The versions of one answer, onto *ring. The pinned version is found by its hash; what is older
 * is skipped.  */
static bg_result add_versions (
    ctl_client *self, const wire_authority_answer *answer, wire_keyring **ring, bg_error *err)
{
    const wire_crypto *crypto = wire_crypto_sodium ();
    for (size_t i = 0; i < answer->versions_count; i++) {
        const wire_signed *version = &answer->versions[i];
        wire_keyring *next = NULL;
        if (*ring == NULL) {
            uint8_t hash[WIRE_HASH_BYTES];
            wire_hash32 (version->bytes, hash);
            if (memcmp (hash, self->context.authority_hash, sizeof hash) == 0)
                BG_TRY (wire_keyring_first (version, hash, crypto, ring, err));
        } else {
            BG_TRY (wire_keyring_next (*ring, version, crypto, &next, err));
            wire_keyring_destroy (ring);
            *ring = next;
        }
        if (*ring != NULL)
            bg_buf_append (&self->authorities, wire_keyring_hash (*ring), WIRE_HASH_BYTES);
    }
    return bg_ok ();
}

static bg_result fetch_authority (ctl_client *self, wire_keyring **ring, bg_error *err)
{
    uint64_t from = 1;
    for (;;) {
        wire_authority_query query = {.from_version = from};
        wire_authority_answer *answer = NULL;
        BG_TRY (ctl_call (
            self, WIRE_AUTHORITY_QUERY, &query, WIRE_AUTHORITY_ANSWER, (void **) &answer, err));
        BG_TRY (add_versions (self, answer, ring, err));
        if (!answer->more || answer->versions_count == 0)
            return bg_ok ();
        wire_document document;
        const wire_signed *last = &answer->versions[answer->versions_count - 1];
        BG_TRY (
            WIRE_DECODE (document, last->bytes, WIRE_AS_SIGNED, &self->run->arena, &document, err));
        if (document.version < from)
            return bg_fail (err, BG_MALFORMED, "the broker repeats authority versions");
        from = document.version + 1;
    }
}

static bg_result check_authority (const ctl_client *self, const wire_keyring *ring, bg_error *err)
{
    if (ring == NULL) {
        bg_ignore (bg_fail (err, BG_BAD_SIGNATURE,
            "the broker at %s does not have the authority that context %s trusts", self->endpoint,
            self->context.name));
        return bg_hint (err,
            "another broker may have taken its place; make the context anew only if you know why");
    }
    if (wire_keyring_version (ring) < self->welcome.authority)
        return bg_fail (err, BG_BAD_SIGNATURE, "the broker keeps back authority version %" PRIu64,
            self->welcome.authority);
    if (!bg_key_equal (wire_keyring_broker_curve_key (ring), &self->context.broker_key))
        return bg_fail (err, BG_BAD_SIGNATURE,
            "the key of the broker at %s is not the one in its authority", self->endpoint);
    return bg_ok ();
}

bool ctl_client_trusts_authority (const ctl_client *self, const uint8_t hash[WIRE_HASH_BYTES])
{
    for (size_t at = 0; at < self->authorities.size; at += WIRE_HASH_BYTES)
        if (memcmp (self->authorities.data + at, hash, WIRE_HASH_BYTES) == 0)
            return true;
    return false;
}

bg_result ctl_client_authority (ctl_client *self, const wire_keyring **keyring, bg_error *err)
{
    if (self->keyring == NULL) {
        wire_keyring *ring = NULL;
        bg_result result = fetch_authority (self, &ring, err);
        if (bg_is_ok (result))
            result = check_authority (self, ring, err);
        if (bg_failed (result)) {
            wire_keyring_destroy (&ring);
            return result;
        }
        self->keyring = ring;
    }
    *keyring = self->keyring;
    return bg_ok ();
}
