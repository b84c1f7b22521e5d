/*  Key pairs and their files.

    One key per file, text:

        bugle-key 1
        type: ed25519
        public: <Z85, 40 characters>
        kdf: none
        secret: <Z85, 40 characters: the 32-byte seed of Ed25519, the secret scalar of curve25519>
        comment: made by bugle init

    Files are created 0600 with O_EXCL and must be private when read. Curve pairs are X25519 as
   libzmq makes them. The public key in the file is checked against the secret one.
*/
#ifndef BUGLE_SYS_KEYFILE_H
#define BUGLE_SYS_KEYFILE_H

#include "common/base/id.h"

typedef enum { BG_KEY_ED25519 = 1, BG_KEY_CURVE25519 = 2 } bg_key_type;

#define BG_SECRET_BYTES    64
#define BG_KEY_COMMENT_MAX 128

typedef struct {
    bg_key_type type;
    bg_key public_key;
    uint8_t secret[BG_SECRET_BYTES]; /*  Ed25519: as libsodium has it, seed then public key;
                                        curve25519: the first 32  */
    char comment[BG_KEY_COMMENT_MAX + 1];
} bg_keypair;

/*  A new pair. Needs bg_crypto_init().  */
void bg_keypair_generate (bg_keypair *self, bg_key_type type);
/*  The pair that belongs to a seed (Ed25519) or secret scalar (curve25519) of 32 bytes.  */
void bg_keypair_from_secret (
    bg_keypair *self, bg_key_type type, const uint8_t secret[BG_KEY_BYTES]);
/*  Wipes it; harmless on a zeroed one.  */
void bg_keypair_fini (bg_keypair *self);
/*  The secret half of a curve pair as a key, for the socket options. Wipe the copy after use.  */
bg_key bg_keypair_curve_secret (const bg_keypair *self);

/*  Writes a new file. comment: one line, at most BG_KEY_COMMENT_MAX bytes, or NULL for the pair's
 * own. BG_EXISTS.  */
bg_result bg_keyfile_write (
    const char *path, const bg_keypair *pair, const char *comment, bg_error *err) BG_CHECKED;
/*  Reads a file of that type. BG_NOT_FOUND; BG_FOREIGN_FILE with a sentence when permissions,
   format, type or the pair itself are wrong; BG_TOO_NEW for a later format or an unknown kdf.  */
bg_result bg_keyfile_read (
    const char *path, bg_key_type type, bg_keypair *pair, bg_error *err) BG_CHECKED;
/*  Reads it, or makes and writes a new pair when the file is missing. *is_new may be NULL.  */
bg_result bg_keyfile_ensure (const char *path, bg_key_type type, const char *comment,
    bg_keypair *pair, bool *is_new, bg_error *err) BG_CHECKED;

#endif
