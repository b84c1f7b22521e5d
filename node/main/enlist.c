/*  bugle-node enlist and defect. What they print is for people; the decisions are the node's and bugle-exec's.  */
#include "node/main/commands.h"

#include "common/base/now.h"
#include "common/base/utf8.h"
#include "common/job/names.h"
#include "common/sys/clock.h"
#include "common/sys/file.h"
#include "node/main/reach.h"
#include "node/shell/config.h"
#include "proto/token_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define EXEC_ANSWER_US     BG_SEC (15)
#define LOCATION_BYTES_MAX 200 /*  as on the wire  */

bg_result node_token_read (char *argument, bg_buf *text, bg_error *err)
{
    if (!argument) {
        const char *environment = getenv ("BUGLE_TOKEN");
        if (!environment || !environment[0]) {
            bg_ignore (bg_fail (err, BG_USAGE, "no token was given"));
            return bg_hint (err, "an administrator makes one with: bugle token create; then "
                                 "--token @FILE. Without: --broker and --broker-key");
        }
        bg_buf_append_str (text, environment);
        (void) unsetenv ("BUGLE_TOKEN");
        return bg_ok ();
    }
    if (argument[0] == '@')
        return bg_file_read (argument + 1, WIRE_TOKEN_TEXT_MAX, text, err);
    if (strcmp (argument, "-") == 0)
        return bg_fd_read (STDIN_FILENO, "standard input", WIRE_TOKEN_TEXT_MAX, text, err);
    bg_buf_append_str (text, argument);
    /*  Nobody should read it in the list of processes.  */
    memset (argument, 'x', strlen (argument));
    return bg_ok ();
}

bg_result node_said (bg_slice code, bg_slice message, bg_slice hint, bg_error *err)
{
    bg_code number = bg_code_from_word ((const char *) code.data, code.size);
    if (number == BG_OK)
        return bg_ok ();
    bg_result failed = bg_fail (err, number, "%.*s", BG_SLICE_ARG (message));
    if (hint.size)
        return bg_hint (err, "%.*s", BG_SLICE_ARG (hint));
    return failed;
}

bg_result node_enlist_pin (
    node_contact *contact, const uint8_t authority_hash[32], bg_arena *arena, bg_error *err)
{
    wire_exec_anchor request = {.write_policy = true};
    memcpy (request.authority_hash, authority_hash, sizeof request.authority_hash);
    void *answer = NULL;
    BG_TRY (node_contact_ask (contact->exec, WIRE_EXEC_ANCHOR, &request, WIRE_EXEC_VERDICT,
        EXEC_ANSWER_US, arena, &answer, err));
    const wire_exec_verdict *verdict = answer;
    BG_TRY (node_said (verdict->code, verdict->message, verdict->hint, err));
    if (verdict->message.size && ctl_is_human (contact->out))
        (void) printf ("%.*s\n", BG_SLICE_ARG (verdict->message));
    else if (verdict->message.size)
        ctl_note (contact->out, "%.*s", BG_SLICE_ARG (verdict->message));
    return bg_ok ();
}

void node_enlist_unpin (node_contact *contact, bg_arena *arena)
{
    wire_exec_forget request = {.reason = bg_slice_str ("enlistment failed")};
    void *answer = NULL;
    bg_ignore (node_contact_ask (contact->exec, WIRE_EXEC_FORGET, &request, WIRE_EXEC_VERDICT,
        EXEC_ANSWER_US, arena, &answer, NULL));
}

static bg_result check_location (const char *what, const char *text, bg_error *err)
{
    const bg_slice location = bg_slice_str (text);
    if (location.size > LOCATION_BYTES_MAX)
        return bg_fail (err, BG_USAGE, "%s has %zu bytes; %d are the most", what, location.size,
            LOCATION_BYTES_MAX);
    if (!bg_utf8_valid (location) || bg_has_control (location, false))
        return bg_fail (err, BG_USAGE, "%s holds characters that are no text", what);
    return bg_ok ();
}

