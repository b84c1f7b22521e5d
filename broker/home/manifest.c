/*  What a backup set consists of, its MANIFEST, and the high-water file. No decisions: verify.c and restore.c have those.

    Invariant: the last line of a MANIFEST is the hash of all before it.  */
#include "broker/home/backup.h"

#include "common/sys/file.h"
#include "common/sys/hash.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define MANIFEST     "MANIFEST"
#define MANIFEST_MAX (64 * 1024)
#define HIGH_WATER   "high-water"
#define HEAD         "bugle-backup: 1\n"
#define HEAD_ANY     "bugle-backup: "
#define LAST         "manifest: "

const char *const broker_backup_names[BROKER_BACKUP_FILES] = {
    BROKER_BACKUP_STORE, "broker.sign.key", "broker.curve.key", "broker.yaml", "ports"};

char *broker_backup_source (const broker_home *home, const char *name)
{
    if (strcmp (name, "broker.yaml") == 0)
        return bg_home_path (&home->home, BG_HOME_CONF, name);
    if (strcmp (name, "broker.curve.key") == 0)
        return broker_home_front_path (home, name);
    return broker_home_state_path (
        home, strcmp (name, BROKER_BACKUP_STORE) == 0 ? "broker.db" : name);
}

static void hash_text (bg_slice bytes, char text[2 * BG_HASH_BYTES + 1])
{
    uint8_t hash[BG_HASH_BYTES];
    bg_hasher *hasher = bg_hasher_create ();
    bg_hasher_add (hasher, bytes);
    bg_hasher_end (&hasher, hash);
    bg_hex_encode (bg_slice_of (hash, sizeof hash), text);
}

bg_result broker_manifest_write (const char *dir, const broker_manifest *manifest, bg_error *err)
{
    BG_AUTO_BUF text = {0};
    char hex[2 * BG_HASH_BYTES + 1];
    bg_buf_append_str (&text, HEAD);
    bg_buf_printf (&text,
        "installation: %s\nbroker: %s\nversion: %s\nschema: %" PRId64 "\nterm: %" PRIu64
        "\nposition: %" PRIu64 "\nmade-us: %" PRId64 "\n",
        bg_id_text (manifest->installation).text, manifest->broker, manifest->version,
        manifest->schema, manifest->term, manifest->position, manifest->made_us);
    for (size_t i = 0; i < manifest->file_count; i++) {
        const broker_backup_file *file = &manifest->files[i];
        bg_hex_encode (bg_slice_of (file->hash, sizeof file->hash), hex);
        bg_buf_printf (&text, "file: %s %" PRIu64 " %s\n", file->name, file->size, hex);
    }
    hash_text (bg_buf_slice (&text), hex);
    bg_buf_printf (&text, LAST "%s\n", hex);
    BG_AUTO_CHAR path = bg_path_join (dir, MANIFEST);
    return bg_file_replace (path, bg_buf_slice (&text), 0600, err);
}

/*  ---- reading ----  */

static bool take_hex (const char *text, uint8_t out[BG_HASH_BYTES])
{
    BG_AUTO_BUF bytes = {0};
    if (bg_failed (bg_hex_decode (bg_slice_str (text), &bytes, NULL)) ||
        bytes.size != BG_HASH_BYTES)
        return false;
    memcpy (out, bytes.data, BG_HASH_BYTES);
    return true;
}

static bool take_file (const char *value, broker_manifest *manifest)
{
    char hex[2 * BG_HASH_BYTES + 1];
    broker_backup_file file = {.size = 0};
    if (manifest->file_count == BROKER_BACKUP_FILES ||
        sscanf (value, "%31s %" SCNu64 " %64s", file.name, &file.size, hex) != 3 ||
        !take_hex (hex, file.hash))
        return false;
    bool is_known = false;
    for (size_t i = 0; i < BROKER_BACKUP_FILES; i++)
        is_known |= strcmp (file.name, broker_backup_names[i]) == 0;
    /*  Each once: who adds a file that is not there counts on room for it.  */
    for (size_t i = 0; i < manifest->file_count; i++)
        if (strcmp (file.name, manifest->files[i].name) == 0)
            return false;
    manifest->files[manifest->file_count++] = file;
    return is_known;
}

