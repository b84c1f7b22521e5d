/*  What a handler gets on demand: configuration and connection (of the person: ask.c).  */
#include "ctl/run.h"

#include "ctl/client.h"

#include <stdlib.h>

void ctl_run_fini (ctl_run *self)
{
    ctl_client_close (&self->client);
    ctl_config_close (&self->config);
    bg_arena_fini (&self->arena);
}

bg_result ctl_run_config (ctl_run *self, ctl_config **config, bg_error *err)
{
    if (self->config == NULL)
        BG_TRY (ctl_config_open (getenv, &self->config, err));
    *config = self->config;
    return bg_ok ();
}

bg_result ctl_run_client (ctl_run *self, ctl_client **client, bg_error *err)
{
    if (self->client == NULL) {
        ctl_config *config = NULL;
        const ctl_context *context = NULL;
        ctl_identity identity = {0};
        const char *wanted = getenv ("BUGLE_CONTEXT");
        if (wanted != NULL && wanted[0] == '\0')
            wanted = NULL;
        BG_TRY (ctl_run_config (self, &config, err));
        BG_TRY (ctl_contexts_find (
            config, ctl_text (self->parsed, CTL_OPT_CONTEXT, wanted), &context, err));
        BG_TRY (ctl_identity_load (config, &identity, err));
        bg_result result = ctl_client_open (self, context, &identity, &self->client, err);
        ctl_identity_fini (&identity);
        BG_TRY (result);
    }
    *client = self->client;
    return bg_ok ();
}
