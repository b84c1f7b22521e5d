/*  What the files of broker/store share: the connection, and one function per entry of the port.  */
#ifndef BUGLE_BROKER_STORE_PRIVATE_H
#define BUGLE_BROKER_STORE_PRIVATE_H

#include "broker/store/store.h"
#include "common/sys/sqlite.h"

/*  Rows of table job that are known, a place for each end of a key.  */
typedef struct {
    bg_id key;
    int64_t row; /*  0: none is known here  */
} broker_job_row;
#define BROKER_JOB_ROWS 1024u

struct broker_db {
    bg_db *db;
    broker_store port;
    /*  The pass that removes runs past their retention: prune.c.  */
    struct broker_leaving *leaving; /*  NULL: none goes on  */
    broker_retention leaving_keep;  /*  what was asked of it  */
    int64_t leaving_from;           /*  where its next one goes on at once; 0: it was the whole  */
    int64_t passed_us;              /*  when the last one began; 0: never, or it does not count  */
    broker_job_row job_rows[BROKER_JOB_ROWS];
};

extern const char *const broker_migrations[];
extern const size_t broker_migration_count;

static inline bg_db *broker_db_of (void *ctx)
{
    return ((broker_db *) ctx)->db;
}

/*  Each fills the part of the port that its file implements.  */
void broker_documents_port (broker_store *port);
void broker_targets_port (broker_store *port);
void broker_enlistments_port (broker_store *port);
void broker_executions_port (broker_store *port);
void broker_history_port (broker_store *port);
void broker_requests_port (broker_store *port);
void broker_prune_port (broker_store *port);
void broker_categories_port (broker_store *port);

/*  What the store keeps in mind about table job, which may be rolled back.  */
void broker_job_rows_forget (broker_db *self);

/*  The statements that a page of history may take, for the test that looks at their plans; NULL behind the last.  */
const char *broker_history_sql (size_t index);

/*  Each removes a piece (at most 500 rows) of what nobody asks for any more: executions that were done 90 days ago, with
    their notes; tokens that expired 30 days ago; requests that were done a day ago.  */
bg_result broker_prune_executions (bg_db *db, int64_t now_us, bool *more, bg_error *err) BG_CHECKED;
bg_result broker_prune_tokens (bg_db *db, int64_t now_us, bg_error *err) BG_CHECKED;
bg_result broker_prune_requests (bg_db *db, int64_t now_us, bg_error *err) BG_CHECKED;

#endif
