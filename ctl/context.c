/*  context list, use, add, remove: which broker commands talk to. The file is contexts.c's.  */
#include "common/base/id.h"
#include "ctl/identity.h"
#include "ctl/run.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HASH_BYTES 32

static json_t *context_row (const ctl_context *context, const char *current)
{
    char hash[2 * HASH_BYTES + 1];
    bg_hex_encode (bg_slice_of (context->authority_hash, HASH_BYTES), hash);
    json_t *row = json_pack ("{s:b, s:s, s:s?, s:s?, s:s, s:s}", "current",
        current != NULL && strcmp (current, context->name) == 0, "name", context->name, "home",
        context->home, "endpoint", context->endpoint, "broker_key",
        bg_key_text (&context->broker_key).text, "authority", hash);
    bg_assert (row != NULL);
    return row;
}

static void print_current (const ctl_output *out, const json_t *row, bg_buf *text)
{
    (void) out;
    bg_buf_append_byte (text, json_is_true (json_object_get (row, "current")) ? '*' : ' ');
}

static void print_broker (const ctl_output *out, const json_t *row, bg_buf *text)
{
    (void) out;
    const char *home = json_string_value (json_object_get (row, "home"));
    const char *endpoint = json_string_value (json_object_get (row, "endpoint"));
    bg_buf_append_str (text, home != NULL ? home : endpoint);
}

bg_result ctl_context_list (ctl_run *run, bg_error *err)
{
    static const ctl_column columns[] = {
        {"current", " ", CTL_CELL_TEXT, CTL_NORMAL, print_current},
        {"name", "NAME", CTL_CELL_TEXT, CTL_NORMAL, NULL},
        {NULL, "BROKER", CTL_CELL_TEXT, CTL_NORMAL, print_broker},
        {"broker_key", "BROKER KEY", CTL_CELL_TEXT, CTL_WIDE, NULL},
        {"authority", "AUTHORITY", CTL_CELL_TEXT, CTL_WIDE, NULL},
    };
    ctl_config *config = NULL;
    const ctl_context *contexts = NULL;
    size_t count = 0;
    const char *current = NULL;
    BG_TRY (ctl_run_config (run, &config, err));
    BG_TRY (ctl_contexts_all (config, &contexts, &count, err));
    BG_TRY (ctl_contexts_current (config, &current, err));
    ctl_list_begin (run->out, "contexts", columns, sizeof columns / sizeof columns[0], "name");
    for (size_t i = 0; i < count; i++)
        ctl_list_row (run->out, context_row (&contexts[i], current));
    ctl_list_end (run->out, false, count);
    return bg_ok ();
}

bg_result ctl_context_use (ctl_run *run, bg_error *err)
{
    ctl_config *config = NULL;
    const char *name = ctl_argument (run->parsed, 0);
    BG_TRY (ctl_run_config (run, &config, err));
    BG_TRY (ctl_contexts_switch (config, name, err));
    ctl_note (run->out, "commands talk to %s from now on", name);
    return bg_ok ();
}

static bg_result take_place (const ctl_parsed *parsed, ctl_context *context, bg_error *err)
{
    const char *endpoint = ctl_text (parsed, CTL_OPT_ENDPOINT, NULL);
    const char *home = ctl_text (parsed, CTL_OPT_HOME, NULL);
    if ((endpoint == NULL) == (home == NULL))
        return bg_fail (err, BG_USAGE, "a context needs either --endpoint or --home");
    if (home != NULL) {
        char *path = realpath (home, NULL);
        if (path == NULL)
            return bg_fail_errno (err, BG_NOT_FOUND, "there is no directory %s", home);
        context->home = path;
        return bg_ok ();
    }
    const char *colon = strrchr (endpoint, ':');
    bool is_tcp = strncmp (endpoint, "tcp://", 6) == 0 && colon > endpoint + 6 && colon[1] >= '1' &&
                  colon[1] <= '9';
    bool is_ipc = strncmp (endpoint, "ipc:///", 7) == 0;
    if (!is_tcp && !is_ipc)
        return bg_fail (
            err, BG_USAGE, "--endpoint takes tcp://HOST:PORT or ipc:///PATH, not '%s'", endpoint);
    context->endpoint = bg_strdup (endpoint);
    return bg_ok ();
}

static bg_result take_trust (const ctl_parsed *parsed, ctl_context *context, bg_error *err)
{
    const char *key = ctl_text (parsed, CTL_OPT_BROKER_KEY, NULL);
    const char *hash = ctl_text (parsed, CTL_OPT_AUTHORITY, NULL);
    BG_AUTO_BUF bytes = {0};
    if (key == NULL || hash == NULL) {
        bg_ignore (bg_fail (err, BG_USAGE,
            "a context needs --broker-key and --authority: without them anybody could "
            "answer in the broker's place"));
        return bg_hint (err, "bugle init printed both");
    }
    if (bg_failed (bg_key_parse (bg_slice_str (key), &context->broker_key, err)))
        return bg_fail (
            err, BG_USAGE, "--broker-key takes the 40 characters that bugle init printed");
    if (bg_failed (bg_hex_decode (bg_slice_str (hash), &bytes, NULL)) || bytes.size != HASH_BYTES)
        return bg_fail (
            err, BG_USAGE, "--authority takes the 64 hex digits that bugle init printed");
    memcpy (context->authority_hash, bytes.data, HASH_BYTES);
    return bg_ok ();
}

bg_result ctl_context_add (ctl_run *run, bg_error *err)
{
    ctl_config *config = NULL;
    ctl_context context = {0};
    bool is_replaced = false;
    BG_AUTO_CHAR name = bg_strdup (ctl_argument (run->parsed, 0));
    context.name = name;
    BG_TRY (ctl_run_config (run, &config, err));
    BG_TRY (take_trust (run->parsed, &context, err));
    BG_TRY (take_place (run->parsed, &context, err));
    bg_result result = ctl_contexts_put (config, &context, &is_replaced, err);
    free (context.home);
    free (context.endpoint);
    BG_TRY (result);
    ctl_note (run->out, "context %s %s and current", name, is_replaced ? "replaced" : "added");
    return bg_ok ();
}

bg_result ctl_context_remove (ctl_run *run, bg_error *err)
{
    ctl_config *config = NULL;
    const char *name = ctl_argument (run->parsed, 0);
    const char *current = NULL;
    BG_TRY (ctl_run_config (run, &config, err));
    BG_TRY (ctl_contexts_drop (config, name, err));
    BG_TRY (ctl_contexts_current (config, &current, err));
    ctl_note (run->out, "context %s removed%s", name,
        current == NULL ? "; none is current now: bugle context use NAME" : "");
    return bg_ok ();
}
