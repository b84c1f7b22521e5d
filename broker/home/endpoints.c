/*  Where the four sockets listen, and the ports that are taken once and kept.

    Invariant: DIR/broker/ports is written once, whole, before anybody listens; whoever comes
    second reads it.  */
#include "broker/home/home.h"

#include "broker/home/address.h"
#include "common/sys/file.h"
#include "common/sys/random.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/*  Below are ports that common services are given; above is where most systems begin their
    ephemeral range.  */
#define PORT_LEAST 10000
#define PORT_MOST  65535
#define PORT_TRIES 400

typedef struct {
    uint16_t port[BROKER_SOCKETS]; /*  0: not kept here  */
} kept_ports;

/*  ---- choosing ----  */

static void ephemeral_range (unsigned *low, unsigned *high)
{
    BG_AUTO_BUF text = {0};
    *low = 32768, *high = 60999;
    if (bg_is_ok (bg_file_read ("/proc/sys/net/ipv4/ip_local_port_range", 256, &text, NULL)))
        (void) sscanf (bg_buf_cstr (&text), "%u %u", low, high);
}

/*  Nobody has the port, on any address of either family.  */
static bool is_free (uint16_t port)
{
    int fd = socket (AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in6 six = {
        .sin6_family = AF_INET6, .sin6_port = htons (port), .sin6_addr = in6addr_any};
    if (fd >= 0) {
        int off = 0;
        (void) setsockopt (fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
        bool is_bound = bind (fd, (struct sockaddr *) &six, sizeof six) == 0;
        close (fd);
        return is_bound;
    }
    fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons (port)};
    bool is_bound = fd >= 0 && bind (fd, (struct sockaddr *) &four, sizeof four) == 0;
    if (fd >= 0)
        close (fd);
    return is_bound;
}

static bg_result choose (const bool wanted[BROKER_SOCKETS], kept_ports *ports, bg_error *err)
{
    unsigned low, high;
    ephemeral_range (&low, &high);
    for (int tries = 0; tries < PORT_TRIES; tries++) {
        unsigned first =
            PORT_LEAST + (unsigned) (bg_random_u64 () % (PORT_MOST - BROKER_SOCKETS - PORT_LEAST));
        bool is_fine = first + BROKER_SOCKETS <= low || first > high;
        /*  A range that covers everything leaves nothing outside: inside is better than not at
            all.  */
        if (low <= PORT_LEAST && high + BROKER_SOCKETS >= PORT_MOST)
            is_fine = true;
        for (unsigned i = 0; is_fine && i < BROKER_SOCKETS; i++)
            is_fine = is_free ((uint16_t) (first + i));
        if (!is_fine)
            continue;
        for (unsigned i = 0; i < BROKER_SOCKETS; i++)
            ports->port[i] = wanted[i] ? (uint16_t) (first + i) : 0;
        return bg_ok ();
    }
    bg_ignore (
        bg_fail (err, BG_OVERLOADED, "found no four free ports outside %u to %u", low, high));
    return bg_hint (err, "write a port into broker.yaml");
}

/*  ---- keeping ----  */

static bg_result damaged (const char *path, bg_error *err)
{
    bg_ignore (bg_fail (err, BG_FOREIGN_FILE, "%s is not a list of ports", path));
    return bg_hint (
        err, "remove it to let the broker take new ports; tokens and targets know the old ones");
}

static bg_result read_kept (const char *path, kept_ports *ports, bg_error *err)
{
    BG_AUTO_BUF text = {0};
    BG_TRY (bg_file_read (path, 4096, &text, err));
    BG_AUTO_CHAR copy = bg_strdup (bg_buf_cstr (&text));
    char *rest = NULL;
    for (char *line = strtok_r (copy, "\n", &rest); line; line = strtok_r (NULL, "\n", &rest)) {
        char word[32];
        unsigned port = 0;
        int which = BROKER_SOCKETS;
        if (sscanf (line, "%31s %u", word, &port) == 2 && port > 0 && port <= PORT_MOST)
            for (which = 0; which < BROKER_SOCKETS; which++)
                if (strcmp (word, broker_socket_word ((broker_socket) which)) == 0)
                    break;
        if (which == BROKER_SOCKETS)
            return damaged (path, err);
        ports->port[which] = (uint16_t) port;
    }
    return bg_ok ();
}

static bg_result keep (const char *path, const kept_ports *ports, bg_error *err)
{
    BG_AUTO_BUF text = {0};
    for (int i = 0; i < BROKER_SOCKETS; i++)
        if (ports->port[i])
            bg_buf_printf (
                &text, "%s %u\n", broker_socket_word ((broker_socket) i), ports->port[i]);
    /*  Whoever reads the file sees all of it: front and core may both be looking for it now.  */
    BG_AUTO_CHAR made = bg_strdup_printf ("%s.%d", path, (int) getpid ());
    (void) unlink (made); /*  of an earlier process with this number that was killed here  */
    BG_TRY (bg_file_create (made, bg_buf_slice (&text), err));
    bg_result result = bg_ok ();
    if (link (made, path) != 0)
        result = bg_fail_errno (err, errno == EEXIST ? BG_EXISTS : BG_IO, "cannot make %s", path);
    (void) unlink (made);
    BG_TRY (result);
    return bg_dir_sync_parent (path, err);
}

/*  The ports for the sockets that are wanted, from the file or new.  */
static bg_result kept_or_new (
    const broker_home *self, const bool wanted[BROKER_SOCKETS], kept_ports *ports, bg_error *err)
{
    if (self->home.is_system) {
        bg_ignore (bg_fail (err, BG_INVALID, "%s: port 0 is for brokers with a --home of their own",
            self->config_path));
        return bg_hint (err, "write the port that the broker is to have");
    }
    BG_AUTO_CHAR path = broker_home_state_path (self, "ports");
    if (!bg_path_exists (path)) {
        BG_TRY (choose (wanted, ports, err));
        bg_result result = keep (path, ports, err);
        if (result.code != BG_EXISTS)
            return result;
    }
    kept_ports kept = {0};
    BG_TRY (read_kept (path, &kept, err));
    for (int i = 0; i < BROKER_SOCKETS; i++)
        if (wanted[i] && !kept.port[i]) {
            bg_ignore (bg_fail (err, BG_FOREIGN_FILE, "%s does not name the port of %s", path,
                broker_socket_word ((broker_socket) i)));
            return bg_hint (err, "remove it to let the broker take new ports");
        }
    *ports = kept;
    return bg_ok ();
}

/*  ---- endpoints ----  */

static bool has_port_zero (const char *endpoint)
{
    size_t size = strlen (endpoint);
    return strncmp (endpoint, "tcp://", 6) == 0 && size > 8 &&
           strcmp (endpoint + size - 2, ":0") == 0;
}

static bool needs_port (const broker_config *config, int which)
{
    const char *own = config->endpoints[which];
    return own ? has_port_zero (own) : config->port == 0;
}

typedef struct {
    char text[BROKER_HOST_MAX + 1];
} host_text;

/*  What to bind: libzmq would take an interface's address of version 6 before that of 4.  */
static host_text listen_host (const char *host)
{
    host_text numeric;
    if (!broker_interface_address (host, numeric.text))
        snprintf (numeric.text, sizeof numeric.text, "%s", host);
    return numeric;
}

/*  The same for connecting from this machine.  */
static host_text local_host (const char *host)
{
    host_text local = listen_host (host);
    if (strcmp (host, "[::]") == 0 || strcmp (host, "::") == 0)
        snprintf (local.text, sizeof local.text, "[::1]");
    else if (broker_listen_is_wildcard (host))
        snprintf (local.text, sizeof local.text, "127.0.0.1");
    return local;
}

/*  A numeric address of version 6 goes into brackets.  */
static void print_tcp (char out[256], const char *host, unsigned port)
{
    bool is_bare = strchr (host, ':') && host[0] != '[';
    snprintf (out, 256, is_bare ? "tcp://[%.128s]:%u" : "tcp://%.128s:%u", host, port);
}

static void print_own (const broker_config *config, int which, unsigned port, broker_endpoints *out)
{
    const char *own = config->endpoints[which];
    const char *colon = strrchr (own, ':');
    if (strncmp (own, "tcp://", 6) != 0) {
        snprintf (out->listen[which], 256, "%.255s", own);
        snprintf (out->address[which], 256, "%.255s", own);
        snprintf (out->local[which], 256, "%.255s", own);
        return;
    }
    BG_AUTO_CHAR host = bg_slice_dup (bg_slice_of (own + 6, (size_t) (colon - own) - 6));
    unsigned number = port ? port : (unsigned) strtoul (colon + 1, NULL, 10);
    print_tcp (out->listen[which], listen_host (host).text, number);
    print_tcp (out->local[which], local_host (host).text, number);
    print_tcp (
        out->address[which], config->address ? config->address : local_host (host).text, number);
}

bg_result broker_home_endpoints (
    const broker_home *self, broker_endpoints *endpoints, bg_error *err)
{
    const broker_config *config = &self->config;
    *endpoints = (broker_endpoints){0};
    bool wanted[BROKER_SOCKETS], any = false;
    kept_ports ports = {0};
    for (int i = 0; i < BROKER_SOCKETS; i++)
        any = (wanted[i] = needs_port (config, i)) || any;
    if (any)
        BG_TRY (kept_or_new (self, wanted, &ports, err));
    broker_address chosen;
    const char *address = config->address;
    if (!address) {
        chosen = broker_address_choose (config->listen);
        address = chosen.host;
    }
    for (int i = 0; i < BROKER_SOCKETS; i++) {
        unsigned port = wanted[i] ? ports.port[i] : (unsigned) (config->port + i);
        if (config->endpoints[i]) {
            print_own (config, i, wanted[i] ? port : 0, endpoints);
            continue;
        }
        print_tcp (endpoints->listen[i], listen_host (config->listen).text, port);
        print_tcp (endpoints->local[i], local_host (config->listen).text, port);
        print_tcp (endpoints->address[i], address, port);
    }
    return bg_ok ();
}
