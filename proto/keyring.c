/*  Keyrings: one verified authority version each, and what its signatures are worth. See trust.h.

    Invariant: a keyring that exists was pinned or signed by enough admins of the one before, and its authority holds at
    least as many admins as its own threshold asks for, so a next version is always possible.
*/
#include "proto/keyring_private.h"

#include "common/job/names.h"

#include <inttypes.h>
#include <stdlib.h>

#define SIGNED_BYTES_MAX 200000 /*  as wire_signed.bytes  */

/*  ---- envelopes and signers ----  */

bg_result wire_envelope_check (const wire_signed *self, wire_type type, bg_error *err)
{
    if (self->bytes.size > SIGNED_BYTES_MAX)
        return bg_fail (err, BG_TOO_LARGE, "%zu signed bytes, at most %d are allowed",
            self->bytes.size, SIGNED_BYTES_MAX);
    const wire_type_row *row = wire_type_find (self->type);
    if (!row)
        return bg_fail (
            err, BG_TOO_NEW, "signed type %" PRIu64 " is not known to this version", self->type);
    if (row->type != type)
        return bg_fail (
            err, BG_INVALID, "signed as %s, but %s is expected", row->word, wire_type_word (type));
    if (self->sigs_count == 0)
        return bg_fail (err, BG_BAD_SIGNATURE, "it is not signed");
    if (self->sigs_count > WIRE_SIGS_MAX)
        return bg_fail (err, BG_TOO_LARGE, "%zu signatures, at most %d are allowed",
            self->sigs_count, WIRE_SIGS_MAX);
    for (size_t i = 0; i < self->sigs_count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (memcmp (self->sigs[i].key_id, self->sigs[k].key_id, BG_KEY_ID_BYTES) == 0)
                return bg_fail (err, BG_MALFORMED, "two signatures of the same key");
        }
    }
    return bg_ok ();
}

wire_signers wire_signers_collect (
    const wire_keyring *keyring, const wire_signed *self, const wire_crypto *crypto)
{
    wire_signers signers = {0};
    bg_id installation = keyring->document.installation;
    for (size_t i = 0; i < self->sigs_count; i++) {
        const wire_sig *sig = &self->sigs[i];
        const wire_login *login = wire_keyring_login_by_key_id (keyring, sig->key_id);
        if (!login)
            signers.unlisted++;
        else if (wire_verify_one (crypto, (wire_type) self->type, installation, self->bytes, sig,
                     &login->sign_key))
            signers.valid[signers.valid_count++] = login;
        else
            signers.broken = login;
    }
    return signers;
}

bg_result wire_signers_refuse (
    const wire_keyring *keyring, const wire_signers *signers, bg_error *err)
{
    if (signers->broken)
        return bg_fail (err, BG_BAD_SIGNATURE,
            "the signature of login %.*s is not valid for this installation",
            BG_SLICE_ARG (signers->broken->name));
    return bg_fail (err, BG_BAD_SIGNATURE,
        "signed by a key that authority version %" PRIu64 " does not list",
        wire_keyring_version (keyring));
}

bg_result wire_signers_choose (const wire_keyring *keyring, const wire_signers *signers,
    uint64_t role, const char *what, const wire_login **signer, bg_error *err)
{
    const wire_login *best = NULL;
    const wire_login *scoped = NULL;
    for (size_t i = 0; i < signers->valid_count; i++) {
        const wire_login *login = signers->valid[i];
        if (wire_keyring_is_revoked (keyring, &login->sign_key))
            continue;
        if (login->scopes_count > 0)
            scoped = login;
        else if (!best || login->role > best->role)
            best = login;
    }
    if (best && best->role >= role) {
        *signer = best;
        return bg_ok ();
    }
    if (scoped)
        return bg_fail (err, BG_NOT_IN_VERSION,
            "login %.*s has scopes, which this version does not know", BG_SLICE_ARG (scoped->name));
    if (best)
        return bg_fail (err, BG_NOT_ALLOWED, "login %.*s is %s; %s takes the role %s",
            BG_SLICE_ARG (best->name), wire_role_word (best->role), what, wire_role_word (role));
    bg_assert (signers->valid_count > 0);
    return bg_fail (err, BG_BAD_SIGNATURE, "the key of login %.*s is revoked",
        BG_SLICE_ARG (signers->valid[0]->name));
}

