/*  The steps of a probe: see probe.h. ZMTP 3.1 (ZeroMQ RFC 37) and CurveZMQ (RFC 26) as far as HELLO and WELCOME, said by
    hand on a plain socket: libzmq tells a closed port, a dropped packet and a wrong key apart for nobody.

    Not here: any retry, and anything after WELCOME (the other side learns neither who we are nor that we meant it).

    Invariants: one descriptor at a time, always non-blocking; every wait ends at until_us.  */
#include "common/sys/probe.h"

#include "common/sys/clock.h"
#include "common/sys/file.h"
#include "common/sys/random.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/*  ZMTP: signature, version and mechanism of a greeting; then short command frames.  */
#define GREETING_BYTES  64
#define SIGNATURE_BYTES 10
#define MECHANISM_AT    12
#define MECHANISM_BYTES 20
#define FRAME_COMMAND   0x04
/*  CurveZMQ.  */
#define HELLO_BYTES   200
#define WELCOME_BYTES 168
#define WELCOME_PLAIN 128 /*  S' and the cookie  */

typedef struct {
    bg_probe *probe;
    const bg_key *key;
    int64_t until_us;
} attempt;

/*  ---- the endpoint ----  */

static bg_result no_endpoint (const char *endpoint, bg_error *err)
{
    bg_ignore (bg_fail (err, BG_INVALID, "%.80s is not an endpoint", endpoint));
    return bg_hint (err, "write tcp://HOST:PORT or ipc:///PATH");
}

static bg_result split_endpoint (const char *endpoint, bg_probe *probe, bg_error *err)
{
    *probe = (bg_probe){0};
    if (strlen (endpoint) >= sizeof probe->endpoint)
        return no_endpoint (endpoint, err);
    memcpy (probe->endpoint, endpoint, strlen (endpoint));
    if (strncmp (endpoint, "ipc://", 6) == 0 && endpoint[6]) {
        memcpy (probe->host, endpoint + 6, strlen (endpoint + 6));
        return bg_ok ();
    }
    const char *colon = strrchr (endpoint, ':');
    if (strncmp (endpoint, "tcp://", 6) != 0 || colon < endpoint + 7)
        return no_endpoint (endpoint, err);
    char *end = NULL;
    long port = strtol (colon + 1, &end, 10);
    if (*end || end == colon + 1 || port < 1 || port > UINT16_MAX)
        return no_endpoint (endpoint, err);
    probe->port = (uint16_t) port;
    const char *host = endpoint + 6;
    size_t size = (size_t) (colon - host);
    if (size > 2 && host[0] == '[' && host[size - 1] == ']')
        host++, size -= 2;
    memcpy (probe->host, host, size);
    struct in6_addr number;
    probe->is_name = inet_pton (AF_INET, probe->host, &number) != 1 &&
                     inet_pton (AF_INET6, probe->host, &number) != 1;
    return bg_ok ();
}

/*  The ports of a broker that whoever was to reach this one needs; callers with other ports say it themselves.  */
static void name_ports (bg_probe *probe)
{
    bool is_target = probe->port >= 7411 && probe->port <= 7413;
    if (is_target)
        snprintf (probe->ports, sizeof probe->ports, "7411 (orders), 7412 (desk), 7413 (enlist)");
    else if (probe->port == 7414)
        snprintf (probe->ports, sizeof probe->ports, "7414 (ops, for the CLI)");
    else
        snprintf (probe->ports, sizeof probe->ports, "%u", probe->port);
}

/*  ---- the name ----  */

/*  One question for the resolver, asked by a thread of its own. Whoever comes second, the asker who stops waiting
    or the thread with its answer, frees it.  */
typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t answered;
    bool is_over; /*  one of the two is done with it  */
    struct addrinfo hints;
    char host[256];
    char port[8];
    int error;
    struct addrinfo *found;
} lookup;

static void free_lookup (lookup *self)
{
    (void) pthread_cond_destroy (&self->answered);
    (void) pthread_mutex_destroy (&self->lock);
    free (self);
}

static void *ask_resolver (void *arg)
{
    lookup *self = arg;
    struct addrinfo *found = NULL;
    const int error = getaddrinfo (self->host, self->port, &self->hints, &found);
    (void) pthread_mutex_lock (&self->lock);
    const bool nobody_waits = self->is_over;
    self->is_over = true;
    self->error = error;
    self->found = error ? NULL : found;
    (void) pthread_cond_signal (&self->answered);
    (void) pthread_mutex_unlock (&self->lock);
    if (nobody_waits) {
        if (self->found)
            freeaddrinfo (self->found);
        free_lookup (self);
    }
    return NULL;
}

