/*  Makes a broker's home for tests that must not depend on the CLI:

        make_broker DIR PORT LOGIN-DIR [LISTEN]

    LOGIN-DIR gets login.sign.key and login.curve.key, the keys of the first admin.  */
#include "broker/home/home.h"
#include "common/sys/file.h"
#include "common/sys/random.h"

#include <stdio.h>
#include <stdlib.h>

static int fail (const bg_error *err)
{
    fprintf (stderr, "make_broker: %s\n  %s\n", err->message, err->hint);
    return bg_code_exit (err->code);
}

static bg_result make_login (const char *dir, bg_keypair *sign, bg_keypair *curve, bg_error *err)
{
    BG_AUTO_CHAR sign_path = bg_path_join (dir, "login.sign.key");
    BG_AUTO_CHAR curve_path = bg_path_join (dir, "login.curve.key");
    BG_TRY (bg_dir_make (dir, 0700, err));
    BG_TRY (bg_keyfile_ensure (sign_path, BG_KEY_ED25519, "test login", sign, NULL, err));
    return bg_keyfile_ensure (curve_path, BG_KEY_CURVE25519, "test login", curve, NULL, err);
}

int main (int argc, char **argv)
{
    bg_error err = {0};
    bg_keypair sign = {0}, curve = {0};
    if (argc < 4 || argc > 5) {
        fprintf (stderr, "usage: make_broker DIR PORT LOGIN-DIR [LISTEN]\n");
        return 2;
    }
    if (bg_failed (bg_crypto_init (&err)) || bg_failed (make_login (argv[3], &sign, &curve, &err)))
        return fail (&err);
    broker_init_options options = {.dir = argv[1],
        .name = "test",
        .port = atoi (argv[2]),
        .login = "tester",
        .listen = argc == 5 ? argv[4] : NULL,
        .admin_sign_key = sign.public_key,
        .admin_curve_key = curve.public_key,
        .admin_secret = sign.secret};
    broker_init_result made = {0};
    bg_result result = broker_home_init (&options, &made, &err);
    bg_keypair_fini (&sign);
    bg_keypair_fini (&curve);
    if (bg_failed (result))
        return fail (&err);
    printf ("installation %s\nbroker-key %s\n", bg_id_text (made.installation).text,
        bg_key_text (&made.curve_key).text);
    broker_init_result_fini (&made);
    return 0;
}
