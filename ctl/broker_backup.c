/*  broker backup, verify and restore: making a set with the running broker, checking one, and making a home of one. What
    a set is stands in broker/home/backup.h.  */
#include "broker/home/backup.h"
#include "common/base/now.h"
#include "common/sys/clock.h"
#include "common/sys/file.h"
#include "common/sys/hash.h"
#include "common/sys/owner.h"
#include "ctl/option_value.h"
#include "ctl/progress.h"
#include "ctl/sign.h"
#include "ctl/status.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define WAIT_DEFAULT_US BG_HOUR (1)
#define LOOK_EVERY_MS   200

static const ctl_column fields[] = {
    {"path", "Backup", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"copy", "Copy", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"broker", "Of broker", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"installation", "Installation", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"version", "Made by version", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"made", "Made", CTL_CELL_TIME, CTL_NORMAL, NULL},
    {"term", "Term", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"position", "Position", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"bytes", "Bytes", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"files", "Files", CTL_CELL_LIST, CTL_NORMAL, NULL},
    {"authority", "Authority version", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"pin", "First authority", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"documents", "Documents", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"targets", "Targets", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"home", "Home", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"aside", "What was there", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"next", "Next", CTL_CELL_TEXT, CTL_NORMAL, NULL},
};

static json_t *manifest_json (const char *path, const broker_manifest *manifest)
{
    json_t *object = json_pack ("{s:s, s:s, s:s, s:s, s:o, s:I, s:I}", "path", path, "broker",
        manifest->broker, "installation", bg_id_text (manifest->installation).text, "version",
        manifest->version, "made", ctl_json_time (manifest->made_us), "term",
        (json_int_t) manifest->term, "position", (json_int_t) manifest->position);
    json_t *files = json_array ();
    uint64_t bytes = 0;
    for (size_t i = 0; i < manifest->file_count; i++) {
        json_array_append_new (files, json_string (manifest->files[i].name));
        bytes += manifest->files[i].size;
    }
    json_object_set_new (object, "files", files);
    json_object_set_new (object, "bytes", json_integer ((json_int_t) bytes));
    return object;
}

static void show (ctl_run *run, json_t *object)
{
    ctl_object (run->out, "backup", fields, sizeof fields / sizeof fields[0], "path", object);
}

/*  ---- backup ----  */

static bg_result ask_state (ctl_client *client, wire_status **status, bg_error *err)
{
    const wire_status_query query = {.verbose = false};
    return ctl_call (client, WIRE_STATUS_QUERY, &query, WIRE_STATUS, (void **) status, err);
}

bg_result ctl_backup_await (ctl_run *run, int64_t timeout_us, wire_status **status, bg_error *err)
{
    const int64_t until = bg_clock_mono_us () + timeout_us;
    ctl_client *client = NULL;
    ctl_progress progress;
    bg_result result = ctl_run_client (run, &client, err);
    ctl_progress_init (&progress, run->out, bg_clock_mono_us ());
    while (bg_is_ok (result)) {
        char text[64];
        result = ask_state (client, status, err);
        if (bg_failed (result) || (*status)->backup_state != WIRE_BACKUP_RUNNING)
            break;
        if (bg_clock_mono_us () > until) {
            bg_ignore (bg_fail (err, BG_TIMEOUT, "the backup is not whole yet; it goes on"));
            result = bg_hint (err, "see: bugle broker status");
            break;
        }
        snprintf (
            text, sizeof text, "copying: %llu %%", (unsigned long long) (*status)->backup_percent);
        ctl_progress_show (&progress, bg_slice_str (text), bg_clock_mono_us ());
        (void) poll (NULL, 0, LOOK_EVERY_MS);
    }
    ctl_progress_clear (&progress);
    if (bg_failed (result) || (*status)->backup_state == WIRE_BACKUP_DONE)
        return result;
    const bg_slice problem = (*status)->backup_problem;
    bg_ignore (bg_fail (err, BG_STORE, "the backup failed: %.*s",
        BG_SLICE_ARG (problem.size ? problem : bg_slice_str ("the broker was restarted"))));
    return bg_hint (err, "nothing is left of it; try again");
}