/*  Signals stay with the thread that asks.  */
static bool start_lookup (lookup *self)
{
    pthread_t thread;
    sigset_t all;
    sigset_t before;
    (void) sigfillset (&all);
    (void) pthread_sigmask (SIG_SETMASK, &all, &before);
    const bool started = pthread_create (&thread, NULL, ask_resolver, self) == 0;
    (void) pthread_sigmask (SIG_SETMASK, &before, NULL);
    if (started)
        (void) pthread_detach (thread);
    return started;
}

static lookup *make_lookup (const attempt *of, int family, int flags)
{
    lookup *self = bg_alloc (sizeof *self);
    pthread_condattr_t monotonic;
    (void) pthread_mutex_init (&self->lock, NULL);
    (void) pthread_condattr_init (&monotonic);
    (void) pthread_condattr_setclock (&monotonic, CLOCK_MONOTONIC);
    (void) pthread_cond_init (&self->answered, &monotonic);
    (void) pthread_condattr_destroy (&monotonic);
    snprintf (self->host, sizeof self->host, "%s", of->probe->host);
    snprintf (self->port, sizeof self->port, "%u", of->probe->port);
    self->hints = (struct addrinfo){
        .ai_family = family, .ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV};
    return self;
}

/*  getaddrinfo with an end: the resolver's own patience is ten seconds and more. NULL: *error is what it said. A
    question that is still asked then keeps its memory until it is answered.  */
static struct addrinfo *look_up (const attempt *self, int family, int flags, int *error)
{
    lookup *asked = make_lookup (self, family, flags);
    *error = EAI_AGAIN;
    if (!start_lookup (asked)) {
        free_lookup (asked);
        return NULL;
    }
    const struct timespec until = {self->until_us / 1000000, self->until_us % 1000000 * 1000};
    (void) pthread_mutex_lock (&asked->lock);
    while (!asked->is_over &&
           pthread_cond_timedwait (&asked->answered, &asked->lock, &until) != ETIMEDOUT)
        ;
    const bool is_answered = asked->is_over;
    struct addrinfo *found = is_answered ? asked->found : NULL;
    if (is_answered)
        *error = asked->error;
    asked->is_over = true;
    (void) pthread_mutex_unlock (&asked->lock);
    if (is_answered)
        free_lookup (asked);
    return found;
}

/*  A version 4 address that wears version 6 is written as what it is.  */
static void print_address (const struct sockaddr *address, char *text, size_t size)
{
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *) (const void *) address;
    const struct sockaddr_in *four = (const struct sockaddr_in *) (const void *) address;
    if (address->sa_family == AF_INET)
        (void) inet_ntop (AF_INET, &four->sin_addr, text, (socklen_t) size);
    else if (IN6_IS_ADDR_V4MAPPED (&six->sin6_addr))
        (void) inet_ntop (AF_INET, &six->sin6_addr.s6_addr[12], text, (socklen_t) size);
    else
        (void) inet_ntop (AF_INET6, &six->sin6_addr, text, (socklen_t) size);
}

/*  All that the name means, each once, for the sentence.  */
static void list_addresses (const attempt *self)
{
    char *text = self->probe->addresses;
    int error;
    struct addrinfo *found = look_up (self, AF_UNSPEC, 0, &error);
    for (const struct addrinfo *at = found; at; at = at->ai_next) {
        char one[64];
        print_address (at->ai_addr, one, sizeof one);
        size_t used = strlen (text);
        if (!strstr (text, one) && used + strlen (one) + 3 < BG_PROBE_ADDRESSES_MAX)
            snprintf (text + used, BG_PROBE_ADDRESSES_MAX - used, "%s%s", used ? ", " : "", one);
    }
    freeaddrinfo (found);
}

