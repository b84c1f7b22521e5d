/*  What the node's shell keeps beside its loop: effects, keys, zones and configuration.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "common/base/now.h"
#include "common/sys/clock.h"
#include "common/sys/file.h"
#include "common/sys/random.h"
#include "node/shell/config.h"
#include "node/shell/effects.h"
#include "node/shell/keys.h"
#include "node/shell/zone_watch.h"
#include "node/shell/zones.h"
#include "node/store/store.h"
#include "tests/unit/must.h"
#include "tests/unit/temp_dir.h"
#include "tests/unit/zone_bytes.h"

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
    char *dir;
    bg_home home;
    int log;
    bg_log *bg_log;
    node_keys keys;
    node_config config;
} scene;

static int setup (void **state)
{
    scene *self = bg_alloc (sizeof *self);
    self->dir = temp_dir_make ();
    OK (bg_crypto_init (err));
    OK (bg_home_init (&self->home, self->dir, err));
    OK (bg_home_ensure (&self->home, BG_HOME_NODE, err));
    BG_AUTO_CHAR log = bg_path_join (self->dir, "log");
    self->log = open (log, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true (self->log >= 0);
    self->bg_log = bg_log_create ("node", self->log, BG_LOG_PLAIN);
    *state = self;
    return 0;
}

static int teardown (void **state)
{
    scene *self = *state;
    (void) unsetenv ("TZDIR");
    node_keys_fini (&self->keys);
    node_config_fini (&self->config);
    bg_home_fini (&self->home);
    bg_log_destroy (&self->bg_log);
    bg_fd_close (&self->log);
    temp_dir_remove (&self->dir);
    free (self);
    return 0;
}

static void has_part (const char *text, const char *part)
{
    if (!strstr (text, part))
        fail_msg ("no \"%s\" in: %s", part, text);
}

static size_t count_logged (const scene *self, const char *text)
{
    char lines[8192] = "";
    assert_true (pread (self->log, lines, sizeof lines - 1, 0) >= 0);
    size_t count = 0;
    for (const char *at = strstr (lines, text); at; at = strstr (at + 1, text))
        count++;
    return count;
}

/*  ---- effects ----  */

static void effects_are_kept_in_order_and_copied (void **state)
{
    (void) state;
    node_effects effects = {0};
    for (int round = 0; round < 2; round++) { /*  and again after they were thrown away  */
        for (uint8_t i = 0; i < 50; i++) {
            char bytes[3][8] = {"header", "body", ""};
            bytes[0][0] = (char) ('0' + i);
            const bg_slice slices[3] = {
                bg_slice_of (bytes[0], 6), bg_slice_of (bytes[1], 4), bg_slice_of (bytes[2], 0)};
            node_effects_add (&effects, NODE_DO_SEND, NODE_LINK_DESK, slices, 3)->request = i;
            memset (bytes, 'x', sizeof bytes);
        }
        (void) node_effects_add (&effects, NODE_DO_CLOSE, NODE_LINK_ORDERS, NULL, 0);
        assert_int_equal (effects.count, 51);
        for (uint8_t i = 0; i < 50; i++) {
            const node_effect *effect = &effects.items[i];
            assert_int_equal (effect->kind, NODE_DO_SEND);
            assert_int_equal (effect->link, NODE_LINK_DESK);
            assert_int_equal (effect->request, i);
            assert_int_equal (effect->slices[0].data[0], '0' + i);
            assert_int_equal (effect->slices[0].size, 6);
            assert_true (bg_slice_is (effect->slices[1], "body"));
            assert_int_equal (effect->slices[2].size, 0);
        }
        assert_int_equal (effects.items[50].kind, NODE_DO_CLOSE);
        assert_int_equal (effects.items[50].link, NODE_LINK_ORDERS);
        assert_int_equal (effects.items[50].request, 0);
        assert_int_equal (effects.items[50].slices[0].size, 0);
        node_effects_clear (&effects);
        assert_int_equal (effects.count, 0);
    }
    node_effects_fini (&effects);
    node_effects_fini (&effects);
    assert_null (effects.items);
}

/*  ---- keys ----  */

