/*  What holds for the whole installation: the settings, and the two states in which nothing is changed any more.

        normal --proof above our position, or a restored store--> restored --RESUME--> normal
        normal, restored --DISMANTLE--> dismantled (for good)

    restored: this store is older than what targets, or the high-water file, have seen of this installation. It takes
    reports, answers questions and re-adopts what targets hold (adopt.c), but hands nothing out and changes nothing,
    until an admin says RESUME: that sets the term above every proof seen, and target numbers go on 65,536 higher, so
    that what the lost part has given out is not given out again.

    dismantled: people and strangers change nothing. Targets go on: who comes late is still told that it has defected,
    and hands its outcomes in.

    Invariant: what is in this file's fields is in the store under the names below, in the same transaction.  */
#include "broker/core/rooms.h"

#include <stdio.h>

/*  ---- store ----  */

static bg_result put (broker_core *self, const char *name, int64_t value, bg_error *err)
{
    self->changed = true;
    return self->store->meta_set (self->store->ctx, name, value, err);
}

static const char *setting_name (broker_setting setting, char name[40])
{
    snprintf (name, 40, "set.%s", broker_setting_rows[setting].word);
    return name;
}

bg_result broker_mode_load (broker_core *self, bg_error *err)
{
    broker_mode *mode = &self->mode;
    const struct {
        const char *name;
        int64_t *value;
    } rows[] = {{"restored", &mode->restored}, {"restores", &mode->restores},
        {"restored-from", &mode->restored_from_us}, {"proof-term", &mode->proof_term},
        {"proof-position", &mode->proof_position}, {"lost-outcomes", &mode->lost_outcomes},
        {"adopted", &mode->adopted}, {"number-floor", &mode->number_floor},
        {"dismantled", &mode->dismantled_us}, {"backup", &mode->backup_us}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        BG_TRY (self->store->meta_get (self->store->ctx, rows[i].name, rows[i].value, err));
    for (int i = 0; i < BROKER_SETTING_COUNT; i++) {
        char name[40];
        BG_TRY (self->store->meta_get (
            self->store->ctx, setting_name ((broker_setting) i, name), &mode->set[i], err));
    }
    return bg_ok ();
}

void broker_mode_numbers (broker_core *self)
{
    if (self->mode.number_floor > (int64_t) self->next_number)
        self->next_number = (uint32_t) self->mode.number_floor;
}

/*  ---- settings ----  */

int64_t broker_core_setting (const broker_core *self, broker_setting setting)
{
    int64_t stored = self->mode.set[setting];
    return stored ? stored - 1 : broker_setting_rows[setting].fallback;
}

int64_t broker_silent_us (const broker_core *self, const broker_target *target)
{
    int64_t beat_us = broker_core_setting (self, BROKER_SET_HEARTBEAT);
    if (target->has_session && target->told_heartbeat_us > beat_us)
        beat_us = target->told_heartbeat_us;
    return 3 * beat_us + BG_SEC (5);
}

broker_retention broker_mode_retention (const broker_core *self)
{
    return (broker_retention){.history_us = broker_core_setting (self, BROKER_SET_HISTORY_KEEP),
        .history_least = (uint32_t) broker_core_setting (self, BROKER_SET_HISTORY_LEAST)};
}

/*  What sessions were opened with has changed: they are ended, and targets say hello again and poll.  */
static void end_sessions (broker_core *self)
{
    self->mode.session_epoch++;
    self->mode.ending = 1;
}

bool broker_mode_has_work (const broker_core *self)
{
    return self->mode.ending > 0;
}

void broker_mode_work (broker_core *self, bg_now now)
{
    const wire_error stale = {.code = bg_slice_str (bg_code_word (BG_STALE)),
        .class = BG_CLASS_REFUSE,
        .message = bg_slice_str ("what the session was opened with has changed"),
        .hint = bg_slice_str ("say HELLO again")};
    uint32_t sent = 0;
    uint32_t number = self->mode.ending;
    for (; number < self->next_number && sent < BROKER_PIECE; number++) {
        const broker_target *target = broker_target_at (self, number);
        if (!target || !target->has_session || !broker_target_is_connected (self, target, now) ||
            target->session_epoch == self->mode.session_epoch)
            continue;
        broker_send (self, WIRE_ON_DESK, &target->curve_key, WIRE_ERROR, (bg_id){0},
            target->session, &stale);
        sent++;
    }
    self->mode.ending = number < self->next_number ? number : 0;
}

bg_result broker_request_set (broker_request *request, const wire_request *ask,
    const wire_login *signer, bool dry_run, wire_done *answer, bg_error *err)
{
    broker_core *self = request->core;
    broker_setting setting;
    int64_t value = 0;
    char name[40];
    BG_TRY (broker_setting_find (ask->name, &setting, err));
    const int64_t before = broker_core_setting (self, setting);
    if (ask->value.size > 0)
        BG_TRY (broker_setting_parse (setting, ask->value, &value, err));
    else
        value = broker_setting_rows[setting].fallback;
    answer->count = value != before;
    answer->text = bg_arena_printf (request->arena, "%s is %s, was %s",
        broker_setting_rows[setting].word, broker_setting_print (setting, value).text,
        broker_setting_print (setting, before).text);
    if (dry_run)
        return bg_ok ();
    self->mode.set[setting] = ask->value.size > 0 ? value + 1 : 0;
    BG_TRY (put (self, setting_name (setting, name), self->mode.set[setting], err));
    if (value == before)
        return bg_ok ();
    broker_log (self, BROKER_LOG_NOTICE, "setting-changed", "%.*s by %.*s",
        BG_SLICE_ARG (answer->text), BG_SLICE_ARG (signer->name));
    if (setting == BROKER_SET_HEARTBEAT || setting == BROKER_SET_POLL_INTERVAL)
        end_sessions (self);
    if (setting == BROKER_SET_HISTORY_KEEP || setting == BROKER_SET_HISTORY_LEAST)
        self->prune_due = !self->settings.storage_full;
    return bg_ok ();
}

/*  ---- restored, dismantled ----  */

bg_result broker_mode_check (const broker_core *self, bg_error *err)
{
    if (self->mode.dismantled_us) {
        bg_ignore (bg_fail (err, BG_DISMANTLED,
            "the broker %.*s was dismantled: it only answers questions",
            BG_SLICE_ARG (self->settings.name)));
        return bg_hint (err, "make another one with bugle init, or bring this one back from a "
                             "backup with bugle broker restore");
    }
    if (!self->mode.restored)
        return bg_ok ();
    bg_ignore (bg_fail (err, BG_RESTORED,
        "the broker %.*s came back from an older state: it changes nothing and hands nothing out "
        "until an admin lets it go on",
        BG_SLICE_ARG (self->settings.name)));
    return bg_hint (err, "look at bugle broker status, then: bugle broker restore --resume");
}

bg_result broker_mode_check_request (const broker_core *self, uint64_t what, bg_error *err)
{
    const bool is_for_restored =
        what == WIRE_REQUEST_SET || what == WIRE_REQUEST_BACKUP || what == WIRE_REQUEST_RESUME;
    const bool is_for_dismantled = what == WIRE_REQUEST_BACKUP;
    if (self->mode.dismantled_us ? is_for_dismantled : is_for_restored)
        return bg_ok ();
    return broker_mode_check (self, err);
}

bool broker_mode_is_quiet (const broker_core *self)
{
    return self->mode.restored != 0;
}

bg_result broker_mode_proof (
    broker_core *self, uint64_t term, uint64_t position, const char *who, bg_error *err)
{
    broker_mode *mode = &self->mode;
    if (term < (uint64_t) self->term ||
        (term == (uint64_t) self->term && position <= (uint64_t) self->position))
        return bg_ok ();
    broker_count (self, "position-ahead");
    broker_log (self, BROKER_LOG_ERROR, "position-ahead",
        "%s has seen term %llu, position %llu of this broker, which is at term %lld, position "
        "%lld: the store is older than it was, or a second broker works on a copy of it",
        who, (unsigned long long) term, (unsigned long long) position, (long long) self->term,
        (long long) self->position);
    if (self->settings.storage_full)
        return bg_ok ();
    if (!mode->restored) {
        mode->restored = 1;
        BG_TRY (put (self, "restored", 1, err));
    }
    if (term < (uint64_t) mode->proof_term ||
        (term == (uint64_t) mode->proof_term && position <= (uint64_t) mode->proof_position))
        return bg_ok ();
    mode->proof_term = (int64_t) term;
    mode->proof_position = (int64_t) position;
    BG_TRY (put (self, "proof-term", mode->proof_term, err));
    return put (self, "proof-position", mode->proof_position, err);
}

bg_result broker_core_high_water (
    broker_core *self, bg_now now, uint64_t term, uint64_t position, bg_error *err)
{
    (void) now;
    return broker_mode_proof (self, term, position, "the high-water file", err);
}

void broker_core_proof (const broker_core *self, uint64_t *term, uint64_t *position)
{
    *term = (uint64_t) self->term;
    *position = (uint64_t) self->position;
}

bg_result broker_mode_lost (broker_core *self, uint64_t outcomes, bg_error *err)
{
    if (self->mode.restores == 0 && !self->mode.restored)
        return bg_ok ();
    self->mode.lost_outcomes += (int64_t) outcomes;
    return put (self, "lost-outcomes", self->mode.lost_outcomes, err);
}

bg_result broker_mode_adopted (broker_core *self, bg_error *err)
{
    self->mode.adopted++;
    return put (self, "adopted", self->mode.adopted, err);
}

static void ask_again (broker_core *self, broker_document *document, const broker_bitmap *set)
{
    for (uint32_t number = broker_bitmap_next (set, 0); number;
         number = broker_bitmap_next (set, number))
        broker_deliver_set (self, document, broker_target_at (self, number), WIRE_DELIVERY_PENDING);
}

/*  What a target waited for or refused in the older state it may have taken over since: it is asked again and says so
    again.  */
static bg_result ask_all_again (broker_core *self, bg_error *err)
{
    const broker_store *store = self->store;
    for (broker_document *document = self->documents; document; document = document->hh.next) {
        if (broker_bitmap_next (&document->waiting, 0) == 0 &&
            broker_bitmap_next (&document->failed, 0) == 0)
            continue;
        BG_TRY (store->note_remove (store->ctx, document->key, 0, err));
        ask_again (self, document, &document->waiting);
        ask_again (self, document, &document->failed);
    }
    for (uint32_t number = 1; number < self->next_number; number++) {
        broker_target *target = broker_target_at (self, number);
        if (target)
            target->inventory_mono_us = 0; /*  what differs is looked at anew  */
        if (!target || target->key_cut ||
            (target->membership_state != WIRE_DELIVERY_WAITING &&
                target->membership_state != WIRE_DELIVERY_FAILED))
            continue;
        BG_TRY (store->note_remove (store->ctx, target->id, 0, err));
        broker_deliver_membership_state (target, WIRE_DELIVERY_PENDING);
        BG_TRY (broker_target_store (self, target, err));
    }
    return bg_ok ();
}

bg_result broker_request_resume (broker_request *request, const wire_request *ask,
    const wire_login *signer, bool dry_run, wire_done *answer, bg_error *err)
{
    (void) signer;
    broker_core *self = request->core;
    broker_mode *mode = &self->mode;
    /*  Asked for by force: nothing has proven it, but targets hold what is not known here.  */
    if (!mode->restored && !ask->full) {
        bg_ignore (
            bg_fail (err, BG_CONFLICT, "the broker was not restored: there is nothing to resume"));
        return bg_hint (err, "targets hold what this broker does not know? bugle broker restore "
                             "--resume --force");
    }
    const int64_t above = mode->proof_term > self->term ? mode->proof_term : self->term;
    answer->count = 1;
    answer->text = bg_arena_printf (request->arena,
        "the broker goes on with term %lld and target numbers from %u", (long long) above + 1,
        self->next_number + BROKER_NUMBERS_AHEAD);
    if (dry_run)
        return bg_ok ();
    self->term = above + 1;
    self->next_number += BROKER_NUMBERS_AHEAD;
    mode->number_floor = self->next_number;
    mode->restored = 0;
    mode->restores++;
    BG_TRY (put (self, "term", self->term, err));
    BG_TRY (put (self, "number-floor", mode->number_floor, err));
    BG_TRY (put (self, "restored", 0, err));
    BG_TRY (put (self, "restores", mode->restores, err));
    BG_TRY (ask_all_again (self, err));
    end_sessions (self);
    broker_count_forget (self, "position-ahead"); /*  seen to  */
    /*  Their numbers may have been given out by the lost part; they ask again in seconds.  */
    while (self->pendings)
        BG_TRY (broker_pending_drop (self, &self->pendings->curve_key, err));
    while (self->reservations)
        broker_reservation_free (self, self->reservations);
    self->spare_count = 0; /*  what was reserved just now is spare no more than the rest  */
    return bg_ok ();
}

bg_result broker_request_dismantle (broker_request *request, const wire_request *ask,
    const wire_login *signer, bool dry_run, wire_done *answer, bg_error *err)
{
    (void) signer;
    broker_core *self = request->core;
    if (!bg_slice_equal (ask->name, self->settings.name)) {
        bg_ignore (bg_fail (err, BG_INVALID, "this broker is called %.*s, not '%.*s'",
            BG_SLICE_ARG (self->settings.name), BG_SLICE_ARG (ask->name)));
        return bg_hint (err, "repeat its name exactly to dismantle it");
    }
    if (self->members > 0 && !ask->full) {
        bg_ignore (bg_fail (err, BG_CONFLICT, "%u targets are enlisted", self->members));
        return bg_hint (err, "defect them first: bugle target defect --all");
    }
    answer->count = 1;
    answer->text = bg_slice_str ("dismantled");
    if (dry_run)
        return bg_ok ();
    self->mode.dismantled_us = request->now.utc_us;
    BG_TRY (put (self, "dismantled", self->mode.dismantled_us, err));
    if (self->ports->backup)
        BG_TRY (self->ports->backup (self->ports->ctx, bg_slice_of (NULL, 0), true, err));
    return bg_ok ();
}

/*  ---- backups ----  */

bg_result broker_request_backup (broker_request *request, const wire_request *ask,
    const wire_login *signer, bool dry_run, wire_done *answer, bg_error *err)
{
    (void) signer;
    broker_core *self = request->core;
    if (!self->ports->backup)
        return bg_fail (err, BG_NOT_IN_VERSION, "this broker makes no backups");
    answer->text = bg_slice_str (dry_run ? "a backup would be made" : "a backup is being made");
    if (dry_run)
        return bg_ok ();
    answer->count = 1;
    return self->ports->backup (self->ports->ctx, ask->name, false, err);
}

bg_result broker_core_backup_made (broker_core *self, bg_now now, bg_error *err)
{
    self->mode.backup_us = now.utc_us;
    return put (self, "backup", now.utc_us, err);
}
