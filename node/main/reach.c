/*  The way to a broker: see reach.h. Decides nothing about enlistment; only patience and words.  */
#include "node/main/reach.h"

#include "common/base/now.h"

#include <stdio.h>
#include <stdlib.h>

#define LOOK_US     BG_SEC (3)
#define ENLIST_PORT 7413
#define HOST_MAX    200
#define SHORT_US    BG_SEC (2) /*  for what waiting does not heal  */

static const char *const words[] = {"orders", "desk", "enlist"};
#define WORDS (sizeof words / sizeof words[0])

char *node_reach_endpoint (const node_reach *self, const char *word)
{
    size_t size = strlen (word);
    for (size_t i = 0; i < self->count; i++) {
        const bg_slice at = self->endpoints[i];
        if (at.size > size + 1 && memcmp (at.data, word, size) == 0 && at.data[size] == ' ')
            return bg_slice_dup (bg_slice_of (at.data + size + 1, at.size - size - 1));
    }
    return NULL;
}

static bg_result no_broker (const char *broker, bg_error *err)
{
    bg_ignore (
        bg_fail (err, BG_USAGE, "--broker: \"%.100s\" is not the address of a broker", broker));
    return bg_hint (err, "write HOST, HOST:PORT with the port of enlist, or tcp://HOST:PORT");
}

bg_result node_reach_of (const char *broker, bg_arena *arena, node_reach *way, bg_error *err)
{
    const char *text = strncmp (broker, "tcp://", 6) == 0 ? broker + 6 : broker;
    const char *bracket = strrchr (text, ']');
    const char *colon = strrchr (bracket ? bracket : text, ':');
    const bool is_bare_v6 = !bracket && colon && strchr (text, ':') != colon;
    long port = ENLIST_PORT;
    char *end = NULL;
    if (is_bare_v6)
        colon = NULL;
    if (colon)
        port = strtol (colon + 1, &end, 10);
    const size_t size = colon ? (size_t) (colon - text) : strlen (text);
    if (size == 0 || size > HOST_MAX || (end && (*end || end == colon + 1)) || port < 3 ||
        port > UINT16_MAX || strpbrk (text, " /@\t\n"))
        return no_broker (broker, err);
    bg_slice *endpoints = bg_arena_array (arena, bg_slice, WORDS);
    for (size_t i = 0; i < WORDS; i++)
        endpoints[i] =
            bg_arena_printf (arena, is_bare_v6 ? "%s tcp://[%.*s]:%ld" : "%s tcp://%.*s:%ld",
                words[i], (int) size, text, port - (long) (WORDS - 1 - i));
    way->endpoints = endpoints;
    way->count = WORDS;
    return bg_ok ();
}

static void name_ports (const node_reach *self, bg_probe *probe)
{
    BG_AUTO_BUF text = {0};
    for (size_t i = 0; i < WORDS; i++) {
        BG_AUTO_CHAR endpoint = node_reach_endpoint (self, words[i]);
        const char *colon = endpoint ? strrchr (endpoint, ':') : NULL;
        if (colon && strncmp (endpoint, "tcp://", 6) == 0)
            bg_buf_printf (&text, "%s%s (%s)", text.size ? ", " : "", colon + 1, words[i]);
    }
    if (text.size && text.size < sizeof probe->ports)
        snprintf (probe->ports, sizeof probe->ports, "%s", bg_buf_cstr (&text));
}

bool node_reach_probe (
    const node_reach *self, const char *word, int64_t timeout_us, bg_probe *probe)
{
    BG_AUTO_CHAR endpoint = node_reach_endpoint (self, word);
    if (!endpoint || bg_failed (bg_probe_run (endpoint, self->broker_key, timeout_us, probe, NULL)))
        return false;
    name_ports (self, probe);
    return true;
}

static bool heals_by_waiting (bg_probe_state state)
{
    return state != BG_PROBE_NO_NAME && state != BG_PROBE_FOREIGN && state != BG_PROBE_WRONG_KEY;
}

void node_reach_before (const node_reach *self, int64_t *timeout_us)
{
    bg_probe probe;
    int64_t look_us = *timeout_us < LOOK_US ? *timeout_us : LOOK_US;
    if (!node_reach_probe (self, "enlist", look_us, &probe) || probe.state == BG_PROBE_WELL)
        return;
    if (!heals_by_waiting (probe.state)) {
        *timeout_us = *timeout_us < SHORT_US ? *timeout_us : SHORT_US;
        return;
    }
    *timeout_us -= probe.took_us < *timeout_us ? probe.took_us : *timeout_us;
    if (*timeout_us < SHORT_US) {
        *timeout_us = *timeout_us > 0 ? *timeout_us : 1;
        return;
    }
    BG_AUTO_BUF found = {0};
    bg_probe_say (&probe, &found);
    (void) fprintf (stderr, "not reached yet: %s; trying for another %lld s (--timeout)\n",
        bg_buf_cstr (&found), (long long) (*timeout_us / 1000000));
}

bg_result node_reach_explain (const node_reach *self, bg_result result, bg_error *err)
{
    bg_probe probe;
    if (result.code != BG_UNREACHABLE && result.code != BG_TIMEOUT)
        return result;
    for (size_t i = WORDS; i-- > 0;) {
        if (node_reach_probe (self, words[i], LOOK_US, &probe) && probe.state != BG_PROBE_WELL)
            return bg_probe_fail (&probe, err);
    }
    return result;
}

void node_reach_warn (const node_reach *self)
{
    bg_probe probe;
    for (size_t i = 0; i < WORDS; i++) {
        if (!node_reach_probe (self, words[i], LOOK_US, &probe) || probe.state == BG_PROBE_WELL)
            continue;
        BG_AUTO_BUF found = {0}, advice = {0};
        bg_probe_say (&probe, &found);
        bg_probe_advise (&probe, &advice);
        (void) printf ("warning: %s (%s)\n         %s\n", bg_buf_cstr (&found), words[i],
            bg_buf_cstr (&advice));
    }
}