static void keys_are_made_once_and_private (void **state)
{
    scene *self = *state;
    OK (node_keys_init (&self->keys, &self->home, err));
    assert_false (self->keys.loaded);
    bg_error why = {0};
    assert_int_equal (node_keys_need (&self->keys, &why).code, BG_FOREIGN_FILE);
    has_part (why.message, "node.sign.key");
    has_part (why.message, "node.curve.key");
    OK (node_keys_ensure (&self->keys, err));
    OK (node_keys_need (&self->keys, err));
    struct stat info;
    assert_int_equal (stat (self->keys.sign_path, &info), 0);
    assert_int_equal (info.st_mode & 0777, 0600);
    assert_int_equal (stat (self->keys.curve_path, &info), 0);
    assert_int_equal (info.st_mode & 0777, 0600);
    const bg_key sign = self->keys.sign.public_key;
    const bg_key curve = self->keys.curve.public_key;
    assert_false (bg_key_equal (&sign, &curve));
    OK (node_keys_ensure (&self->keys, err));
    assert_true (bg_key_equal (&self->keys.sign.public_key, &sign));
    node_keys_fini (&self->keys);
    node_keys_fini (&self->keys);
    OK (node_keys_init (&self->keys, &self->home, err));
    assert_true (self->keys.loaded);
    assert_true (bg_key_equal (&self->keys.sign.public_key, &sign));
    assert_true (bg_key_equal (&self->keys.curve.public_key, &curve));
}

static void keys_can_be_forgotten (void **state)
{
    scene *self = *state;
    OK (node_keys_init (&self->keys, &self->home, err));
    OK (node_keys_ensure (&self->keys, err));
    const bg_key sign = self->keys.sign.public_key;
    node_keys_forget (&self->keys);
    assert_false (self->keys.loaded);
    assert_false (bg_path_exists (self->keys.sign_path));
    assert_false (bg_path_exists (self->keys.curve_path));
    static const uint8_t wiped[BG_SECRET_BYTES] = {0};
    assert_memory_equal (self->keys.sign.secret, wiped, sizeof wiped);
    assert_memory_equal (self->keys.curve.secret, wiped, sizeof wiped);
    node_keys_forget (&self->keys);
    /*  The next enlistment has others.  */
    OK (node_keys_ensure (&self->keys, err));
    assert_false (bg_key_equal (&self->keys.sign.public_key, &sign));
}

/*  Makes the pairs, does something to the files, and reads them again: refused with these parts of the sentence.  */
static void refuse_keys (scene *self, void (*change) (const node_keys *keys), const char *part)
{
    OK (node_keys_init (&self->keys, &self->home, err));
    OK (node_keys_ensure (&self->keys, err));
    change (&self->keys);
    node_keys_fini (&self->keys);
    bg_error why = {0};
    assert_int_equal (node_keys_init (&self->keys, &self->home, &why).code, BG_FOREIGN_FILE);
    assert_false (self->keys.loaded);
    has_part (why.message, part);
    assert_int_not_equal (why.hint[0], 0);
    (void) unlink (self->keys.sign_path);
    (void) unlink (self->keys.curve_path);
    node_keys_fini (&self->keys);
}

static void open_sign_key (const node_keys *keys)
{
    assert_int_equal (chmod (keys->sign_path, 0640), 0);
}

static void lose_curve_key (const node_keys *keys)
{
    assert_int_equal (unlink (keys->curve_path), 0);
}

static void lose_sign_key (const node_keys *keys)
{
    assert_int_equal (unlink (keys->sign_path), 0);
}

static void exchange_keys (const node_keys *keys)
{
    BG_AUTO_CHAR aside = bg_strdup_printf ("%s.aside", keys->sign_path);
    assert_int_equal (rename (keys->sign_path, aside), 0);
    assert_int_equal (rename (keys->curve_path, keys->sign_path), 0);
    assert_int_equal (rename (aside, keys->curve_path), 0);
}

static void key_files_that_cannot_be_used_are_named (void **state)
{
    scene *self = *state;
    refuse_keys (self, open_sign_key, "node.sign.key");
    refuse_keys (self, lose_curve_key, "node.curve.key is missing");
    refuse_keys (self, lose_sign_key, "node.sign.key is missing");
    refuse_keys (self, exchange_keys, "node.sign.key");
}

