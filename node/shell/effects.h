/*  What the core wants done to the world, held back until its transaction is committed, in order.

    Thrown away when the transaction is rolled back. Everything is copied in.
*/
#ifndef BUGLE_NODE_SHELL_EFFECTS_H
#define BUGLE_NODE_SHELL_EFFECTS_H

#include "node/core/ports.h"

typedef enum {
    NODE_DO_OPEN,
    NODE_DO_CLOSE,
    NODE_DO_SUBSCRIBE,
    NODE_DO_UNSUBSCRIBE,
    NODE_DO_SEND,
    NODE_DO_EXEC_SEND,
    NODE_DO_REPLY,
    NODE_DO_FORGET_KEYS,
} node_effect_kind;

typedef struct {
    node_effect_kind kind;
    node_link link;
    bg_key key;         /*  OPEN: of the broker  */
    uint64_t request;   /*  REPLY  */
    bg_slice slices[3]; /*  OPEN: endpoints; streams, frames, blobs; REPLY: the encoded answer  */
} node_effect;

typedef struct {
    bg_arena arena;
    node_effect *items;
    size_t count;
    size_t capacity;
} node_effects;

/*  Adds one; slices are copied. The returned effect may be completed until the next call.  */
node_effect *node_effects_add (node_effects *self, node_effect_kind kind, node_link link,
    const bg_slice *slices, size_t count);
void node_effects_clear (node_effects *self);
void node_effects_fini (node_effects *self);

#endif
