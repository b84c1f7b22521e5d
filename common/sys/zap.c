/*  The ZAP handler: a thread that answers libzmq's question "may this key finish its handshake?"
    from a table.

    Not here: the table itself (zap_table.c) and the self-test (zap_test.c). The thread touches no
    file, clock or log.

    Invariants: table, open domains and refusals are only touched with the lock held. Every request
    gets exactly one answer, a refusal for anything not understood, because the REP socket would
    stand still otherwise. The thread ends only when asked; every other end aborts the process.
*/
#include "common/sys/zap.h"
#include "common/sys/zap_private.h"
#include "common/sys/zap_table.h"
#include "common/sys/zmessage.h"

#include <czmq.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>

#define ZAP_ENDPOINT "inproc://zeromq.zap.01"
#define ZAP_VERSION  "1.0"

enum { TAG_BYTES = 16, OPEN_DOMAINS_MAX = 8, SELF_TEST_TIMEOUT_US = 10000000 };

/*  Frames of a request, RFC 27.  */
enum {
    REQUEST_VERSION,
    REQUEST_ID,
    REQUEST_DOMAIN,
    REQUEST_ADDRESS,
    REQUEST_IDENTITY,
    REQUEST_MECHANISM,
    REQUEST_KEY,
    REQUEST_FRAMES,
};

struct bg_zap {
    zactor_t *actor;
    zsock_t *handler; /*  owned by the thread once that runs  */
    char tag[2 * TAG_BYTES + 1];
    atomic_uint_fast64_t admitted;
    atomic_uint_fast64_t refused;
    atomic_uint_fast64_t malformed;

    pthread_mutex_t lock;
    zap_table *table;
    char open_domains[OPEN_DOMAINS_MAX][BG_ZAP_DOMAIN_MAX + 1]; /*  "": free  */
    bg_zap_refusal refusals[BG_ZAP_REFUSALS_MAX];
    size_t refusal_count;
};

/*  The thread.  */

_Noreturn static void die (const char *what)
{
    dprintf (STDERR_FILENO,
        "authentication handler failed: %s: %s; nobody could be authenticated, so the process "
        "ends\n",
        what, zmq_strerror (zmq_errno ()));
    abort ();
}

static bool is_self_test (const char *domain)
{
    return strcmp (domain, ZAP_SELF_TEST_DOMAIN) == 0;
}

static bool is_admitted (bg_zap *self, const char *domain, const bg_key *key)
{
    for (size_t i = 0; i < OPEN_DOMAINS_MAX; i++) {
        if (self->open_domains[i][0] && strcmp (self->open_domains[i], domain) == 0)
            return true;
    }
    return zap_table_find (self->table, domain, key) != NULL;
}

static void remember_refusal (bg_zap *self, const char *domain, const bg_key *key, bg_slice address)
{
    if (self->refusal_count == BG_ZAP_REFUSALS_MAX)
        return;
    address = bg_zmessage_plain_address (address);
    bg_zap_refusal *refusal = &self->refusals[self->refusal_count++];
    *refusal = (bg_zap_refusal){.key = *key};
    snprintf (refusal->domain, sizeof refusal->domain, "%s", domain);
    size_t size = address.size < BG_ZAP_ADDRESS_MAX ? address.size : BG_ZAP_ADDRESS_MAX;
    for (size_t i = 0; i < size; i++)
        refusal->address[i] =
            address.data[i] > ' ' && address.data[i] < 127 ? (char) address.data[i] : '?';
}

/*  False when it is no CURVE request of a domain that we could know.  */
static bool parse (const bg_zmessage *request, char *domain, bg_key *key)
{
    if (request->count != REQUEST_FRAMES)
        return false;
    bg_slice name = bg_zmessage_frame (request, REQUEST_DOMAIN);
    bg_slice bytes = bg_zmessage_frame (request, REQUEST_KEY);
    if (!bg_slice_is (bg_zmessage_frame (request, REQUEST_VERSION), ZAP_VERSION) ||
        !bg_slice_is (bg_zmessage_frame (request, REQUEST_MECHANISM), "CURVE") || name.size == 0 ||
        name.size > BG_ZAP_DOMAIN_MAX || memchr (name.data, 0, name.size) ||
        bytes.size != sizeof key->bytes)
        return false;
    memcpy (domain, name.data, name.size);
    domain[name.size] = '\0';
    memcpy (key->bytes, bytes.data, bytes.size);
    return true;
}

