/*  The authority: who may sign. One current version, all versions kept; a new one must be signed by
    admins of the current one and may not leave a live document without a signature that counts.  */
#include "broker/core/rooms.h"

#include <stdio.h>

#define ORPHANS_SHOWN 5u

bg_result broker_authority_check_settings (
    const broker_core *self, const wire_keyring *keyring, bg_error *err)
{
    if (!bg_id_equal (wire_keyring_installation (keyring), self->settings.installation))
        return bg_fail (err, BG_WRONG_INSTALLATION,
            "the authority is of another installation than this broker");
    if (!bg_key_equal (wire_keyring_broker_sign_key (keyring), &self->settings.sign_key) ||
        !bg_key_equal (wire_keyring_broker_curve_key (keyring), &self->settings.curve_key)) {
        bg_ignore (bg_fail (
            err, BG_INVALID, "the authority names other broker keys than this broker has"));
        return bg_hint (err, "changing the broker's keys is not in this version");
    }
    return bg_ok ();
}

/*  ---- documents that would lose their signature ----  */

/*  A key that counted in the old keyring and does not count for the same in the new one.  */
static bool key_lost (const wire_keyring *old, const wire_keyring *next, const uint8_t key_id[8])
{
    const wire_login *before = wire_keyring_login_by_key_id (old, key_id);
    if (!before)
        return false;
    const wire_login *after = wire_keyring_login_by_key_id (next, key_id);
    return !after || after->role < before->role || after->scopes_count > 0 ||
           wire_keyring_is_revoked (next, &after->sign_key);
}

static bool any_key_lost (const wire_keyring *old, const wire_keyring *next)
{
    const wire_authority *authority = wire_keyring_authority (old);
    for (size_t i = 0; i < authority->logins_count; i++) {
        uint8_t key_id[8];
        wire_key_id (&authority->logins[i].sign_key, key_id);
        if (key_lost (old, next, key_id))
            return true;
    }
    return false;
}

static bool signed_by_lost (
    const wire_keyring *old, const wire_keyring *next, const wire_signed *document)
{
    for (size_t i = 0; i < document->sigs_count; i++)
        if (key_lost (old, next, document->sigs[i].key_id))
            return true;
    return false;
}

typedef struct {
    size_t count;
    char names[400];
} orphans;

static void add_orphan (orphans *list, const char *what, const char *name)
{
    size_t used = strlen (list->names);
    if (list->count++ < ORPHANS_SHOWN)
        snprintf (list->names + used, sizeof list->names - used, "%s%s %.60s", used ? ", " : "",
            what, name);
}

static void check_one (broker_core *self, const wire_keyring *next, const wire_signed *document,
    const char *what, const char *name, orphans *list)
{
    BG_AUTO_ARENA arena = {0};
    wire_verified verified;
    if (bg_failed (wire_verify_document (next, document, self->crypto, &arena, &verified, NULL)))
        add_orphan (list, what, name);
}

static bg_result check_documents (
    broker_core *self, const wire_keyring *next, orphans *list, bg_error *err)
{
    for (broker_document *document = self->documents; document; document = document->hh.next) {
        if (document->type == WIRE_TYPE_AUTHORITY)
            continue;
        BG_AUTO_ARENA arena = {0};
        wire_signed bytes;
        BG_TRY (broker_document_signed (self, document, &arena, &bytes, err));
        if (signed_by_lost (self->keyring, next, &bytes))
            check_one (self, next, &bytes, wire_type_word (document->type), document->name, list);
    }
    return bg_ok ();
}

static bg_result check_memberships (
    broker_core *self, const wire_keyring *next, orphans *list, bg_error *err)
{
    for (uint32_t number = 1; number < self->next_number; number++) {
        const broker_target *target = broker_target_at (self, number);
        if (!target || !broker_target_is_member (target))
            continue;
        BG_AUTO_ARENA arena = {0};
        wire_signed bytes;
        if (bg_failed (WIRE_DECODE (
                signed, target->membership_bytes, WIRE_AS_MESSAGE, &arena, &bytes, err)))
            return broker_stored_badly (err, "a membership");
        if (signed_by_lost (self->keyring, next, &bytes) ||
            (target->membership.has_token &&
                signed_by_lost (self->keyring, next, &target->membership.token)))
            check_one (self, next, &bytes, "target", target->name, list);
    }
    return bg_ok ();
}

bg_result broker_authority_check (
    broker_request *request, const wire_signed *document, wire_keyring **next_p, bg_error *err)
{
    broker_core *self = request->core;
    wire_keyring *next = NULL;
    orphans list = {0};
    BG_TRY (wire_keyring_next (self->keyring, document, self->crypto, &next, err));
    bg_result result = broker_authority_check_settings (self, next, err);
    if (bg_is_ok (result) && any_key_lost (self->keyring, next)) {
        result = check_documents (self, next, &list, err);
        if (bg_is_ok (result))
            result = check_memberships (self, next, &list, err);
    }
    if (bg_is_ok (result) && list.count > 0) {
        bg_ignore (bg_fail (err, BG_CONFLICT,
            "this authority would leave %zu %s without a valid signature: %s%s", list.count,
            list.count == 1 ? "document" : "documents", list.names,
            list.count > ORPHANS_SHOWN ? ", ..." : ""));
        result = bg_hint (err, "let another login sign them first, then remove the key");
    }
    if (bg_failed (result)) {
        wire_keyring_destroy (&next);
        return result;
    }
    *next_p = next;
    return bg_ok ();
}

