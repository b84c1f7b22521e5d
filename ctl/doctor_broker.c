/*  doctor, the broker's side: what its status tells, and which of its targets somebody should look at.  */
#include "common/base/now.h"
#include "ctl/doctor.h"
#include "ctl/fold.h"
#include "ctl/target.h"
#include "ctl/times.h"

#include <string.h>

#define NAMES_BYTES     200
#define BACKUP_OLD_US   BG_DAY (7)
#define CLOCK_OFF_US    BG_SEC (30)
#define FREE_LOW_BYTES  (UINT64_C (1) << 30)
#define FREE_NONE_BYTES (UINT64_C (64) << 20)

/*  ---- status ----  */

static void look_mode (ctl_doctoring *self)
{
    const wire_status *status = self->status;
    if (status->dismantled)
        ctl_doctor_say (self, CTL_DOCTOR_WARNING, "broker", "state",
            "stop it when its last targets have left: bugle target list --defected",
            "the broker was dismantled");
    else if (status->restored)
        ctl_doctor_say (self, CTL_DOCTOR_PROBLEM, "broker", "state",
            "when its targets have come: bugle broker restore --resume",
            "the broker came back from an older state and changes nothing");
    else
        ctl_doctor_say (self, CTL_DOCTOR_OK, "broker", "state", "", "%.*s works normally",
            BG_SLICE_ARG (status->broker));
    if (status->lost_outcomes > 0)
        ctl_doctor_say (self, CTL_DOCTOR_WARNING, "broker", "history",
            "each target has them: bugle-node history there",
            "%llu reports were handed over before the restore and are not here",
            (unsigned long long) status->lost_outcomes);
}

typedef struct {
    const char *name;
    const char *found; /*  without the count  */
    const char *advice;
} known_warning;

static const known_warning known_warnings[] = {
    {"storage-full", "the broker's disk is full: it only answers questions",
        "make space on the broker's machine; it goes on by itself"},
    {"front-away", "the broker's front is not connected to its core: nobody but you is served",
        "look at the log of bugle-broker-front, or restart the broker"},
    {"clone", "two machines came with the identity of one target",
        "one of them is a copy: defect and enlist it again; the log of the core names it"},
    {"position-ahead", "targets have seen a later state of this broker than its store has",
        "was a backup put back, or does a second broker work on a copy? see bugle broker status"},
    {"digest-differs-again", "targets hold something else than they should, after an exchange too",
        "see which: the log of the core; then bugle target doctor NAME"},
    {"inventory-unknown", "targets hold documents that this broker does not know",
        "was a backup put back? bugle target doctor NAME shows both sides; take it back: bugle "
        "broker "
        "restore --resume --force"},
    {"report-gap", "reports of targets are missing between others",
        "their own history has them: bugle-node history there"},
    {"descriptors-short",
        "the broker may open fewer files than its targets need: the last ones will not get in",
        "raise the limit of open files (LimitNOFILE= of bugle-broker-front, or ulimit -Hn) and "
        "restart it"},
    {"backlog-short",
        "the broker's machine keeps few waiting connections: a fleet that comes back waits longer",
        "there: sysctl -w net.core.somaxconn=4096, and restart the broker"},
    {"memory-short",
        "the connections of all targets may not fit into the memory of the broker's machine",
        "give it more memory; docs/scale.md says how much"},
    {"report-malformed", "reports of targets could not be read and were set aside",
        "compare the versions of broker and targets: bugle target list -o wide"},
};

static void look_warnings (ctl_doctoring *self)
{
    const wire_status *status = self->status;
    for (size_t i = 0; i < status->warnings_count; i++) {
        const wire_counter *item = &status->warnings[i];
        if (bg_slice_is (item->name, "restored") || bg_slice_is (item->name, "dismantled"))
            continue;
        const known_warning *known = NULL;
        for (size_t k = 0; k < sizeof known_warnings / sizeof known_warnings[0]; k++)
            if (bg_slice_is (item->name, known_warnings[k].name))
                known = &known_warnings[k];
        char name[65];
        (void) snprintf (name, sizeof name, "%.*s", BG_SLICE_ARG (item->name));
        ctl_doctor_say (self, CTL_DOCTOR_PROBLEM, "broker", name,
            known ? known->advice : "see the log of the core", "%s (%llu since the start)",
            known ? known->found : name, (unsigned long long) item->value);
    }
}

static void look_disk (ctl_doctoring *self)
{
    const wire_status *status = self->status;
    if (status->free_bytes == 0 && status->store_bytes == 0)
        return;
    const bool is_none = status->free_bytes < FREE_NONE_BYTES;
    const bool is_low =
        status->free_bytes < FREE_LOW_BYTES || status->free_bytes < status->store_bytes;
    ctl_doctor_say (self,
        is_none  ? CTL_DOCTOR_PROBLEM
        : is_low ? CTL_DOCTOR_WARNING
                 : CTL_DOCTOR_OK,
        "broker", "disk",
        is_low ? "make space, or keep less: bugle broker set history-keep 30d" : "",
        "%llu MiB are free, the store has about %llu MiB",
        (unsigned long long) (status->free_bytes >> 20),
        (unsigned long long) (status->store_bytes >> 20) + 1);
}