static void keys_are_those_of_the_enlistment (void **state)
{
    scene *self = *state;
    node_db *db = NULL;
    OK (node_db_open (":memory:", &db, err));
    OK (node_db_begin (db, err));
    const node_store *store = node_db_port (db);
    OK (node_keys_init (&self->keys, &self->home, err));
    OK (node_keys_check (&self->keys, store, err)); /*  neither keys nor an enlistment  */
    OK (node_keys_ensure (&self->keys, err));
    OK (node_keys_check (&self->keys, store, err)); /*  an enlistment that has only begun  */
    node_identity identity = {.number = 1,
        .name = bg_slice_str ("db01"),
        .broker = bg_slice_str ("lab"),
        .endpoints = bg_slice_str ("desk tcp://a:1"),
        .sign_key = self->keys.sign.public_key,
        .curve_key = self->keys.curve.public_key};
    OK (store->identity_put (store->ctx, &identity, err));
    OK (node_keys_check (&self->keys, store, err));
    identity.curve_key.bytes[0] ^= 1;
    OK (store->identity_put (store->ctx, &identity, err));
    bg_error why = {0};
    assert_int_equal (node_keys_check (&self->keys, store, &why).code, BG_FOREIGN_FILE);
    has_part (why.message, "node.curve.key");
    identity.sign_key.bytes[0] ^= 1;
    OK (store->identity_put (store->ctx, &identity, err));
    assert_int_equal (node_keys_check (&self->keys, store, &why).code, BG_FOREIGN_FILE);
    has_part (why.message, "node.sign.key");
    node_db_close (&db);
}

/*  ---- zones ----  */

/*  A zone file with one offset for ever.  */
static void write_zone (const scene *self, const char *name, int32_t offset)
{
    BG_AUTO_BUF bytes = {0};
    zone_bytes_of_offset (offset, &bytes);
    BG_AUTO_CHAR path = bg_path_join (self->dir, name);
    OK (bg_file_replace (path, bg_buf_slice (&bytes), 0644, err));
}

static node_zones *open_zones (scene *self, const char *local)
{
    assert_int_equal (setenv ("TZDIR", self->dir, 1), 0);
    return node_zones_create (local, self->bg_log);
}

static int32_t offset_of (node_zones *zones, const char *name)
{
    const job_zone *zone = node_zones_get (zones, bg_slice_str (name));
    assert_non_null (zone);
    return job_zone_offset (zone, 0);
}

static void a_zone_is_read_when_it_is_asked_for (void **state)
{
    scene *self = *state;
    write_zone (self, "East", 3600);
    node_zones *zones = open_zones (self, "East");
    assert_string_equal (node_zones_local_name (zones), "East");
    assert_int_equal (offset_of (zones, ""), 3600);
    assert_int_equal (offset_of (zones, "East"), 3600);
    assert_string_equal (job_zone_name (node_zones_get (zones, bg_slice_str (""))), "East");
    write_zone (self, "West", -7200);
    assert_int_equal (offset_of (zones, "West"), -7200);
    const job_zone *first = node_zones_get (zones, bg_slice_str ("West"));
    assert_ptr_equal (node_zones_get (zones, bg_slice_str ("West")), first);
    assert_false (node_zones_changed (zones));
    node_zones_destroy (&zones);
    node_zones_destroy (&zones);
}

static void a_changed_file_is_noticed (void **state)
{
    scene *self = *state;
    write_zone (self, "East", 3600);
    write_zone (self, "West", -3600);
    node_zones *zones = open_zones (self, NULL);
    assert_int_equal (offset_of (zones, "East"), 3600);
    write_zone (self, "West", -7200); /*  was not asked for  */
    assert_false (node_zones_changed (zones));
    write_zone (self, "East", 7200);
    assert_true (node_zones_changed (zones));
    assert_int_equal (
        offset_of (zones, "East"), 3600); /*  what was lent stays until it is forgotten  */
    node_zones_renew (zones);
    assert_false (node_zones_changed (zones));
    assert_int_equal (offset_of (zones, "East"), 7200);
    assert_int_equal (offset_of (zones, "West"), -7200);
    BG_AUTO_CHAR path = bg_path_join (self->dir, "East");
    assert_int_equal (unlink (path), 0);
    assert_true (node_zones_changed (zones));
    node_zones_destroy (&zones);
}

