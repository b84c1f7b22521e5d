/*  Backup sets: a directory with everything that makes a broker the broker it is.

        store.db            the store, as it was when the copy was finished
        broker.sign.key     the broker's signing key
        broker.curve.key    the CURVE key of its sockets; missing when the core may not read it (system installation)
        broker.yaml         its configuration
        ports               when they were chosen at the first start
        MANIFEST            what it is of and when, size and hash of each file, and a hash of itself

    MANIFEST is text, one "word: value" a line, and written last: a set without it is not finished. The directory is
    0700, what is in it 0600: who has a set can be the broker. The high-water file is not in it, on purpose: it tells a
    broker that its store is older than what it has done.
*/
#ifndef BUGLE_BROKER_HOME_BACKUP_H
#define BUGLE_BROKER_HOME_BACKUP_H

#include "broker/home/home.h"

#define BROKER_BACKUP_FILES 5
#define BROKER_BACKUP_STORE "store.db"

typedef struct {
    char name[32];
    uint64_t size;
    uint8_t hash[32];
} broker_backup_file;

typedef struct {
    bg_id installation;
    char broker[129];
    char version[65]; /*  of the program that made it  */
    int64_t schema;
    uint64_t term;
    uint64_t position;
    int64_t made_us;
    broker_backup_file files[BROKER_BACKUP_FILES];
    size_t file_count;
} broker_manifest;

/*  The names of a set's files, store.db first. The second: where the file lies in a home; free().  */
extern const char *const broker_backup_names[BROKER_BACKUP_FILES];
char *broker_backup_source (const broker_home *home, const char *name)
    __attribute__ ((malloc, returns_nonnull));

bg_result broker_manifest_write (
    const char *dir, const broker_manifest *manifest, bg_error *err) BG_CHECKED;
/*  BG_NOT_FOUND: no finished backup. BG_FOREIGN_FILE: it was changed. BG_TOO_NEW.  */
bg_result broker_manifest_read (
    const char *dir, broker_manifest *manifest, bg_error *err) BG_CHECKED;

/*  What a verification found out.  */
typedef struct {
    broker_manifest manifest;
    uint64_t authority; /*  version of the newest  */
    uint8_t pin[32];    /*  hash of the first  */
    uint64_t documents; /*  heads and their older versions  */
    uint64_t targets;
    bool has_curve_key;
} broker_backup_report;

/*  Checks all of it: hashes, the keys against the authority, SQLite's own structure, the schema, the chain of
    authorities from the first (which must have pinned_hash when that is not NULL), the signature of every document that
    counts. The store is looked at in a copy beside dir; nothing in dir changes. Fails with the first finding, which
    names the file. report is filled as far as it came.  */
bg_result broker_backup_verify (const char *dir, const uint8_t *pinned_hash,
    broker_backup_report *report, bg_error *err) BG_CHECKED;

typedef struct {
    const char *dir;  /*  of the set  */
    const char *home; /*  NULL: the system's directories  */
    bool replace;     /*  move a broker that is there aside  */
    bool dry_run;
    const uint8_t *pinned_hash;
} broker_restore_options;

/*  Verifies the set and makes a broker's home of it, whose core will start restored. *aside is where the files of the
    broker that was there are now (NULL: there was none; free). Errors as of verify, and: BG_EXISTS (a broker is there and
    replace is not set), BG_BUSY (it runs), BG_INVALID (another installation stands in its place, or the set is
    not whole).  */
bg_result broker_backup_restore (const broker_restore_options *options,
    broker_backup_report *report, char **aside, bg_error *err) BG_CHECKED;

/*  Copies a file to a new one, 0600, synced. BG_NOT_FOUND, BG_EXISTS, BG_STORAGE_FULL, BG_IO.  */
bg_result broker_backup_copy_file (const char *from, const char *to, bg_error *err) BG_CHECKED;

/*  The high-water file of a home: the highest term and position that its broker has reached. Reading a missing one gives
    zeros.  */
bg_result broker_high_water_read (
    const broker_home *home, uint64_t *term, uint64_t *position, bg_error *err) BG_CHECKED;
bg_result broker_high_water_write (
    const broker_home *home, uint64_t term, uint64_t position, bg_error *err) BG_CHECKED;

#endif