static void look_backup (ctl_doctoring *self)
{
    const wire_status *status = self->status;
    if (status->backup_state == WIRE_BACKUP_FAILED)
        ctl_doctor_say (self, CTL_DOCTOR_PROBLEM, "broker", "backup",
            "try again: bugle broker backup", "the last backup failed: %.*s",
            BG_SLICE_ARG (status->backup_problem));
    if (status->last_backup_us == 0) {
        /*  Nothing is lost with a broker that nothing hangs on.  */
        const bool is_empty = status->targets == 0 && status->jobs == 0;
        ctl_doctor_say (self, is_empty ? CTL_DOCTOR_OK : CTL_DOCTOR_WARNING, "broker", "backup",
            is_empty ? "" : "bugle broker backup --to DIRECTORY, on another disk",
            "no backup was made yet");
        return;
    }
    const int64_t age_us = status->time_us - status->last_backup_us;
    const bool is_old = age_us > BACKUP_OLD_US;
    BG_AUTO_BUF span = {0};
    if (age_us < BG_MIN (1))
        bg_buf_append_str (&span, "less than a minute");
    else
        ctl_times_span (age_us - age_us % BG_MIN (1), &span);
    ctl_doctor_say (self, is_old ? CTL_DOCTOR_WARNING : CTL_DOCTOR_OK, "broker", "backup",
        is_old ? "bugle broker backup --to DIRECTORY, on another disk" : "",
        "the last one is %s old", bg_buf_cstr (&span));
}

/*  ---- targets ----  */

typedef struct {
    const char *name;
    wire_target_query query;
    const char *found; /*  %s: the names  */
    const char *advice;
} target_look;

static void look_at_targets (ctl_doctoring *self, const target_look *look)
{
    bg_error err = {0};
    ctl_target_rows rows = {0};
    BG_AUTO_BUF names = {0};
    bg_result result = ctl_targets_fetch (self->run, &look->query, 0, &rows, &err);
    if (bg_failed (result) && result.code != BG_NOT_FOUND) {
        ctl_doctor_failed (self, CTL_DOCTOR_PROBLEM, "broker", look->name, &err);
        return;
    }
    if (bg_failed (result) || rows.count == 0) {
        ctl_doctor_say (self, CTL_DOCTOR_OK, "broker", look->name, "", "none");
        return;
    }
    bg_slice *list = bg_arena_array (&self->run->arena, bg_slice, rows.count);
    for (size_t i = 0; i < rows.count; i++)
        list[i] = rows.rows[i].name;
    ctl_fold (list, rows.count, rows.count, NAMES_BYTES, &names);
    ctl_doctor_say (self, CTL_DOCTOR_WARNING, "broker", look->name, look->advice, "%zu %s: %s",
        rows.count, look->found, bg_buf_cstr (&names));
}

static void look_targets (ctl_doctoring *self)
{
    const target_look looks[] = {
        {"offline", {.state = WIRE_TARGET_SUSPECTED_OFFLINE}, "not heard of",
            "look at the machine and its network: bugle-node status there; gone for good: bugle "
            "target forget"},
        {"never-seen", {.state = WIRE_TARGET_NEVER_SEEN}, "enlisted and never came",
            "is bugle-node running there? systemctl status bugle-node"},
        {"refused", {.state = WIRE_TARGET_QUARANTINED}, "refused something that they were sent",
            "see what and why: bugle op list --error, or bugle target doctor NAME"},
        {"waiting", {.state = WIRE_TARGET_WAITING}, "wait for something that they need first",
            "see what: bugle target doctor NAME"},
        {"clocks", {.clock_over_us = CLOCK_OFF_US}, "have a clock more than 30s off",
            "let them keep time by NTP: timedatectl"},
        {"provisional", {.provisional = 1}, "came with a token and are not confirmed",
            "bugle target confirm --all"},
    };
    for (size_t i = 0; i < sizeof looks / sizeof looks[0]; i++)
        look_at_targets (self, &looks[i]);
    if (self->status->asking > 0)
        ctl_doctor_say (self, CTL_DOCTOR_WARNING, "broker", "asking",
            "compare the codes: bugle target pending, then bugle target approve CODE",
            "%llu machines ask to be enlisted", (unsigned long long) self->status->asking);
}

void ctl_doctor_broker (ctl_doctoring *self)
{
    look_mode (self);
    look_warnings (self);
    look_disk (self);
    look_backup (self);
    look_targets (self);
}