static void a_file_written_in_place_is_noticed (void **state)
{
    scene *self = *state;
    write_zone (self, "East", 3600);
    node_zones *zones = open_zones (self, NULL);
    assert_int_equal (offset_of (zones, "East"), 3600);
    BG_AUTO_CHAR path = bg_path_join (self->dir, "East");
    const struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    assert_int_equal (utimensat (AT_FDCWD, path, times, 0), 0);
    assert_true (node_zones_changed (zones));
    node_zones_destroy (&zones);
}

static void a_missing_zone_is_told_once_and_may_appear (void **state)
{
    scene *self = *state;
    node_zones *zones = open_zones (self, NULL);
    for (int i = 0; i < 3; i++)
        assert_null (node_zones_get (zones, bg_slice_str ("Later")));
    assert_int_equal (count_logged (self, "zone-unusable zone=Later"), 1);
    assert_false (node_zones_changed (zones));
    write_zone (self, "Later", 60);
    assert_true (node_zones_changed (zones));
    node_zones_renew (zones);
    assert_int_equal (offset_of (zones, "Later"), 60);
    node_zones_destroy (&zones);
}

static void a_broken_zone_is_none (void **state)
{
    scene *self = *state;
    BG_AUTO_CHAR broken = bg_path_join (self->dir, "Broken");
    OK (bg_file_create (broken, bg_slice_str ("TZif, but nothing behind it"), err));
    BG_AUTO_CHAR large = bg_path_join (self->dir, "Large");
    OK (bg_file_create (large, bg_slice_str ("TZif"), err));
    assert_int_equal (truncate (large, 200000), 0);
    BG_AUTO_CHAR directory = bg_path_join (self->dir, "Area");
    assert_int_equal (mkdir (directory, 0700), 0);
    node_zones *zones = open_zones (self, "Broken");
    assert_null (node_zones_get (zones, bg_slice_str ("Broken")));
    assert_null (node_zones_get (zones, bg_slice_str ("Large")));
    assert_null (node_zones_get (zones, bg_slice_str ("Area")));
    /*  A zone that was configured is never replaced by another in silence.  */
    assert_null (node_zones_get (zones, bg_slice_str ("")));
    assert_int_equal (count_logged (self, "zone-unusable"), 4);
    node_zones_destroy (&zones);
}

/*  ---- their directories, watched ----  */

typedef struct {
    bg_loop *loop;
    size_t calls;
} watching;

static void on_zone_change (void *arg)
{
    watching *self = arg;
    self->calls++;
}

/*  Runs the loop until the watch has called, or for the time.  */
static void let_watch (watching *self, int64_t us)
{
    const size_t before = self->calls;
    const int64_t end_us = bg_clock_mono_us () + us;
    for (int64_t now_us = bg_clock_mono_us (); self->calls == before && now_us < end_us;
         now_us = bg_clock_mono_us ())
        OK (bg_loop_turn (self->loop, end_us - now_us, NULL, err));
}

static void looked_for (void *arg, const char *path)
{
    node_zone_watch_add (arg, path);
}

static void a_change_of_a_zone_file_is_told_without_looking (void **state)
{
    scene *self = *state;
    watching it = {0};
    OK (bg_loop_create (&it.loop, err));
    write_zone (self, "East", 3600);
    node_zones *zones = open_zones (self, NULL);
    node_zone_watch *watch = node_zone_watch_create (it.loop, self->bg_log, on_zone_change, &it);
    assert_non_null (watch);
    node_zones_tell (zones, looked_for, watch);
    assert_int_equal (offset_of (zones, "East"), 3600);
    assert_null (node_zones_get (zones, bg_slice_str ("Area/Later")));
    let_watch (&it, BG_MS (700));
    assert_int_equal (it.calls, 0); /*  reading is no change  */
    for (int i = 0; i < 20; i++)
        write_zone (self, "East", 7200 + i);
    let_watch (&it, BG_SEC (20));
    assert_int_equal (it.calls, 1); /*  once for all  */
    assert_true (node_zones_changed (zones));
    node_zones_renew (zones);
    assert_int_equal (offset_of (zones, "East"), 7219);
    /*  In a directory that did not exist when it was looked for.  */
    assert_null (node_zones_get (zones, bg_slice_str ("Area/Later")));
    BG_AUTO_CHAR area = bg_path_join (self->dir, "Area");
    assert_int_equal (mkdir (area, 0755), 0);
    write_zone (self, "Area/Later", 60);
    let_watch (&it, BG_SEC (20));
    assert_int_equal (it.calls, 2);
    assert_true (node_zones_changed (zones));
    node_zone_watch_destroy (&watch);
    node_zones_destroy (&zones);
    bg_loop_destroy (&it.loop);
}