/*  Writes the User-Id of an admitted peer; false refuses it. is_whole: no frames were cut off.  */
static bool decide (
    bg_zap *self, const bg_zmessage *request, bool is_whole, char user_id[BG_ZAP_USER_ID_SIZE])
{
    char domain[BG_ZAP_DOMAIN_MAX + 1];
    bg_key key;
    if (!is_whole || !parse (request, domain, &key)) {
        atomic_fetch_add (&self->malformed, 1);
        return false;
    }
    bool is_counted = !is_self_test (domain);
    pthread_mutex_lock (&self->lock);
    bool is_in = is_admitted (self, domain, &key);
    if (!is_in && is_counted)
        remember_refusal (self, domain, &key, bg_zmessage_frame (request, REQUEST_ADDRESS));
    pthread_mutex_unlock (&self->lock);
    if (is_counted)
        atomic_fetch_add (is_in ? &self->admitted : &self->refused, 1);
    if (is_in)
        snprintf (user_id, BG_ZAP_USER_ID_SIZE, "%s:%s", self->tag, bg_key_text (&key).text);
    return is_in;
}

static void reply_frame (void *socket, bg_slice frame, int flags)
{
    if (zmq_send (socket, frame.data, frame.size, flags) < 0)
        die ("cannot answer");
}

/*  False when there was no request.  */
static bool answer (bg_zap *self, void *socket)
{
    BG_AUTO_ZMESSAGE request = {0};
    bg_result result = bg_zmessage_receive (&request, socket, false, REQUEST_FRAMES, NULL);
    if (result.code == BG_AGAIN)
        return false;
    if (result.code != BG_OK && result.code != BG_TOO_LARGE)
        die ("cannot receive");
    char user_id[BG_ZAP_USER_ID_SIZE] = "";
    bool is_in = decide (self, &request, bg_is_ok (result), user_id);
    bg_slice id =
        request.count > REQUEST_ID ? bg_zmessage_frame (&request, REQUEST_ID) : (bg_slice){0};
    reply_frame (socket, bg_slice_str (ZAP_VERSION), ZMQ_SNDMORE);
    reply_frame (socket, id, ZMQ_SNDMORE);
    reply_frame (socket, bg_slice_str (is_in ? "200" : "400"), ZMQ_SNDMORE);
    reply_frame (socket, bg_slice_str (is_in ? "OK" : "key not known"), ZMQ_SNDMORE);
    reply_frame (socket, bg_slice_str (user_id), ZMQ_SNDMORE);
    reply_frame (socket, (bg_slice){0}, 0);
    return true;
}

static void run (zsock_t *pipe, void *arg)
{
    bg_zap *self = arg;
    void *socket = zsock_resolve (self->handler);
    zmq_pollitem_t items[] = {
        {.socket = zsock_resolve (pipe), .events = ZMQ_POLLIN},
        {.socket = socket, .events = ZMQ_POLLIN},
    };
    zsock_signal (pipe, 0);
    /*  The only thing that ever comes down the pipe is zactor's order to end.  */
    while (!(items[0].revents & ZMQ_POLLIN)) {
        if (zmq_poll (items, 2, -1) < 0 && zmq_errno () != EINTR)
            die ("cannot wait");
        if (items[1].revents & ZMQ_POLLIN) {
            while (answer (self, socket))
                ;
        }
    }
    zsock_destroy (&self->handler);
}

/*  The owner.  */

static bg_result start (bg_zap *self, bg_error *err)
{
    self->handler = zsock_new (ZMQ_REP);
    if (!self->handler)
        return bg_fail (err, BG_IO, "cannot make the authentication handler's socket: %s",
            zmq_strerror (zmq_errno ()));
    if (zmq_bind (zsock_resolve (self->handler), ZAP_ENDPOINT) != 0)
        return bg_fail (err, zmq_errno () == EADDRINUSE ? BG_BUSY : BG_IO,
            "cannot start the authentication handler: %s", zmq_strerror (zmq_errno ()));
    self->actor = zactor_new (run, self);
    if (!self->actor)
        return bg_fail (err, BG_IO, "cannot start the authentication handler's thread");
    return bg_ok ();
}

bg_result bg_zap_create (bg_zap **zap, bg_error *err)
{
    bg_zap *self = bg_alloc (sizeof *self);
    pthread_mutex_init (&self->lock, NULL);
    self->table = zap_table_create ();
    uint8_t tag[TAG_BYTES];
    randombytes_buf (tag, sizeof tag);
    bg_hex_encode (bg_slice_of (tag, sizeof tag), self->tag);
    bg_result result = start (self, err);
    if (bg_is_ok (result))
        result = bg_zap_self_test (self, SELF_TEST_TIMEOUT_US, err);
    if (bg_failed (result)) {
        bg_zap_destroy (&self);
        return result;
    }
    *zap = self;
    return bg_ok ();
}