/*  The address that libzmq takes: the first of version 6, else of version 4 mapped into it (ZMQ_IPV6 is on).  */
static bool resolve (const attempt *self, struct sockaddr_storage *address, socklen_t *size)
{
    bg_probe *probe = self->probe;
    int error;
    struct addrinfo *found = look_up (self, AF_INET6, AI_V4MAPPED, &error);
    if (!found) {
        bool is_known = error == EAI_NONAME || error == EAI_NODATA;
        probe->state = is_known ? BG_PROBE_NO_NAME : BG_PROBE_NO_RESOLVER;
        return false;
    }
    memcpy (address, found->ai_addr, found->ai_addrlen);
    *size = found->ai_addrlen;
    freeaddrinfo (found);
    print_address ((const struct sockaddr *) address, probe->address, sizeof probe->address);
    /*  A machine without version 6 has no such sockets.  */
    struct sockaddr_in6 *six = (struct sockaddr_in6 *) address;
    if (IN6_IS_ADDR_V4MAPPED (&six->sin6_addr)) {
        struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = six->sin6_port};
        memcpy (&four.sin_addr, &six->sin6_addr.s6_addr[12], sizeof four.sin_addr);
        *address = (struct sockaddr_storage){0};
        memcpy (address, &four, sizeof four);
        *size = sizeof four;
    }
    if (probe->is_name)
        list_addresses (self);
    return true;
}

/*  ---- the connection ----  */

static bool wait_for (const attempt *self, int fd, short events)
{
    for (;;) {
        int64_t left_us = self->until_us - bg_clock_mono_us ();
        struct pollfd item = {.fd = fd, .events = events};
        int ready = poll (&item, 1, left_us > 0 ? (int) ((left_us + 999) / 1000) : 0);
        if (ready > 0)
            return true;
        if (ready == 0 || errno != EINTR)
            return false;
    }
}

static bg_probe_state state_of (int cause)
{
    switch (cause) {
    case ECONNREFUSED:
    case ECONNRESET:
    case ENOENT:
        return BG_PROBE_REFUSED;
    case EPERM:
    case EACCES:
        return BG_PROBE_FORBIDDEN;
    case ETIMEDOUT:
        return BG_PROBE_FILTERED;
    default: /*  ENETUNREACH, EHOSTUNREACH; EINVAL is a blackhole route of this machine  */
        return BG_PROBE_NO_ROUTE;
    }
}

/*  Sets the state and returns -1 when there is no connection.  */
static int connect_to (const attempt *self, const struct sockaddr *address, socklen_t size)
{
    BG_AUTO_FD fd = socket (address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int cause = fd < 0 ? errno : 0;
    if (fd >= 0 && connect (fd, address, size) != 0)
        cause = errno;
    if (cause == EINPROGRESS) {
        socklen_t length = sizeof cause;
        cause = ETIMEDOUT;
        if (wait_for (self, fd, POLLOUT))
            (void) getsockopt (fd, SOL_SOCKET, SO_ERROR, &cause, &length);
    }
    if (cause) {
        self->probe->state = state_of (cause);
        return -1;
    }
    int connected = fd;
    fd = -1;
    return connected;
}

static int connect_path (const attempt *self)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen (self->probe->host) >= sizeof address.sun_path) {
        self->probe->state = BG_PROBE_REFUSED;
        return -1;
    }
    memcpy (address.sun_path, self->probe->host, strlen (self->probe->host));
    return connect_to (self, (const struct sockaddr *) &address, sizeof address);
}

static int open_connection (const attempt *self)
{
    struct sockaddr_storage address = {0};
    socklen_t size = 0;
    if (self->probe->port == 0)
        return connect_path (self);
    if (!resolve (self, &address, &size))
        return -1;
    return connect_to (self, (const struct sockaddr *) &address, size);
}

/*  ---- the conversation ----  */

/*  What was sent into a connection that ends is answered by its end.  */
static void say_bytes (int fd, const uint8_t *bytes, size_t size)
{
    ssize_t sent = send (fd, bytes, size, MSG_NOSIGNAL);
    (void) sent;
}

typedef enum { HEARD_ALL, HEARD_END, HEARD_NOTHING } heard;

