/*  The configuration directory on a real file system: where it is, keys, contexts, whose files they
 * are.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "common/sys/random.h"
#include "ctl/identity.h"
#include "proto/token_text.h"
#include "tests/unit/temp_dir.h"

#include <pwd.h>
#include <sys/stat.h>

/*  The environment that the code under test sees.  */
static const char *fake[5][2];

static char *fake_getenv (const char *name)
{
    for (size_t i = 0; i < 5; i++) {
        if (fake[i][0] != NULL && strcmp (fake[i][0], name) == 0)
            return (char *) (uintptr_t) fake[i][1];
    }
    return NULL;
}

static void set_fake (size_t at, const char *name, const char *value)
{
    fake[at][0] = name;
    fake[at][1] = value;
}

static int make_dir (void **state)
{
    memset (fake, 0, sizeof fake);
    *state = temp_dir_make ();
    set_fake (0, "BUGLE_CONFIG_DIR", *state);
    return 0;
}

static int remove_dir (void **state)
{
    char *dir = *state;
    temp_dir_remove (&dir);
    return 0;
}

static ctl_config *open_config (void)
{
    ctl_config *config = NULL;
    bg_error err = {0};
    if (bg_failed (ctl_config_open (fake_getenv, &config, &err)))
        fail_msg ("%s", err.message);
    return config;
}

static void check_dir (const char *wanted)
{
    ctl_config *config = open_config ();
    assert_string_equal (ctl_config_dir (config), wanted);
    ctl_config_close (&config);
}

static void the_directory_is_found_in_the_documented_order (void **state)
{
    (void) state;
    memset (fake, 0, sizeof fake);
    set_fake (0, "HOME", "/home/someone");
    check_dir ("/home/someone/.config/bugle");
    set_fake (1, "XDG_CONFIG_HOME", "/elsewhere");
    check_dir ("/elsewhere/bugle");
    set_fake (1, "XDG_CONFIG_HOME", "relative");
    check_dir ("/home/someone/.config/bugle");
    set_fake (2, "BUGLE_CONFIG_DIR", "/mine");
    check_dir ("/mine");
    set_fake (2, "BUGLE_CONFIG_DIR", "");
    check_dir ("/home/someone/.config/bugle");
}

static void a_relative_directory_becomes_absolute (void **state)
{
    (void) state;
    memset (fake, 0, sizeof fake);
    set_fake (0, "BUGLE_CONFIG_DIR", "here");
    ctl_config *config = open_config ();
    assert_int_equal (ctl_config_dir (config)[0], '/');
    assert_non_null (strstr (ctl_config_dir (config), "/here"));
    ctl_config_close (&config);
}

static void keys_are_made_once_and_used_again (void **state)
{
    (void) state;
    ctl_config *config = open_config ();
    ctl_identity first = {0}, second = {0}, third = {0};
    bool is_new = false;
    bg_error err = {0};
    assert_int_equal (ctl_identity_load (config, &first, &err).code, BG_NOT_FOUND);
    assert_non_null (strstr (err.hint, "bugle key create"));
    assert_int_equal (ctl_identity_ensure (config, "test", &first, &is_new, &err).code, BG_OK);
    assert_true (is_new);
    assert_int_equal (ctl_identity_ensure (config, "test", &second, &is_new, &err).code, BG_OK);
    assert_false (is_new);
    assert_int_equal (ctl_identity_load (config, &third, &err).code, BG_OK);
    assert_true (bg_key_equal (&first.sign.public_key, &third.sign.public_key));
    assert_true (bg_key_equal (&first.curve.public_key, &second.curve.public_key));

    BG_AUTO_BUF text = {0};
    wire_identity back;
    ctl_identity_text (&first, &text);
    assert_int_equal (wire_identity_parse (bg_buf_slice (&text), &back, &err).code, BG_OK);
    assert_true (bg_key_equal (&back.sign_key, &first.sign.public_key));
    assert_true (bg_key_equal (&back.curve_key, &first.curve.public_key));

    struct stat info;
    BG_AUTO_CHAR path = ctl_identity_path (config);
    assert_int_equal (stat (path, &info), 0);
    assert_int_equal (info.st_mode & 0777, 0600);
    ctl_identity_fini (&first);
    ctl_identity_fini (&second);
    ctl_identity_fini (&third);
    ctl_config_close (&config);
}

static void a_key_that_others_can_read_is_refused (void **state)
{
    (void) state;
    ctl_config *config = open_config ();
    ctl_identity identity = {0};
    bg_error err = {0};
    assert_int_equal (ctl_identity_ensure (config, "test", &identity, NULL, &err).code, BG_OK);
    ctl_identity_fini (&identity);
    BG_AUTO_CHAR path = ctl_identity_path (config);
    assert_int_equal (chmod (path, 0644), 0);
    assert_int_equal (ctl_identity_load (config, &identity, &err).code, BG_FOREIGN_FILE);
    assert_non_null (strstr (err.message, path));
    ctl_config_close (&config);
}

