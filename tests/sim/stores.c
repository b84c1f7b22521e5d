/*  Either kind of store behind one set of calls: see stores.h.  */
#include "tests/sim/stores.h"

#include "broker/store/memory.h"
#include "broker/store/store.h"
#include "common/sys/sqlite.h"
#include "node/store/memory.h"
#include "node/store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/*  A full store in memory takes this much, as the last page of a file does: what makes a process begin.  */
#define SLACK_BYTES 4096

/*  ---- nodes ----  */

void sim_node_store_open (sim_node_store *self, bool is_sqlite)
{
    *self = (sim_node_store){0};
    if (!is_sqlite) {
        self->memory = node_memory_new ();
        return;
    }
    const bg_result opened = node_db_open (":memory:", &self->db, NULL);
    bg_assert (bg_is_ok (opened));
}

void sim_node_store_close (sim_node_store *self)
{
    node_db_close (&self->db);
    node_memory_destroy (&self->memory);
}

const node_store *sim_node_store_port (sim_node_store *self)
{
    return self->db ? node_db_port (self->db) : node_memory_port (self->memory);
}

bg_result sim_node_store_begin (sim_node_store *self, bg_error *err)
{
    if (self->db)
        return node_db_begin (self->db, err);
    node_memory_begin (self->memory);
    return bg_ok ();
}

bg_result sim_node_store_commit (sim_node_store *self, bg_error *err)
{
    if (self->db)
        return node_db_commit (self->db, err);
    node_memory_commit (self->memory);
    return bg_ok ();
}

void sim_node_store_rollback (sim_node_store *self)
{
    if (self->db)
        node_db_rollback (self->db);
    else
        node_memory_rollback (self->memory);
}

void sim_node_store_set_full (sim_node_store *self, bool full)
{
    if (self->db)
        node_db_set_max_pages (self->db, full ? node_db_pages (self->db) : 0);
    else
        node_memory_set_max_bytes (
            self->memory, full ? node_memory_bytes (self->memory) + SLACK_BYTES : 0);
}

/*  ---- the broker ----  */

void sim_broker_store_open (sim_broker_store *self, bool is_sqlite)
{
    *self = (sim_broker_store){0};
    if (!is_sqlite) {
        self->memory = broker_memory_new ();
        return;
    }
    const bg_result opened = broker_db_open (":memory:", &self->db, NULL);
    bg_assert (bg_is_ok (opened));
}

const broker_store *sim_broker_store_port (sim_broker_store *self)
{
    return self->db ? broker_db_port (self->db) : broker_memory_port (self->memory);
}

bg_result sim_broker_store_begin (sim_broker_store *self, bg_error *err)
{
    if (self->db)
        return broker_db_begin (self->db, err);
    broker_memory_begin (self->memory);
    return bg_ok ();
}

bg_result sim_broker_store_commit (sim_broker_store *self, bg_error *err)
{
    if (self->db)
        return broker_db_commit (self->db, err);
    broker_memory_commit (self->memory);
    return bg_ok ();
}

void sim_broker_store_rollback (sim_broker_store *self)
{
    if (self->db)
        broker_db_rollback (self->db);
    else
        broker_memory_rollback (self->memory);
}

void sim_broker_store_set_full (sim_broker_store *self, bool full)
{
    if (self->db)
        broker_db_set_max_pages (self->db, full ? broker_db_pages (self->db) : 0);
    else
        broker_memory_set_max_bytes (
            self->memory, full ? broker_memory_bytes (self->memory) + SLACK_BYTES : 0);
}

/*  ---- an older state of the broker ----  */

static char *backup_path (const sim_broker_store *self, const char *ending)
{
    return bg_strdup_printf ("%s/store.db%s", self->backup_dir, ending);
}

static bg_result copy_file (sim_broker_store *self, bg_error *err)
{
    bg_db_copy *copy = NULL;
    bool done = false;
    /*  In memory where there is such a place: a world commits often.  */
    (void) snprintf (self->backup_dir, sizeof self->backup_dir, "%s/bugle-sim-XXXXXX",
        access ("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    bg_assert (mkdtemp (self->backup_dir));
    BG_AUTO_CHAR path = backup_path (self, "");
    bg_result result = broker_db_copy (self->db, path, &copy, err);
    while (bg_is_ok (result) && !done)
        result = bg_db_copy_step (copy, 100, &done, err);
    bg_db_copy_end (&copy);
    return result;
}

bg_result sim_broker_store_back_up (sim_broker_store *self, bg_error *err)
{
    if (self->db)
        return copy_file (self, err);
    broker_memory_destroy (&self->backup);
    self->backup = broker_memory_copy (self->memory);
    return bg_ok ();
}

bool sim_broker_store_has_backup (const sim_broker_store *self)
{
    return self->backup || self->backup_dir[0];
}

bg_result sim_broker_store_restore (sim_broker_store *self, bg_error *err)
{
    if (self->backup) {
        broker_memory_destroy (&self->memory);
        self->memory = broker_memory_copy (self->backup);
        return bg_ok ();
    }
    BG_AUTO_CHAR path = backup_path (self, "");
    broker_db_close (&self->db);
    return broker_db_open (path, &self->db, err);
}

static void remove_backup (sim_broker_store *self)
{
    static const char *const endings[] = {"", "-wal", "-shm", "-journal"};
    if (!self->backup_dir[0])
        return;
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        BG_AUTO_CHAR path = backup_path (self, endings[i]);
        (void) unlink (path);
    }
    (void) rmdir (self->backup_dir);
}

void sim_broker_store_close (sim_broker_store *self)
{
    broker_db_close (&self->db);
    broker_memory_destroy (&self->memory);
    broker_memory_destroy (&self->backup);
    remove_backup (self);
}
