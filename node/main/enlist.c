/*  bugle-node enlist and defect. What they print is for people; the decisions are the node's and bugle-exec's.  */
#include "node/main/commands.h"

#include "common/base/now.h"
#include "common/base/utf8.h"
#include "common/job/civil.h"
#include "common/job/names.h"
#include "common/sys/clock.h"
#include "common/sys/file.h"
#include "node/main/reach.h"
#include "node/shell/config.h"
#include "node/shell/zones.h"
#include "proto/token_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define EXEC_ANSWER_US     BG_SEC (15)
#define JOBS_SHOWN         20
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
    if (verdict->message.size)
        (void) printf ("%.*s\n", BG_SLICE_ARG (verdict->message));
    return bg_ok ();
}

void node_enlist_unpin (node_contact *contact, bg_arena *arena)
{
    wire_exec_forget request = {.reason = bg_slice_str ("enlistment failed")};
    void *answer = NULL;
    bg_ignore (node_contact_ask (contact->exec, WIRE_EXEC_FORGET, &request, WIRE_EXEC_VERDICT,
        EXEC_ANSWER_US, arena, &answer, NULL));
}

static void print_time (node_zones *zones, bg_slice zone_name, int64_t at_us)
{
    const job_zone *zone = node_zones_get (zones, zone_name);
    int64_t seconds = at_us / 1000000;
    int32_t offset = zone ? job_zone_offset (zone, seconds) : 0;
    job_civil civil = job_civil_from_seconds (seconds + offset);
    int minutes = (offset < 0 ? -offset : offset) / 60;
    (void) printf ("%04d-%02d-%02d %02d:%02d:%02d %c%02d:%02d", (int) civil.year, civil.month,
        civil.day, civil.hour, civil.minute, civil.second, offset < 0 ? '-' : '+', minutes / 60,
        minutes % 60);
}

static void print_jobs (const wire_control_answer *answer, const node_config *config)
{
    if (answer->jobs_count == 0) {
        (void) printf ("no jobs yet: none is meant for this target\n");
        return;
    }
    (void) printf ("%zu job%s downloaded:", answer->jobs_count, answer->jobs_count == 1 ? "" : "s");
    const wire_control_job *next = NULL;
    for (size_t i = 0; i < answer->jobs_count; i++) {
        const wire_control_job *job = &answer->jobs[i];
        if (i < JOBS_SHOWN)
            (void) printf ("%s %.*s", i ? "," : "", BG_SLICE_ARG (job->name));
        if (job->next_us && !job->disabled && (!next || job->next_us < next->next_us))
            next = job;
    }
    (void) printf ("%s\n", answer->jobs_count > JOBS_SHOWN ? ", ..." : "");
    if (!next) {
        (void) printf ("next run: none is scheduled\n");
        return;
    }
    node_zones *zones = node_zones_create (config->zone, NULL);
    (void) printf ("next run: %.*s at ", BG_SLICE_ARG (next->name));
    print_time (zones, bg_slice_str (""), next->next_us);
    (void) printf (" (%s)\n", node_zones_local_name (zones));
    node_zones_destroy (&zones);
}

void node_enlist_print (
    const wire_control_answer *answer, const node_contact *contact, const node_config *config)
{
    (void) printf ("%s %.*s (target %llu) with broker %.*s\n",
        answer->unchanged ? "already enlisted: nothing changed for" : "enlisted",
        BG_SLICE_ARG (answer->name), (unsigned long long) answer->number,
        BG_SLICE_ARG (answer->broker));
    for (size_t i = 0; i < answer->warnings_count; i++)
        (void) printf ("warning: %.*s\n", BG_SLICE_ARG (answer->warnings[i]));
    print_jobs (answer, config);
    if (contact->node_process.pid)
        (void) printf ("start the node with: bugle-node%s%s\n",
            contact->home.is_system ? "" : " --home ",
            contact->home.is_system ? "" : contact->home.state);
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
        if (bg_is_ok (result) && said_node->warnings_count > 0)
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
    if (left->pending) {
        (void) printf ("stopped asking the broker \"%.*s\" to be enlisted as %.*s\n",
            BG_SLICE_ARG (left->broker), BG_SLICE_ARG (left->name));
        return bg_ok ();
    }
    (void) printf ("defected%s%.*s: %llu job%s removed, local history kept\n",
        left->broker.size ? " from " : "", BG_SLICE_ARG (left->broker),
        (unsigned long long) left->removed_jobs, left->removed_jobs == 1 ? "" : "s");
    if (options->force)
        (void) printf (
            "the broker was not asked; if it is there, finish with: bugle target defect %.*s\n",
            left->name.size ? (int) left->name.size : 4,
            left->name.size ? (const char *) left->name.data : "NAME");
    return bg_ok ();
}

bg_result node_defect_command (const node_command_options *options, bg_error *err)
{
    node_contact contact;
    bg_result result = node_contact_open (&contact, options->home, err);
    if (bg_is_ok (result))
        result = defect_with (&contact, options, err);
    node_contact_close (&contact);
    return result;
}
