/*  The inside of the configuration directory, shared by identity.c and contexts.c.  */
#ifndef BUGLE_CTL_CONFIG_PRIVATE_H
#define BUGLE_CTL_CONFIG_PRIVATE_H

#include "common/sys/owner.h"
#include "ctl/identity.h"

struct ctl_config {
    char *dir;
    bool acts_as_owner; /*  we are root and the directory is somebody else's  */
    uid_t owner;
    gid_t owner_group;

    bool is_loaded; /*  contexts.yaml was read  */
    ctl_context *contexts;
    size_t count;
    char *current;
};

/*  The effective user that files are handled as, until ctl_config_leave. Calls do not nest.  */
bg_result ctl_config_enter (const ctl_config *self, bg_owner *before, bg_error *err) BG_CHECKED;
void ctl_config_leave (const bg_owner *before);
/*  Makes the directory 0700, and those above it; call it as the owner.  */
bg_result ctl_config_make_dir (const ctl_config *self, bg_error *err) BG_CHECKED;
void ctl_context_fini (ctl_context *self);

#endif
