/*  bugle-node check: see check.h. Reads the options, runs the list of looks, prints. Exit code 1 when one found a
    problem; warnings are for reading.  */
#include "node/main/check.h"

#include "common/base/now.h"
#include "common/sys/file.h"
#include "common/sys/random.h"
#include "node/main/ask.h"

#include <stdio.h>
#include <stdlib.h>

#define CONNECT_US BG_SEC (3)

static const ctl_column columns[] = {
    {"state", "STATE", CTL_CELL_STATE, CTL_NORMAL, NULL},
    {"area", "AREA", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"name", "NAME", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"found", "FOUND", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"advice", "WHAT TO DO", CTL_CELL_TEXT, CTL_WIDE, NULL},
};

static const char *const state_words[] = {"ok", "warning", "problem"};

static void (*const looks[]) (node_check *self) = {
    node_check_versions,
    node_check_accounts,
    node_check_directories,
    node_check_policy,
    node_check_clock,
    node_check_zone,
    node_check_disk,
    node_check_parts,
    node_check_broker,
};

/*  ---- rows ----  */

/*  Without --output a person reads sentences, each with its advice below.  */
static bool is_prose (const node_check *self)
{
    return ctl_output_get (self->run->out)->form == CTL_FORM_TABLE;
}

void node_check_say (node_check *self, check_state state, const char *area, const char *name,
    const char *advice, const char *format, ...)
{
    va_list args;
    char found[BG_ERROR_MESSAGE_MAX];
    va_start (args, format);
    (void) vsnprintf (found, sizeof found, format, args);
    va_end (args);
    self->counts[state]++;
    if (!is_prose (self)) {
        ctl_list_row (self->run->out,
            json_pack ("{s:s, s:s, s:s, s:o, s:o}", "state", state_words[state], "area", area,
                "name", name, "found", ctl_json_slice (bg_slice_str (found)), "advice",
                ctl_json_text_or_null (bg_slice_str (advice))));
        return;
    }
    ctl_print (self->run->out, "%-7s  %-8s  %s\n", state_words[state], name, found);
    if (advice[0])
        ctl_print (self->run->out, "%-7s  %-8s  -> %s\n", "", "", advice);
}

void node_check_failed (
    node_check *self, check_state state, const char *area, const char *name, const bg_error *err)
{
    node_check_say (self, state, area, name, err->hint, "%s", err->message);
}

/*  ---- what was asked ----  */

static bg_result take_broker (node_check *self, bg_error *err)
{
    const ctl_parsed *parsed = self->run->parsed;
    const char *key = ctl_text (parsed, CTL_OPT_BROKER_KEY, NULL);
    self->broker = ctl_text (parsed, CTL_OPT_BROKER, NULL);
    if (key && bg_failed (bg_key_parse (bg_slice_str (key), &self->broker_key, err))) {
        err->code = BG_USAGE;
        return bg_prefix (err, "--broker-key");
    }
    if (key)
        self->way.broker_key = &self->broker_key;
    if (self->broker)
        return node_reach_of (self->broker, &self->run->arena, &self->way, err);
    if (key)
        return bg_fail (err, BG_USAGE, "--broker-key is the key of --broker, which is missing");
    return bg_ok ();
}

static bg_result take_token (node_check *self, bg_error *err)
{
    char *text = (char *) (uintptr_t) ctl_text (self->run->parsed, CTL_OPT_TOKEN, NULL);
    if (!text)
        return bg_ok ();
    if (self->broker)
        return bg_fail (err, BG_USAGE, "--token names its broker: leave --broker out");
    BG_AUTO_BUF bytes = {0};
    BG_TRY (node_token_read (text, &bytes, err));
    BG_TRY (wire_token_text_parse (bg_buf_slice (&bytes), &self->run->arena, &self->token, err));
    self->has_token = true;
    self->way = (node_reach){
        self->token.endpoints, self->token.endpoints_count, &self->token.broker_curve_key};
    self->broker = bg_arena_str (&self->run->arena, self->token.broker);
    return bg_ok ();
}

/*  A home that is not there yet is fine: enlist makes it.  */
static bg_result take_home (node_check *self, bg_error *err)
{
    self->home_text = ctl_text (self->run->parsed, CTL_OPT_HOME, NULL);
    self->has_home = !self->home_text || bg_path_exists (self->home_text);
    if (self->has_home)
        BG_TRY (bg_home_look (&self->home, self->home_text, err));
    else
        self->home = (bg_home){.state = bg_strdup (self->home_text),
            .run = bg_path_join (self->home_text, "run"),
            .conf = bg_path_join (self->home_text, "etc")};
    bg_error why = {0};
    self->has_config = bg_is_ok (node_config_load (&self->home, &self->config, &why));
    if (!self->has_config)
        node_check_failed (self, CHECK_PROBLEM, "machine", "config", &why);
    return bg_ok ();
}

/*  Where no broker is named it is the one that this machine is enlisted with, if its node runs and says so.  */
static void take_own_broker (node_check *self)
{
    const wire_control_query query = {.state = true};
    const wire_control_answer *answer = NULL;
    if (self->way.count > 0 || !self->has_home ||
        bg_failed (node_ask_query (self->run, &query, &answer, NULL)) || !answer->enlisted)
        return;
    const wire_node_state *state = &answer->state;
    self->is_enlisted = true;
    self->is_connected = state->connected;
    self->has_offset = state->last_poll_us != 0;
    self->offset_us = state->clock_offset_us;
    self->broker = bg_arena_str (&self->run->arena, state->broker);
    self->broker_key = state->broker_curve_key;
    self->way = (node_reach){state->endpoints, state->endpoints_count, &self->broker_key};
}

bg_result node_cmd_check (ctl_run *run, bg_error *err)
{
    node_check self = {
        .run = run, .timeout_us = ctl_duration_us (run->parsed, CTL_OPT_TIMEOUT, CONNECT_US)};
    BG_TRY (bg_crypto_init (err));
    BG_TRY (take_broker (&self, err));
    BG_TRY (take_token (&self, err));
    if (!is_prose (&self))
        ctl_list_begin (run->out, "checks", columns, sizeof columns / sizeof columns[0], "name");
    bg_result result = take_home (&self, err);
    if (bg_is_ok (result))
        take_own_broker (&self);
    for (size_t i = 0; bg_is_ok (result) && i < sizeof looks / sizeof looks[0]; i++)
        looks[i](&self);
    if (!is_prose (&self))
        ctl_list_end (run->out, false, 0);
    if (bg_is_ok (result))
        ctl_note (run->out, "%zu problem%s, %zu warning%s", self.counts[CHECK_PROBLEM],
            self.counts[CHECK_PROBLEM] == 1 ? "" : "s", self.counts[CHECK_WARNING],
            self.counts[CHECK_WARNING] == 1 ? "" : "s");
    run->exit_code = self.counts[CHECK_PROBLEM] ? 1 : 0;
    node_config_fini (&self.config);
    bg_home_fini (&self.home);
    memset (self.token.seed, 0, sizeof self.token.seed);
    return result;
}