static bool take_line (const char *line, broker_manifest *manifest)
{
    char word[32];
    int at = 0;
    if (sscanf (line, "%31[a-z-]: %n", word, &at) != 1 || at == 0)
        return false;
    const char *value = line + at;
    if (strcmp (word, "installation") == 0)
        return bg_is_ok (bg_id_parse (bg_slice_str (value), &manifest->installation, NULL));
    if (strcmp (word, "broker") == 0)
        return snprintf (manifest->broker, sizeof manifest->broker, "%s", value) > 0;
    if (strcmp (word, "version") == 0)
        return snprintf (manifest->version, sizeof manifest->version, "%s", value) > 0;
    if (strcmp (word, "schema") == 0)
        return sscanf (value, "%" SCNd64, &manifest->schema) == 1;
    if (strcmp (word, "term") == 0)
        return sscanf (value, "%" SCNu64, &manifest->term) == 1;
    if (strcmp (word, "position") == 0)
        return sscanf (value, "%" SCNu64, &manifest->position) == 1;
    if (strcmp (word, "made-us") == 0)
        return sscanf (value, "%" SCNd64, &manifest->made_us) == 1;
    if (strcmp (word, "file") == 0)
        return take_file (value, manifest);
    return true; /*  of a later version: additions are allowed  */
}

static bg_result changed (const char *path, bg_error *err)
{
    bg_ignore (bg_fail (err, BG_FOREIGN_FILE, "%s is damaged: it is not as it was written", path));
    return bg_hint (err, "use another backup");
}

bg_result broker_manifest_read (const char *dir, broker_manifest *manifest, bg_error *err)
{
    BG_AUTO_CHAR path = bg_path_join (dir, MANIFEST);
    BG_AUTO_BUF text = {0};
    bg_result result = bg_file_read (path, MANIFEST_MAX, &text, err);
    if (result.code == BG_NOT_FOUND) {
        bg_ignore (
            bg_fail (err, BG_NOT_FOUND, "%s is not a finished backup: it has no " MANIFEST, dir));
        return bg_hint (err, "name the directory that bugle broker backup printed");
    }
    BG_TRY (result);
    char *start = (char *) (uintptr_t) bg_buf_cstr (&text);
    char *last = strstr (start, "\n" LAST);
    if (strncmp (start, HEAD, strlen (HEAD)) != 0 &&
        strncmp (start, HEAD_ANY, strlen (HEAD_ANY)) == 0 && last)
        return bg_fail (err, BG_TOO_NEW, "%s was made by a later version of Bugle", dir);
    if (strncmp (start, HEAD, strlen (HEAD)) != 0 || !last)
        return changed (path, err);
    char hex[2 * BG_HASH_BYTES + 1];
    hash_text (bg_slice_of (start, (size_t) (last + 1 - start)), hex);
    BG_AUTO_CHAR expected = bg_strdup_printf (LAST "%s\n", hex);
    if (strcmp (last + 1, expected) != 0)
        return changed (path, err);
    *last = 0;
    broker_manifest read = {.schema = 0};
    char *rest = NULL;
    bool is_fine = true;
    for (char *line = strtok_r (start, "\n", &rest); line; line = strtok_r (NULL, "\n", &rest))
        is_fine = take_line (line, &read) && is_fine;
    if (!is_fine || bg_id_is_zero (read.installation) || read.file_count == 0)
        return changed (path, err);
    *manifest = read;
    return bg_ok ();
}

/*  ---- high water ----  */

bg_result broker_high_water_read (
    const broker_home *home, uint64_t *term, uint64_t *position, bg_error *err)
{
    BG_AUTO_CHAR path = broker_home_state_path (home, HIGH_WATER);
    BG_AUTO_BUF text = {0};
    *term = *position = 0;
    bg_result result = bg_file_read (path, 256, &text, err);
    if (result.code == BG_NOT_FOUND)
        return bg_ok ();
    BG_TRY (result);
    if (sscanf (bg_buf_cstr (&text), "bugle-high-water: 1 %" SCNu64 " %" SCNu64, term, position) ==
        2)
        return bg_ok ();
    *term = *position = 0;
    bg_ignore (bg_fail (err, BG_FOREIGN_FILE, "%s does not say a term and a position", path));
    return bg_hint (err, "remove it; targets tell as well whether this store is an older one");
}

bg_result broker_high_water_write (
    const broker_home *home, uint64_t term, uint64_t position, bg_error *err)
{
    BG_AUTO_CHAR path = broker_home_state_path (home, HIGH_WATER);
    BG_AUTO_BUF text = {0};
    bg_buf_printf (&text, "bugle-high-water: 1 %" PRIu64 " %" PRIu64 "\n", term, position);
    return bg_file_replace (path, bg_buf_slice (&text), 0600, err);
}
