/*  What bugle-node check finds out about a broker: see check.h. First whether its sockets are reached (reach.h), then one
    question on enlist, as a stranger with a key made for it: the answer has the broker's clock and protocol level, and
    says whether the token is good. Nothing is used up and nothing is kept there.  */
#include "node/main/check.h"

#include "common/base/now.h"
#include "common/sys/clock.h"
#include "common/sys/keyfile.h"
#include "common/sys/random.h"
#include "common/sys/zcontext.h"
#include "common/sys/zsocket.h"
#include "proto/frame.h"
#include "proto/sign.h"

#include <stdlib.h>
#include <zmq.h>

#define AREA        "broker"
#define OFFSET_FINE BG_SEC (2)
#define OFFSET_MOST BG_SEC (60)

/*  ---- reaching it ----  */

/*  True when all three are well; rows for each.  */
static bool check_sockets (node_check *self)
{
    static const char *const words[] = {"enlist", "desk", "orders"};
    size_t well = 0;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        bg_probe probe;
        BG_AUTO_BUF found = {0}, advice = {0};
        if (!node_reach_probe (&self->way, words[i], self->timeout_us, &probe))
            continue;
        bg_probe_say (&probe, &found);
        bg_probe_advise (&probe, &advice);
        bool is_well = probe.state == BG_PROBE_WELL;
        well += is_well;
        node_check_say (self, is_well ? CHECK_OK : CHECK_PROBLEM, AREA, words[i],
            bg_buf_cstr (&advice), "%s%s", bg_buf_cstr (&found),
            is_well && probe.has_key ? ", its key is right" : "");
        /*  The others are on the same machine: they would wait as long for the same answer.  */
        if (probe.state < BG_PROBE_FILTERED)
            return false;
    }
    return well == sizeof words / sizeof words[0];
}

/*  ---- asking it ----  */

static const char *own_name (const node_check *self)
{
    if (self->has_config && self->config.name)
        return self->config.name;
    BG_AUTO_CHAR name = node_default_name ();
    return bg_arena_str (&self->run->arena, bg_slice_str (name));
}

static void encode_question (
    const node_check *self, bg_id request, const bg_key *sign_key, bg_buf *header, bg_buf *body)
{
    if (self->has_token) {
        uint8_t secret[BG_SECRET_BYTES];
        wire_enlist_hello hello = {.level_low = WIRE_LEVEL,
            .level_high = WIRE_LEVEL,
            .sign_key = *sign_key,
            .name = bg_slice_str (own_name (self)),
            .version = bg_slice_str (BUGLE_VERSION)};
        wire_seed_keypair (self->token.seed, &hello.token_key, secret);
        explicit_bzero (secret, sizeof secret);
        bg_random_bytes (hello.nonce, sizeof hello.nonce);
        wire_message_encode (WIRE_ENLIST_HELLO, request, (bg_id){0}, &hello, header, body);
        return;
    }
    wire_enlist_ask ask = {.level_low = WIRE_LEVEL,
        .level_high = WIRE_LEVEL,
        .sign_key = *sign_key,
        .name = bg_slice_str (own_name (self)),
        .version = bg_slice_str (BUGLE_VERSION)};
    bg_random_bytes (ask.nonce, sizeof ask.nonce);
    wire_message_encode (WIRE_ENLIST_ASK, request, (bg_id){0}, &ask, header, body);
}

static bg_result open_socket (const node_check *self, bg_zsocket **out, bg_error *err)
{
    char *endpoint = node_reach_endpoint (&self->way, "enlist");
    bg_keypair pair;
    bg_keypair_generate (&pair, BG_KEY_CURVE25519);
    bg_key secret = bg_keypair_curve_secret (&pair);
    bg_zsocket_options options = bg_zsocket_defaults (ZMQ_DEALER, "enlist");
    options.own_public = &pair.public_key;
    options.own_secret = &secret;
    options.server_public = self->way.broker_key;
    options.only_while_up = 0;
    bg_zsocket *socket = NULL;
    bg_result result = bg_zsocket_create (&options, &socket, err);
    explicit_bzero (&secret, sizeof secret);
    bg_keypair_fini (&pair);
    if (bg_is_ok (result))
        result = bg_zsocket_follow (socket, err);
    if (bg_is_ok (result))
        result = bg_zsocket_connect (socket, endpoint, err);
    free (endpoint);
    if (bg_failed (result))
        bg_zsocket_destroy (&socket);
    *out = socket;
    return result;
}

/*  The answer to our request: its row and struct in the arena.  */
static bg_result receive (const node_check *self, bg_zsocket *socket, bg_id request,
    const wire_kind_row **row, void **answer, bg_error *err)
{
    const int64_t until_us = bg_clock_mono_us () + self->timeout_us;
    for (;;) {
        bool is_readable = false;
        bg_link_state link = 0;
        int64_t left_us = until_us - bg_clock_mono_us ();
        BG_TRY (bg_zsocket_wait (socket, left_us > 0 ? left_us : 0, &is_readable, &link, err));
        if (!is_readable)
            continue;
        BG_AUTO_ZMESSAGE message = {0};
        bg_result got = bg_zsocket_receive (socket, &message, err);
        if (got.code == BG_AGAIN)
            continue;
        BG_TRY (got);
        wire_header header;
        if (message.count != WIRE_FRAMES)
            return bg_fail (err, BG_MALFORMED, "the broker sent something else than an answer");
        BG_TRY (wire_header_decode (bg_zmessage_frame (&message, 0), &header, row, err));
        if (!*row || !bg_id_equal (header.request, request))
            continue;
        bg_slice body = bg_arena_copy (&self->run->arena, bg_zmessage_frame (&message, 1));
        return wire_body_decode (*row, body, &self->run->arena, answer, err);
    }
}

