/*  Who the person is and which brokers he knows: the configuration directory.

        login.sign.key    Ed25519, signs what he posts and issues
        login.curve.key   X25519, authenticates his connections
        contexts.yaml     the brokers, and which one is current

    It is $BUGLE_CONFIG_DIR, else $XDG_CONFIG_HOME/bugle, else ~/.config/bugle; under sudo ~ is the
    home of the calling user. A process of root handles the files as the user who owns the
    directory, so that under sudo all of it belongs to him; the effective user id changes for the
    length of a call (single-threaded moments only: no call here may overlap with another thread
    that opens files).
*/
#ifndef BUGLE_CTL_IDENTITY_H
#define BUGLE_CTL_IDENTITY_H

#include "common/base/arena.h"
#include "common/sys/keyfile.h"

typedef struct ctl_config ctl_config;

typedef struct {
    bg_keypair sign;
    bg_keypair curve;
} ctl_identity;

/*  A broker. Either home (its directory on this machine; the endpoint is read from its
    run/endpoints each time) or endpoint is set. authority_hash pins the authority that is trusted
    first.  */
typedef struct {
    char *name;
    char *endpoint;
    char *home;
    bg_key broker_key;
    uint8_t authority_hash[32];
} ctl_context;

/*  Finds the directory; nothing is made or read yet. getenv_ is getenv, or a test's.  */
bg_result ctl_config_open (
    char *(*getenv_) (const char *), ctl_config **config, bg_error *err) BG_CHECKED;
void ctl_config_close (ctl_config **self_p);
const char *ctl_config_dir (const ctl_config *self);

/*  Reads both keys. BG_NOT_FOUND with the hint how to make them.  */
bg_result ctl_identity_load (ctl_config *self, ctl_identity *identity, bg_error *err) BG_CHECKED;
/*  Reads them, or makes what is missing. is_new may be NULL: true when the signing key was made.
 * comment: for new files.  */
bg_result ctl_identity_ensure (ctl_config *self, const char *comment, ctl_identity *identity,
    bool *is_new, bg_error *err) BG_CHECKED;
void ctl_identity_fini (ctl_identity *self);
/*  The path of the signing key's file; free() releases it.  */
char *ctl_identity_path (const ctl_config *self);
/*  The public text bugle-p1....  */
void ctl_identity_text (const ctl_identity *self, bg_buf *out);

/*  ---- contexts ---- */

/*  All of them, in order of their names, read at the first call; a missing file has none. Borrowed
 * until the next change.  */
bg_result ctl_contexts_all (
    ctl_config *self, const ctl_context **contexts, size_t *count, bg_error *err) BG_CHECKED;
/*  Name of the current one; NULL when there is none.  */
bg_result ctl_contexts_current (ctl_config *self, const char **name, bg_error *err) BG_CHECKED;
/*  The context of that name, or the current one when name is NULL. BG_NOT_FOUND with the nearest
    name or the hint how to get one.  */
bg_result ctl_contexts_find (
    ctl_config *self, const char *name, const ctl_context **context, bg_error *err) BG_CHECKED;
/*  Adds or replaces (by name) and makes it the current one; is_replaced may be NULL. Written at
 * once.  */
bg_result ctl_contexts_put (
    ctl_config *self, const ctl_context *context, bool *is_replaced, bg_error *err) BG_CHECKED;
bg_result ctl_contexts_switch (ctl_config *self, const char *name, bg_error *err) BG_CHECKED;
bg_result ctl_contexts_drop (ctl_config *self, const char *name, bg_error *err) BG_CHECKED;
/*  Where commands connect: the endpoint itself or what the home says now, with a wildcard address
    replaced by this machine. BG_UNREACHABLE when the broker of that home never ran.  */
bg_result ctl_context_endpoint (const ctl_context *context, bg_buf *out, bg_error *err) BG_CHECKED;

#endif