static ctl_context context_of (char *name, char *endpoint, char *home)
{
    ctl_context context = {.name = name, .endpoint = endpoint, .home = home};
    bg_random_bytes (&context.broker_key, sizeof context.broker_key);
    bg_random_bytes (context.authority_hash, sizeof context.authority_hash);
    return context;
}

static void put (ctl_config *config, const ctl_context *context, bool wanted_replaced)
{
    bool is_replaced = !wanted_replaced;
    bg_error err = {0};
    if (bg_failed (ctl_contexts_put (config, context, &is_replaced, &err)))
        fail_msg ("%s", err.message);
    assert_int_equal (is_replaced, wanted_replaced);
}

static void contexts_come_back_as_they_were_written (void **state)
{
    (void) state;
    char plant[] = "plant", endpoint[] = "tcp://[::1]:7414", here[] = "here",
         home[] = "/srv/a dir: #x";
    ctl_context first = context_of (plant, endpoint, NULL);
    ctl_context second = context_of (here, NULL, home);
    ctl_config *config = open_config ();
    put (config, &first, false);
    put (config, &second, false);
    ctl_config_close (&config);

    const ctl_context *all = NULL;
    const ctl_context *found = NULL;
    const char *current = NULL;
    size_t count = 0;
    bg_error err = {0};
    config = open_config ();
    assert_int_equal (ctl_contexts_all (config, &all, &count, &err).code, BG_OK);
    assert_int_equal (count, 2);
    assert_string_equal (all[0].name, "here");
    assert_string_equal (all[0].home, home);
    assert_null (all[0].endpoint);
    assert_string_equal (all[1].endpoint, endpoint);
    assert_true (bg_key_equal (&all[1].broker_key, &first.broker_key));
    assert_memory_equal (all[0].authority_hash, second.authority_hash, 32);
    assert_int_equal (ctl_contexts_current (config, &current, &err).code, BG_OK);
    assert_string_equal (current, "here");
    assert_int_equal (ctl_contexts_find (config, NULL, &found, &err).code, BG_OK);
    assert_string_equal (found->name, "here");
    assert_int_equal (ctl_contexts_find (config, "plant", &found, &err).code, BG_OK);
    assert_string_equal (found->name, "plant");
    ctl_config_close (&config);
}

static void a_context_of_the_same_name_is_replaced (void **state)
{
    (void) state;
    char name[] = "plant", one[] = "tcp://a:1", two[] = "tcp://b:2";
    ctl_context first = context_of (name, one, NULL);
    ctl_context second = context_of (name, two, NULL);
    const ctl_context *all = NULL;
    size_t count = 0;
    ctl_config *config = open_config ();
    put (config, &first, false);
    put (config, &second, true);
    assert_int_equal (ctl_contexts_all (config, &all, &count, NULL).code, BG_OK);
    assert_int_equal (count, 1);
    assert_string_equal (all[0].endpoint, two);
    ctl_config_close (&config);
}

static void use_and_remove_change_the_current_one (void **state)
{
    (void) state;
    char a[] = "a", b[] = "b", endpoint[] = "tcp://a:1";
    ctl_context first = context_of (a, endpoint, NULL);
    ctl_context second = context_of (b, endpoint, NULL);
    const char *current = NULL;
    const ctl_context *found = NULL;
    bg_error err = {0};
    ctl_config *config = open_config ();
    put (config, &first, false);
    put (config, &second, false);
    assert_int_equal (ctl_contexts_switch (config, "a", &err).code, BG_OK);
    assert_int_equal (ctl_contexts_current (config, &current, NULL).code, BG_OK);
    assert_string_equal (current, "a");
    assert_int_equal (ctl_contexts_drop (config, "a", &err).code, BG_OK);
    assert_int_equal (ctl_contexts_find (config, NULL, &found, &err).code, BG_NOT_FOUND);
    assert_non_null (strstr (err.hint, "bugle context use"));
    assert_int_equal (ctl_contexts_drop (config, "a", &err).code, BG_NOT_FOUND);
    ctl_config_close (&config);
}