/*  Until size bytes are there; *got counts what came.  */
static heard hear (const attempt *self, int fd, uint8_t *bytes, size_t size, size_t *got)
{
    while (*got < size) {
        if (!wait_for (self, fd, POLLIN))
            return HEARD_NOTHING;
        ssize_t more = recv (fd, bytes + *got, size - *got, 0);
        if (more < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (more <= 0)
            return HEARD_END;
        *got += (size_t) more;
    }
    return HEARD_ALL;
}

static bg_probe_state greet (const attempt *self, int fd)
{
    static const uint8_t signature[SIGNATURE_BYTES] = {0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f};
    uint8_t greeting[GREETING_BYTES] = {0};
    memcpy (greeting, signature, sizeof signature);
    greeting[SIGNATURE_BYTES] = 3;
    greeting[SIGNATURE_BYTES + 1] = 1;
    memcpy (greeting + MECHANISM_AT, "CURVE", 5);
    say_bytes (fd, greeting, sizeof greeting);
    uint8_t other[GREETING_BYTES];
    size_t got = 0;
    /*  A greeting that begins otherwise is another protocol's, and may never become 64 bytes.  */
    heard begin = hear (self, fd, other, SIGNATURE_BYTES, &got);
    if (got && (other[0] != 0xff || (got == SIGNATURE_BYTES && !(other[9] & 1))))
        return BG_PROBE_FOREIGN;
    heard all = begin == HEARD_ALL ? hear (self, fd, other, sizeof other, &got) : begin;
    if (all == HEARD_NOTHING)
        return BG_PROBE_SILENT;
    if (all == HEARD_END || other[SIGNATURE_BYTES] < 3)
        return BG_PROBE_FOREIGN;
    const uint8_t *mechanism = other + MECHANISM_AT;
    return memcmp (mechanism, greeting + MECHANISM_AT, MECHANISM_BYTES) == 0 ? BG_PROBE_WELL
                                                                             : BG_PROBE_FOREIGN;
}

static void make_nonce (
    uint8_t nonce[crypto_box_NONCEBYTES], const char *prefix, const uint8_t *rest, size_t rest_size)
{
    memcpy (nonce, prefix, crypto_box_NONCEBYTES - rest_size);
    memcpy (nonce + crypto_box_NONCEBYTES - rest_size, rest, rest_size);
}

/*  HELLO is sealed for the key, so only its owner can read it; WELCOME is sealed by the same one.  */
static bg_probe_state shake_hands (const attempt *self, int fd)
{
    static const uint8_t first[8] = {0, 0, 0, 0, 0, 0, 0, 1};
    static const uint8_t zeros[64];
    uint8_t own_public[crypto_box_PUBLICKEYBYTES], own_secret[crypto_box_SECRETKEYBYTES];
    uint8_t nonce[crypto_box_NONCEBYTES];
    uint8_t hello[2 + HELLO_BYTES] = {FRAME_COMMAND, HELLO_BYTES, 5, 'H', 'E', 'L', 'L', 'O', 1, 0};
    (void) crypto_box_keypair (own_public, own_secret);
    make_nonce (nonce, "CurveZMQHELLO---", first, sizeof first);
    uint8_t *at = hello + 2 + 8 + 72;
    memcpy (at, own_public, sizeof own_public);
    memcpy (at + 32, first, sizeof first);
    if (crypto_box_easy (at + 40, zeros, sizeof zeros, nonce, self->key->bytes, own_secret) != 0)
        return BG_PROBE_WRONG_KEY; /*  the key is no point of the curve  */
    say_bytes (fd, hello, sizeof hello);

    static const uint8_t head[10] = {
        FRAME_COMMAND, WELCOME_BYTES, 7, 'W', 'E', 'L', 'C', 'O', 'M', 'E'};
    uint8_t welcome[2 + WELCOME_BYTES], plain[WELCOME_PLAIN];
    size_t got = 0;
    heard answer = hear (self, fd, welcome, sizeof welcome, &got);
    if (answer == HEARD_NOTHING)
        return BG_PROBE_SILENT;
    make_nonce (nonce, "WELCOME-", welcome + sizeof head, 16);
    bool is_right =
        answer == HEARD_ALL && memcmp (welcome, head, sizeof head) == 0 &&
        crypto_box_open_easy (plain, welcome + sizeof head + 16, sizeof welcome - sizeof head - 16,
            nonce, self->key->bytes, own_secret) == 0;
    sodium_memzero (own_secret, sizeof own_secret);
    return is_right ? BG_PROBE_WELL : BG_PROBE_WRONG_KEY;
}

bg_result bg_probe_run (
    const char *endpoint, const bg_key *key, int64_t timeout_us, bg_probe *probe, bg_error *err)
{
    BG_TRY (split_endpoint (endpoint, probe, err));
    name_ports (probe);
    const int64_t start_us = bg_clock_mono_us ();
    const attempt self = {probe, key, start_us + timeout_us};
    probe->has_key = key != NULL;
    BG_AUTO_FD fd = open_connection (&self);
    if (fd >= 0)
        probe->state = greet (&self, fd);
    if (fd >= 0 && key && probe->state == BG_PROBE_WELL)
        probe->state = shake_hands (&self, fd);
    probe->took_us = bg_clock_mono_us () - start_us;
    return bg_ok ();
}
