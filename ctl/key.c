/*  key create, key show: the person's own key, and the public text of it.  */
#include "ctl/identity.h"
#include "ctl/run.h"

static const ctl_column fields[] = {
    {"public", "Public identity", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"file", "Signing key", CTL_CELL_TEXT, CTL_NORMAL, NULL},
};

/*  Alone on stdout, so that it can be handed on; --verbose and the other forms have the rest.  */
static void show (ctl_run *run, const ctl_config *config, const ctl_identity *identity)
{
    BG_AUTO_BUF text = {0};
    ctl_identity_text (identity, &text);
    BG_AUTO_CHAR path = ctl_identity_path (config);
    if (ctl_output_get (run->out)->form == CTL_FORM_TABLE) {
        ctl_print (run->out, "%s\n", bg_buf_cstr (&text));
        ctl_detail (run->out, "signing key: %s", path);
        return;
    }
    ctl_object (run->out, "key", fields, sizeof fields / sizeof fields[0], "public",
        json_pack ("{s:s, s:s}", "public", bg_buf_cstr (&text), "file", path));
}

bg_result ctl_key_create (ctl_run *run, bg_error *err)
{
    ctl_config *config = NULL;
    ctl_identity identity = {0};
    bool is_new = false;
    BG_TRY (ctl_run_config (run, &config, err));
    BG_TRY (ctl_identity_ensure (config, "made by bugle key create", &identity, &is_new, err));
    BG_AUTO_CHAR path = ctl_identity_path (config);
    if (is_new)
        ctl_note (run->out, "made %s; keep a copy in a safe place", path);
    else
        ctl_note (run->out, "%s was there already and is kept", path);
    show (run, config, &identity);
    ctl_identity_fini (&identity);
    return bg_ok ();
}

bg_result ctl_key_show (ctl_run *run, bg_error *err)
{
    ctl_config *config = NULL;
    ctl_identity identity = {0};
    BG_TRY (ctl_run_config (run, &config, err));
    BG_TRY (ctl_identity_load (config, &identity, err));
    show (run, config, &identity);
    ctl_identity_fini (&identity);
    return bg_ok ();
}
