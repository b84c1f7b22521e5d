/*  The state of the running core shell, shared by its files and by nobody else.

    shell.c      life: store, listener, timers
    round.c      one round: transaction, events, commit, release; and what happens when it fails
    engine.c     the core as an object that is made anew after a failure
    beside.c     backups, the high-water file, the log level
*/
#ifndef BUGLE_BROKER_SHELL_SHELL_PRIVATE_H
#define BUGLE_BROKER_SHELL_SHELL_PRIVATE_H

#include "broker/core/core.h"
#include "broker/shell/outputs.h"
#include "broker/shell/shell.h"
#include "broker/store/store.h"
#include "common/base/rush.h"

#define SHELL_INNER_BYTES_MAX (1024u * 1024)
#define SHELL_QUEUE_BYTES     (64u * 1024 * 1024) /*  to the front  */
#define SHELL_QUEUE_HIGH      (16u * 1024 * 1024) /*  above it no more input is taken  */

typedef struct {
    const broker_part_options *options;
    broker_part *part;
    bg_loop *loop;
    bg_log *log;

    broker_db *db;
    char *db_path;
    broker_settings settings;
    bg_arena texts; /*  of the settings  */
    broker_outputs *outputs;
    broker_backup *backup;
    broker_ports ports;
    broker_core *core; /*  NULL only while there is no store yet  */

    int listener;
    char *socket_path;
    bg_fd_watch *listen_watch;
    bg_frames *link; /*  the front; NULL: none  */
    bg_fd_watch *link_watch;
    bool is_greeted;     /*  its hello came  */
    bool needs_front_up; /*  the core has to be told of it  */
    bg_buf taken;        /*  messages of the round that goes on, each behind its size (uint32)  */

    size_t round_messages; /*  how many this round took  */
    int64_t round_us;      /*  when it began, monotonic  */
    bg_rush rush;          /*  of messages  */

    bg_timer *deadline;
    bg_timer *gather; /*  input is read again  */
    bg_timer *beacon;
    bg_timer *probe;    /*  whether there is space again, or a store at all  */
    bg_defer *more;     /*  input or work is left  */
    bg_timer *copying;  /*  the next piece of a backup  */
    int64_t log_level;  /*  as it was set at the broker; 0: as configured  */
    uint64_t high_term; /*  what the high-water file says  */
    uint64_t high_position;
    int64_t high_mono_us; /*  when it was looked at last  */
    int64_t probe_us;
    int64_t recovered_us; /*  from the last full disk  */
    int64_t rebuilt_us;   /*  after the last failure of the store  */
    unsigned rebuilds;    /*  in quick succession  */
} shell;

/*  beside.c  */
/*  After each round: what was set, and whether a backup was begun.  */
void shell_beside (shell *self);
/*  The next piece of a backup; a timer's function.  */
void shell_copying (void *arg);
/*  What the file says is shown to the core, which may be restored by it. After a start, outside of a transaction.  */
bg_result shell_high_water_show (shell *self, bg_error *err) BG_CHECKED;
/*  Writes it when the core has come further; at most every few seconds unless is_last.  */
void shell_high_water_keep (shell *self, bool is_last);

/*  engine.c  */
/*  Reads keys and authority into settings.  */
bg_result shell_engine_settings (shell *self, bg_error *err) BG_CHECKED;
/*  A new core over the store, recovered.  */
bg_result shell_engine_start (shell *self, bool storage_full, bg_error *err) BG_CHECKED;
bg_now shell_now (void);

/*  round.c  */
/*  One round; takes input when the front is readable.  */
void shell_round (shell *self, bool is_readable);
/*  Is there space again? Called while the core is degraded.  */
void shell_probe (shell *self);
/*  Reads input that waited for company; a timer's function.  */
void shell_gathered (void *arg);
void shell_drop_link (shell *self, const bg_error *why);

#endif
