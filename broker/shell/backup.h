/*  A backup that is made while the core works: pieces of at most 10 ms between its rounds.

        none --begin--> copy of the store --> other files --> hashes --> MANIFEST --> done
                              any of them --> failed: what was made is removed

    The set grows in STATE/backups/NAME.part (archive: STATE/archive/) and gets its name when it is whole. One at a time.
*/
#ifndef BUGLE_BROKER_SHELL_BACKUP_H
#define BUGLE_BROKER_SHELL_BACKUP_H

#include "broker/core/core.h"
#include "broker/home/home.h"
#include "broker/store/store.h"
#include "common/sys/log.h"

typedef struct broker_backup broker_backup;

/*  home and log are borrowed.  */
broker_backup *broker_backup_create (const broker_home *home, bg_log *log);
/*  Removes what is not whole. Before the store is closed.  */
void broker_backup_destroy (broker_backup **self_p);

/*  Makes the directory. name empty: made of the time. BG_BUSY, BG_INVALID, BG_EXISTS, BG_STORAGE_FULL, BG_IO.  */
bg_result broker_backup_begin (
    broker_backup *self, bg_slice name, bool archive, bg_error *err) BG_CHECKED;
bool broker_backup_is_active (const broker_backup *self);

/*  What the set says of itself, as of the moment at which the copy of the store is whole.  */
typedef struct {
    bg_id installation;
    uint64_t term;
    uint64_t position;
} broker_backup_of;
/*  One piece, outside of transactions. True once, when the set is whole.  */
bool broker_backup_step (broker_backup *self, broker_db *db, const broker_backup_of *of);
/*  Fills the members of a host's figures that are about backups.  */
void broker_backup_host (const broker_backup *self, broker_host *host);

#endif
