/*  Tokens: made by an admin, looked at, used (enlist.c), revoked.

    The broker has the signed record with the public half only; whoever stole its store could not enlist with what is in
    it. A revoked token stays as a row: who uses it hears why.  */
#include "broker/core/rooms.h"

#include "common/job/names.h"
#include "common/job/selector.h"

#define TOKEN_LIFE_US BG_DAY (30)
#define TOKENS_PAGE   500

static bg_result token_refused (bg_error *err, const char *why)
{
    bg_ignore (bg_fail (err, BG_TOKEN, "the token %s", why));
    return bg_hint (err, "ask for a new one: bugle token create");
}

/*  A record that was verified when it was stored.  */
bg_result broker_token_find (
    broker_request *request, const bg_key *token_key, broker_token *out, bg_error *err)
{
    broker_core *self = request->core;
    bool found = false;
    BG_TRY (self->store->token_get (
        self->store->ctx, token_key, request->arena, &out->record, &found, err));
    if (!found)
        return token_refused (err, "is not known to this broker");
    if (bg_failed (WIRE_DECODE (
            signed, out->record.signed_bytes, WIRE_AS_MESSAGE, request->arena, &out->bytes, err)) ||
        bg_failed (WIRE_DECODE (
            token, out->bytes.bytes, WIRE_AS_SIGNED, request->arena, &out->token, err)))
        return broker_stored_badly (err, "a token");
    return bg_ok ();
}

bg_result broker_token_usable (
    broker_request *request, const broker_token *token, bg_slice name, bg_error *err)
{
    wire_token again;
    const wire_login *signer = NULL;
    if (token->record.revoked_us != 0)
        return token_refused (err, "was revoked");
    if (request->now.utc_us >= token->record.expires_us)
        return token_refused (err, "has expired");
    if (token->record.used >= token->record.uses)
        return token_refused (err, "is used up");
    if (bg_failed (wire_verify_token (request->core->keyring, &token->bytes, request->core->crypto,
            request->arena, &again, &signer, NULL)))
        return token_refused (err, "was made by a login that may not do so any more");
    if (!job_name_matches (token->token.names, name)) {
        bg_ignore (bg_fail (err, BG_TOKEN, "the token is for names like %.*s, not for '%.*s'",
            BG_SLICE_ARG (token->token.names), BG_SLICE_ARG (name)));
        return bg_hint (err, "choose such a name with --name, or ask for another token");
    }
    return bg_ok ();
}

bool broker_token_replaces (const broker_token *token, bg_slice name)
{
    return token->token.replace.size > 0 && job_name_compare (token->token.replace, name) == 0;
}

static bg_result check_replace (const wire_token *token, bg_error *err)
{
    if (token->replace.size == 0)
        return bg_ok ();
    if (token->uses != 1 || job_name_compare (token->names, token->replace) != 0)
        return bg_fail (
            err, BG_INVALID, "a token that replaces a target has one use and that target's name");
    return job_target_name_valid (token->replace, err);
}

static bg_result check_token (broker_request *request, const wire_token *token, bg_error *err)
{
    if (token->expires_us <= request->now.utc_us)
        return bg_fail (err, BG_EXPIRED, "the token would have expired already");
    if (token->expires_us - request->now.utc_us > TOKEN_LIFE_US)
        return bg_fail (err, BG_INVALID, "a token is good for at most 30 days");
    if (token->uses == 0)
        return bg_fail (err, BG_INVALID, "a token needs at least one use");
    BG_TRY (job_name_pattern_valid (token->names, err));
    BG_TRY (check_replace (token, err));
    for (size_t i = 0; i < token->groups_count; i++)
        BG_TRY (job_group_name_valid (token->groups[i], err));
    for (size_t i = 0; i < token->labels_count; i++)
        BG_TRY (job_label_valid (token->labels[i].key, token->labels[i].value, err));
    if (token->authority != wire_keyring_version (request->core->keyring)) {
        bg_ignore (bg_fail (err, BG_CONFLICT,
            "the token pins authority version %llu; the current one is %llu",
            (unsigned long long) token->authority,
            (unsigned long long) wire_keyring_version (request->core->keyring)));
        return bg_hint (err, "repeat the command");
    }
    return bg_ok ();
}

static void answer_token (broker_request *request, const wire_token *token)
{
    const broker_core *self = request->core;
    wire_token_created answer = {.token_key = token->token_key,
        .endpoints = (bg_slice *) (uintptr_t) self->settings.endpoints,
        .endpoints_count = self->settings.endpoint_count,
        .broker_curve_key = self->settings.curve_key};
    memcpy (answer.authority_hash, wire_keyring_hash (self->keyring), sizeof answer.authority_hash);
    broker_answer (request, WIRE_TOKEN_CREATED, &answer);
}