static bg_result ask (const node_check *self, const wire_kind_row **row, void **answer,
    int64_t *middle_us, bg_error *err)
{
    bg_zsocket *socket = NULL;
    bg_keypair sign;
    BG_AUTO_BUF header = {0}, body = {0};
    const bg_id request = bg_id_new ();
    BG_TRY (open_socket (self, &socket, err));
    bg_keypair_generate (&sign, BG_KEY_ED25519);
    encode_question (self, request, &sign.public_key, &header, &body);
    bg_keypair_fini (&sign);
    const bg_slice frames[WIRE_FRAMES] = {bg_buf_slice (&header), bg_buf_slice (&body), {0}};
    bg_result result = bg_zsocket_send (socket, (bg_slice){0}, frames, WIRE_FRAMES, err);
    if (bg_is_ok (result))
        result = receive (self, socket, request, row, answer, err);
    /*  What was sent waited for the connection, so only the end is known; the way back is short beside what counts.  */
    *middle_us = bg_clock_utc_us ();
    bg_zsocket_destroy (&socket);
    return result;
}

/*  ---- what it said ----  */

/*  offset_us: this machine's clock less the broker's.  */
static void say_clock (node_check *self, int64_t offset_us)
{
    int64_t apart_us = offset_us < 0 ? -offset_us : offset_us;
    double seconds = (double) apart_us / 1e6;
    if (apart_us <= OFFSET_FINE)
        node_check_say (self, CHECK_OK, AREA, "clock", "", "as the broker's, within %.1f s",
            seconds < 0.1 ? 0.1 : seconds);
    else
        node_check_say (self, apart_us > OFFSET_MOST ? CHECK_PROBLEM : CHECK_WARNING, AREA, "clock",
            "synchronise both machines (timedatectl); this machine's schedules go by its own clock",
            "this machine's clock is %.1f s %s the broker's", seconds,
            offset_us < 0 ? "behind" : "ahead of");
}

static void say_level (node_check *self, uint64_t level)
{
    node_check_say (self, CHECK_OK, AREA, "level", "", "both sides speak protocol level %llu",
        (unsigned long long) level);
}

static void say_refusal (node_check *self, const wire_error *refusal)
{
    bg_error why = {0};
    bg_code code = wire_error_to (refusal, &why).code;
    if (self->has_token) {
        node_check_failed (self, CHECK_PROBLEM, AREA, "token", &why);
        return;
    }
    if (code == BG_LEVEL)
        node_check_failed (self, CHECK_PROBLEM, AREA, "level", &why);
    else if (code == BG_EXISTS || code == BG_INVALID)
        node_check_failed (self, CHECK_WARNING, AREA, "name", &why);
    else
        node_check_say (self, CHECK_OK, AREA, "token", "",
            "this broker enlists with a token only: bugle token create");
}

static void check_answer (node_check *self)
{
    const wire_kind_row *row = NULL;
    void *answer = NULL;
    int64_t own_us = 0;
    bg_error err = {0};
    if (bg_failed (bg_zcontext_open (NULL, &err)))
        return;
    bg_result result = ask (self, &row, &answer, &own_us, &err);
    bg_zcontext_close ();
    if (result.code == BG_TIMEOUT)
        node_check_say (self, CHECK_PROBLEM, AREA, "answer",
            "look at the log of bugle-broker: is its core running?",
            "the broker takes connections and does not answer");
    else if (bg_failed (result))
        node_check_failed (self, CHECK_PROBLEM, AREA, "answer", &err);
    else if (row->kind == WIRE_ENLIST_PENDING) {
        const wire_enlist_pending *pending = answer;
        say_clock (self, own_us - pending->time_us);
        say_level (self, pending->level);
    } else if (row->kind == WIRE_ENLIST_CHALLENGE) {
        const wire_enlist_challenge *challenge = answer;
        say_clock (self, own_us - challenge->time_us);
        say_level (self, challenge->level);
        node_check_say (self, CHECK_OK, AREA, "token", "",
            "good for a machine called %s; nothing of it was used up", own_name (self));
    } else if (row->kind == WIRE_ERROR)
        say_refusal (self, answer);
}

/*  enlist is for strangers, so an enlisted machine asks nothing there; its node knows more.  */
static void check_enlisted (node_check *self, bool is_well)
{
    if (self->has_offset)
        say_clock (self, self->offset_us);
    if (self->is_connected)
        node_check_say (
            self, CHECK_OK, AREA, "enlisted", "", "with broker %s, and connected", self->broker);
    else
        node_check_say (self, CHECK_WARNING, AREA, "enlisted",
            is_well ? "if it stays so: bugle-node status, the node's log, and at the broker bugle "
                      "target doctor NAME"
                    : "see above",
            "with broker %s, and not connected", self->broker);
}

void node_check_broker (node_check *self)
{
    if (self->way.count == 0) {
        node_check_say (self, CHECK_OK, AREA, "broker", "",
            "not enlisted, or the node does not run: name a broker with --broker HOST, or with the "
            "--token it gave");
        return;
    }
    bool is_well = check_sockets (self);
    if (self->is_enlisted) {
        check_enlisted (self, is_well);
        return;
    }
    if (is_well && !self->way.broker_key)
        node_check_say (self, CHECK_OK, AREA, "key", "",
            "not compared: give it with --broker-key (bugle broker status shows it)");
    else if (is_well)
        check_answer (self);
}