/*  Whoever holds a zone exchanges it between the two calls: it must still be there until then.  */
static void what_was_lent_stays_until_it_is_forgotten (void **state)
{
    scene *self = *state;
    write_zone (self, "East", 3600);
    node_zones *zones = open_zones (self, NULL);
    const job_zone *lent = node_zones_get (zones, bg_slice_str ("East"));
    write_zone (self, "East", 7200);
    node_zones_renew (zones);
    assert_int_equal (offset_of (zones, "East"), 7200);
    assert_int_equal (job_zone_offset (lent, 0), 3600);
    node_zones_forget_old (zones);
    assert_int_equal (offset_of (zones, "East"), 7200);
    node_zones_destroy (&zones);
}

static void names_never_lead_out_of_the_directory (void **state)
{
    scene *self = *state;
    write_zone (self, "East", 3600);
    BG_AUTO_CHAR inner = bg_path_join (self->dir, "inner");
    assert_int_equal (mkdir (inner, 0700), 0);
    assert_int_equal (setenv ("TZDIR", inner, 1), 0);
    node_zones *zones = node_zones_create (NULL, self->bg_log);
    assert_null (node_zones_get (zones, bg_slice_str ("../East")));
    BG_AUTO_CHAR absolute = bg_path_join (self->dir, "East");
    assert_null (node_zones_get (zones, bg_slice_str (absolute)));
    assert_int_equal (count_logged (self, "zone-unusable"), 0);
    node_zones_destroy (&zones);
}

static void without_configuration_it_is_the_machines_zone (void **state)
{
    scene *self = *state;
    (void) self;
    node_zones *zones = node_zones_create (NULL, NULL);
    /*  Whatever this machine says, there is one: UTC at last.  */
    assert_non_null (node_zones_get (zones, bg_slice_str ("")));
    assert_true (job_zone_name_valid (bg_slice_str (node_zones_local_name (zones))));
    node_zones_destroy (&zones);
}

/*  ---- configuration ----  */

static void write_config (const scene *self, const char *text)
{
    BG_AUTO_CHAR path = bg_home_path (&self->home, BG_HOME_CONF, "node.yaml");
    OK (bg_file_replace (path, bg_slice_str (text), 0600, err));
}

static void no_file_means_defaults (void **state)
{
    scene *self = *state;
    OK (node_config_load (&self->home, &self->config, err));
    assert_null (self->config.name);
    assert_null (self->config.location);
    assert_null (self->config.zone);
    assert_string_equal (self->config.log_level, "info");
    assert_false (self->config.log_json);
}

static void every_key_is_read (void **state)
{
    scene *self = *state;
    write_config (self, "name: db01\nlocation: Hall 3, rack 7\nzone: Europe/Rome\n"
                        "log:\n  level: debug\n  json: yes\n");
    OK (node_config_load (&self->home, &self->config, err));
    assert_string_equal (self->config.name, "db01");
    assert_string_equal (self->config.location, "Hall 3, rack 7");
    assert_string_equal (self->config.zone, "Europe/Rome");
    assert_string_equal (self->config.log_level, "debug");
    assert_true (self->config.log_json);
}

