/*  Kept outputs: encoded blobs one behind the other, each with its length and whether it may be
    lost.

    Keys are gathered up to a message's limit and closed by whatever is sent next, so that a key
    is always known before the answer that makes its owner come.

    Invariant: inside a snapshot (reset to ready) there are only key messages.  */
#include "broker/shell/outputs.h"

#include "common/sys/file.h"
#include "common/sys/random.h"

#include <stdlib.h>
#include <sys/stat.h>

#define KEYS_MAX 1000 /*  of one message, as in inner.def  */

typedef struct {
    size_t offset, size;
    bool is_needed; /*  losing it would leave the front with another key table  */
} output;

struct broker_outputs {
    bg_log *log;
    broker_backup *backup;
    const broker_home *home;
    bg_buf bytes;
    output *items;
    size_t count, room;
    uint64_t dropped;

    wire_peer_key *add, *cut;
    size_t add_count, cut_count;
    bool in_snapshot;
    bool is_first; /*  of the snapshot's messages  */
};

broker_outputs *broker_outputs_create (bg_log *log, broker_backup *backup, const broker_home *home)
{
    broker_outputs *self = bg_alloc (sizeof *self);
    self->log = log;
    self->backup = backup;
    self->home = home;
    self->add = bg_alloc (KEYS_MAX * sizeof *self->add);
    self->cut = bg_alloc (KEYS_MAX * sizeof *self->cut);
    return self;
}

void broker_outputs_destroy (broker_outputs **self_p)
{
    broker_outputs *self = *self_p;
    if (!self)
        return;
    bg_buf_fini (&self->bytes);
    free (self->items);
    free (self->add);
    free (self->cut);
    free (self);
    *self_p = NULL;
}

static void keep (broker_outputs *self, wire_kind kind, const void *value, bool is_needed)
{
    if (self->count == self->room) {
        self->room = self->room ? self->room * 2 : 64;
        self->items = bg_realloc (self->items, self->room * sizeof *self->items);
    }
    size_t offset = self->bytes.size;
    wire_inner_encode (kind, (bg_id){0}, value, &self->bytes);
    self->items[self->count++] = (output){offset, self->bytes.size - offset, is_needed};
}

/*  ---- keys ----  */

static void close_keys (broker_outputs *self, bool is_last)
{
    bool is_part = self->in_snapshot;
    if (self->add_count + self->cut_count == 0 && !is_part)
        return;
    wire_front_keys keys = {.reset = is_part && self->is_first,
        .more = is_part && !is_last,
        .add = self->add,
        .add_count = self->add_count,
        .cut = self->cut,
        .cut_count = self->cut_count};
    keep (self, WIRE_FRONT_KEYS, &keys, true);
    self->add_count = self->cut_count = 0;
    self->is_first = false;
}

static void keys_reset (void *ctx)
{
    broker_outputs *self = ctx;
    close_keys (self, true);
    self->in_snapshot = true;
    self->is_first = true;
}

static void keys_add (void *ctx, wire_channel channel, const bg_key *key)
{
    broker_outputs *self = ctx;
    /*  A front takes additions before cuts: what is added after it was cut goes into a message of
        its own.  */
    if (self->add_count == KEYS_MAX || self->cut_count > 0)
        close_keys (self, false);
    self->add[self->add_count++] = (wire_peer_key){.channel = channel, .key = *key};
}

static void keys_cut (void *ctx, wire_channel channel, const bg_key *key)
{
    broker_outputs *self = ctx;
    if (self->cut_count == KEYS_MAX)
        close_keys (self, false);
    self->cut[self->cut_count++] = (wire_peer_key){.channel = channel, .key = *key};
}

static void keys_ready (void *ctx)
{
    broker_outputs *self = ctx;
    close_keys (self, true);
    self->in_snapshot = false;
}

/*  ---- messages ----  */

static void send_peer (void *ctx, wire_channel channel, const bg_key *peer, bg_slice header,
    bg_slice body, bg_slice sigs)
{
    broker_outputs *self = ctx;
    bg_assert (!self->in_snapshot);
    close_keys (self, true);
    wire_front_message out = {
        .channel = channel, .peer = *peer, .header = header, .body = body, .sigs = sigs};
    keep (self, WIRE_FRONT_OUT, &out, false);
}

