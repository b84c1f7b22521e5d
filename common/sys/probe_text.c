/*  What a probe says to a person: see probe.h. One table of words, sentences and advice.  */
#include "common/sys/probe.h"

#include <stdio.h>

#define NOT_STARTED                                                                                \
    "start bugle-broker on this machine (systemctl start bugle-broker, or bugle-broker --home "    \
    "DIR); its log says why it ended"

/*  %NAME% the host, %PLACE% address and port, %PORTS% the ports of a broker, %TIME% the patience.  */
static const struct {
    bg_probe_state state;
    const char *word;
    const char *says;
    const char *advice;
} meanings[] = {
    {BG_PROBE_NO_NAME, "no-name", "the name %NAME% does not resolve: it has no address",
        "correct the name, enter it into DNS or /etc/hosts of this machine, or use the address"},
    {BG_PROBE_NO_RESOLVER, "no-resolver",
        "the name %NAME% could not be resolved: no name server answered",
        "check /etc/resolv.conf on this machine, or use the broker's address instead of its name"},
    {BG_PROBE_NO_ROUTE, "no-route", "%PLACE% is not reachable: no route leads there",
        "check the network of this machine (ip route get ADDRESS), and that the broker's machine "
        "is up"},
    {BG_PROBE_FORBIDDEN, "forbidden", "this machine does not let connections out to %PLACE%",
        "let TCP %PORTS% out in this machine's own firewall"},
    {BG_PROBE_FILTERED, "filtered",
        "%PLACE% did not answer within %TIME%: a firewall drops it, or the machine is off",
        "let TCP %PORTS% in on the broker's machine, and out on this one; nothing connects to this "
        "machine"},
    {BG_PROBE_REFUSED, "refused", "%PLACE% refused the connection: nobody listens there",
        "on the broker's machine: start bugle-broker, see that listen in its broker.yaml is not "
        "127.0.0.1, and let TCP %PORTS% in"},
    {BG_PROBE_SILENT, "silent", "%PLACE% accepts connections and says nothing",
        "is bugle-broker stopped or overloaded there, or a proxy in between?"},
    {BG_PROBE_FOREIGN, "foreign", "%PLACE% is not a broker of Bugle: something else listens there",
        "check the port: a broker has %PORTS%"},
    {BG_PROBE_WRONG_KEY, "wrong-key", "%PLACE% is a broker with another key than the one expected",
        "it is another broker, or was made anew: take the key that bugle broker status shows "
        "there; "
        "tokens made before are void"},
    {BG_PROBE_WELL, "ok", "%PLACE% answers", ""},
};

static size_t row_of (bg_probe_state state)
{
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++)
        if (meanings[i].state == state)
            return i;
    bg_assert (false);
    return 0;
}

static void append_ports (const bg_probe *probe, bg_buf *out)
{
    bg_buf_append_str (out, probe->ports);
}

static void append_place (const bg_probe *probe, bg_buf *out)
{
    if (probe->port == 0)
        bg_buf_printf (out, "%s", probe->host);
    else if (probe->is_name && strcmp (probe->addresses, probe->address) == 0)
        bg_buf_printf (out, "%s (%s) port %u", probe->host, probe->address, probe->port);
    else if (probe->is_name)
        bg_buf_printf (out, "%s (%s; of %s) port %u", probe->host, probe->address,
            probe->addresses[0] ? probe->addresses : probe->address, probe->port);
    else
        bg_buf_printf (out, "%s port %u", probe->host, probe->port);
}

static void append_time (const bg_probe *probe, bg_buf *out)
{
    bg_buf_printf (out, "%.1f s", (double) probe->took_us / 1e6);
}

static void append_name (const bg_probe *probe, bg_buf *out)
{
    bg_buf_append_str (out, probe->host);
}

static void fill_in (const bg_probe *probe, const char *text, bg_buf *out)
{
    static const struct {
        const char *word;
        void (*append) (const bg_probe *probe, bg_buf *out);
    } parts[] = {{"%NAME%", append_name}, {"%PLACE%", append_place}, {"%PORTS%", append_ports},
        {"%TIME%", append_time}};
    while (*text) {
        size_t skip = 0;
        for (size_t i = 0; *text == '%' && i < sizeof parts / sizeof parts[0]; i++) {
            size_t size = strlen (parts[i].word);
            if (strncmp (text, parts[i].word, size) == 0) {
                parts[i].append (probe, out);
                skip = size;
            }
        }
        if (!skip)
            bg_buf_append_byte (out, (uint8_t) *text);
        text += skip ? skip : 1;
    }
}

/*  Nobody listens on this very machine: there is no way to look after.  */
static bool is_not_started (const bg_probe *probe)
{
    return probe->state == BG_PROBE_REFUSED &&
           (probe->port == 0 || strncmp (probe->address, "127.", 4) == 0 ||
               strcmp (probe->address, "::1") == 0);
}

const char *bg_probe_word (bg_probe_state state)
{
    return meanings[row_of (state)].word;
}

void bg_probe_say (const bg_probe *probe, bg_buf *sentence)
{
    fill_in (probe, meanings[row_of (probe->state)].says, sentence);
}

void bg_probe_advise (const bg_probe *probe, bg_buf *advice)
{
    if (is_not_started (probe))
        bg_buf_append_str (advice, NOT_STARTED);
    else
        fill_in (probe, meanings[row_of (probe->state)].advice, advice);
}

bg_result bg_probe_fail (const bg_probe *probe, bg_error *err)
{
    bg_assert (probe->state != BG_PROBE_WELL);
    BG_AUTO_BUF sentence = {0}, advice = {0};
    bg_probe_say (probe, &sentence);
    bg_probe_advise (probe, &advice);
    bg_ignore (bg_fail (err, BG_UNREACHABLE, "%s", bg_buf_cstr (&sentence)));
    return bg_hint (err, "%s", bg_buf_cstr (&advice));
}
