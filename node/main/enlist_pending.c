/*  bugle-node enlist without a token: asks, shows the code, waits for an administrator. The node asks on whether this
    command waits or not; the code is made here, of what the node says and of the broker key that the person gave.  */
#include "node/main/commands.h"

#include "common/base/now.h"
#include "common/sys/clock.h"
#include "common/sys/random.h"
#include "node/main/reach.h"
#include "proto/enlist_code.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define PIECE_MS    200 /*  how late Ctrl-C is seen  */
#define LISTED_US   BG_SEC (60)
#define NO_LIMIT_US BG_DAY (3650)

/*  ---- where ----  */

static bg_result check_key (const node_command_options *options, bg_key *key, bg_error *err)
{
    if (bg_is_ok (bg_key_parse (bg_slice_str (options->broker_key), key, err)))
        return bg_ok ();
    err->code = BG_USAGE;
    bg_ignore (bg_prefix (err, "--broker-key"));
    return bg_hint (err, "an administrator sees it with: bugle target pending -v");
}

/*  ---- asking the node ----  */

static volatile sig_atomic_t interrupted;

static void on_interrupt (int number)
{
    (void) number;
    interrupted = 1;
}

/*  As node_contact_ask for the node, but Ctrl-C ends it: BG_INTERRUPTED.  */
static bg_result ask (node_contact *contact, const wire_control_enlist *request, int64_t timeout_us,
    bg_arena *arena, const wire_control_answer **answer, bg_error *err)
{
    BG_AUTO_BUF blob = {0};
    const bg_id id = bg_id_new ();
    const int64_t until_us = bg_clock_mono_us () + timeout_us;
    wire_inner_encode (WIRE_CONTROL_ENLIST, id, request, &blob);
    BG_TRY (bg_frames_send (contact->node, bg_buf_slice (&blob), err));
    BG_TRY (bg_frames_flush_wait (contact->node, 5000, err));
    while (!interrupted) {
        bg_slice payload;
        bg_result next = bg_frames_next_wait (contact->node, PIECE_MS, &payload, err);
        if (next.code == BG_TIMEOUT || next.code == BG_AGAIN || next.code == BG_INTERRUPTED) {
            if (bg_clock_mono_us () > until_us)
                return bg_fail (err, BG_TIMEOUT, "the node does not answer");
            continue;
        }
        BG_TRY (next);
        wire_header header;
        void *body = NULL;
        BG_TRY (wire_inner_decode (bg_arena_copy (arena, payload), arena, &header, &body, err));
        if (header.kind != WIRE_CONTROL_ANSWER || !bg_id_equal (header.request, id))
            continue;
        const wire_control_answer *said = body;
        BG_TRY (node_said (said->code, said->message, said->hint, err));
        *answer = said;
        return bg_ok ();
    }
    return bg_fail (err, BG_INTERRUPTED, "interrupted");
}

/*  ---- what is shown ----  */

static wire_enlist_code code_of (const wire_control_answer *answer, const bg_key *broker_key)
{
    return wire_enlist_code_of (answer->installation, answer->authority_hash.data, broker_key,
        answer->name, &answer->sign_key, &answer->curve_key);
}

static void show_code (const node_command_options *options, const wire_control_answer *answer,
    const wire_enlist_code *code)
{
    if (!ctl_is_human (options->out)) {
        ctl_object (options->out, "enlistment", NULL, 0, "code",
            json_pack ("{s:s, s:o, s:o, s:b}", "code", code->text, "name",
                ctl_json_slice (answer->name), "broker", ctl_json_slice (answer->broker), "pending",
                true));
        return;
    }
    if (answer->message.size)
        (void) printf ("%.*s\n", BG_SLICE_ARG (answer->message));
    (void) printf ("%.*s asks the broker \"%.*s\" to be enlisted. Its code:\n\n    %s\n\n",
        BG_SLICE_ARG (answer->name), BG_SLICE_ARG (answer->broker), code->text);
    (void) printf ("an administrator who sees the same code approves it: bugle target approve %s\n",
        code->text);
}

static void say_it_goes_on (const node_contact *contact)
{
    if (contact->node_process.pid)
        (void) fprintf (stderr, "it asks on as soon as the node runs: bugle-node%s%s\n",
            contact->home.is_system ? "" : " --home ",
            contact->home.is_system ? "" : contact->home.state);
    else
        (void) fprintf (stderr, "the node asks on by itself; bugle-node defect stops it\n");
}

