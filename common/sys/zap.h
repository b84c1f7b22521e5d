/*  ZAP handler (ZeroMQ RFC 27): decides which CURVE keys may finish their handshake, in a thread of
    its own.

    One handler per process, started before the first server socket and ended after the last. A key
    is admitted in a domain when the table holds (domain, key), or when the domain was opened to any
    key (`enlist`). Everything else is refused: other mechanisms, unknown domains, malformed
    requests. Changes are in force when the call returns; they do not cut connections that are open
    already (bg_zpeer_cut does).

    The User-Id of an admitted peer is "TAG:KEY": 32 hex digits drawn at start, and the key in Z85.
    libzmq admits everybody when no handler answers, so a User-Id counts only with this process's
    tag (bg_zap_check_user_id). If the thread ever ends unasked the process aborts with a sentence:
    a broker that cannot authenticate must not run on.

    All functions but create and destroy may be called from any thread. The domain "self-test" is the
    handler's own.
*/
#ifndef BUGLE_SYS_ZAP_H
#define BUGLE_SYS_ZAP_H

#include "common/base/id.h"

#define BG_ZAP_DOMAIN_MAX    15 /*  characters  */
#define BG_ZAP_PRINCIPAL_MAX 63 /*  characters  */
#define BG_ZAP_ADDRESS_MAX   63 /*  characters kept of a refused peer's address  */
#define BG_ZAP_REFUSALS_MAX  64 /*  refusals remembered between two looks  */
#define BG_ZAP_KEYS_MAX      1000000
#define BG_ZAP_USER_ID_SIZE  (32 + 1 + BG_Z85_KEY_TEXT + 1) /*  bytes with the NUL  */

typedef struct bg_zap bg_zap;

typedef struct {
    const char *domain;
    bg_key key;
    const char *principal; /*  whose key it is, in our own words; NULL: none  */
} bg_zap_entry;

typedef struct {
    char domain[BG_ZAP_DOMAIN_MAX + 1];
    bg_key key;
    char address[BG_ZAP_ADDRESS_MAX + 1];
} bg_zap_refusal;

typedef struct {
    uint64_t admitted;
    uint64_t refused;   /*  unknown keys and domains  */
    uint64_t malformed; /*  not CURVE, or not a ZAP request  */
} bg_zap_counts;

/*  Starts the thread and runs the self-test. BG_BUSY: the process has a handler already.
    bg_zcontext_open must have been called.  */
bg_result bg_zap_create (bg_zap **zap, bg_error *err) BG_CHECKED;
/*  Ends the thread; afterwards enforced domains refuse everybody.  */
void bg_zap_destroy (bg_zap **self_p);

/*  Proves with real CURVE connections over an ipc socket that a known key is admitted with our tag
    and that an unknown one is refused by the handler. BG_CRYPTO when not, BG_TIMEOUT after
    timeout_us. bg_zap_create has done it once.  */
bg_result bg_zap_self_test (bg_zap *self, int64_t timeout_us, bg_error *err) BG_CHECKED;

/*  Every key is admitted in domain from now on, or no longer.  */
bg_result bg_zap_open_domain (
    bg_zap *self, const char *domain, bool is_open, bg_error *err) BG_CHECKED;
/*  Adds one, or gives a known one a new principal. BG_LIMIT over BG_ZAP_KEYS_MAX, BG_INVALID for
    too long texts.  */
bg_result bg_zap_add (bg_zap *self, const bg_zap_entry *entry, bg_error *err) BG_CHECKED;
/*  BG_NOT_FOUND when it is not there.  */
bg_result bg_zap_remove (
    bg_zap *self, const char *domain, const bg_key *key, bg_error *err) BG_CHECKED;
/*  The whole table of all domains becomes entries, at once: no request sees a half. On failure the
    old one stays.  */
bg_result bg_zap_replace (
    bg_zap *self, const bg_zap_entry *entries, size_t count, bg_error *err) BG_CHECKED;
/*  principal (BG_ZAP_PRINCIPAL_MAX + 1 characters, may be NULL) gets the text. BG_NOT_FOUND when it
    is not there.  */
bg_result bg_zap_find (
    bg_zap *self, const char *domain, const bg_key *key, char *principal, bg_error *err) BG_CHECKED;

/*  True when user_id (may be NULL) is this process's tag and a key; key_out gets it.  */
bool bg_zap_check_user_id (const bg_zap *self, const char *user_id, bg_key *key_out);
bg_zap_counts bg_zap_count (const bg_zap *self);
/*  Takes up to max remembered refusals, oldest first, and forgets them; returns how many. Of a
    flood only the first BG_ZAP_REFUSALS_MAX are remembered; bg_zap_count counts all.  */
size_t bg_zap_take_refusals (bg_zap *self, bg_zap_refusal *refusals, size_t max);

#endif