void bg_zap_destroy (bg_zap **self_p)
{
    bg_zap *self = *self_p;
    if (!self)
        return;
    zactor_destroy (&self->actor);
    zsock_destroy (&self->handler);
    zap_table_destroy (&self->table);
    pthread_mutex_destroy (&self->lock);
    sodium_memzero (self->tag, sizeof self->tag);
    free (self);
    *self_p = NULL;
}

bg_result bg_zap_open_domain (bg_zap *self, const char *domain, bool is_open, bg_error *err)
{
    if (!*domain || strlen (domain) > BG_ZAP_DOMAIN_MAX)
        return bg_fail (err, BG_INVALID, "a ZAP domain has 1 to %d characters", BG_ZAP_DOMAIN_MAX);
    pthread_mutex_lock (&self->lock);
    char *slot = NULL;
    for (size_t i = 0; i < OPEN_DOMAINS_MAX; i++) {
        char *each = self->open_domains[i];
        if (strcmp (each, domain) == 0) {
            slot = each;
            break;
        }
        if (!*each && !slot)
            slot = each;
    }
    if (slot && (is_open || strcmp (slot, domain) == 0))
        snprintf (slot, BG_ZAP_DOMAIN_MAX + 1, "%s", is_open ? domain : "");
    pthread_mutex_unlock (&self->lock);
    if (!slot && is_open)
        return bg_fail (err, BG_LIMIT, "more than %d open ZAP domains", OPEN_DOMAINS_MAX);
    return bg_ok ();
}

bg_result bg_zap_add (bg_zap *self, const bg_zap_entry *entry, bg_error *err)
{
    pthread_mutex_lock (&self->lock);
    bg_result result = zap_table_put (self->table, entry, err);
    pthread_mutex_unlock (&self->lock);
    return result;
}

static bg_result unknown_key (const char *domain, const bg_key *key, bg_error *err)
{
    return bg_fail (err, BG_NOT_FOUND, "key %s is not known in %s", bg_key_text (key).text, domain);
}

bg_result bg_zap_remove (bg_zap *self, const char *domain, const bg_key *key, bg_error *err)
{
    pthread_mutex_lock (&self->lock);
    bool was_there = zap_table_remove (self->table, domain, key);
    pthread_mutex_unlock (&self->lock);
    return was_there ? bg_ok () : unknown_key (domain, key, err);
}

bg_result bg_zap_replace (bg_zap *self, const bg_zap_entry *entries, size_t count, bg_error *err)
{
    zap_table *fresh = zap_table_create ();
    bg_result result = bg_ok ();
    for (size_t i = 0; i < count && bg_is_ok (result); i++)
        result = zap_table_put (fresh, &entries[i], err);
    if (bg_is_ok (result)) {
        pthread_mutex_lock (&self->lock);
        zap_table *old = self->table;
        self->table = fresh;
        fresh = old;
        pthread_mutex_unlock (&self->lock);
    }
    zap_table_destroy (&fresh);
    return result;
}

bg_result bg_zap_find (
    bg_zap *self, const char *domain, const bg_key *key, char *principal, bg_error *err)
{
    pthread_mutex_lock (&self->lock);
    const char *found = zap_table_find (self->table, domain, key);
    if (found && principal)
        snprintf (principal, BG_ZAP_PRINCIPAL_MAX + 1, "%s", found);
    pthread_mutex_unlock (&self->lock);
    return found ? bg_ok () : unknown_key (domain, key, err);
}

bool bg_zap_check_user_id (const bg_zap *self, const char *user_id, bg_key *key_out)
{
    enum { TAG_TEXT = 2 * TAG_BYTES };
    if (!user_id || strlen (user_id) != BG_ZAP_USER_ID_SIZE - 1 || user_id[TAG_TEXT] != ':')
        return false;
    if (sodium_memcmp (user_id, self->tag, TAG_TEXT) != 0)
        return false;
    return bg_is_ok (bg_key_parse (bg_slice_str (user_id + TAG_TEXT + 1), key_out, NULL));
}

bg_zap_counts bg_zap_count (const bg_zap *self)
{
    return (bg_zap_counts){
        .admitted = atomic_load (&self->admitted),
        .refused = atomic_load (&self->refused),
        .malformed = atomic_load (&self->malformed),
    };
}

size_t bg_zap_take_refusals (bg_zap *self, bg_zap_refusal *refusals, size_t max)
{
    pthread_mutex_lock (&self->lock);
    size_t taken = self->refusal_count < max ? self->refusal_count : max;
    memcpy (refusals, self->refusals, taken * sizeof *refusals);
    self->refusal_count -= taken;
    memmove (self->refusals, self->refusals + taken, self->refusal_count * sizeof *refusals);
    pthread_mutex_unlock (&self->lock);
    return taken;
}
