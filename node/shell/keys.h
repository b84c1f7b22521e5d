/*  The node's own keys: DIR/node/node.sign.key and node.curve.key. Made for the first enlistment, gone with defection.  */
#ifndef BUGLE_NODE_SHELL_KEYS_H
#define BUGLE_NODE_SHELL_KEYS_H

#include "common/sys/home.h"
#include "common/sys/keyfile.h"
#include "node/core/store_port.h"

typedef struct {
    char *sign_path;
    char *curve_path;
    bg_keypair sign;
    bg_keypair curve;
    bool loaded;
} node_keys;

/*  Reads the pairs when they are there. BG_FOREIGN_FILE when a file cannot be used, or one of two is missing.  */
bg_result node_keys_init (node_keys *self, const bg_home *home, bg_error *err) BG_CHECKED;
/*  BG_FOREIGN_FILE when the store knows an enlistment with other keys than those that were read.  */
bg_result node_keys_check (
    const node_keys *self, const node_store *store, bg_error *err) BG_CHECKED;
/*  Fails with a sentence that names the files when there are none: asked where an enlisted node needs them.  */
bg_result node_keys_need (const node_keys *self, bg_error *err) BG_CHECKED;
/*  Makes the pairs when they are not there.  */
bg_result node_keys_ensure (node_keys *self, bg_error *err) BG_CHECKED;
/*  Removes the files and wipes the pairs.  */
void node_keys_forget (node_keys *self);
void node_keys_fini (node_keys *self);

#endif
