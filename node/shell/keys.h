/*  The node's own keys: DIR/node/node.sign.key and node.curve.key. Made for the first enlistment, gone with defection.  */
#ifndef BUGLE_NODE_SHELL_KEYS_H
#define BUGLE_NODE_SHELL_KEYS_H

#include "common/sys/home.h"
#include "common/sys/keyfile.h"

typedef struct {
    char *sign_path;
    char *curve_path;
    bg_keypair sign;
    bg_keypair curve;
    bool loaded;
} node_keys;

/*  Reads the pairs when they are there. BG_FOREIGN_FILE when a file cannot be used.  */
bg_result node_keys_init (node_keys *self, const bg_home *home, bg_error *err) BG_CHECKED;
/*  Makes the pairs when they are not there.  */
bg_result node_keys_ensure (node_keys *self, bg_error *err) BG_CHECKED;
/*  Removes the files and wipes the pairs.  */
void node_keys_forget (node_keys *self);
void node_keys_fini (node_keys *self);

#endif
