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
    const bool has_sign = bg_path_exists (self->sign_path);
    const bool has_curve = bg_path_exists (self->curve_path);
    if (has_sign != has_curve) {
        bg_ignore (bg_fail (
            err, BG_FOREIGN_FILE, "%s is missing", has_sign ? self->curve_path : self->sign_path));
        return bg_hint (err,
            "put it back from a copy; without one move %s away too, then: bugle-node defect "
            "--force, and enlist again",
            has_sign ? self->sign_path : self->curve_path);
    }
    if (!has_sign)
        return bg_ok ();
    BG_TRY (bg_keyfile_read (self->sign_path, BG_KEY_ED25519, &self->sign, err));
    BG_TRY (bg_keyfile_read (self->curve_path, BG_KEY_CURVE25519, &self->curve, err));
    self->loaded = true;
    return bg_ok ();
}

bg_result node_keys_need (const node_keys *self, bg_error *err)
{
    if (self->loaded)
        return bg_ok ();
    bg_ignore (
        bg_fail (err, BG_FOREIGN_FILE, "%s and %s are missing", self->sign_path, self->curve_path));
    return bg_hint (err, "put them back from a copy; without one leave with: bugle-node defect "
                         "--force, and enlist again");
}

bg_result node_keys_check (const node_keys *self, const node_store *store, bg_error *err)
{
    BG_AUTO_ARENA arena = {0};
    node_identity identity;
    bool found = false;
    BG_TRY (store->identity_get (store->ctx, &arena, &identity, &found, err));
    if (!found || !self->loaded)
        return bg_ok ();
    const bool is_sign = bg_key_equal (&identity.sign_key, &self->sign.public_key);
    if (is_sign && bg_key_equal (&identity.curve_key, &self->curve.public_key))
        return bg_ok ();
    bg_ignore (bg_fail (err, BG_FOREIGN_FILE,
        "%s holds another key than the one this target was enlisted with",
        is_sign ? self->curve_path : self->sign_path));
    return bg_hint (err, "put the right file back; without it move both key files away, then: "
                         "bugle-node defect --force, "
                         "and enlist again");
}

bg_result node_keys_ensure (node_keys *self, bg_error *err)
{
    if (self->loaded)
        return bg_ok ();
    BG_TRY (bg_keyfile_ensure (
        self->sign_path, BG_KEY_ED25519, "target signing key", &self->sign, NULL, err));
    BG_TRY (bg_keyfile_ensure (
        self->curve_path, BG_KEY_CURVE25519, "target CURVE key", &self->curve, NULL, err));
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
