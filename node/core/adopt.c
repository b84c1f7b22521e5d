/*  ADOPT: a broker that was restored asks for signed documents that it lacks and this target holds.

    They go out as they came in. Nothing here is secret from the broker: it had them all once.  */
#include "node/core/rooms.h"

#include "proto/frame.h"

#define ADOPTED_BYTES_MAX ((size_t) 200 * 1024)

typedef struct {
    node_core *core;
    wire_signed items[64];
    size_t count;
    size_t bytes;
} adopted;

static void flush (adopted *list)
{
    if (list->count > 0)
        node_say (list->core, NODE_LINK_DESK, WIRE_ADOPTED,
            &(wire_adopted){.documents = list->items, .documents_count = list->count});
    list->count = 0;
    list->bytes = 0;
}

static void add (adopted *list, bg_slice signed_item)
{
    if (list->count == sizeof list->items / sizeof list->items[0] ||
        list->bytes + signed_item.size > ADOPTED_BYTES_MAX)
        flush (list);
    bg_slice copy = bg_arena_copy (&list->core->scratch, signed_item);
    if (bg_failed (
            node_decode_signed (copy, &list->core->scratch, &list->items[list->count], NULL)))
        return;
    list->count++;
    list->bytes += copy.size;
}

/*  All that are held: each is signed by the one before.  */
static bool add_authority (void *visitor, uint64_t version, bg_slice signed_item)
{
    (void) version;
    add (visitor, signed_item);
    return true;
}

/*  The version that is asked for, or, when it is 0, the highest.  */
static bg_result add_document (adopted *list, const wire_reference *what, bg_error *err)
{
    static const node_place places[] = {NODE_PLACE_HELD, NODE_PLACE_REFUSED};
    node_core *self = list->core;
    node_document_row best = {.version = 0};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        node_document_row row;
        bool found = false;
        BG_TRY (self->ports.store->document_get (
            self->ports.store->ctx, places[i], what->key, &self->scratch, &row, &found, err));
        if (found && (what->version ? row.version == what->version : row.version > best.version))
            best = row;
    }
    if (best.version)
        add (list, best.signed_item);
    return bg_ok ();
}

bg_result node_adopt (node_core *self, const wire_adopt *ask, bg_error *err)
{
    adopted *list = bg_arena_array (&self->scratch, adopted, 1);
    list->core = self;
    if (!self->enlisted || !node_session_is_up (self))
        return bg_ok ();
    for (size_t i = 0; i < ask->what_count; i++)
        if (ask->what[i].type == WIRE_TYPE_AUTHORITY)
            BG_TRY (self->ports.store->authority_each (
                self->ports.store->ctx, 0, add_authority, list, err));
    for (size_t i = 0; i < ask->what_count; i++)
        if (ask->what[i].type != WIRE_TYPE_AUTHORITY)
            BG_TRY (add_document (list, &ask->what[i], err));
    flush (list);
    /*  What came of it shows in the digest of the next poll.  */
    node_poll_want (self);
    return bg_ok ();
}