/*  A whole set is root's: the core's account may not read the front's key, and nobody but root verifies and restores.  */
static bg_result give_to_root (const char *path, const broker_manifest *manifest, bg_error *err)
{
    if (geteuid () != 0)
        return bg_ok ();
    if (lchown (path, 0, 0) < 0)
        return bg_fail_errno (err, BG_IO, "cannot take over %s", path);
    for (size_t i = 0; i < manifest->file_count; i++) {
        BG_AUTO_CHAR file = bg_path_join (path, manifest->files[i].name);
        if (lchown (file, 0, 0) < 0)
            return bg_fail_errno (err, BG_IO, "cannot take over %s", file);
    }
    return bg_ok ();
}

/*  The key in the system's directories may be of another broker than the one that was asked. Read as its owner: to
    root it would be somebody else's.  */
static bool is_key_of (ctl_run *run, const bg_home *home, const char *path)
{
    ctl_client *client = NULL;
    bg_keypair pair = {0};
    bg_owner before = {0};
    uid_t user = 0;
    gid_t group = 0;
    if (bg_failed (ctl_run_client (run, &client, NULL)) ||
        bg_failed (bg_home_account (home, BG_HOME_FRONT, &user, &group, NULL)) ||
        bg_failed (bg_owner_enter (user, group, &before, NULL)))
        return false;
    const bool is_it = bg_is_ok (bg_keyfile_read (path, BG_KEY_CURVE25519, &pair, NULL)) &&
                       bg_key_equal (&pair.public_key, &ctl_client_context (client)->broker_key);
    bg_owner_leave (&before);
    bg_keypair_fini (&pair);
    return is_it;
}

/*  The front's key, when only root may read it: added here, and MANIFEST with it.  */
static bg_result complete (ctl_run *run, const char *path, broker_manifest *manifest, bg_error *err)
{
    for (size_t i = 0; i < manifest->file_count; i++)
        if (strcmp (manifest->files[i].name, "broker.curve.key") == 0)
            return bg_ok ();
    broker_home home = {0};
    if (bg_failed (bg_home_look (&home.home, NULL, NULL)))
        return bg_ok ();
    BG_AUTO_CHAR from = broker_backup_source (&home, "broker.curve.key");
    BG_AUTO_CHAR to = bg_path_join (path, "broker.curve.key");
    const bool is_ours =
        access (from, R_OK) == 0 && access (path, W_OK) == 0 && is_key_of (run, &home.home, from);
    broker_home_fini (&home);
    if (!is_ours)
        return bg_ok ();
    broker_backup_file *file = &manifest->files[manifest->file_count];
    BG_TRY (broker_backup_copy_file (from, to, err));
    snprintf (file->name, sizeof file->name, "broker.curve.key");
    BG_TRY (bg_file_hash (to, file->hash, &file->size, err));
    manifest->file_count++;
    BG_TRY (broker_manifest_write (path, manifest, err));
    return give_to_root (path, manifest, err);
}

static bg_result copy_set (const char *from, const char *to, bg_error *err)
{
    broker_manifest manifest;
    BG_TRY (broker_manifest_read (from, &manifest, err));
    BG_TRY (bg_dir_make (to, 0700, err));
    for (size_t i = 0; i < manifest.file_count; i++) {
        BG_AUTO_CHAR source = bg_path_join (from, manifest.files[i].name);
        BG_AUTO_CHAR target = bg_path_join (to, manifest.files[i].name);
        BG_TRY (broker_backup_copy_file (source, target, err));
    }
    return broker_manifest_write (to, &manifest, err);
}

static bg_result copy_to (ctl_run *run, const char *path, json_t *object, bg_error *err)
{
    const char *to = ctl_text (run->parsed, CTL_OPT_TO, NULL);
    const char *name = strrchr (path, '/');
    if (!to)
        return bg_ok ();
    BG_AUTO_CHAR copy = bg_path_join (to, name ? name + 1 : path);
    bg_result result = bg_path_exists (copy)
                           ? bg_fail (err, BG_EXISTS, "there is something named %s already", copy)
                           : copy_set (path, copy, err);
    if (bg_failed (result))
        return bg_prefix (err, "the backup is made (%s), but not copied", path);
    json_object_set_new (object, "copy", json_string (copy));
    return bg_ok ();
}