/*  ---- taking it over ----  */

static bool admits (const wire_keyring *keyring, const bg_key *curve_key)
{
    const wire_login *login = wire_keyring_login_by_curve_key (keyring, curve_key);
    return login && !wire_keyring_is_revoked (keyring, &login->curve_key) &&
           !wire_keyring_is_revoked (keyring, &login->sign_key);
}

static void change_login_keys (broker_core *self, const wire_keyring *from, const wire_keyring *to)
{
    const wire_authority *before = wire_keyring_authority (from);
    const wire_authority *after = wire_keyring_authority (to);
    for (size_t i = 0; i < before->logins_count; i++) {
        const bg_key *key = &before->logins[i].curve_key;
        if (admits (from, key) && !admits (to, key))
            self->ports->keys_cut (self->ports->ctx, WIRE_ON_OPS, key);
    }
    for (size_t i = 0; i < after->logins_count; i++) {
        const bg_key *key = &after->logins[i].curve_key;
        if (admits (to, key) && !admits (from, key))
            self->ports->keys_add (self->ports->ctx, WIRE_ON_OPS, key);
    }
}

void broker_authority_take (broker_core *self, wire_keyring *next)
{
    if (self->front_up)
        change_login_keys (self, self->keyring, next);
    wire_keyring_destroy (&self->keyring);
    self->keyring = next;
    broker_log (self, BROKER_LOG_NOTICE, "authority", "version %llu",
        (unsigned long long) wire_keyring_version (next));
}

/*  ---- serving versions ----  */

typedef struct {
    bg_arena *arena;
    wire_signed *versions;
    size_t count;
    size_t limit;
    size_t bytes_left;
    bool more;
} collecting;

static bg_result collect (void *visitor, const broker_document_record *record, bg_error *err)
{
    collecting *list = visitor;
    if (list->more || list->count == list->limit ||
        (list->count > 0 && record->signed_bytes.size > list->bytes_left)) {
        list->more = true;
        return bg_ok ();
    }
    bg_slice copy = bg_arena_copy (list->arena, record->signed_bytes);
    if (bg_failed (WIRE_DECODE (
            signed, copy, WIRE_AS_MESSAGE, list->arena, &list->versions[list->count], err)))
        return broker_stored_badly (err, "an authority version");
    list->count++;
    list->bytes_left -=
        record->signed_bytes.size < list->bytes_left ? record->signed_bytes.size : list->bytes_left;
    return bg_ok ();
}

bg_result broker_authority_versions (broker_core *self, uint64_t from, size_t bytes,
    bg_arena *arena, wire_signed **versions, size_t *count, bool *more, bg_error *err)
{
    const bg_id zero = {0};
    collecting list = {.arena = arena,
        .versions = bg_arena_array (arena, wire_signed, 64),
        .limit = 64,
        .bytes_left = bytes};
    BG_TRY (self->store->document_versions (self->store->ctx, zero, from, 65, collect, &list, err));
    *versions = list.versions;
    *count = list.count;
    *more = list.more;
    return bg_ok ();
}

typedef struct {
    const uint8_t *hash;
    uint64_t version;
} looking_for;

static bg_result compare_hash (void *visitor, const broker_document_record *record, bg_error *err)
{
    (void) err;
    looking_for *wanted = visitor;
    if (memcmp (record->hash, wanted->hash, sizeof record->hash) == 0)
        wanted->version = record->version;
    return bg_ok ();
}

bg_result broker_authority_version_of (
    broker_core *self, const uint8_t hash[32], uint64_t *version, bg_error *err)
{
    const bg_id zero = {0};
    looking_for wanted = {.hash = hash};
    *version = wire_keyring_version (self->keyring);
    if (memcmp (wire_keyring_hash (self->keyring), hash, WIRE_HASH_BYTES) == 0)
        return bg_ok ();
    BG_TRY (self->store->document_versions (
        self->store->ctx, zero, 1, UINT32_MAX, compare_hash, &wanted, err));
    *version = wanted.version;
    return bg_ok ();
}

bg_result broker_on_authority_query (broker_request *request, bg_error *err)
{
    const wire_authority_query *query = request->body;
    wire_authority_answer answer = {0};
    BG_TRY (broker_authority_versions (request->core, query->from_version, BROKER_PAGE_BYTES,
        request->arena, &answer.versions, &answer.versions_count, &answer.more, err));
    broker_answer (request, WIRE_AUTHORITY_ANSWER, &answer);
    return bg_ok ();
}
