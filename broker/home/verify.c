/*  Is a backup what it says, and would a broker run from it? Everything is checked that a start would rely on.

    The store is opened in a copy: opening brings it to this version's schema, and the set must stay as it is.

    Invariant: nothing in the set is written.  */
#include "broker/home/backup.h"

#include "broker/core/core.h"
#include "broker/store/store.h"
#include "common/sys/file.h"
#include "common/sys/hash.h"
#include "common/sys/random.h"
#include "proto/trust.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 500u

typedef struct {
    const char *dir;
    broker_backup_report *report;
    const broker_store *store;
    wire_keyring *keyring;
    bg_result result;
    size_t count;
    bg_id last_key;
    uint32_t last_number;
} checking;

static bg_result damaged (bg_error *err, const char *dir, const char *file, const char *what)
{
    BG_AUTO_CHAR path = bg_path_join (dir, file);
    bg_ignore (bg_fail (err, BG_FOREIGN_FILE, "%s is damaged: %s", path, what));
    return bg_hint (err, "use another backup");
}

/*  ---- files ----  */

static bg_result check_file (const char *dir, const broker_backup_file *file, bg_error *err)
{
    BG_AUTO_CHAR path = bg_path_join (dir, file->name);
    uint8_t hash[BG_HASH_BYTES];
    uint64_t size = 0;
    bg_result result = bg_file_hash (path, hash, &size, err);
    if (result.code == BG_NOT_FOUND)
        return damaged (err, dir, file->name, "it is missing");
    BG_TRY (result);
    if (size != file->size) {
        BG_AUTO_CHAR what = bg_strdup_printf ("it has %llu bytes instead of %llu",
            (unsigned long long) size, (unsigned long long) file->size);
        return damaged (err, dir, file->name, what);
    }
    return memcmp (hash, file->hash, sizeof hash) == 0
               ? bg_ok ()
               : damaged (err, dir, file->name, "its bytes are not those that were written");
}

static bool has_file (const broker_manifest *manifest, const char *name)
{
    for (size_t i = 0; i < manifest->file_count; i++)
        if (strcmp (manifest->files[i].name, name) == 0)
            return true;
    return false;
}

static bg_result check_files (const char *dir, const broker_manifest *manifest, bg_error *err)
{
    static const char *const needed[] = {BROKER_BACKUP_STORE, "broker.sign.key", "broker.yaml"};
    for (size_t i = 0; i < manifest->file_count; i++)
        BG_TRY (check_file (dir, &manifest->files[i], err));
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
        if (!has_file (manifest, needed[i]))
            return damaged (err, dir, needed[i], "it is not part of the set");
    return bg_ok ();
}

/*  ---- trust ----  */

static bg_result decode (
    const broker_document_record *record, bg_arena *arena, wire_signed *out, bg_error *err)
{
    uint8_t hash[32];
    BG_TRY (WIRE_DECODE (signed, record->signed_bytes, WIRE_AS_MESSAGE, arena, out, err));
    wire_hash32 (out->bytes, hash);
    if (memcmp (hash, record->hash, sizeof hash) != 0)
        return bg_fail (err, BG_BAD_SIGNATURE, "its hash is another one");
    return bg_ok ();
}

static bg_result next_authority (void *visitor, const broker_document_record *record, bg_error *err)
{
    checking *self = visitor;
    BG_AUTO_ARENA arena = {0};
    wire_signed item;
    wire_keyring *next = NULL;
    self->count++;
    BG_TRY (decode (record, &arena, &item, err));
    bg_result result =
        self->keyring
            ? wire_keyring_next (self->keyring, &item, wire_crypto_sodium (), &next, err)
            : wire_keyring_first (&item, self->report->pin, wire_crypto_sodium (), &next, err);
    BG_TRY (result);
    wire_keyring_destroy (&self->keyring);
    self->keyring = next;
    self->last_number = (uint32_t) record->version;
    return bg_ok ();
}

static bg_result first_hash (void *visitor, const broker_document_record *record, bg_error *err)
{
    checking *self = visitor;
    (void) err;
    memcpy (self->report->pin, record->hash, sizeof self->report->pin);
    self->count++;
    return bg_ok ();
}