static bg_result show_made (ctl_run *run, const wire_status *status, bg_error *err)
{
    const char *path = bg_arena_str (&run->arena, status->backup_path);
    broker_manifest manifest = {.schema = 0};
    bg_error why = {0};
    json_t *object = NULL;
    bg_result result = broker_manifest_read (path, &manifest, &why);
    if (bg_is_ok (result)) {
        result = complete (run, path, &manifest, err);
        object = manifest_json (path, &manifest);
    } else {
        /*  On another machine, or of another account: the broker's word is all there is.  */
        object = json_pack ("{s:s}", "path", path);
        if (ctl_given (run->parsed, CTL_OPT_TO))
            result = bg_fail (err, BG_NOT_ALLOWED,
                "the backup is made in %s on the broker's machine, which cannot be read from here",
                path);
        else
            result = bg_ok ();
    }
    if (bg_is_ok (result))
        result = copy_to (run, path, object, err);
    if (bg_failed (result)) {
        json_decref (object);
        return result;
    }
    bool has_key = manifest.file_count == 0;
    for (size_t i = 0; i < manifest.file_count; i++)
        has_key |= strcmp (manifest.files[i].name, "broker.curve.key") == 0;
    show (run, object);
    if (!has_key)
        ctl_warn (run->out,
            "the key of the broker's front is not in it: run the command as root on the "
            "broker's machine, or keep broker.curve.key with it");
    return bg_ok ();
}

bg_result ctl_broker_backup (ctl_run *run, bg_error *err)
{
    const bool dry_run = ctl_given (run->parsed, CTL_OPT_DRY_RUN);
    const wire_request ask = {.what = WIRE_REQUEST_BACKUP,
        .name = bg_slice_str (ctl_text (run->parsed, CTL_OPT_NAME, ""))};
    wire_done *done = NULL;
    wire_status *status = NULL;
    const char *to = ctl_text (run->parsed, CTL_OPT_TO, NULL);
    if (to && !*to)
        return bg_fail (err, BG_USAGE, "--to needs a directory");
    BG_TRY (ctl_request (run, &ask, dry_run, &done, err));
    if (dry_run) {
        ctl_note (run->out, "%.*s (dry run: nothing was made)", BG_SLICE_ARG (done->text));
        return bg_ok ();
    }
    BG_TRY (ctl_backup_await (
        run, ctl_duration_us (run->parsed, CTL_OPT_TIMEOUT, WAIT_DEFAULT_US), &status, err));
    return show_made (run, status, err);
}

/*  ---- verify ----  */

static bg_result take_pin (ctl_run *run, uint8_t hash[32], const uint8_t **pinned, bg_error *err)
{
    const char *text = ctl_text (run->parsed, CTL_OPT_AUTHORITY, NULL);
    BG_AUTO_BUF bytes = {0};
    *pinned = NULL;
    if (!text)
        return bg_ok ();
    if (bg_failed (bg_hex_decode (bg_slice_str (text), &bytes, NULL)) || bytes.size != 32) {
        bg_ignore (
            bg_fail (err, BG_USAGE, "--authority: '%.80s' is not the hash of an authority", text));
        return bg_hint (err, "it has 64 hex digits");
    }
    memcpy (hash, bytes.data, 32);
    *pinned = hash;
    return bg_ok ();
}

/*  Whether somebody here has pinned that very authority.  */
static const char *context_of (ctl_run *run, const uint8_t pin[32])
{
    ctl_config *config = NULL;
    const ctl_context *contexts = NULL;
    size_t count = 0;
    if (bg_failed (ctl_run_config (run, &config, NULL)) ||
        bg_failed (ctl_contexts_all (config, &contexts, &count, NULL)))
        return NULL;
    for (size_t i = 0; i < count; i++)
        if (memcmp (contexts[i].authority_hash, pin, 32) == 0)
            return contexts[i].name;
    return NULL;
}

static json_t *report_json (const char *dir, const broker_backup_report *report)
{
    char pin[65];
    bg_hex_encode (bg_slice_of (report->pin, 32), pin);
    json_t *object = manifest_json (dir, &report->manifest);
    json_object_set_new (object, "authority", json_integer ((json_int_t) report->authority));
    json_object_set_new (object, "pin", json_string (pin));
    json_object_set_new (object, "documents", json_integer ((json_int_t) report->documents));
    json_object_set_new (object, "targets", json_integer ((json_int_t) report->targets));
    json_object_set_new (object, "whole", json_boolean (report->has_curve_key));
    return object;
}

static void say_trust (ctl_run *run, const broker_backup_report *report, const uint8_t *pinned)
{
    const char *context = context_of (run, report->pin);
    if (pinned)
        ctl_note (run->out, "its first authority is the one that was given");
    else if (context)
        ctl_note (run->out, "its first authority is the one that context %s trusts", context);
    else
        ctl_warn (run->out,
            "no context here knows its first authority: compare the hash, or give it with "
            "--authority");
    if (!report->has_curve_key)
        ctl_warn (run->out,
            "the key of the broker's front is not in it: without broker.curve.key it cannot be "
            "restored");
}