bg_result wire_document_decode (
    const wire_signed *self, bg_arena *arena, wire_document *document, bg_error *err)
{
    BG_TRY (WIRE_DECODE (document, self->bytes, WIRE_AS_SIGNED, arena, document, err));
    if (document->type != self->type)
        return bg_fail (err, BG_MALFORMED, "type %" PRIu64 " inside, type %" PRIu64 " outside",
            document->type, self->type);
    if (document->format > WIRE_FORMAT)
        return bg_fail (err, BG_TOO_NEW, "format %" PRIu64 " of a %s is of a newer version",
            document->format, wire_type_word (document->type));
    if (document->format == 0 || document->version == 0)
        return bg_fail (err, BG_MALFORMED, "a document without format or version");
    return bg_ok ();
}

/*  ---- what an authority must be ----  */

static bg_result check_login (const wire_authority *authority, size_t index, bg_error *err)
{
    const wire_login *login = &authority->logins[index];
    if (login->name.size == 0 || !wire_role_word (login->role))
        return bg_fail (
            err, BG_INVALID, "login %zu of the authority has no name or no role", index + 1);
    bool has_keys = !bg_key_is_zero (&login->sign_key) && !bg_key_is_zero (&login->curve_key);
    bool has_own_keys = !bg_key_equal (&login->sign_key, &authority->broker_sign_key) &&
                        !bg_key_equal (&login->curve_key, &authority->broker_curve_key);
    if (!has_keys || !has_own_keys)
        return bg_fail (
            err, BG_INVALID, "login %.*s has no keys of its own", BG_SLICE_ARG (login->name));
    for (size_t i = 0; i < index; i++) {
        const wire_login *other = &authority->logins[i];
        if (job_name_compare (other->name, login->name) == 0 ||
            bg_key_equal (&other->sign_key, &login->sign_key) ||
            bg_key_equal (&other->curve_key, &login->curve_key))
            return bg_fail (err, BG_INVALID, "logins %.*s and %.*s share a name or a key",
                BG_SLICE_ARG (other->name), BG_SLICE_ARG (login->name));
    }
    return bg_ok ();
}

static bool counts_as_admin (const wire_keyring *self, const wire_login *login)
{
    return login->role == WIRE_ROLE_ADMIN && login->scopes_count == 0 &&
           !wire_keyring_is_revoked (self, &login->sign_key);
}

static bg_result check_authority (const wire_keyring *self, bg_error *err)
{
    const wire_authority *authority = &self->authority;
    if (!bg_id_is_zero (self->document.key) || bg_id_is_zero (self->document.installation))
        return bg_fail (err, BG_INVALID, "an authority has no key, and an installation");
    if (authority->name.size == 0)
        return bg_fail (err, BG_INVALID, "the authority has no name");
    if (bg_key_is_zero (&authority->broker_sign_key) ||
        bg_key_is_zero (&authority->broker_curve_key))
        return bg_fail (err, BG_INVALID, "the authority has no keys of a broker");
    uint64_t admins = 0;
    for (size_t i = 0; i < authority->logins_count; i++) {
        BG_TRY (check_login (authority, i, err));
        admins += counts_as_admin (self, &authority->logins[i]);
    }
    if (authority->threshold == 0 || authority->threshold > admins)
        return bg_fail (err, BG_INVALID,
            "the authority asks for %" PRIu64 " admins and has %" PRIu64
            ": nobody could make the next one",
            authority->threshold, admins);
    return bg_ok ();
}

/*  ---- life ----  */