static void publish (void *ctx, bg_slice stream, bg_slice header, bg_slice body, bg_slice sigs)
{
    broker_outputs *self = ctx;
    bg_assert (!self->in_snapshot);
    close_keys (self, true);
    wire_front_publish out = {.stream = stream, .header = header, .body = body, .sigs = sigs};
    keep (self, WIRE_FRONT_PUBLISH, &out, false);
}

static void pending (void *ctx, const bg_key *peer, bool is_pending)
{
    broker_outputs *self = ctx;
    bg_assert (!self->in_snapshot);
    close_keys (self, true);
    wire_front_pending out = {.peer = *peer, .pending = is_pending};
    keep (self, WIRE_FRONT_PENDING, &out, false);
}

static void random_bytes (void *ctx, void *bytes, size_t size)
{
    (void) ctx;
    bg_random_bytes (bytes, size);
}

static bg_log_level level_of (broker_log_level level)
{
    switch (level) {
    case BROKER_LOG_ERROR:
        return BG_LOG_ERROR;
    case BROKER_LOG_WARNING:
        return BG_LOG_WARNING;
    case BROKER_LOG_NOTICE:
        return BG_LOG_NOTICE;
    case BROKER_LOG_INFO:
        return BG_LOG_INFO;
    case BROKER_LOG_DEBUG:
        break;
    }
    return BG_LOG_DEBUG;
}

static void log_line (void *ctx, broker_log_level level, const char *event, const char *text)
{
    broker_outputs *self = ctx;
    bg_log_event (self->log, level_of (level), event, "%s", text);
}

static bg_result begin_backup (void *ctx, bg_slice name, bool archive, bg_error *err)
{
    broker_outputs *self = ctx;
    return broker_backup_begin (self->backup, name, archive, err);
}

static uint64_t file_bytes (const broker_home *home, const char *name)
{
    struct stat info;
    BG_AUTO_CHAR path = broker_home_state_path (home, name);
    return stat (path, &info) == 0 ? (uint64_t) info.st_size : 0;
}

static void tell_host (void *ctx, broker_host *host)
{
    broker_outputs *self = ctx;
    BG_AUTO_CHAR path = broker_home_state_path (self->home, "broker.db");
    *host = (broker_host){.store_bytes = file_bytes (self->home, "broker.db") +
                                         file_bytes (self->home, "broker.db-wal")};
    bg_ignore (bg_disk_free (path, &host->free_bytes, NULL));
    broker_backup_host (self->backup, host);
}

void broker_outputs_ports (broker_outputs *self, broker_ports *ports)
{
    ports->ctx = self;
    ports->send = send_peer;
    ports->publish = publish;
    ports->keys_reset = keys_reset;
    ports->keys_add = keys_add;
    ports->keys_cut = keys_cut;
    ports->keys_ready = keys_ready;
    ports->pending = pending;
    ports->random = random_bytes;
    ports->log = log_line;
    ports->backup = begin_backup;
    ports->host = tell_host;
}

/*  ---- the end of a batch ----  */

void broker_outputs_drop (broker_outputs *self)
{
    bg_buf_clear (&self->bytes);
    self->count = 0;
    self->add_count = self->cut_count = 0;
    self->in_snapshot = false;
}

bg_result broker_outputs_release (broker_outputs *self, bg_frames *link, bg_error *err)
{
    close_keys (self, true);
    bg_result result = bg_ok ();
    for (size_t i = 0; link && i < self->count && bg_is_ok (result); i++) {
        const output *item = &self->items[i];
        result =
            bg_frames_send (link, bg_slice_of (self->bytes.data + item->offset, item->size), err);
        if (result.code != BG_OVERLOADED || item->is_needed)
            continue;
        self->dropped++;
        result = bg_ok ();
    }
    broker_outputs_drop (self);
    if (link && bg_is_ok (result))
        result = bg_frames_flush (link, err);
    return result;
}

uint64_t broker_outputs_dropped (const broker_outputs *self)
{
    return self->dropped;
}