static bg_result enlist_with (node_contact *contact, const node_command_options *options,
    bg_slice token_text, const wire_token_text *token, bg_error *err)
{
    BG_AUTO_ARENA arena = {0};
    node_config config = {0};
    bg_result result = node_config_load (&contact->home, &config, err);
    if (bg_is_ok (result))
        result = check_location ("location in node.yaml", config.location, err);
    if (bg_is_ok (result))
        result = node_enlist_pin (contact, token->authority_hash, &arena, err);
    if (bg_failed (result)) {
        node_config_fini (&config);
        return result;
    }
    wire_control_enlist request = {
        .token = token_text,
        .name = bg_slice_str (options->name ? options->name : config.name),
        .location = bg_slice_str (options->location ? options->location : config.location),
        .timeout_us = options->timeout_us,
    };
    const node_reach way = {token->endpoints, token->endpoints_count, &token->broker_curve_key};
    node_reach_before (&way, &request.timeout_us);
    void *answer = NULL;
    result = node_contact_ask (contact->node, WIRE_CONTROL_ENLIST, &request, WIRE_CONTROL_ANSWER,
        request.timeout_us + BG_SEC (5), &arena, &answer, err);
    bool enlisted = false;
    if (bg_is_ok (result)) {
        const wire_control_answer *said_node = answer;
        enlisted = said_node->enlisted;
        result = node_said (said_node->code, said_node->message, said_node->hint, err);
        if (bg_is_ok (result))
            node_enlist_print (said_node, contact, &config);
        if (bg_is_ok (result) && said_node->warnings_count > 0 && ctl_is_human (contact->out))
            node_reach_warn (&way);
    }
    if (bg_failed (result) && !enlisted)
        node_enlist_unpin (contact, &arena);
    if (bg_failed (result))
        result = node_reach_explain (&way, result, err);
    node_config_fini (&config);
    return result;
}

static bg_result check_options (const node_command_options *options, bg_error *err)
{
    if (options->name && bg_failed (job_target_name_valid (bg_slice_str (options->name), err))) {
        err->code = BG_USAGE;
        return bg_prefix (err, "--name");
    }
    return check_location ("--location", options->location, err);
}

static bg_result enlist_by_token (const node_command_options *options, bg_error *err)
{
    BG_AUTO_ARENA arena = {0};
    BG_AUTO_BUF text = {0};
    wire_token_text token;
    BG_TRY (node_token_read (options->token, &text, err));
    BG_TRY (wire_token_text_parse (bg_buf_slice (&text), &arena, &token, err));
    node_contact contact;
    bg_result result = node_contact_open (&contact, options->home, err);
    contact.out = options->out;
    if (bg_is_ok (result))
        result = enlist_with (&contact, options, bg_buf_slice (&text), &token, err);
    node_contact_close (&contact);
    memset (text.data, 0, text.size);
    return result;
}

static bg_result enlist_by_broker (const node_command_options *options, bg_error *err)
{
    if (options->token)
        return bg_fail (err, BG_USAGE, "--token and --broker are two ways to enlist: give one");
    if (!options->broker || !options->broker_key) {
        bg_ignore (
            bg_fail (err, BG_USAGE, "without a token enlist takes --broker and --broker-key"));
        return bg_hint (err, "an administrator sees both with: bugle target pending -v");
    }
    node_contact contact;
    bg_result result = node_contact_open (&contact, options->home, err);
    contact.out = options->out;
    if (bg_is_ok (result))
        result = node_enlist_pending (&contact, options, err);
    node_contact_close (&contact);
    return result;
}

bg_result node_enlist_command (const node_command_options *options, bg_error *err)
{
    BG_TRY (check_options (options, err));
    return options->broker || options->broker_key ? enlist_by_broker (options, err)
                                                  : enlist_by_token (options, err);
}

static bg_result defect_with (
    node_contact *contact, const node_command_options *options, bg_error *err)
{
    BG_AUTO_ARENA arena = {0};
    wire_control_defect request = {.force = options->force, .timeout_us = options->timeout_us};
    void *answer = NULL;
    BG_TRY (node_contact_ask (contact->node, WIRE_CONTROL_DEFECT, &request, WIRE_CONTROL_ANSWER,
        options->timeout_us + BG_SEC (5), &arena, &answer, err));
    const wire_control_answer *left = answer;
    bg_result result = node_said (left->code, left->message, left->hint, err);
    /*  A node that lost its store knows of no enlistment; bugle-exec may still be pinned to one, and --force frees it.  */
    if (bg_failed (result) && !(options->force && result.code == BG_NOT_ENLISTED))
        return result;
    wire_exec_forget forget = {
        .reason = bg_slice_str (options->force ? "forced defection" : "defection")};
    BG_TRY (node_contact_ask (contact->exec, WIRE_EXEC_FORGET, &forget, WIRE_EXEC_VERDICT,
        EXEC_ANSWER_US, &arena, &answer, err));
    const wire_exec_verdict *verdict = answer;
    bg_result forgotten = node_said (verdict->code, verdict->message, verdict->hint, err);
    if (bg_failed (forgotten) && forgotten.code != BG_NOT_ENLISTED)
        return forgotten;
    if (bg_failed (result) && bg_failed (forgotten))
        return bg_fail (err, BG_NOT_ENLISTED, "this machine is not enlisted");
    node_defect_print (left, options, contact);
    return bg_ok ();
}

bg_result node_defect_command (const node_command_options *options, bg_error *err)
{
    node_contact contact;
    bg_result result = node_contact_open (&contact, options->home, err);
    contact.out = options->out;
    if (bg_is_ok (result))
        result = defect_with (&contact, options, err);
    node_contact_close (&contact);
    return result;
}