/*  A keyring of these bytes, checked in itself; who signed it is the caller's question.  */
static bg_result create (const wire_signed *authority, wire_keyring **keyring, bg_error *err)
{
    wire_keyring *self = bg_alloc (sizeof *self);
    wire_copy (&wire_desc_signed, &self->arena, authority, &self->origin);
    wire_hash32 (self->origin.bytes, self->hash);
    bg_result result = wire_document_decode (&self->origin, &self->arena, &self->document, err);
    if (bg_is_ok (result))
        result = WIRE_DECODE (
            authority, self->document.body, WIRE_AS_SIGNED, &self->arena, &self->authority, err);
    if (bg_is_ok (result))
        result = check_authority (self, err);
    if (bg_failed (result)) {
        wire_keyring_destroy (&self);
        return result;
    }
    self->key_ids = bg_arena_alloc (&self->arena, self->authority.logins_count * BG_KEY_ID_BYTES);
    for (size_t i = 0; i < self->authority.logins_count; i++)
        wire_key_id (&self->authority.logins[i].sign_key, self->key_ids[i]);
    *keyring = self;
    return bg_ok ();
}

bg_result wire_keyring_first (const wire_signed *authority, const uint8_t pinned_hash[32],
    const wire_crypto *crypto, wire_keyring **keyring, bg_error *err)
{
    (void) crypto; /*  the pin stands for the signature; taken so that both ways in look alike  */
    if (authority->type != WIRE_TYPE_AUTHORITY)
        return bg_fail (err, BG_INVALID, "not an authority");
    if (authority->bytes.size > SIGNED_BYTES_MAX)
        return bg_fail (err, BG_TOO_LARGE, "%zu signed bytes, at most %d are allowed",
            authority->bytes.size, SIGNED_BYTES_MAX);
    uint8_t hash[WIRE_HASH_BYTES];
    wire_hash32 (authority->bytes, hash);
    if (memcmp (hash, pinned_hash, sizeof hash) != 0)
        return bg_fail (err, BG_BAD_SIGNATURE, "the authority is not the one that was pinned");
    return create (authority, keyring, err);
}

static uint64_t admins_among (const wire_keyring *self, const wire_signers *signers)
{
    uint64_t admins = 0;
    for (size_t i = 0; i < signers->valid_count; i++)
        admins += counts_as_admin (self, signers->valid[i]);
    return admins;
}

/*  Same installation and higher version.  */
static bg_result check_order (const wire_keyring *current, const wire_keyring *next, bg_error *err)
{
    uint64_t held = wire_keyring_version (current);
    uint64_t version = wire_keyring_version (next);
    if (!bg_id_equal (current->document.installation, next->document.installation))
        return bg_fail (err, BG_WRONG_INSTALLATION, "the authority is of another installation");
    if (version < held)
        return bg_fail (err, BG_STALE,
            "authority version %" PRIu64 " is older than %" PRIu64 ", which is held", version,
            held);
    if (version == held)
        return bg_fail (
            err, BG_FORK, "two authorities of version %" PRIu64 " with other bytes", version);
    return bg_ok ();
}

/*  Not enough signatures: an old version, which its own admins signed, is called old and not forged.  */
static bg_result refuse_next (const wire_keyring *current, const wire_signed *authority,
    const wire_signers *signers, bg_error *err)
{
    BG_AUTO_ARENA arena = {0};
    wire_document document;
    if (bg_is_ok (wire_document_decode (authority, &arena, &document, NULL)) &&
        document.version < wire_keyring_version (current))
        return bg_fail (err, BG_STALE,
            "authority version %" PRIu64 " is older than %" PRIu64 ", which is held",
            document.version, wire_keyring_version (current));
    if (signers->valid_count == 0)
        return wire_signers_refuse (current, signers, err);
    return bg_fail (err, BG_NOT_ALLOWED,
        "the authority is signed by %" PRIu64 " admins of version %" PRIu64
        ", which asks for %" PRIu64,
        admins_among (current, signers), wire_keyring_version (current),
        current->authority.threshold);
}