static bg_result check_authority (checking *self, const uint8_t *pinned_hash, bg_error *err)
{
    const bg_id zero = {0};
    const broker_store *store = self->store;
    uint64_t from = 0;
    BG_TRY (store->document_versions (store->ctx, zero, 0, 1, first_hash, self, err));
    if (self->count == 0)
        return bg_fail (err, BG_FOREIGN_FILE, "it has no authority");
    if (pinned_hash && memcmp (pinned_hash, self->report->pin, 32) != 0)
        return bg_fail (err, BG_WRONG_INSTALLATION,
            "its first authority is not the one that was pinned: it is of another installation");
    do {
        self->count = 0;
        BG_TRY (store->document_versions (store->ctx, zero, from, PAGE, next_authority, self, err));
        from = wire_keyring_version (self->keyring) + 1;
    } while (self->count == PAGE);
    self->report->authority = wire_keyring_version (self->keyring);
    if (!bg_id_equal (
            wire_keyring_installation (self->keyring), self->report->manifest.installation))
        return bg_fail (err, BG_WRONG_INSTALLATION, "it is of another installation than MANIFEST");
    return bg_ok ();
}

static bg_result check_head (void *visitor, const broker_head_record *record, bg_error *err)
{
    checking *self = visitor;
    BG_AUTO_ARENA arena = {0};
    wire_signed item;
    wire_verified verified;
    self->count++;
    self->report->documents++;
    self->last_key = record->document.key;
    bg_result result = decode (&record->document, &arena, &item, err);
    if (bg_is_ok (result) && record->document.type != WIRE_TYPE_AUTHORITY)
        result = wire_verify_document (
            self->keyring, &item, wire_crypto_sodium (), &arena, &verified, err);
    return bg_failed (result)
               ? bg_prefix (err, "document '%.*s'", BG_SLICE_ARG (record->document.name))
               : result;
}

static bg_result check_target (void *visitor, const broker_target_record *record,
    const broker_target_marks *marks, bg_error *err)
{
    checking *self = visitor;
    BG_AUTO_ARENA arena = {0};
    wire_signed item;
    wire_verified verified;
    (void) marks;
    self->count++;
    self->last_number = record->number;
    /*  Who signed for a target that left may be gone as well.  */
    if (record->defected_us)
        return bg_ok ();
    self->report->targets++;
    bg_result result =
        WIRE_DECODE (signed, record->membership, WIRE_AS_MESSAGE, &arena, &item, err);
    if (bg_is_ok (result))
        result = wire_verify_document (
            self->keyring, &item, wire_crypto_sodium (), &arena, &verified, err);
    return bg_failed (result) ? bg_prefix (err, "target '%.*s'", BG_SLICE_ARG (record->name))
                              : result;
}

static bg_result check_content (checking *self, const uint8_t *pinned_hash, bg_error *err)
{
    const broker_store *store = self->store;
    bool first = true;
    BG_TRY (check_authority (self, pinned_hash, err));
    do {
        self->count = 0;
        BG_TRY (
            store->heads (store->ctx, first ? NULL : &self->last_key, PAGE, check_head, self, err));
        first = false;
    } while (self->count == PAGE);
    self->last_number = 0;
    do {
        self->count = 0;
        BG_TRY (store->targets (store->ctx, self->last_number, PAGE, check_target, self, err));
    } while (self->count == PAGE);
    return bg_ok ();
}

/*  ---- keys ----  */

static bg_result check_key (
    const checking *self, const char *name, bg_key_type type, const bg_key *expected, bg_error *err)
{
    BG_AUTO_CHAR path = bg_path_join (self->dir, name);
    bg_keypair pair;
    BG_TRY (bg_keyfile_read (path, type, &pair, err));
    const bool is_it = bg_key_equal (&pair.public_key, expected);
    bg_keypair_fini (&pair);
    if (is_it)
        return bg_ok ();
    return damaged (err, self->dir, name, "it is not the key that the authority names");
}

