/*  What the shell does beside its rounds: pieces of a backup, the high-water file, the log level that was set.

    The high-water file says how far this installation has come on this machine. It is written after what it says was
    committed, so it is never ahead of the store, unless the store was exchanged for an older one: then the core is told,
    and changes nothing until an admin lets it go on.  */
#include "broker/shell/shell_private.h"

#include "broker/home/backup.h"
#include "common/sys/clock.h"

#define PAUSE_US     INT64_C (4000) /*  between two pieces: rounds come first  */
#define HIGH_KEEP_US INT64_C (5000000)

/*  ---- high water ----  */

bg_result shell_high_water_show (shell *self, bg_error *err)
{
    bool changed = false;
    bg_error why = {0};
    if (bg_failed (broker_high_water_read (
            self->options->home, &self->high_term, &self->high_position, &why))) {
        bg_log_failure (self->log, BG_LOG_WARNING, "high-water-unread", &why, "state=ignored");
        return bg_ok ();
    }
    BG_TRY (broker_db_begin (self->db, err));
    bg_result result = broker_core_high_water (
        self->core, shell_now (), self->high_term, self->high_position, err);
    if (bg_is_ok (result))
        result = broker_core_before_commit (self->core, shell_now (), &changed, err);
    if (bg_is_ok (result) && changed)
        result = broker_db_commit (self->db, err);
    broker_db_rollback (self->db);
    broker_outputs_drop (self->outputs);
    return result;
}

void shell_high_water_keep (shell *self, bool is_last)
{
    const int64_t now = bg_clock_mono_us ();
    if (!self->core || (!is_last && now - self->high_mono_us < HIGH_KEEP_US))
        return;
    self->high_mono_us = now;
    uint64_t term = 0, position = 0;
    broker_core_proof (self->core, &term, &position);
    if (term < self->high_term || (term == self->high_term && position <= self->high_position))
        return;
    bg_error err = {0};
    if (bg_failed (broker_high_water_write (self->options->home, term, position, &err))) {
        bg_log_failure (self->log, BG_LOG_WARNING, "high-water-unwritten", &err, "state=goes-on");
        return;
    }
    self->high_term = term;
    self->high_position = position;
}

/*  ---- backups ----  */

static void note_made (shell *self)
{
    bool changed = false;
    bg_error err = {0};
    bg_result result = broker_db_begin (self->db, &err);
    if (bg_is_ok (result))
        result = broker_core_backup_made (self->core, shell_now (), &err);
    if (bg_is_ok (result))
        result = broker_core_before_commit (self->core, shell_now (), &changed, &err);
    if (bg_is_ok (result) && changed)
        result = broker_db_commit (self->db, &err);
    broker_db_rollback (self->db);
    if (bg_failed (result))
        bg_log_failure (self->log, BG_LOG_WARNING, "backup-unnoted", &err, "state=made");
    if (bg_failed (broker_outputs_release (self->outputs, self->link, &err)))
        shell_drop_link (self, &err);
}

void shell_copying (void *arg)
{
    shell *self = arg;
    if (!self->core || !broker_backup_is_active (self->backup))
        return;
    broker_backup_of of = {.installation = self->settings.installation};
    broker_core_proof (self->core, &of.term, &of.position);
    if (broker_backup_step (self->backup, self->db, &of))
        note_made (self);
    if (broker_backup_is_active (self->backup))
        bg_timer_arm (self->copying, PAUSE_US);
}

/*  ---- after each round ----  */

void shell_beside (shell *self)
{
    if (!self->core)
        return;
    const int64_t level = broker_core_setting (self->core, BROKER_SET_LOG_LEVEL);
    if (level != self->log_level) {
        self->log_level = level;
        /*  The setting has the numbers of syslog(3).  */
        bg_log_set_level (self->log,
            level ? (bg_log_level) (level - BROKER_LOG_ERROR) : self->options->log_level);
    }
    if (broker_backup_is_active (self->backup) && !bg_timer_is_armed (self->copying))
        bg_timer_arm (self->copying, PAUSE_US);
}
