/*  Sessions: HELLO and WELCOME of nodes, of commands on ops, and the farewell of a target.

    A session is a random id in memory. A new HELLO ends the session before it: messages of that one
    get `stale`, which is also what every node hears after a restart of the core.  */
#include "broker/core/rooms.h"

/*  The highest level that both speak and that the authority's floor allows.  */
static bg_result common_level (
    const broker_core *self, uint64_t low, uint64_t high, uint64_t *level, bg_error *err)
{
    uint64_t floor = wire_keyring_level_floor (self->keyring);
    uint64_t best = high < WIRE_LEVEL ? high : WIRE_LEVEL;
    if (best >= low && best >= floor && best > 0) {
        *level = best;
        return bg_ok ();
    }
    bg_ignore (bg_fail (err, BG_LEVEL,
        "no common protocol level: the other side speaks %llu to %llu, this broker %d, the "
        "authority asks for at least "
        "%llu",
        (unsigned long long) low, (unsigned long long) high, WIRE_LEVEL,
        (unsigned long long) floor));
    return bg_hint (err, "upgrade the older side");
}

/*  ---- nodes ----  */

/*  Two machines with one identity: a counter that went back, or one counter with two instances.
    Counted and shown; what follows from it (freezing) is not decided here.  */
static void watch_clones (broker_core *self, const broker_target *target, const wire_hello *hello)
{
    const broker_target_marks *marks = &target->marks;
    if (bg_id_is_zero (marks->instance) || bg_id_equal (hello->instance, marks->instance) ||
        hello->boot_counter > marks->boot_counter)
        return;
    broker_count (self, "clone");
    broker_log (self, BROKER_LOG_ERROR, "clone",
        "%s says hello with boot counter %llu, but %llu was seen of another "
        "instance: a copied or restored machine",
        target->name, (unsigned long long) hello->boot_counter,
        (unsigned long long) marks->boot_counter);
}

/*  A proof above our own position, signed by our own key: this store is older than what the targets
    have seen.  */
static bg_result watch_position (broker_request *request, const wire_hello *hello, bg_error *err)
{
    broker_core *self = request->core;
    wire_attestation attestation;
    if (!hello->has_attestation ||
        bg_failed (wire_verify_attestation (
            self->keyring, &hello->attestation, self->crypto, request->arena, &attestation, NULL)))
        return bg_ok ();
    return broker_mode_proof (
        self, attestation.term, attestation.position, request->target->name, err);
}

/*  A clock may say anything; what is taken of it can be counted with.  */
static int64_t clock_offset (int64_t theirs_us, int64_t ours_us)
{
    const int64_t most_us = BG_DAY (36500);
    int64_t apart_us = 0;
    if (__builtin_sub_overflow (theirs_us, ours_us, &apart_us))
        return theirs_us < 0 ? -most_us : most_us;
    return apart_us < -most_us ? -most_us : apart_us > most_us ? most_us : apart_us;
}

static void take_marks (broker_request *request, const wire_hello *hello)
{
    broker_target *target = request->target;
    broker_target_marks *marks = &target->marks;
    if (!bg_id_equal (marks->outbox, hello->outbox)) {
        marks->outbox = hello->outbox;
        marks->outbox_mark = 0;
    }
    if (hello->boot_counter >= marks->boot_counter) {
        marks->boot_counter = hello->boot_counter;
        marks->instance = hello->instance;
    }
    broker_replace_str (&target->zone, hello->zone);
    broker_replace_str (&target->version, hello->version);
    marks->zone = bg_slice_str (target->zone);
    marks->version = bg_slice_str (target->version);
    broker_target_take_facts (
        target, broker_facts_text (hello->facts, hello->facts_count, request->arena));
    const bool is_zone = hello->utc_offset_s >= -86400 && hello->utc_offset_s <= 86400;
    marks->utc_offset_s = is_zone ? hello->utc_offset_s : 0;
    marks->clock_offset_us = clock_offset (hello->time_us, request->now.utc_us);
    broker_target_dirty (request->core, target);
}

/*  From which nodes draw their delay when they have to come back.  */
static int64_t return_spread (const broker_core *self)
{
    int64_t spread_us = (int64_t) self->members * BG_SEC (1) / 800;
    return spread_us > BG_SEC (5) ? spread_us : BG_SEC (5);
}

bg_result broker_on_hello (broker_request *request, bg_error *err)
{
    const wire_hello *hello = request->body;
    broker_core *self = request->core;
    broker_target *target = request->target;
    uint64_t level = 0;
    BG_TRY (common_level (self, hello->level_low, hello->level_high, &level, err));
    if (bg_id_is_zero (hello->outbox))
        return bg_fail (err, BG_INVALID, "the hello names no outbox");
    watch_clones (self, target, hello);
    BG_TRY (watch_position (request, hello, err));
    take_marks (request, hello);
    target->has_session = true;
    target->session = broker_make_id (self, request->now);
    target->session_epoch = self->mode.session_epoch;
    target->told_heartbeat_us = broker_core_setting (self, BROKER_SET_HEARTBEAT);
    target->inventoried = false;
    target->acked_state_seq = 0;
    memset (target->differed, 0, sizeof target->differed);
    broker_target_heard (target, request->now);
    wire_welcome welcome = {.session = target->session,
        .level = level,
        .time_us = request->now.utc_us,
        .outbox_mark = target->marks.outbox_mark,
        .heartbeat_us = (uint64_t) target->told_heartbeat_us,
        .poll_us = (uint64_t) broker_core_setting (self, BROKER_SET_POLL_INTERVAL),
        .return_spread_us = (uint64_t) return_spread (self)};
    welcome.streams = broker_stream_names (self, target, request->arena, &welcome.streams_count);
    broker_answer (request, WIRE_WELCOME, &welcome);
    return bg_ok ();
}

bg_result broker_on_defect (broker_request *request, bg_error *err)
{
    const wire_defect *defect = request->body;
    broker_core *self = request->core;
    broker_target *target = request->target;
    wire_leave leave;
    BG_TRY (wire_verify_leave (self->settings.installation, &defect->leave, &target->sign_key,
        self->crypto, request->arena, &leave, err));
    if (!bg_id_equal (leave.target, target->id))
        return bg_fail (err, BG_WRONG_TARGET, "the farewell is of another target");
    const wire_defected answer = {
        .name = bg_arena_copy (request->arena, bg_slice_str (target->name))};
    broker_answer (request, WIRE_DEFECTED, &answer);
    if (!broker_target_is_member (target))
        return broker_target_cut (self, target, err);
    return broker_target_leave (self, target, request->now, true, err);
}

/*  ---- commands ----  */

bg_result broker_on_ops_hello (broker_request *request, bg_error *err)
{
    const wire_ops_hello *hello = request->body;
    broker_core *self = request->core;
    uint64_t level = 0;
    BG_TRY (common_level (self, hello->level_low, hello->level_high, &level, err));
    wire_ops_welcome welcome = {.installation = self->settings.installation,
        .level = level,
        .time_us = request->now.utc_us,
        .broker = self->settings.name,
        .login = request->login->name,
        .role = request->login->role,
        .authority = wire_keyring_version (self->keyring),
        .version = self->settings.version,
        .endpoints = self->settings.endpoints,
        .endpoints_count = self->settings.endpoint_count};
    memcpy (
        welcome.authority_hash, wire_keyring_hash (self->keyring), sizeof welcome.authority_hash);
    broker_answer (request, WIRE_OPS_WELCOME, &welcome);
    return bg_ok ();
}