static bg_result check_keys (checking *self, bg_error *err)
{
    BG_TRY (check_key (self, "broker.sign.key", BG_KEY_ED25519,
        wire_keyring_broker_sign_key (self->keyring), err));
    self->report->has_curve_key = has_file (&self->report->manifest, "broker.curve.key");
    if (!self->report->has_curve_key)
        return bg_ok ();
    return check_key (self, "broker.curve.key", BG_KEY_CURVE25519,
        wire_keyring_broker_curve_key (self->keyring), err);
}

static bg_result check_config (const char *dir, bg_error *err)
{
    BG_AUTO_CHAR path = bg_path_join (dir, "broker.yaml");
    broker_config config;
    bg_diag *diag = bg_diag_create ();
    broker_config_init (&config);
    bg_result result = bg_conf_load (&broker_config_schema, path, true, &config, diag, err);
    bg_diag_destroy (&diag);
    broker_config_fini (&config);
    return result;
}

/*  ---- the copy ----  */

static bg_result copy_store (const char *dir, const char *to, bg_error *err)
{
    BG_AUTO_CHAR from = bg_path_join (dir, BROKER_BACKUP_STORE);
    BG_AUTO_CHAR path = bg_path_join (to, BROKER_BACKUP_STORE);
    return broker_backup_copy_file (from, path, err);
}

static void remove_copy (const char *dir)
{
    static const char *const names[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        BG_AUTO_CHAR path = bg_strdup_printf ("%s/" BROKER_BACKUP_STORE "%s", dir, names[i]);
        (void) unlink (path);
    }
    (void) rmdir (dir);
}

static bg_result check_store (
    checking *self, const char *copy, const uint8_t *pinned_hash, bg_error *err)
{
    BG_AUTO_CHAR path = bg_path_join (copy, BROKER_BACKUP_STORE);
    broker_db *db = NULL;
    BG_TRY (broker_db_open (path, &db, err));
    self->store = broker_db_port (db);
    bg_result result = broker_db_check (db, err);
    if (bg_is_ok (result))
        result = broker_db_begin (db, err);
    if (bg_is_ok (result)) {
        result = check_content (self, pinned_hash, err);
        broker_db_rollback (db);
    }
    broker_db_close (&db);
    return result;
}

/*  Beside the set: there is room for it, most likely, and it is as private.  */
static bg_result in_copy (checking *self, const uint8_t *pinned_hash, bg_error *err)
{
    BG_AUTO_CHAR copy = bg_strdup_printf ("%s.check-XXXXXX", self->dir);
    if (!mkdtemp (copy)) {
        BG_AUTO_CHAR other = bg_strdup_printf ("/tmp/bugle-check-XXXXXX");
        if (!mkdtemp (other))
            return bg_fail_errno (err, BG_IO, "cannot make a directory beside %s", self->dir);
        free (copy);
        copy = bg_strdup (other);
    }
    bg_result result = copy_store (self->dir, copy, err);
    if (bg_is_ok (result))
        result = check_store (self, copy, pinned_hash, err);
    remove_copy (copy);
    if (bg_failed (result) && result.code != BG_STORAGE_FULL && result.code != BG_IO)
        result = bg_prefix (err, "%s/" BROKER_BACKUP_STORE, self->dir);
    return result;
}

bg_result broker_backup_verify (
    const char *dir, const uint8_t *pinned_hash, broker_backup_report *report, bg_error *err)
{
    *report = (broker_backup_report){.authority = 0};
    BG_TRY (bg_crypto_init (err));
    BG_AUTO_CHAR plain = bg_strdup (dir);
    for (size_t size = strlen (plain); size > 1 && plain[size - 1] == '/'; size--)
        plain[size - 1] = 0;
    BG_TRY (broker_manifest_read (plain, &report->manifest, err));
    BG_TRY (check_files (plain, &report->manifest, err));
    if (report->manifest.schema > broker_db_schema ()) {
        bg_ignore (bg_fail (err, BG_TOO_NEW,
            "%s was made by Bugle %s, whose store this version cannot read", plain,
            report->manifest.version));
        return bg_hint (err, "use that version or a later one");
    }
    BG_TRY (check_config (plain, err));
    checking self = {.dir = plain, .report = report};
    bg_result result = in_copy (&self, pinned_hash, err);
    if (bg_is_ok (result))
        result = check_keys (&self, err);
    wire_keyring_destroy (&self.keyring);
    return result;
}