bg_result wire_keyring_next (const wire_keyring *current, const wire_signed *authority,
    const wire_crypto *crypto, wire_keyring **keyring, bg_error *err)
{
    if (authority->type == WIRE_TYPE_AUTHORITY &&
        bg_slice_equal (authority->bytes, current->origin.bytes))
        return bg_fail (err, BG_EXISTS, "this authority is the one that is held");
    BG_TRY (wire_envelope_check (authority, WIRE_TYPE_AUTHORITY, err));
    wire_signers signers = wire_signers_collect (current, authority, crypto);
    if (admins_among (current, &signers) < current->authority.threshold)
        return refuse_next (current, authority, &signers, err);
    wire_keyring *next = NULL;
    BG_TRY (create (authority, &next, err));
    bg_result result = check_order (current, next, err);
    if (bg_failed (result))
        wire_keyring_destroy (&next);
    else
        *keyring = next;
    return result;
}

void wire_keyring_destroy (wire_keyring **self_p)
{
    if (!self_p || !*self_p)
        return;
    bg_arena_fini (&(*self_p)->arena);
    free (*self_p);
    *self_p = NULL;
}

/*  ---- questions ----  */

bg_id wire_keyring_installation (const wire_keyring *self)
{
    return self->document.installation;
}

uint64_t wire_keyring_version (const wire_keyring *self)
{
    return self->document.version;
}

const uint8_t *wire_keyring_hash (const wire_keyring *self)
{
    return self->hash;
}

const bg_key *wire_keyring_broker_sign_key (const wire_keyring *self)
{
    return &self->authority.broker_sign_key;
}

const bg_key *wire_keyring_broker_curve_key (const wire_keyring *self)
{
    return &self->authority.broker_curve_key;
}

uint64_t wire_keyring_level_floor (const wire_keyring *self)
{
    return self->authority.level_floor;
}

int64_t wire_keyring_fresh_until_us (const wire_keyring *self)
{
    return self->authority.fresh_until_us;
}

const wire_authority *wire_keyring_authority (const wire_keyring *self)
{
    return &self->authority;
}

const wire_signed *wire_keyring_signed (const wire_keyring *self)
{
    return &self->origin;
}

const wire_login *wire_keyring_login_by_key_id (const wire_keyring *self, const uint8_t key_id[8])
{
    for (size_t i = 0; i < self->authority.logins_count; i++) {
        if (memcmp (self->key_ids[i], key_id, BG_KEY_ID_BYTES) == 0)
            return &self->authority.logins[i];
    }
    return NULL;
}

const wire_login *wire_keyring_login_by_sign_key (const wire_keyring *self, const bg_key *sign_key)
{
    for (size_t i = 0; i < self->authority.logins_count; i++) {
        if (bg_key_equal (&self->authority.logins[i].sign_key, sign_key))
            return &self->authority.logins[i];
    }
    return NULL;
}

const wire_login *wire_keyring_login_by_curve_key (
    const wire_keyring *self, const bg_key *curve_key)
{
    for (size_t i = 0; i < self->authority.logins_count; i++) {
        if (bg_key_equal (&self->authority.logins[i].curve_key, curve_key))
            return &self->authority.logins[i];
    }
    return NULL;
}

const wire_login *wire_keyring_login_by_name (const wire_keyring *self, bg_slice name)
{
    for (size_t i = 0; i < self->authority.logins_count; i++) {
        if (bg_slice_equal (self->authority.logins[i].name, name))
            return &self->authority.logins[i];
    }
    return NULL;
}

bool wire_keyring_is_revoked (const wire_keyring *self, const bg_key *key)
{
    uint8_t id[BG_KEY_ID_BYTES];
    wire_key_id (key, id);
    for (size_t i = 0; i < self->authority.revoked_count; i++) {
        if (memcmp (self->authority.revoked[i].key_id, id, sizeof id) == 0)
            return true;
    }
    return false;
}
