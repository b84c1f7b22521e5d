/*  The node's keys: see keys.h.  */
#include "node/shell/keys.h"

#include "common/sys/file.h"

#include <stdlib.h>
#include <unistd.h>

bg_result node_keys_init (node_keys *self, const bg_home *home, bg_error *err)
{
    *self = (node_keys){0};
    self->sign_path = bg_home_path (home, BG_HOME_NODE, "node.sign.key");
    self->curve_path = bg_home_path (home, BG_HOME_NODE, "node.curve.key");
    if (!bg_path_exists (self->sign_path) || !bg_path_exists (self->curve_path))
        return bg_ok ();
    BG_TRY (bg_keyfile_read (self->sign_path, BG_KEY_ED25519, &self->sign, err));
    BG_TRY (bg_keyfile_read (self->curve_path, BG_KEY_CURVE25519, &self->curve, err));
    self->loaded = true;
    return bg_ok ();
}

bg_result node_keys_ensure (node_keys *self, bg_error *err)
{
    if (self->loaded)
        return bg_ok ();
    BG_TRY (bg_keyfile_ensure (self->sign_path, BG_KEY_ED25519, "target signing key", &self->sign, NULL, err));
    BG_TRY (bg_keyfile_ensure (self->curve_path, BG_KEY_CURVE25519, "target CURVE key", &self->curve, NULL, err));
    self->loaded = true;
    return bg_ok ();
}

void node_keys_forget (node_keys *self)
{
    (void) unlink (self->sign_path);
    (void) unlink (self->curve_path);
    /*  A removal that is lost in a power cut leaves keys that nobody admits.  */
    bg_ignore (bg_dir_sync_parent (self->sign_path, NULL));
    bg_keypair_fini (&self->sign);
    bg_keypair_fini (&self->curve);
    self->loaded = false;
}

void node_keys_fini (node_keys *self)
{
    bg_keypair_fini (&self->sign);
    bg_keypair_fini (&self->curve);
    free (self->sign_path);
    free (self->curve_path);
    *self = (node_keys){0};
}
