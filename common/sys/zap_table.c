/*  The table behind the ZAP handler: uthash with SipHash.

    uthash hashes with a public function, which strangers who choose keys could turn into one long
    chain; here every value is hashed with a key of 16 random bytes and handed to uthash ready-made.
    When uthash finds no memory it drops the element instead of ending the process
    (HASH_NONFATAL_OOM), and put says so.
*/
#include "common/sys/zap_table.h"

#include <sodium.h>
#include <stddef.h>
#include <stdlib.h>

#define HASH_NONFATAL_OOM         1
#define uthash_nonfatal_oom(item) (out_of_memory = true)
#include <uthash.h>

/*  Compared as bytes: the domain is padded with NULs.  */
typedef struct {
    char domain[BG_ZAP_DOMAIN_MAX + 1];
    uint8_t key[BG_KEY_BYTES];
} table_key;

typedef struct {
    table_key at;
    char *principal;
    UT_hash_handle hh;
} item;

struct zap_table {
    item *items;
    uint8_t seed[crypto_shorthash_KEYBYTES];
};

static table_key key_of (const char *domain, const bg_key *key)
{
    table_key at = {0};
    memcpy (at.domain, domain, strnlen (domain, BG_ZAP_DOMAIN_MAX));
    memcpy (at.key, key->bytes, sizeof at.key);
    return at;
}

static unsigned hash_of (const zap_table *self, const table_key *at)
{
    uint8_t bytes[crypto_shorthash_BYTES];
    crypto_shorthash (bytes, (const uint8_t *) at, sizeof *at, self->seed);
    unsigned hash;
    memcpy (&hash, bytes, sizeof hash);
    return hash;
}

static item *lookup (const zap_table *self, const char *domain, const bg_key *key)
{
    if (strlen (domain) > BG_ZAP_DOMAIN_MAX)
        return NULL;
    table_key at = key_of (domain, key);
    item *found = NULL;
    HASH_FIND_BYHASHVALUE (hh, self->items, &at, sizeof at, hash_of (self, &at), found);
    return found;
}

static void drop (item *self)
{
    free (self->principal);
    free (self);
}

zap_table *zap_table_create (void)
{
    zap_table *self = bg_alloc (sizeof *self);
    randombytes_buf (self->seed, sizeof self->seed);
    return self;
}

void zap_table_destroy (zap_table **self_p)
{
    zap_table *self = *self_p;
    if (!self)
        return;
    item *each, *next;
    HASH_ITER (hh, self->items, each, next)
    {
        HASH_DEL (self->items, each);
        drop (each);
    }
    free (self);
    *self_p = NULL;
}

bg_result zap_table_put (zap_table *self, const bg_zap_entry *entry, bg_error *err)
{
    const char *principal = entry->principal ? entry->principal : "";
    size_t domain_size = strlen (entry->domain);
    if (domain_size == 0 || domain_size > BG_ZAP_DOMAIN_MAX)
        return bg_fail (err, BG_INVALID, "a ZAP domain has 1 to %d characters, not %zu",
            BG_ZAP_DOMAIN_MAX, domain_size);
    if (strlen (principal) > BG_ZAP_PRINCIPAL_MAX)
        return bg_fail (err, BG_INVALID, "the owner of a key is named with at most %d characters",
            BG_ZAP_PRINCIPAL_MAX);
    item *known = lookup (self, entry->domain, &entry->key);
    if (known) {
        free (known->principal);
        known->principal = bg_strdup (principal);
        return bg_ok ();
    }
    if (HASH_COUNT (self->items) >= BG_ZAP_KEYS_MAX)
        return bg_fail (err, BG_LIMIT, "more than %d admitted keys", BG_ZAP_KEYS_MAX);
    item *added = bg_alloc (sizeof *added);
    added->at = key_of (entry->domain, &entry->key);
    added->principal = bg_strdup (principal);
    bool out_of_memory = false;
    HASH_ADD_BYHASHVALUE (hh, self->items, at, sizeof added->at, hash_of (self, &added->at), added);
    if (out_of_memory) {
        drop (added);
        return bg_fail (err, BG_NO_MEMORY, "no memory for another admitted key");
    }
    return bg_ok ();
}

bool zap_table_remove (zap_table *self, const char *domain, const bg_key *key)
{
    item *known = lookup (self, domain, key);
    if (!known)
        return false;
    HASH_DEL (self->items, known);
    drop (known);
    return true;
}

const char *zap_table_find (const zap_table *self, const char *domain, const bg_key *key)
{
    const item *known = lookup (self, domain, key);
    return known ? known->principal : NULL;
}

size_t zap_table_count (const zap_table *self)
{
    return HASH_COUNT (self->items);
}