/*  Loads with stderr going to a file, whose content is left in said.  */
static bg_code load_saying (scene *self, bg_buf *said, bg_error *why)
{
    BG_AUTO_CHAR path = bg_path_join (self->dir, "said");
    int kept = dup (STDERR_FILENO);
    int file = open (path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true (kept >= 0 && file >= 0);
    (void) fflush (stderr);
    assert_true (dup2 (file, STDERR_FILENO) >= 0);
    bg_result result = node_config_load (&self->home, &self->config, why);
    (void) fflush (stderr);
    assert_true (dup2 (kept, STDERR_FILENO) >= 0);
    (void) close (kept);
    (void) close (file);
    bg_buf_clear (said);
    OK (bg_file_read (path, 65536, said, err));
    node_config_fini (&self->config);
    return result.code;
}

static void all_mistakes_are_told_at_once (void **state)
{
    scene *self = *state;
    BG_AUTO_BUF said = {0};
    bg_error why = {0};
    write_config (self, "nmae: db01\nlog:\n  json: perhaps\n");
    assert_int_equal (load_saying (self, &said, &why), BG_INVALID);
    has_part (bg_buf_cstr (&said), "node.yaml:1:1");
    has_part (bg_buf_cstr (&said), "did you mean");
    has_part (bg_buf_cstr (&said), "node.yaml:3:");
    write_config (self, "name: [\n");
    assert_int_equal (load_saying (self, &said, &why), BG_INVALID);
    has_part (bg_buf_cstr (&said), "node.yaml");
}

static void values_that_mean_nothing_are_named_with_their_key (void **state)
{
    static const struct {
        const char *text;
        const char *part;
    } cases[] = {
        {"name: not a name\n", "node.yaml: name"},
        {"zone: ../etc/passwd\n", "node.yaml: zone"},
        {"log:\n  level: loud\n", "node.yaml: log.level"},
    };
    scene *self = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        BG_AUTO_BUF said = {0};
        bg_error why = {0};
        write_config (self, cases[i].text);
        assert_int_equal (load_saying (self, &said, &why), BG_INVALID);
        has_part (why.message, cases[i].part);
        assert_int_equal (said.size, 0);
    }
}

/*  The default name in a process whose host has this name; 2 when we may not set one.  */
static int name_on_host (const char *host, const char *wanted)
{
    pid_t pid = fork ();
    if (pid == 0) {
        if (unshare (CLONE_NEWUTS) != 0 || sethostname (host, strlen (host)) != 0)
            _exit (2);
        BG_AUTO_CHAR name = node_default_name ();
        _exit (strcmp (name, wanted) == 0 ? 0 : 1);
    }
    int status = 0;
    assert_int_equal (waitpid (pid, &status, 0), pid);
    assert_true (WIFEXITED (status));
    return WEXITSTATUS (status);
}

static void the_default_name_is_the_short_host_name (void **state)
{
    (void) state;
    BG_AUTO_CHAR ours = node_default_name ();
    assert_int_not_equal (ours[0], 0);
    if (name_on_host ("db01", "db01") == 2)
        skip (); /*  may not name a host  */
    assert_int_equal (name_on_host ("DB-01.Example.org", "db-01"), 0);
    assert_int_equal (name_on_host ("what is this", "node"), 0);
    assert_int_equal (name_on_host (".org", "node"), 0);
}

int main (void)
{
#define TEST(name) cmocka_unit_test_setup_teardown (name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST (effects_are_kept_in_order_and_copied),
        TEST (keys_are_made_once_and_private),
        TEST (keys_can_be_forgotten),
        TEST (key_files_that_cannot_be_used_are_named),
        TEST (keys_are_those_of_the_enlistment),
        TEST (a_zone_is_read_when_it_is_asked_for),
        TEST (a_changed_file_is_noticed),
        TEST (a_file_written_in_place_is_noticed),
        TEST (a_missing_zone_is_told_once_and_may_appear),
        TEST (a_broken_zone_is_none),
        TEST (a_change_of_a_zone_file_is_told_without_looking),
        TEST (what_was_lent_stays_until_it_is_forgotten),
        TEST (names_never_lead_out_of_the_directory),
        TEST (without_configuration_it_is_the_machines_zone),
        TEST (no_file_means_defaults),
        TEST (every_key_is_read),
        TEST (all_mistakes_are_told_at_once),
        TEST (values_that_mean_nothing_are_named_with_their_key),
        TEST (the_default_name_is_the_short_host_name),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