static void a_mistyped_context_gets_the_nearest_name (void **state)
{
    (void) state;
    char name[] = "plant", endpoint[] = "tcp://a:1";
    ctl_context context = context_of (name, endpoint, NULL);
    const ctl_context *found = NULL;
    bg_error err = {0};
    ctl_config *config = open_config ();
    put (config, &context, false);
    assert_int_equal (ctl_contexts_find (config, "palnt", &found, &err).code, BG_NOT_FOUND);
    assert_string_equal (err.hint, "did you mean plant?");
    char bad[] = "a b";
    context.name = bad;
    assert_int_equal (ctl_contexts_put (config, &context, NULL, &err).code, BG_INVALID);
    ctl_config_close (&config);
}

static void without_any_context_the_hint_says_how_to_get_one (void **state)
{
    (void) state;
    const ctl_context *found = NULL;
    bg_error err = {0};
    ctl_config *config = open_config ();
    assert_int_equal (ctl_contexts_find (config, NULL, &found, &err).code, BG_NOT_FOUND);
    assert_non_null (strstr (err.hint, "bugle init"));
    ctl_config_close (&config);
}

static void a_broken_file_is_named_with_its_line (void **state)
{
    static const struct {
        const char *text;
        const char *message;
    } rows[] = {
        {"# mine\ncurent: a\n", "line 2: unknown key"},
        {"- a\n", "line 1: the file must be a map"},
        {"contexts: x\n", "line 1: contexts must be a list"},
        {"contexts:\n  - x\n", "line 2: a context must be a map"},
        {"contexts:\n  - {name: a, home: /x, endpoint: 'tcp://a:1'}\n", "either a home"},
        {"contexts: [\n", "line 2"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        BG_AUTO_CHAR path = bg_path_join (*state, "contexts.yaml");
        const ctl_context *all = NULL;
        size_t count = 0;
        bg_error err = {0};
        assert_int_equal (
            bg_file_replace (path, bg_slice_str (rows[i].text), 0600, &err).code, BG_OK);
        ctl_config *config = open_config ();
        assert_int_equal (ctl_contexts_all (config, &all, &count, &err).code, BG_FOREIGN_FILE);
        if (strstr (err.message, path) == NULL || strstr (err.message, rows[i].message) == NULL)
            fail_msg ("'%s' instead of '%s'", err.message, rows[i].message);
        assert_true (err.hint[0] != '\0');
        ctl_config_close (&config);
    }
}

/*  As root: under sudo everything belongs to the caller, and so does what lies in his directory. */
static void under_sudo_the_files_are_the_callers (void **state)
{
    const struct passwd *nobody = getpwnam ("nobody");
    if (geteuid () != 0 || nobody == NULL)
        skip ();
    char uid[16];
    struct stat info;
    (void) snprintf (uid, sizeof uid, "%u", (unsigned) nobody->pw_uid);
    uid_t user = nobody->pw_uid;
    assert_int_equal (chown (*state, user, nobody->pw_gid), 0);
    BG_AUTO_CHAR inner = bg_path_join (*state, "a/b");
    set_fake (0, "BUGLE_CONFIG_DIR", inner);
    set_fake (1, "SUDO_UID", uid);
    ctl_config *config = open_config ();
    ctl_identity identity = {0};
    bg_error err = {0};
    if (bg_failed (ctl_identity_ensure (config, "test", &identity, NULL, &err)))
        fail_msg ("%s", err.message);
    BG_AUTO_CHAR path = ctl_identity_path (config);
    assert_int_equal (stat (inner, &info), 0);
    assert_int_equal (info.st_uid, user);
    assert_int_equal (stat (path, &info), 0);
    assert_int_equal (info.st_uid, user);
    assert_int_equal (geteuid (), 0);
    ctl_identity_fini (&identity);
    ctl_config_close (&config);

    /*  And root without sudo may still use them.  */
    set_fake (1, NULL, NULL);
    config = open_config ();
    assert_int_equal (ctl_identity_load (config, &identity, &err).code, BG_OK);
    ctl_identity_fini (&identity);
    ctl_config_close (&config);
}

int main (void)
{
    bg_assert (bg_is_ok (bg_crypto_init (NULL)));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (the_directory_is_found_in_the_documented_order),
        cmocka_unit_test (a_relative_directory_becomes_absolute),
        cmocka_unit_test_setup_teardown (keys_are_made_once_and_used_again, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown (
            a_key_that_others_can_read_is_refused, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown (
            contexts_come_back_as_they_were_written, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown (
            a_context_of_the_same_name_is_replaced, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown (
            use_and_remove_change_the_current_one, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown (
            a_mistyped_context_gets_the_nearest_name, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown (
            without_any_context_the_hint_says_how_to_get_one, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown (
            a_broken_file_is_named_with_its_line, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown (
            under_sudo_the_files_are_the_callers, make_dir, remove_dir),
    };
    return cmocka_run_group_tests_name ("ctl_identity", tests, NULL, NULL);
}