/*  ---- the steps ----  */

/*  The waiting is over, the asking is not: also a node that is restarted asks on.  */
static bool goes_on (bg_result result)
{
    return result.code == BG_INTERRUPTED || result.code == BG_TIMEOUT || result.code == BG_CLOSED;
}

static bg_result wait_for_approval (node_contact *contact, const node_command_options *options,
    wire_control_enlist *request, const node_config *config, bg_arena *arena, bg_error *err)
{
    const wire_control_answer *answer = NULL;
    const int64_t wait_us = options->wait_us < NO_LIMIT_US ? options->wait_us : NO_LIMIT_US;
    if (wait_us == 0) {
        say_it_goes_on (contact);
        return bg_ok ();
    }
    (void) fprintf (stderr, "waiting; Ctrl-C ends the waiting only\n");
    request->wait = true;
    request->listed = false;
    bg_result result = ask (contact, request, wait_us, arena, &answer, err);
    if (goes_on (result)) {
        if (result.code == BG_TIMEOUT)
            bg_ignore (bg_fail (err, BG_TIMEOUT, "nobody has approved it yet"));
        if (result.code == BG_CLOSED)
            bg_ignore (bg_fail (err, BG_CLOSED, "the node ended while this waited"));
        say_it_goes_on (contact);
        return result;
    }
    if (bg_is_ok (result))
        node_enlist_print (answer, contact, config);
    return result;
}

/*  *is_pinned: bugle-exec holds a pin of it, and nothing of it goes on.  */
static bg_result enlist (node_contact *contact, const node_command_options *options,
    const node_config *config, wire_control_enlist *request, bool *is_pinned, bg_error *err)
{
    BG_AUTO_ARENA arena = {0};
    const wire_control_answer *answer = NULL;
    BG_TRY (ask (contact, request, request->timeout_us + BG_SEC (5), &arena, &answer, err));
    if (!answer->pending) {
        /*  It is enlisted already.  */
        node_enlist_print (answer, contact, config);
        return bg_ok ();
    }
    if (answer->authority_hash.size != 32)
        return bg_fail (err, BG_MALFORMED, "the node does not say what the broker showed");
    *is_pinned = true;
    const wire_enlist_code code = code_of (answer, &request->broker_key);
    BG_TRY (node_enlist_pin (contact, answer->authority_hash.data, &arena, err));
    request->listed = true;
    bg_result result = ask (contact, request, LISTED_US, &arena, &answer, err);
    *is_pinned = !goes_on (result);
    BG_TRY (result);
    *is_pinned = false;
    if (!answer->pending) {
        node_enlist_print (answer, contact, config);
        return bg_ok ();
    }
    show_code (options, answer, &code);
    result = wait_for_approval (contact, options, request, config, &arena, err);
    *is_pinned = bg_failed (result) && !goes_on (result);
    return result;
}

bg_result node_enlist_pending (
    node_contact *contact, const node_command_options *options, bg_error *err)
{
    node_config config = {0};
    bg_key key;
    bool is_pinned = false;
    BG_AUTO_ARENA arena = {0};
    node_reach way = {.broker_key = &key};
    BG_TRY (check_key (options, &key, err));
    BG_TRY (node_reach_of (options->broker, &arena, &way, err));
    BG_TRY (node_config_load (&contact->home, &config, err));
    wire_control_enlist request = {
        .endpoints = (bg_slice *) (uintptr_t) way.endpoints,
        .endpoints_count = way.count,
        .broker_key = key,
        .name = bg_slice_str (options->name ? options->name : config.name),
        .location = bg_slice_str (options->location ? options->location : config.location),
        .timeout_us = options->timeout_us,
    };
    const struct sigaction action = {.sa_handler = on_interrupt};
    struct sigaction before;
    (void) sigaction (SIGINT, &action, &before);
    node_reach_before (&way, &request.timeout_us);
    bg_result result = enlist (contact, options, &config, &request, &is_pinned, err);
    (void) sigaction (SIGINT, &before, NULL);
    if (bg_failed (result) && is_pinned)
        node_enlist_unpin (contact, &arena);
    else if (result.code == BG_UNREACHABLE)
        result = node_reach_explain (&way, result, err);
    node_config_fini (&config);
    return result;
}