bg_result ctl_broker_verify (ctl_run *run, bg_error *err)
{
    const char *dir = ctl_argument (run->parsed, 0);
    broker_backup_report report;
    uint8_t hash[32];
    const uint8_t *pinned = NULL;
    BG_TRY (take_pin (run, hash, &pinned, err));
    BG_TRY (broker_backup_verify (dir, pinned, &report, err));
    show (run, report_json (dir, &report));
    say_trust (run, &report, pinned);
    ctl_note (run->out, "the backup is sound");
    return bg_ok ();
}

/*  ---- restore ----  */

static bg_result resume (ctl_run *run, bg_error *err)
{
    const bool dry_run = ctl_given (run->parsed, CTL_OPT_DRY_RUN);
    const wire_request ask = {
        .what = WIRE_REQUEST_RESUME, .full = ctl_given (run->parsed, CTL_OPT_FORCE)};
    ctl_client *client = NULL;
    wire_status *status = NULL;
    wire_done *done = NULL;
    if (ctl_argument_count (run->parsed) > 0 || ctl_given (run->parsed, CTL_OPT_HOME)) {
        bg_ignore (bg_fail (
            err, BG_USAGE, "--resume is for the running broker: it takes no DIR and no --home"));
        return bg_hint (
            err, "restore first, start the broker, then: bugle broker restore --resume");
    }
    BG_TRY (ctl_run_client (run, &client, err));
    BG_TRY (ask_state (client, &status, err));
    if ((status->restored || ask.full) && !dry_run)
        BG_TRY (ctl_confirm (run, err,
            "%llu of %llu targets are connected; what the others hold and this broker lacks comes "
            "back only when "
            "they come. Let it go on now?",
            (unsigned long long) status->connected, (unsigned long long) status->targets));
    BG_TRY (ctl_request (run, &ask, dry_run, &done, err));
    ctl_note (run->out, "%.*s%s", BG_SLICE_ARG (done->text),
        dry_run ? " (dry run: nothing was changed)" : "");
    return bg_ok ();
}

static bg_result confirm (ctl_run *run, const broker_restore_options *options, bg_error *err)
{
    if (!options->replace || options->dry_run)
        return bg_ok ();
    return ctl_confirm (run, err,
        "The broker in %s is moved aside and one from %s takes its place. Do it?",
        options->home ? options->home : "the system's directories", options->dir);
}

bg_result ctl_broker_restore (ctl_run *run, bg_error *err)
{
    uint8_t hash[32];
    broker_restore_options options = {
        .home = ctl_text (run->parsed, CTL_OPT_HOME, NULL),
        .replace = ctl_given (run->parsed, CTL_OPT_ASIDE),
        .dry_run = ctl_given (run->parsed, CTL_OPT_DRY_RUN),
    };
    broker_backup_report report;
    char *aside = NULL;
    if (ctl_given (run->parsed, CTL_OPT_RESUME))
        return resume (run, err);
    if (ctl_argument_count (run->parsed) == 0) {
        bg_ignore (bg_fail (
            err, BG_USAGE, "bugle broker restore needs the directory of a backup, or --resume"));
        return bg_hint (
            err, "for example: bugle broker restore /mnt/backup/before-upgrade --home ~/bugle");
    }
    options.dir = ctl_argument (run->parsed, 0);
    BG_TRY (take_pin (run, hash, &options.pinned_hash, err));
    BG_TRY (confirm (run, &options, err));
    BG_TRY (broker_backup_restore (&options, &report, &aside, err));
    json_t *object = report_json (options.dir, &report);
    json_object_set_new (
        object, "home", json_string (options.home ? options.home : "the system's directories"));
    json_object_set_new (object, "aside", aside ? json_string (aside) : json_null ());
    json_object_set_new (object, "dry_run", json_boolean (options.dry_run));
    BG_AUTO_CHAR next = options.home ? bg_strdup_printf ("bugle-broker --home %s", options.home)
                                     : bg_strdup ("systemctl start bugle-broker");
    json_object_set_new (object, "next", json_string (next));
    show (run, object);
    say_trust (run, &report, options.pinned_hash);
    if (options.dry_run)
        ctl_note (run->out, "dry run: nothing was made");
    else
        ctl_note (
            run->out, "the restored broker changes nothing until: bugle broker restore --resume");
    free (aside);
    return bg_ok ();
}
