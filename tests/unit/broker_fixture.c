/*  See broker_fixture.h. The fake nodes hold what they are told without judging it: verdicts are
    bugle-exec's and tested there.  */
#include "tests/unit/broker_fixture.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#define START_US  INT64_C (1800000000000000)
#define SLOTS_MAX 2000

/*  ---- ports ----  */

static uint64_t next_random (fx *self)
{
    self->random += UINT64_C (0x9e3779b97f4a7c15);
    uint64_t z = self->random;
    z = (z ^ (z >> 30)) * UINT64_C (0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C (0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void port_random (void *ctx, void *bytes, size_t size)
{
    uint8_t *at = bytes;
    for (size_t i = 0; i < size; i++)
        at[i] = (uint8_t) next_random (ctx);
}

static void port_send (void *ctx, wire_channel channel, const bg_key *peer, bg_slice header,
    bg_slice body, bg_slice sigs)
{
    fx *self = ctx;
    bg_error err = {0};
    assert_true (self->sent_count < FX_SENT_MAX);
    assert_int_equal (sigs.size, 0);
    assert_true (body.size <= WIRE_FRAME_MAX);
    fx_sent *sent = &self->sent[self->sent_count++];
    *sent = (fx_sent){.channel = channel, .peer = *peer};
    void *value = NULL;
    header = bg_arena_copy (&self->arena, header);
    body = bg_arena_copy (&self->arena, body);
    if (bg_failed (wire_header_decode (header, &sent->header, &sent->row, &err)) ||
        bg_failed (wire_body_decode (sent->row, body, &self->arena, &value, &err)))
        fail_msg ("the core sent what does not decode: %s", err.message);
    assert_true (sent->row->sender == WIRE_FROM_BROKER || sent->row->sender == WIRE_FROM_ANY);
    sent->body = value;
}

static void port_publish (void *ctx, bg_slice stream, bg_slice header, bg_slice body, bg_slice sigs)
{
    fx *self = ctx;
    bg_error err = {0};
    (void) sigs;
    assert_true (self->sent_count < FX_SENT_MAX);
    fx_sent *sent = &self->sent[self->sent_count++];
    *sent = (fx_sent){.published = true,
        .channel = WIRE_ON_ORDERS,
        .frame0 = bg_arena_copy (&self->arena, stream),
        .header_bytes = bg_arena_copy (&self->arena, header),
        .sealed = bg_arena_copy (&self->arena, body)};
    assert_true (
        bg_is_ok (wire_header_decode (sent->header_bytes, &sent->header, &sent->row, &err)));
}

static void port_keys_reset (void *ctx)
{
    fx *self = ctx;
    self->admitted_count = 0;
    self->keys_ready = false;
}

static void port_keys_add (void *ctx, wire_channel channel, const bg_key *key)
{
    fx *self = ctx;
    if (fx_admitted (self, channel, key))
        return;
    self->admitted[self->admitted_count++] = (fx_key){channel, *key};
}

static void port_keys_cut (void *ctx, wire_channel channel, const bg_key *key)
{
    fx *self = ctx;
    for (size_t i = 0; i < self->admitted_count; i++)
        if (self->admitted[i].channel == channel && bg_key_equal (&self->admitted[i].key, key))
            self->admitted[i--] = self->admitted[--self->admitted_count];
}

static void port_keys_ready (void *ctx)
{
    ((fx *) ctx)->keys_ready = true;
}

static void port_pending (void *ctx, const bg_key *peer, bool pending)
{
    fx *self = ctx;
    for (size_t i = 0; i < self->flagged_count; i++)
        if (bg_key_equal (&self->flagged[i], peer)) {
            if (!pending)
                self->flagged[i] = self->flagged[--self->flagged_count];
            return;
        }
    if (pending)
        self->flagged[self->flagged_count++] = *peer;
}

static void port_log (void *ctx, broker_log_level level, const char *event, const char *text)
{
    (void) ctx;
    (void) level;
    assert_non_null (event);
    assert_null (strchr (text, '\n'));
}

/*  ---- life ----  */

static void must (bg_result result, const bg_error *err)
{
    if (bg_failed (result))
        fail_msg ("%s: %s", bg_code_word (result.code), err->message);
}

fx_person fx_person_make (unsigned char seed)
{
    fx_person person;
    uint8_t bytes[32];
    memset (bytes, seed, sizeof bytes);
    wire_keypair (bytes, &person.sign_key, person.secret);
    memset (person.curve_key.bytes, 0x80 ^ seed, sizeof person.curve_key.bytes);
    person.curve_key.bytes[0] = seed;
    return person;
}

bg_id fx_id (fx *self)
{
    uint8_t entropy[10] = {0};
    bg_write_u64 (entropy + 2, ++self->ids);
    return bg_id_make (self->now.utc_us, entropy);
}

static void make_authority (fx *self)
{
    static const char *const names[] = {"ada", "bob", "cyd", "dan"};
    static const uint64_t roles[] = {
        WIRE_ROLE_ADMIN, WIRE_ROLE_AUTHOR, WIRE_ROLE_OPERATOR, WIRE_ROLE_READER};
    for (int i = 0; i < FX_PEOPLE; i++)
        self->people[i] = fx_person_make ((unsigned char) (i + 1));
    for (int i = 0; i < FX_BROKER; i++)
        self->logins[i] = (wire_login){.name = bg_slice_str (names[i]),
            .sign_key = self->people[i].sign_key,
            .curve_key = self->people[i].curve_key,
            .role = roles[i]};
    const wire_authority authority = {.name = bg_slice_str ("main"),
        .logins = self->logins,
        .logins_count = FX_BROKER,
        .broker_sign_key = self->people[FX_BROKER].sign_key,
        .broker_curve_key = self->people[FX_BROKER].curve_key,
        .threshold = 1,
        .level_floor = 1,
        .created_us = self->now.utc_us};
    const bg_id zero = {0};
    self->authority = fx_document (self, FX_ADMIN, WIRE_TYPE_AUTHORITY, zero, 1, &authority);
}

static void make_core (fx *self)
{
    bg_error err = {0};
    self->core = broker_core_create (&self->settings, &self->ports);
    must (broker_core_recover (self->core, self->now, &err), &err);
    must (broker_core_front_up (self->core, self->now, &err), &err);
}

static void found (fx *self)
{
    bg_error err = {0};
    BG_AUTO_BUF bytes = {0};
    wire_encode (&wire_desc_signed, &self->authority, &bytes);
    broker_core *core = broker_core_create (&self->settings, &self->ports);
    must (broker_db_begin (self->db, &err), &err);
    must (broker_core_found (core, self->now, bg_buf_slice (&bytes), &err), &err);
    must (broker_db_commit (self->db, &err), &err);
    broker_core_destroy (&core);
}

fx *fx_open (void)
{
    fx *self = bg_alloc (sizeof *self);
    bg_error err = {0};
    self->now = (bg_now){START_US, BG_SEC (1000), BG_SEC (1000)};
    self->random = 42;
    self->sent = bg_alloc (FX_SENT_MAX * sizeof *self->sent);
    self->admitted = bg_alloc (30000 * sizeof *self->admitted);
    self->flagged = bg_alloc (15000 * sizeof *self->flagged);
    memset (self->settings.installation.bytes, 0x11, BG_ID_BYTES);
    make_authority (self);
    self->settings.name = bg_slice_str ("main");
    self->settings.sign_key = self->people[FX_BROKER].sign_key;
    memcpy (self->settings.sign_secret, self->people[FX_BROKER].secret, 64);
    self->settings.curve_key = self->people[FX_BROKER].curve_key;
    self->settings.version = bg_slice_str ("0.1.0");
    self->settings.endpoints[0] = bg_slice_str ("broker.example.org");
    self->settings.endpoint_count = 1;
    self->settings.started_us = self->now.utc_us;
    must (broker_db_open (":memory:", &self->db, &err), &err);
    self->ports = (broker_ports){.ctx = self,
        .send = port_send,
        .publish = port_publish,
        .keys_reset = port_keys_reset,
        .keys_add = port_keys_add,
        .keys_cut = port_keys_cut,
        .keys_ready = port_keys_ready,
        .pending = port_pending,
        .random = port_random,
        .log = port_log,
        .crypto = wire_crypto_sodium (),
        .store = broker_db_port (self->db)};
    found (self);
    make_core (self);
    return self;
}

void fx_close (fx **self_p)
{
    fx *self = *self_p;
    broker_core_destroy (&self->core);
    broker_db_close (&self->db);
    bg_arena_fini (&self->arena);
    free (self->sent);
    free (self->admitted);
    free (self->flagged);
    free (self);
    *self_p = NULL;
}

void fx_pass (fx *self, int64_t us)
{
    self->now.utc_us += us;
    self->now.mono_us += us;
    self->now.boot_us += us;
}

void fx_restart (fx *self)
{
    broker_db_rollback (self->db);
    broker_core_destroy (&self->core);
    self->sent_count = 0;
    self->flagged_count = 0;
    make_core (self);
    broker_core_check (self->core);
}

static void finish_batch (fx *self)
{
    bg_error err = {0};
    bool changed = false;
    must (broker_core_before_commit (self->core, self->now, &changed, &err), &err);
    must (broker_db_commit (self->db, &err), &err);
    broker_core_check (self->core);
}

void fx_tick (fx *self)
{
    bg_error err = {0};
    self->sent_count = 0;
    must (broker_db_begin (self->db, &err), &err);
    must (broker_core_tick (self->core, self->now, &err), &err);
    assert_true (broker_core_deadline (self->core) > self->now.mono_us);
    while (broker_core_has_work (self->core))
        must (broker_core_work (self->core, self->now, &err), &err);
    finish_batch (self);
}

/*  ---- messages ----  */

bg_id fx_send (fx *self, wire_channel channel, const bg_key *from, bg_id session, wire_kind kind,
    const void *value)
{
    bg_id request = fx_id (self);
    fx_send_again (self, channel, from, session, request, kind, value);
    return request;
}

void fx_send_again (fx *self, wire_channel channel, const bg_key *from, bg_id session,
    bg_id request, wire_kind kind, const void *value)
{
    BG_AUTO_BUF header = {0};
    BG_AUTO_BUF body = {0};
    bg_error err = {0};
    wire_message_encode (kind, request, session, value, &header, &body);
    const broker_message message = {.channel = channel,
        .peer = *from,
        .address = self->address,
        .header = bg_buf_slice (&header),
        .body = bg_buf_slice (&body)};
    self->sent_count = 0;
    must (broker_db_begin (self->db, &err), &err);
    bg_result result = broker_core_message (self->core, self->now, &message, &err);
    self->crashed = bg_failed (result);
    if (self->crashed) {
        broker_db_rollback (self->db);
        self->sent_count = 0;
        return;
    }
    finish_batch (self);
}

static const fx_sent *last_answer (const fx *self)
{
    bg_id request = {0};
    const fx_sent *found_sent = NULL;
    bg_write_u64 (request.bytes + 8, self->ids);
    for (size_t i = 0; i < self->sent_count; i++)
        if (!self->sent[i].published &&
            memcmp (self->sent[i].header.request.bytes + 8, request.bytes + 8, 8) == 0)
            found_sent = &self->sent[i];
    return found_sent;
}

const void *fx_answer (fx *self, wire_kind kind)
{
    const fx_sent *answer = last_answer (self);
    if (!answer)
        fail_msg ("no answer");
    if (answer->row->kind == WIRE_ERROR && kind != WIRE_ERROR) {
        const wire_error *error = answer->body;
        fail_msg ("refused: %.*s: %.*s", BG_SLICE_ARG (error->code), BG_SLICE_ARG (error->message));
    }
    assert_int_equal (answer->row->kind, kind);
    return answer->body;
}

const wire_error *fx_refused (fx *self, bg_code code)
{
    const wire_error *error = fx_answer (self, WIRE_ERROR);
    if (!bg_slice_is (error->code, bg_code_word (code)))
        fail_msg ("refused with %.*s (%.*s) instead of %s", BG_SLICE_ARG (error->code),
            BG_SLICE_ARG (error->message), bg_code_word (code));
    assert_true (error->message.size > 0);
    return error;
}

size_t fx_count (const fx *self, wire_kind kind)
{
    size_t count = 0;
    for (size_t i = 0; i < self->sent_count; i++)
        count += self->sent[i].row->kind == kind;
    return count;
}

const void *fx_ask (fx *self, int person, wire_kind kind, const void *value, wire_kind answer)
{
    const bg_id none = {0};
    fx_send (self, WIRE_ON_OPS, &self->people[person].curve_key, none, kind, value);
    return fx_answer (self, answer);
}

bool fx_admitted (const fx *self, wire_channel channel, const bg_key *key)
{
    for (size_t i = 0; i < self->admitted_count; i++)
        if (self->admitted[i].channel == channel && bg_key_equal (&self->admitted[i].key, key))
            return true;
    return false;
}

/*  ---- documents ----  */

wire_audience fx_all (void)
{
    return (wire_audience){.all = true};
}

wire_audience fx_names (fx *self, const char *first, const char *second)
{
    wire_audience audience = {
        .names = bg_arena_array (&self->arena, bg_slice, 2), .names_count = second ? 2 : 1};
    audience.names[0] = bg_slice_str (first);
    audience.names[1] = bg_slice_str (second);
    return audience;
}

wire_audience fx_group (fx *self, const char *group)
{
    wire_audience audience = {
        .groups = bg_arena_array (&self->arena, bg_slice, 1), .groups_count = 1};
    audience.groups[0] = bg_slice_str (group);
    return audience;
}

bg_id fx_job_key (const fx *self, const char *name)
{
    return wire_document_key (self->settings.installation, WIRE_TYPE_JOB, bg_slice_str (name));
}

wire_signed fx_document (
    fx *self, int person, wire_type type, bg_id key, uint64_t version, const void *body)
{
    const wire_document fixed = {.type = type,
        .format = WIRE_FORMAT,
        .installation = self->settings.installation,
        .key = key,
        .version = version ? version : (uint64_t) (self->now.utc_us / 1000)};
    wire_signed out;
    wire_document_make (
        wire_crypto_sodium (), &fixed, body, self->people[person].secret, &self->arena, &out);
    return out;
}

wire_signed fx_job (fx *self, int person, const char *name, const wire_audience *audience,
    uint64_t version, const char *command)
{
    bg_slice argv[] = {bg_slice_str (command)};
    wire_job_step step = {
        .name = bg_slice_str ("main"), .kind = WIRE_STEP_RUN, .argv = argv, .argv_count = 1};
    const wire_job job = {
        .name = bg_slice_str (name), .audience = *audience, .steps = &step, .steps_count = 1};
    return fx_document (self, person, WIRE_TYPE_JOB, fx_job_key (self, name), version, &job);
}

wire_signed fx_withdrawal (fx *self, int person, const char *name, uint64_t version)
{
    const wire_withdrawal body = {.object_type = WIRE_TYPE_JOB, .object_name = bg_slice_str (name)};
    return fx_document (
        self, person, WIRE_TYPE_WITHDRAWAL, fx_job_key (self, name), version, &body);
}

wire_signed fx_switch (fx *self, int person, const char *name, bool disabled, uint64_t version)
{
    const wire_switch body = {.object_type = WIRE_TYPE_JOB,
        .object_name = bg_slice_str (name),
        .object_key = fx_job_key (self, name),
        .disabled = disabled,
        .reason = bg_slice_str (disabled ? "moving" : "")};
    bg_id key = wire_switch_key (self->settings.installation, WIRE_TYPE_JOB, bg_slice_str (name));
    return fx_document (self, person, WIRE_TYPE_SWITCH, key, version, &body);
}

wire_signed fx_deed (fx *self, int person, uint64_t what, const char *job, const wire_audience *to,
    int64_t life_us, bg_id *id)
{
    *id = fx_id (self);
    const wire_deed deed = {.installation = self->settings.installation,
        .id = *id,
        .what = what,
        .issued_us = self->now.utc_us,
        .expires_us = self->now.utc_us + life_us,
        .has_to = true,
        .to = *to,
        .job_key = fx_job_key (self, job),
        .job_name = bg_slice_str (job)};
    wire_signed out;
    wire_signed_make (wire_crypto_sodium (), WIRE_TYPE_DEED, self->settings.installation, &deed,
        self->people[person].secret, &self->arena, &out);
    return out;
}

void fx_try_post (fx *self, int person, const wire_signed *document, uint64_t seen)
{
    const bg_id none = {0};
    wire_post_item item = {.has_document = true, .document = *document, .seen_version = seen};
    const wire_post post = {.items = &item, .items_count = 1};
    fx_send (self, WIRE_ON_OPS, &self->people[person].curve_key, none, WIRE_POST, &post);
}

const wire_posted_item *fx_post (fx *self, int person, const wire_signed *document, uint64_t seen)
{
    fx_try_post (self, person, document, seen);
    const wire_posted *posted = fx_answer (self, WIRE_POSTED);
    assert_int_equal (posted->items_count, 1);
    return &posted->items[0];
}

void fx_try_issue (fx *self, int person, const wire_signed *deed)
{
    const bg_id none = {0};
    const wire_issue issue = {.has_deed = true, .deed = *deed};
    fx_send (self, WIRE_ON_OPS, &self->people[person].curve_key, none, WIRE_ISSUE, &issue);
}

const wire_issued *fx_issue (fx *self, int person, const wire_signed *deed)
{
    fx_try_issue (self, person, deed);
    return fx_answer (self, WIRE_ISSUED);
}

/*  ---- enlistment ----  */

fx_token fx_token_make (
    fx *self, unsigned char seed, const char *names, const char *group, uint64_t uses)
{
    fx_token token;
    uint8_t bytes[16];
    memset (bytes, seed, sizeof bytes);
    wire_seed_keypair (bytes, &token.key, token.secret);
    bg_slice groups[] = {bg_slice_str (group)};
    const wire_token record = {.installation = self->settings.installation,
        .token_key = token.key,
        .names = bg_slice_str (names),
        .groups = groups,
        .groups_count = group ? 1 : 0,
        .issued_us = self->now.utc_us,
        .expires_us = self->now.utc_us + BG_HOUR (1),
        .uses = uses,
        .authority = 1};
    wire_signed_make (wire_crypto_sodium (), WIRE_TYPE_TOKEN, self->settings.installation, &record,
        self->people[FX_ADMIN].secret, &self->arena, &token.record);
    return token;
}

void fx_token_post (fx *self, const fx_token *token)
{
    const wire_token_create create = {.has_token = true, .token = token->record};
    const wire_token_created *created =
        fx_ask (self, FX_ADMIN, WIRE_TOKEN_CREATE, &create, WIRE_TOKEN_CREATED);
    assert_true (bg_key_equal (&created->token_key, &token->key));
}

fx_node fx_node_make (fx *self, const char *name, unsigned char seed)
{
    fx_node node = {.keys = fx_person_make (seed)};
    snprintf (node.name, sizeof node.name, "%s", name);
    /*  Seeds are few, names are many.  */
    uint8_t bytes[32] = {0};
    snprintf ((char *) bytes, sizeof bytes, "%.25s/%u", name, seed);
    wire_keypair (bytes, &node.keys.sign_key, node.keys.secret);
    wire_hash32 (bg_slice_of (bytes, sizeof bytes), node.keys.curve_key.bytes);
    node.outbox = fx_id (self);
    node.instance = fx_id (self);
    node.boots = 1;
    node.slots = bg_arena_array (&self->arena, wire_held, SLOTS_MAX);
    return node;
}

wire_enlist_hello fx_enlist_hello (fx *self, const fx_node *node, const fx_token *token)
{
    wire_enlist_hello hello = {.level_low = 1,
        .level_high = 1,
        .token_key = token->key,
        .sign_key = node->keys.sign_key,
        .name = bg_slice_str (node->name)};
    port_random (self, hello.nonce, sizeof hello.nonce);
    return hello;
}

static wire_signed sign_membership (
    fx *self, const fx_node *node, const fx_token *token, const wire_token *record)
{
    wire_membership membership = {.target = node->target,
        .number = node->number,
        .name = bg_slice_str (node->name),
        .state = WIRE_MEMBER,
        .sign_key = node->keys.sign_key,
        .curve_key = node->keys.curve_key,
        .location = record->location,
        .groups = record->groups,
        .groups_count = record->groups_count,
        .labels = record->labels,
        .labels_count = record->labels_count,
        .has_token = true,
        .token = token->record};
    const wire_document fixed = {.type = WIRE_TYPE_MEMBERSHIP,
        .format = WIRE_FORMAT,
        .installation = self->settings.installation,
        .key = node->target,
        .version = 1};
    wire_signed out;
    wire_document_make (
        wire_crypto_sodium (), &fixed, &membership, token->secret, &self->arena, &out);
    return out;
}

wire_enlist_prove fx_enlist_prove (fx *self, fx_node *node, const fx_token *token,
    const wire_enlist_hello *hello, const wire_enlist_challenge *challenge)
{
    bg_error err = {0};
    wire_token record;
    must (WIRE_DECODE (token, token->record.bytes, WIRE_AS_SIGNED, &self->arena, &record, &err),
        &err);
    node->target = challenge->target;
    node->number = (uint32_t) challenge->number;
    wire_enlist_prove prove = {
        .has_membership = true, .has_proof = true, .zone = bg_slice_str ("Europe/Berlin")};
    prove.membership = sign_membership (self, node, token, &record);
    wire_enlist_proof proof = {
        .installation = self->settings.installation, .broker_curve_key = self->settings.curve_key};
    memcpy (proof.broker_nonce, challenge->nonce, sizeof proof.broker_nonce);
    memcpy (proof.target_nonce, hello->nonce, sizeof proof.target_nonce);
    wire_hash32 (prove.membership.bytes, proof.membership_hash);
    wire_signed_make (wire_crypto_sodium (), WIRE_TYPE_PROOF, self->settings.installation, &proof,
        token->secret, &self->arena, &prove.proof);
    wire_signed_add (wire_crypto_sodium (), self->settings.installation, node->keys.secret,
        &self->arena, &prove.proof);
    return prove;
}

void fx_node_enlist (fx *self, fx_node *node, const fx_token *token)
{
    const bg_id none = {0};
    wire_enlist_hello hello = fx_enlist_hello (self, node, token);
    fx_send (self, WIRE_ON_ENLIST, &node->keys.curve_key, none, WIRE_ENLIST_HELLO, &hello);
    const wire_enlist_challenge *challenge = fx_answer (self, WIRE_ENLIST_CHALLENGE);
    wire_enlist_prove prove = fx_enlist_prove (self, node, token, &hello, challenge);
    fx_send (self, WIRE_ON_ENLIST, &node->keys.curve_key, none, WIRE_ENLIST_PROVE, &prove);
    fx_answer (self, WIRE_ENLIST_DONE);
    fx_node_hold (self, node, node->target, 1);
}

fx_node fx_member (fx *self, const char *name, const char *group)
{
    fx_node node = fx_node_make (self, name, (unsigned char) self->ids);
    fx_token token = fx_token_make (self, (unsigned char) (50 + self->ids % 100), name, group, 1);
    /*  Token keys are unique too.  */
    port_random (self, token.secret, 16);
    uint8_t seed[16];
    memcpy (seed, token.secret, sizeof seed);
    wire_seed_keypair (seed, &token.key, token.secret);
    wire_token record;
    bg_error err = {0};
    must (
        WIRE_DECODE (token, token.record.bytes, WIRE_AS_SIGNED, &self->arena, &record, &err), &err);
    record.token_key = token.key;
    wire_signed_make (wire_crypto_sodium (), WIRE_TYPE_TOKEN, self->settings.installation, &record,
        self->people[FX_ADMIN].secret, &self->arena, &token.record);
    fx_token_post (self, &token);
    fx_node_enlist (self, &node, &token);
    fx_node_hello (self, &node);
    fx_node_settle (self, &node);
    return node;
}

/*  ---- nodes ----  */

const wire_welcome *fx_node_hello (fx *self, fx_node *node)
{
    const bg_id none = {0};
    const wire_hello hello = {.level_low = 1,
        .level_high = 1,
        .boot_counter = node->boots,
        .instance = node->instance,
        .name = bg_slice_str (node->name),
        .version = bg_slice_str ("0.1.0"),
        .zone = bg_slice_str ("Europe/Berlin"),
        .outbox = node->outbox,
        .time_us = self->now.utc_us,
        .utc_offset_s = 3600};
    fx_send (self, WIRE_ON_DESK, &node->keys.curve_key, none, WIRE_HELLO, &hello);
    const wire_welcome *welcome = fx_answer (self, WIRE_WELCOME);
    node->session = welcome->session;
    return welcome;
}

void fx_node_digest (const fx_node *node, uint8_t digest[16])
{
    memset (digest, 0, 16);
    for (size_t i = 0; i < node->slot_count; i++)
        wire_digest_toggle (digest, node->slots[i].key, node->slots[i].version);
}

const wire_poll_answer *fx_node_poll (fx *self, fx_node *node)
{
    wire_poll poll = {
        .state_seq = node->state_seq, .authority = node->authority, .refused = node->refused};
    port_random (self, poll.nonce, sizeof poll.nonce);
    fx_node_digest (node, poll.digest);
    fx_send (self, WIRE_ON_DESK, &node->keys.curve_key, node->session, WIRE_POLL, &poll);
    return fx_answer (self, WIRE_POLL_ANSWER);
}

void fx_node_hold (fx *self, fx_node *node, bg_id key, uint64_t version)
{
    (void) self;
    node->state_seq++;
    for (size_t i = 0; i < node->slot_count; i++)
        if (bg_id_equal (node->slots[i].key, key)) {
            node->slots[i].version = version;
            return;
        }
    assert_true (node->slot_count < SLOTS_MAX);
    node->slots[node->slot_count++] = (wire_held){.key = key, .version = version};
}

void fx_node_ack (
    fx *self, fx_node *node, bg_id key, uint64_t version, uint64_t state, const char *code)
{
    node->refused += state == WIRE_DELIVERY_FAILED;
    wire_ack_item item = {.key = key,
        .version = version,
        .state = state,
        .code = bg_slice_str (code),
        .message = bg_slice_str (code ? "because" : "")};
    const wire_ack ack = {.items = &item, .items_count = 1, .state_seq = node->state_seq};
    fx_send (self, WIRE_ON_DESK, &node->keys.curve_key, node->session, WIRE_ACK, &ack);
    assert_int_equal (fx_count (self, WIRE_ERROR), 0);
}

void fx_node_apply (fx *self, fx_node *node, const wire_poll_answer *answer)
{
    bg_error err = {0};
    wire_ack_item *items =
        bg_arena_array (&self->arena, wire_ack_item, answer->instructions_count + 1);
    size_t count = 0;
    for (size_t i = 0; i < answer->instructions_count; i++) {
        const wire_signed *item = &answer->instructions[i];
        if (item->type == WIRE_TYPE_DEED) {
            node->deeds[node->deed_count++] = *item;
            continue;
        }
        wire_document document;
        must (WIRE_DECODE (document, item->bytes, WIRE_AS_SIGNED, &self->arena, &document, &err),
            &err);
        fx_node_hold (self, node, document.key, document.version);
        if (document.type == WIRE_TYPE_AUTHORITY)
            node->authority = document.version;
        items[count++] = (wire_ack_item){
            .key = document.key, .version = document.version, .state = WIRE_DELIVERY_APPLIED};
    }
    if (count == 0)
        return;
    const wire_ack ack = {.items = items, .items_count = count, .state_seq = node->state_seq};
    fx_send (self, WIRE_ON_DESK, &node->keys.curve_key, node->session, WIRE_ACK, &ack);
}

void fx_node_settle (fx *self, fx_node *node)
{
    for (int round = 0; round < 100; round++) {
        const wire_poll_answer *answer = fx_node_poll (self, node);
        size_t documents = 0;
        for (size_t i = 0; i < answer->instructions_count; i++)
            documents += answer->instructions[i].type != WIRE_TYPE_DEED;
        if (documents == 0) {
            assert_false (answer->inventory);
            return;
        }
        fx_node_apply (self, node, answer);
    }
    fail_msg ("the node does not settle");
}

wire_run fx_run (fx *self, const char *job, bg_id exec, uint64_t state)
{
    wire_run run = {.run = fx_id (self),
        .job_key = fx_job_key (self, job),
        .job_name = bg_slice_str (job),
        .job_version = 1,
        .exec = exec,
        .state = state,
        .started_us = self->now.utc_us};
    if (state != WIRE_RUN_RUNNING)
        run.finished_us = self->now.utc_us + BG_MS (5);
    return run;
}

const wire_report_answer *fx_node_report (
    fx *self, fx_node *node, const wire_run *runs, size_t count)
{
    wire_report_item *items = bg_arena_array (&self->arena, wire_report_item, count + 1);
    for (size_t i = 0; i < count; i++)
        items[i] =
            (wire_report_item){.sequence = ++node->sequence, .has_run = true, .run = runs[i]};
    const wire_report report = {.outbox = node->outbox, .items = items, .items_count = count};
    fx_send (self, WIRE_ON_DESK, &node->keys.curve_key, node->session, WIRE_REPORT, &report);
    return fx_answer (self, WIRE_REPORT_ANSWER);
}