bg_result broker_on_token_create (broker_request *request, bg_error *err)
{
    const wire_token_create *create = request->body;
    broker_core *self = request->core;
    wire_token token;
    const wire_login *signer = NULL;
    BG_AUTO_BUF bytes = {0};
    BG_TRY (wire_verify_token (
        self->keyring, &create->token, self->crypto, request->arena, &token, &signer, err));
    BG_TRY (check_token (request, &token, err));
    wire_encode (&wire_desc_signed, &create->token, &bytes);
    broker_token_record record;
    bool found = false;
    BG_TRY (self->store->token_get (
        self->store->ctx, &token.token_key, request->arena, &record, &found, err));
    if (found && !bg_slice_equal (record.signed_bytes, bg_buf_slice (&bytes)))
        return bg_fail (err, BG_EXISTS, "there is a token with this key already");
    if (!found) {
        record = (broker_token_record){.token_key = token.token_key,
            .signed_bytes = bg_buf_slice (&bytes),
            .created_by = signer->name,
            .created_us = request->now.utc_us,
            .expires_us = token.expires_us,
            .uses = token.uses};
        BG_TRY (self->store->token_put (self->store->ctx, &record, err));
        self->changed = true;
        broker_log (self, BROKER_LOG_NOTICE, "token-created",
            "for names like %.*s, %llu uses, by %.*s", BG_SLICE_ARG (token.names),
            (unsigned long long) token.uses, BG_SLICE_ARG (signer->name));
    }
    answer_token (request, &token);
    return bg_ok ();
}

/*  ---- looking ----  */

typedef struct {
    broker_request *request;
    wire_tokens answer;
    size_t limit;
    size_t bytes;
} listing;

static bg_result list_token (void *visitor, const broker_token_record *record, bg_error *err)
{
    listing *list = visitor;
    bg_arena *arena = list->request->arena;
    wire_signed item;
    wire_token token;
    const bg_slice copy = bg_arena_copy (arena, record->signed_bytes);
    list->bytes += record->signed_bytes.size;
    if (list->answer.more || list->answer.rows_count == list->limit ||
        list->bytes > BROKER_PAGE_BYTES) {
        list->answer.more = true;
        return bg_ok ();
    }
    if (bg_failed (WIRE_DECODE (signed, copy, WIRE_AS_MESSAGE, arena, &item, err)) ||
        bg_failed (WIRE_DECODE (token, item.bytes, WIRE_AS_SIGNED, arena, &token, err)))
        return broker_stored_badly (err, "a token");
    list->answer.rows[list->answer.rows_count++] = (wire_token_row){.token_key = record->token_key,
        .names = token.names,
        .groups = token.groups,
        .groups_count = token.groups_count,
        .labels = token.labels,
        .labels_count = token.labels_count,
        .location = token.location,
        .replace = token.replace,
        .created_by = bg_arena_copy (arena, record->created_by),
        .created_us = record->created_us,
        .expires_us = record->expires_us,
        .uses = record->uses,
        .used = record->used,
        .revoked_us = record->revoked_us,
        .revoked_by = bg_arena_copy (arena, record->revoked_by)};
    return bg_ok ();
}

bg_result broker_on_token_query (broker_request *request, bg_error *err)
{
    const wire_token_query *query = request->body;
    const broker_store *store = request->core->store;
    const size_t limit = query->limit && query->limit < TOKENS_PAGE ? query->limit : TOKENS_PAGE;
    listing list = {.request = request, .limit = limit};
    list.answer.rows = bg_arena_array (request->arena, wire_token_row, limit);
    BG_TRY (store->tokens (store->ctx, &query->after, query->all ? 0 : request->now.utc_us,
        (uint32_t) limit + 1, list_token, &list, err));
    broker_answer (request, WIRE_TOKENS, &list.answer);
    return bg_ok ();
}

/*  ---- revoking ----  */

bg_result broker_request_token_revoke (broker_request *request, const wire_request *ask,
    const wire_login *signer, bool dry_run, wire_done *answer, bg_error *err)
{
    broker_core *self = request->core;
    broker_token_record record;
    bool found = false;
    BG_TRY (self->store->token_get (
        self->store->ctx, &ask->token_key, request->arena, &record, &found, err));
    if (!found) {
        bg_ignore (bg_fail (err, BG_NOT_FOUND, "there is no such token"));
        return bg_hint (err, "see: bugle token list --all");
    }
    answer->count = record.revoked_us == 0;
    answer->text =
        bg_slice_str (record.revoked_us == 0 ? "a token was revoked" : "it was revoked before");
    if (dry_run || record.revoked_us != 0)
        return bg_ok ();
    self->changed = true;
    return self->store->token_revoked (
        self->store->ctx, &ask->token_key, request->now.utc_us, signer->name, err);
}
