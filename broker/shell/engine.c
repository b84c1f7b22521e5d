/*  The core as something that can be thrown away and made again from its store: recovery is the
    normal start.  */
#include "broker/shell/shell_private.h"

#include "common/sys/clock.h"

#include <stdio.h>

bg_now shell_now (void)
{
    return (bg_now){bg_clock_utc_us (), bg_clock_mono_us (), bg_clock_boot_us ()};
}

/*  ---- settings ----  */

static bg_result no_authority (shell *self, bg_error *err)
{
    bg_ignore (bg_fail (err, BG_FOREIGN_FILE,
        "%s has no authority in it: it is not a store that bugle init made", self->db_path));
    return bg_hint (
        err, "put the store back from a backup, or make a new broker in another directory");
}

/*  The newest authority says which installation this is and which keys the broker has.  */
static bg_result read_authority (shell *self, bg_error *err)
{
    const broker_store *store = broker_db_port (self->db);
    BG_AUTO_ARENA arena = {0};
    broker_document_record record;
    bool found = false;
    BG_TRY (store->document_get (store->ctx, (bg_id){0}, 0, &arena, &record, &found, err));
    if (!found)
        return no_authority (self, err);
    wire_signed outer;
    wire_document document;
    wire_authority authority;
    BG_TRY (WIRE_DECODE (signed, record.signed_bytes, WIRE_AS_MESSAGE, &arena, &outer, err));
    BG_TRY (WIRE_DECODE (document, outer.bytes, WIRE_AS_SIGNED, &arena, &document, err));
    BG_TRY (WIRE_DECODE (authority, document.body, WIRE_AS_SIGNED, &arena, &authority, err));
    self->settings.installation = document.installation;
    self->settings.curve_key = authority.broker_curve_key;
    self->settings.sign_key = authority.broker_sign_key;
    return bg_ok ();
}

static bg_result refuse_key (const shell *self, const char *file, bg_error *err)
{
    BG_AUTO_CHAR path = broker_home_state_path (self->options->home, file);
    bg_ignore (bg_fail (
        err, BG_FOREIGN_FILE, "%s is not the key that this installation's authority names", path));
    return bg_hint (err, "put the broker's own key file back from a backup");
}

static bg_result read_keys (shell *self, bg_error *err)
{
    bg_keypair pair;
    BG_TRY (broker_home_sign_key (self->options->home, &pair, err));
    bool is_ours = bg_key_equal (&pair.public_key, &self->settings.sign_key);
    memcpy (self->settings.sign_secret, pair.secret, sizeof self->settings.sign_secret);
    bg_keypair_fini (&pair);
    if (!is_ours)
        return refuse_key (self, "broker.sign.key", err);
    /*  The other key is the front's, which is another account in the system; where it can be read it is
        compared.  */
    if (self->options->home->home.is_system ||
        bg_failed (broker_home_curve_key (self->options->home, &pair, NULL)))
        return bg_ok ();
    is_ours = bg_key_equal (&pair.public_key, &self->settings.curve_key);
    bg_keypair_fini (&pair);
    return is_ours ? bg_ok () : refuse_key (self, "broker.curve.key", err);
}

bg_result shell_engine_settings (shell *self, bg_error *err)
{
    static const broker_socket told[] = {BROKER_ENLIST, BROKER_DESK, BROKER_ORDERS};
    broker_endpoints endpoints;
    BG_TRY (read_authority (self, err));
    BG_TRY (read_keys (self, err));
    BG_TRY (broker_home_endpoints (self->options->home, &endpoints, err));
    broker_settings *settings = &self->settings;
    settings->endpoint_count = 0;
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++)
        settings->endpoints[settings->endpoint_count++] = bg_arena_printf (
            &self->texts, "%s %s", broker_socket_word (told[i]), endpoints.address[told[i]]);
    settings->name = bg_slice_str (self->options->home->config.name);
    settings->version = bg_slice_str (BUGLE_VERSION);
    settings->started_us = bg_clock_utc_us ();
    return bg_ok ();
}

/*  ---- recovery ----  */

static bg_result recover (shell *self, bg_error *err)
{
    bool changed = false;
    bg_now now = shell_now ();
    BG_TRY (broker_db_begin (self->db, err));
    bg_result result = broker_core_recover (self->core, now, err);
    if (bg_is_ok (result))
        result = broker_core_before_commit (self->core, now, &changed, err);
    if (bg_is_ok (result) && changed)
        return broker_db_commit (self->db, err);
    broker_db_rollback (self->db);
    return result;
}

bg_result shell_engine_start (shell *self, bool storage_full, bg_error *err)
{
    broker_outputs_drop (self->outputs);
    broker_core_destroy (&self->core);
    self->settings.storage_full = storage_full;
    self->core = broker_core_create (&self->settings, &self->ports);
    bg_result result = recover (self, err);
    broker_outputs_drop (self->outputs); /*  nobody has asked this core anything yet  */
    if (bg_failed (result)) {
        broker_core_destroy (&self->core);
        return result;
    }
    self->needs_front_up = self->is_greeted;
    return bg_ok ();
}
