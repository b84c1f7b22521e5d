/*  STATUS: how the broker is. Figures are counted when they are asked for.  */
#include "broker/core/rooms.h"

static void count_targets (broker_request *request, wire_status *status)
{
    const broker_core *self = request->core;
    for (uint32_t number = 1; number < self->next_number; number++) {
        const broker_target *target = broker_target_at (self, number);
        if (!target || !broker_target_is_member (target))
            continue;
        status->targets++;
        status->connected += broker_target_is_connected (self, target, request->now);
        status->suspected_offline +=
            broker_target_state (self, target, request->now) == WIRE_TARGET_SUSPECTED_OFFLINE;
        status->pending += target->pending + target->deeds;
        status->failed_deliveries += target->failed;
        status->provisional += target->provisional;
    }
}

static void add_counter (
    wire_counter *list, size_t *count, size_t most, bg_slice name, uint64_t value)
{
    if (*count < most)
        list[(*count)++] = (wire_counter){.name = name, .value = value};
}

static void fill_counters (broker_request *request, wire_status *status)
{
    const broker_core *self = request->core;
    status->counters = bg_arena_array (request->arena, wire_counter, 128);
    for (size_t i = 0; i < self->counter_count; i++)
        add_counter (status->counters, &status->counters_count, 128,
            bg_slice_str (self->counters[i].name), self->counters[i].value);
    for (size_t i = 0; i < self->front_counter_count; i++)
        add_counter (status->counters, &status->counters_count, 128,
            bg_arena_printf (request->arena, "front.%.58s", self->front_counters[i].name),
            self->front_counters[i].value);
}

static bool front_says (const broker_core *self, const char *name)
{
    for (size_t i = 0; i < self->front_counter_count; i++)
        if (strcmp (self->front_counters[i].name, name) == 0)
            return self->front_counters[i].value > 0;
    return false;
}

/*  What somebody should look at.  */
static void fill_warnings (broker_request *request, wire_status *status)
{
    static const char *const serious[] = {"clone", "position-ahead", "digest-differs-again",
        "inventory-unknown", "report-gap", "report-malformed"};
    static const char *const granted[] = {"descriptors-short", "backlog-short", "memory-short"};
    const broker_core *self = request->core;
    const struct {
        const char *name;
        bool is_so;
    } states[] = {{"storage-full", self->settings.storage_full}, {"front-away", !self->front_up},
        {"restored", self->mode.restored != 0}, {"dismantled", self->mode.dismantled_us != 0}};
    status->warnings = bg_arena_array (request->arena, wire_counter, 32);
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        if (states[i].is_so)
            add_counter (
                status->warnings, &status->warnings_count, 32, bg_slice_str (states[i].name), 1);
    for (size_t i = 0; i < sizeof serious / sizeof serious[0]; i++) {
        uint64_t value = broker_core_counter (self, serious[i]);
        if (value > 0)
            add_counter (
                status->warnings, &status->warnings_count, 32, bg_slice_str (serious[i]), value);
    }
    for (size_t i = 0; i < sizeof granted / sizeof granted[0]; i++)
        if (front_says (self, granted[i]))
            add_counter (
                status->warnings, &status->warnings_count, 32, bg_slice_str (granted[i]), 1);
}

static void fill_settings (broker_request *request, wire_status *status)
{
    const broker_core *self = request->core;
    status->settings = bg_arena_array (request->arena, wire_pair, BROKER_SETTING_COUNT);
    for (int i = 0; i < BROKER_SETTING_COUNT; i++) {
        const broker_setting setting = (broker_setting) i;
        const broker_setting_string text =
            broker_setting_print (setting, broker_core_setting (self, setting));
        status->settings[status->settings_count++] =
            (wire_pair){.key = bg_slice_str (broker_setting_rows[i].word),
                .value = bg_arena_copy (request->arena, bg_slice_str (text.text))};
    }
}

static void fill_mode (broker_request *request, wire_status *status)
{
    const broker_core *self = request->core;
    const broker_mode *mode = &self->mode;
    status->restored = mode->restored != 0;
    status->dismantled = mode->dismantled_us != 0;
    status->last_backup_us = mode->backup_us;
    status->restored_from_us = mode->restored_from_us;
    status->restores = (uint64_t) mode->restores;
    status->proof_term = (uint64_t) mode->proof_term;
    status->proof_position = (uint64_t) mode->proof_position;
    status->lost_outcomes = (uint64_t) mode->lost_outcomes;
    status->adopted = (uint64_t) mode->adopted;
    if (!self->ports->host)
        return;
    broker_host host = {0};
    self->ports->host (self->ports->ctx, &host);
    status->store_bytes = host.store_bytes;
    status->free_bytes = host.free_bytes;
    status->backup_state = host.backup_state;
    status->backup_percent = host.backup_percent;
    status->backup_path = host.backup_path;
    status->backup_problem = host.backup_problem;
}

typedef struct {
    uint64_t count;
    bg_key last;
} token_count;

static bg_result count_token (void *visitor, const broker_token_record *record, bg_error *err)
{
    token_count *tokens = visitor;
    (void) err;
    tokens->count++;
    tokens->last = record->token_key;
    return bg_ok ();
}

/*  Those that somebody could use now.  */
static bg_result count_tokens (broker_request *request, wire_status *status, bg_error *err)
{
    const broker_store *store = request->core->store;
    token_count tokens = {.count = 0};
    uint64_t before;
    do {
        before = tokens.count;
        BG_TRY (store->tokens (store->ctx, before ? &tokens.last : NULL, request->now.utc_us,
            BROKER_PIECE, count_token, &tokens, err));
    } while (tokens.count - before == BROKER_PIECE);
    status->tokens = tokens.count;
    return bg_ok ();
}

static void count_pendings (broker_request *request, wire_status *status)
{
    for (const broker_pending *pending = request->core->pendings; pending;
         pending = pending->hh.next)
        status->asking += pending->rejected_us == 0;
}

bg_result broker_on_status_query (broker_request *request, bg_error *err)
{
    broker_core *self = request->core;
    wire_status status = {.broker = self->settings.name,
        .version = self->settings.version,
        .time_us = request->now.utc_us,
        .started_us = self->settings.started_us,
        .running = HASH_COUNT (self->open_runs) - self->waiting_runs,
        .waiting_runs = self->waiting_runs,
        .runs = (uint64_t) self->runs_total,
        .term = (uint64_t) self->term,
        .position = (uint64_t) self->position,
        .store = bg_slice_str (self->store->name),
        .endpoints = self->settings.endpoints,
        .endpoints_count = self->settings.endpoint_count,
        .installation = self->settings.installation,
        .authority = wire_keyring_version (self->keyring)};
    BG_TRY (count_tokens (request, &status, err));
    count_pendings (request, &status);
    for (const broker_document *document = self->documents; document; document = document->hh.next)
        status.jobs += document->type == WIRE_TYPE_JOB;
    count_targets (request, &status);
    fill_counters (request, &status);
    fill_warnings (request, &status);
    fill_settings (request, &status);
    fill_mode (request, &status);
    broker_answer (request, WIRE_STATUS, &status);
    return bg_ok ();
}
