/*  The table of broker.yaml and the checks between its keys.

    Invariant: what broker_config_write writes, the schema reads back as the same values.  */
#include "broker/home/config.h"

#include <ctype.h>
#include <stddef.h>
#include <stdio.h>

#define KEY(word, kind, field) .key = word, .type = kind, .offset = offsetof (broker_config, field)

static const bg_conf_key keys[] = {
    {KEY ("name", BG_CONF_STRING, name),
        .help = "Name of this broker, for people. Letters, digits, dot, underscore and dash."},
    {KEY ("listen", BG_CONF_STRING, listen), .fallback = "127.0.0.1",
        .help = "Address to listen on: numeric, the name of an interface, or * for all."},
    {KEY ("port", BG_CONF_INTEGER, port), .min = 0, .max = 65532, .fallback = "7411",
        .help = "First of four consecutive TCP ports: orders, desk, enlist, ops. 0: free ports "
                "outside the "
                "system's ephemeral range are taken at the first start and kept."},
    {KEY ("address", BG_CONF_STRING, address),
        .help = "Host name or address that enlistment tokens carry. Default: the listen address; "
                "when it stands for several, what others most likely find this machine by."},
    {KEY ("endpoints.orders", BG_CONF_ENDPOINT, endpoints[0]),
        .help = "Where publications go out, instead of listen and port."},
    {KEY ("endpoints.desk", BG_CONF_ENDPOINT, endpoints[1]),
        .help = "Where targets talk to the broker, instead of listen and port."},
    {KEY ("endpoints.enlist", BG_CONF_ENDPOINT, endpoints[2]),
        .help = "Where strangers enlist, instead of listen and port."},
    {KEY ("endpoints.ops", BG_CONF_ENDPOINT, endpoints[3]),
        .help = "Where people's commands come in, instead of listen and port."},
    {KEY ("log.level", BG_CONF_STRING, log_level), .fallback = "info",
        .help = "error, warning, notice, info or debug."},
    {KEY ("log.json", BG_CONF_BOOL, log_json), .fallback = "false",
        .help = "One JSON object per log line."},
    {KEY ("limits.peer_rate", BG_CONF_INTEGER, peer_rate), .min = 1, .max = 1000000,
        .fallback = "500",
        .help = "Messages per second that one target or login may send. A message counts one, and "
                "one more for "
                "every 8 KiB."},
    {KEY ("limits.peer_burst", BG_CONF_INTEGER, peer_burst), .min = 40, .max = 10000000,
        .fallback = "3000", .help = "How many it may send at once after a pause."},
    {KEY ("limits.enlist_rate", BG_CONF_INTEGER, enlist_rate), .min = 1, .max = 1000000,
        .fallback = "5", .help = "The same for one stranger on the enlist socket."},
    {KEY ("limits.enlist_burst", BG_CONF_INTEGER, enlist_burst), .min = 10, .max = 10000000,
        .fallback = "40", .help = "How many a stranger may send at once after a pause."},
    {KEY ("limits.queue_kib", BG_CONF_INTEGER, queue_kib), .min = 1024, .max = 1048576,
        .fallback = "16384",
        .help = "Requests that may wait for the core, in KiB. When it fills up, the enlist socket "
                "is read no more, "
                "then ops, then desk."},
};

const bg_conf_schema broker_config_schema = {
    .name = "broker.yaml",
    .about = "The broker's configuration. bugle init makes it; changes count from the next start.",
    .keys = keys,
    .count = sizeof keys / sizeof keys[0],
};

void broker_config_init (broker_config *self)
{
    *self = (broker_config){0};
    bg_conf_defaults (&broker_config_schema, self);
}

void broker_config_fini (broker_config *self)
{
    bg_conf_fini (&broker_config_schema, self);
    *self = (broker_config){0};
}

static bool is_name (const char *name)
{
    size_t size = strlen (name);
    if (size == 0 || size > 128 || !isalnum ((unsigned char) name[0]))
        return false;
    for (size_t i = 0; i < size; i++)
        if (!isalnum ((unsigned char) name[i]) && !strchr ("._-", name[i]))
            return false;
    return true;
}

bg_result broker_host_check (const char *host, bg_error *err)
{
    size_t size = strlen (host);
    bool is_fine = size > 0 && size <= 128;
    for (size_t i = 0; is_fine && i < size; i++)
        is_fine = isalnum ((unsigned char) host[i]) || strchr (".-_:%[]*", host[i]);
    if (is_fine)
        return bg_ok ();
    bg_ignore (bg_fail (err, BG_INVALID, "\"%.60s\" is not a host name or address", host));
    return bg_hint (err, "write a host name, a numeric address or, to listen everywhere, *");
}

bg_result broker_config_check (const broker_config *self, bg_error *err)
{
    if (!self->name || !is_name (self->name)) {
        bg_ignore (bg_fail (err, BG_INVALID, "\"%.60s\" cannot be the name of a broker",
            self->name ? self->name : ""));
        return bg_hint (err, "a name has 1 to 128 letters, digits, dots, underscores and dashes "
                             "and begins with a letter "
                             "or digit");
    }
    BG_TRY (broker_host_check (self->listen, err));
    if (self->address)
        BG_TRY (broker_host_check (self->address, err));
    if (self->address && strchr (self->address, '*')) {
        bg_ignore (
            bg_fail (err, BG_INVALID, "nobody can connect to the address %s", self->address));
        return bg_hint (err, "give the host name or address that targets can reach");
    }
    for (size_t i = 0; i < 4; i++)
        for (size_t k = i + 1; k < 4; k++) {
            const char *a = self->endpoints[i], *b = self->endpoints[k];
            bool is_zero = a && strlen (a) > 2 && strcmp (a + strlen (a) - 2, ":0") == 0;
            if (a && b && !is_zero && strcmp (a, b) == 0)
                return bg_fail (
                    err, BG_INVALID, "two sockets cannot listen on the same endpoint %s", a);
        }
    return bg_ok ();
}

void broker_config_write (const broker_config *self, bg_buf *out)
{
    bg_buf_append_str (out,
        "# Configuration of this Bugle broker. Changes count from the next start.\n"
        "# Every key with its default: bugle-broker --print-config --home DIR\n\n");
    bg_buf_append_str (out, "# For people.\n");
    bg_buf_printf (out, "name: \"%s\"\n\n", self->name);
    bg_buf_append_str (
        out, "# Address to listen on: numeric, the name of an interface, or \"*\" for all.\n");
    bg_buf_printf (out, "listen: \"%s\"\n", self->listen);
    bg_buf_append_str (out, "# First of four consecutive ports: orders, desk, enlist, ops. 0: free "
                            "ones are taken at the\n"
                            "# first start and kept in broker/ports.\n");
    bg_buf_printf (out, "port: %lld\n\n", (long long) self->port);
    bg_buf_append_str (out,
        "# Host name or address that enlistment tokens carry: targets must be able to reach it.\n");
    bg_buf_printf (out, "address: \"%s\"\n\n", self->address);
    bg_buf_append_str (out, "# log:\n"
                            "#   level: info      # error, warning, notice, info, debug\n"
                            "#   json: false\n");
}
