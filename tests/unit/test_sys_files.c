/*  Files, locks, homes and key files: what they hold after success, what they leave after failure,
   and the sentences for files that are not as they should be.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "common/sys/home.h"
#include "common/sys/keyfile.h"
#include "common/sys/lock.h"
#include "common/sys/owner.h"
#include "common/sys/random.h"
#include "tests/unit/temp_dir.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

static mode_t mode_of (const char *path)
{
    struct stat info;
    assert_int_equal (stat (path, &info), 0);
    return info.st_mode & 07777;
}

static void assert_content (const char *path, const char *text)
{
    BG_AUTO_BUF content = {0};
    assert_true (bg_is_ok (bg_file_read (path, 4096, &content, NULL)));
    assert_string_equal (bg_buf_cstr (&content), text);
}

static void test_replace_keeps_old_or_new (void **state)
{
    BG_AUTO_CHAR path = bg_path_join (*state, "file");
    BG_AUTO_CHAR below = bg_path_join (path, "below");
    bg_error err = {0};
    assert_true (bg_is_ok (bg_file_replace (path, bg_slice_str ("one"), 0640, &err)));
    assert_content (path, "one");
    assert_int_equal (mode_of (path), 0640);
    assert_true (bg_is_ok (bg_file_replace (path, bg_slice_str ("two"), 0600, &err)));
    assert_content (path, "two");
    assert_int_equal (mode_of (path), 0600);
    assert_int_equal (bg_file_replace (below, bg_slice_str ("x"), 0600, &err).code, BG_NOT_FOUND);
    assert_non_null (strstr (err.message, below));
    assert_content (path, "two");
}

static void test_replace_of_directory_leaves_nothing (void **state)
{
    BG_AUTO_CHAR path = bg_path_join (*state, "dir");
    bool is_empty = false;
    assert_true (bg_is_ok (bg_dir_make (path, 0700, NULL)));
    assert_true (bg_failed (bg_file_replace (path, bg_slice_str ("x"), 0600, NULL)));
    assert_int_equal (rmdir (path), 0);
    assert_true (bg_is_ok (bg_dir_is_empty (*state, &is_empty, NULL)));
    assert_true (is_empty);
}

static void test_create_is_exclusive (void **state)
{
    BG_AUTO_CHAR path = bg_path_join (*state, "file");
    bg_error err = {0};
    assert_true (bg_is_ok (bg_file_create (path, bg_slice_str ("mine"), &err)));
    assert_int_equal (mode_of (path), 0600);
    assert_int_equal (bg_file_create (path, bg_slice_str ("other"), &err).code, BG_EXISTS);
    assert_content (path, "mine");
}

/*  Whatever the size, all of it; and of a small file no more room than it needs.  */
static void test_read_takes_all (void **state)
{
    static const size_t sizes[] = {0, 1, 127, 128, 4095, 4096, 65535, 65536, 65537, 300000};
    BG_AUTO_CHAR path = bg_path_join (*state, "file");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        BG_AUTO_BUF written = {0};
        BG_AUTO_BUF content = {0};
        for (size_t k = 0; k < sizes[i]; k++)
            bg_buf_append (&written, &(uint8_t){(uint8_t) (k * 31 + k / 256)}, 1);
        assert_true (bg_is_ok (bg_file_replace (path, bg_buf_slice (&written), 0600, NULL)));
        bg_buf_append_str (&content, "before");
        assert_true (bg_is_ok (bg_file_read (path, sizes[i], &content, NULL)));
        assert_int_equal (content.size, sizes[i] + 6);
        assert_memory_equal (content.data, "before", 6);
        if (sizes[i] > 0)
            assert_memory_equal (content.data + 6, written.data, sizes[i]);
        assert_true (content.capacity <= (sizes[i] < 4096 ? 8192 : 4 * 300000));
    }
}

/*  /proc says 0 bytes, a pipe nothing.  */
static void test_read_of_unknown_size (void **state)
{
    (void) state;
    BG_AUTO_BUF maps = {0};
    BG_AUTO_BUF piped = {0};
    static const uint8_t data[50000] = {1, 2, 3};
    int ends[2];
    assert_true (bg_is_ok (bg_file_read ("/proc/self/smaps", 16 * 1024 * 1024, &maps, NULL)));
    assert_true (maps.size > 4096);
    assert_non_null (strstr (bg_buf_cstr (&maps), "[stack]"));
    assert_int_equal (pipe (ends), 0);
    assert_int_equal (write (ends[1], data, sizeof data), sizeof data);
    assert_int_equal (close (ends[1]), 0);
    assert_true (bg_is_ok (bg_fd_read (ends[0], "pipe", sizeof data, &piped, NULL)));
    assert_int_equal (piped.size, sizeof data);
    assert_memory_equal (piped.data, data, sizeof data);
    assert_int_equal (close (ends[0]), 0);
}

static void test_read_refuses (void **state)
{
    BG_AUTO_CHAR path = bg_path_join (*state, "file");
    BG_AUTO_CHAR fifo = bg_path_join (*state, "fifo");
    BG_AUTO_BUF out = {0};
    bg_error err = {0};
    assert_int_equal (bg_file_read (path, 10, &out, &err).code, BG_NOT_FOUND);
    assert_true (bg_is_ok (bg_file_create (path, bg_slice_str ("0123456789"), &err)));
    assert_true (bg_is_ok (bg_file_read (path, 10, &out, &err)));
    assert_int_equal (out.size, 10);
    assert_int_equal (bg_file_read (path, 9, &out, &err).code, BG_TOO_LARGE);
    assert_int_equal (out.size, 10);
    assert_int_equal (mkfifo (fifo, 0600), 0);
    assert_int_equal (bg_file_read (fifo, 10, &out, &err).code, BG_IO);
    assert_int_equal (bg_file_read (*state, 10, &out, &err).code, BG_IO);
}

static void test_full_device (void **state)
{
    (void) state;
    bg_error err = {0};
    BG_AUTO_FD full = open ("/dev/full", O_WRONLY | O_CLOEXEC);
    if (full < 0)
        skip ();
    bg_result result = bg_fd_write (full, "/dev/full", bg_slice_str ("x"), &err);
    assert_int_equal (result.code, BG_STORAGE_FULL);
}

static void test_paths (void **state)
{
    static const struct {
        const char *dir, *name, *joined, *parent;
    } rows[] = {{"/a", "b", "/a/b", "/a"}, {"/a/", "b", "/a/b", "/a"}, {"/a", "/c/d", "/c/d", "/c"},
        {".", "x", "./x", "."}, {"", "x", "/x", "/"}};
    (void) state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        BG_AUTO_CHAR joined = bg_path_join (rows[i].dir, rows[i].name);
        BG_AUTO_CHAR parent = bg_path_dir (joined);
        assert_string_equal (joined, rows[i].joined);
        assert_string_equal (parent, rows[i].parent);
    }
    BG_AUTO_CHAR alone = bg_path_dir ("name");
    assert_string_equal (alone, ".");
}

static void test_dir_make (void **state)
{
    BG_AUTO_CHAR deep = bg_path_join (*state, "a/b//c/");
    BG_AUTO_CHAR file = bg_path_join (*state, "a/file");
    BG_AUTO_CHAR under = bg_path_join (*state, "a/file/x");
    BG_AUTO_CHAR inner = bg_path_join (*state, "a/b");
    mode_t old = umask (0);
    assert_true (bg_is_ok (bg_dir_make (deep, 0750, NULL)));
    (void) umask (old);
    assert_int_equal (mode_of (deep), 0750);
    assert_int_equal (mode_of (inner), 0750);
    assert_true (bg_is_ok (bg_dir_make (deep, 0700, NULL)));
    assert_int_equal (mode_of (deep), 0750);
    assert_true (bg_is_ok (bg_file_create (file, bg_slice_str (""), NULL)));
    assert_int_equal (bg_dir_make (file, 0700, NULL).code, BG_EXISTS);
    assert_int_equal (bg_dir_make (under, 0700, NULL).code, BG_EXISTS);
}

static void test_private (void **state)
{
    BG_AUTO_CHAR path = bg_path_join (*state, "file");
    BG_AUTO_CHAR link = bg_path_join (*state, "link");
    bg_error err = {0};
    assert_int_equal (bg_private_check (path, &err).code, BG_NOT_FOUND);
    assert_true (bg_is_ok (bg_file_create (path, bg_slice_str (""), NULL)));
    assert_true (bg_is_ok (bg_private_check (path, &err)));
    static const mode_t open_modes[] = {0640, 0604, 0610, 0602};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal (chmod (path, open_modes[i]), 0);
        assert_int_equal (bg_private_check (path, &err).code, BG_FOREIGN_FILE);
        assert_non_null (strstr (err.message, path));
        assert_non_null (strstr (err.hint, "chmod go="));
    }
    assert_int_equal (chmod (path, 0600), 0);
    assert_int_equal (symlink (path, link), 0);
    assert_int_equal (bg_private_check (link, &err).code, BG_FOREIGN_FILE);
    if (geteuid () == 0) {
        assert_int_equal (chown (path, 65534, 65534), 0);
        assert_int_equal (bg_private_check (path, &err).code, BG_FOREIGN_FILE);
        assert_non_null (strstr (err.message, "65534"));
    }
}

static void test_disk_free (void **state)
{
    uint64_t bytes = 0;
    assert_true (bg_is_ok (bg_disk_free (*state, &bytes, NULL)));
    assert_true (bytes > 0);
    BG_AUTO_CHAR missing = bg_path_join (*state, "missing");
    assert_int_equal (bg_disk_free (missing, &bytes, NULL).code, BG_NOT_FOUND);
}

static void test_lock_refuses_and_names_the_holder (void **state)
{
    BG_AUTO_CHAR path = bg_path_join (*state, "lock");
    bg_lock *mine = NULL, *second = NULL;
    bg_error err = {0};
    char holder[64], expected[64];
    int pid = -1;
    assert_true (bg_is_ok (bg_lock_holder (path, holder, &pid, &err)));
    assert_int_equal (pid, 0);
    assert_true (bg_is_ok (bg_lock_take (path, "bugle-broker", &mine, &err)));
    assert_int_equal (bg_lock_take (path, "bugle-node", &second, &err).code, BG_BUSY);
    assert_null (second);
    (void) snprintf (expected, sizeof expected, "held by bugle-broker (pid %d)", (int) getpid ());
    assert_non_null (strstr (err.message, expected));
    assert_true (bg_is_ok (bg_lock_holder (path, holder, &pid, &err)));
    assert_string_equal (holder, "bugle-broker");
    assert_int_equal (pid, getpid ());
    bg_lock_release (&mine);
    assert_null (mine);
    bg_lock_release (&mine);
    assert_true (bg_is_ok (bg_lock_take (path, "bugle-node", &second, &err)));
    bg_lock_release (&second);
}

static void test_lock_dies_with_its_process (void **state)
{
    BG_AUTO_CHAR path = bg_path_join (*state, "lock");
    int status = 0, pid = -1;
    char holder[64];
    pid_t child = fork ();
    assert_true (child >= 0);
    if (child == 0) {
        bg_lock *lock = NULL;
        _exit (bg_is_ok (bg_lock_take (path, "gone", &lock, NULL)) ? 0 : 1);
    }
    assert_int_equal (waitpid (child, &status, 0), child);
    assert_int_equal (status, 0);
    assert_true (bg_is_ok (bg_lock_holder (path, holder, &pid, NULL)));
    assert_int_equal (pid, 0);
    bg_lock *lock = NULL;
    assert_true (bg_is_ok (bg_lock_take (path, "next", &lock, NULL)));
    bg_lock_release (&lock);
}

static void test_lock_waits_for_a_holder_that_is_ending (void **state)
{
    BG_AUTO_CHAR path = bg_path_join (*state, "lock");
    int gate[2], held[2];
    assert_int_equal (pipe (gate), 0);
    assert_int_equal (pipe (held), 0);
    bg_error err = {0};
    bg_lock *lock = NULL;
    char byte = 0;
    pid_t child = fork ();
    assert_true (child >= 0);
    if (child == 0) {
        (void) close (gate[1]);
        bg_lock *its = NULL;
        bool has = bg_is_ok (bg_lock_take (path, "ending", &its, NULL));
        has = has && write (held[1], "h", 1) == 1;
        /*  It ends when we do no more than wait: at the end of the pipe.  */
        has = has && read (gate[0], &byte, 1) == 1;
        _exit (has ? 0 : 1);
    }
    assert_int_equal (read (held[0], &byte, 1), 1);
    assert_int_equal (bg_lock_await (path, "next", 1000, &lock, &err).code, BG_BUSY);
    assert_non_null (strstr (err.message, "held by ending"));
    assert_int_equal (write (gate[1], "g", 1), 1);
    assert_true (bg_is_ok (bg_lock_await (path, "next", 20000000, &lock, &err)));
    bg_lock_release (&lock);
    assert_int_equal (waitpid (child, NULL, 0), child);
    for (int i = 0; i < 2; i++) {
        (void) close (gate[i]);
        (void) close (held[i]);
    }
}

static void test_home_is_made_private (void **state)
{
    BG_AUTO_CHAR dir = bg_path_join (*state, "deep/home");
    bg_home home = {0};
    bg_error err = {0};
    assert_int_equal (bg_home_look (&home, dir, &err).code, BG_NOT_FOUND);
    assert_true (bg_is_ok (bg_home_init (&home, dir, &err)));
    assert_false (home.is_system);
    assert_int_equal (mode_of (dir), 0700);
    assert_int_equal (mode_of (home.run), 0700);
    assert_int_equal (mode_of (home.conf), 0700);
    BG_AUTO_CHAR store = bg_home_path (&home, BG_HOME_BROKER, "store.db");
    BG_AUTO_CHAR expected = bg_path_join (home.state, "broker/store.db");
    assert_string_equal (store, expected);
    assert_false (bg_home_is_occupied (&home, BG_HOME_BROKER));
    assert_true (bg_is_ok (bg_home_ensure (&home, BG_HOME_BROKER, &err)));
    assert_false (bg_home_is_occupied (&home, BG_HOME_BROKER));
    assert_true (bg_is_ok (bg_file_create (store, bg_slice_str (""), &err)));
    assert_true (bg_home_is_occupied (&home, BG_HOME_BROKER));
    bg_home_fini (&home);
    assert_true (bg_is_ok (bg_home_init (&home, dir, &err)));
    bg_home_fini (&home);
    bg_home_fini (&home);
}

static void test_home_refuses_open_directories (void **state)
{
    bg_home home = {0};
    bg_error err = {0};
    BG_AUTO_CHAR empty = bg_path_join (*state, "empty");
    BG_AUTO_CHAR used = bg_path_join (*state, "used");
    BG_AUTO_CHAR inner = bg_path_join (used, "something");
    assert_true (bg_is_ok (bg_dir_make (empty, 0755, NULL)));
    assert_true (bg_is_ok (bg_home_init (&home, empty, &err)));
    assert_int_equal (mode_of (empty), 0700);
    bg_home_fini (&home);
    assert_true (bg_is_ok (bg_dir_make (inner, 0755, NULL)));
    assert_int_equal (bg_home_init (&home, used, &err).code, BG_FOREIGN_FILE);
    assert_non_null (strstr (err.hint, used));
    assert_null (home.state);
    BG_AUTO_CHAR file = bg_path_join (*state, "file");
    assert_true (bg_is_ok (bg_file_create (file, bg_slice_str (""), NULL)));
    assert_int_equal (bg_home_init (&home, file, &err).code, BG_FOREIGN_FILE);
}

static void test_home_that_is_closed_is_not_taken_for_absent (void **state)
{
    bg_home home = {0};
    bg_error err = {0};
    BG_AUTO_CHAR closed = bg_path_join (*state, "closed");
    const bool is_root = geteuid () == 0; /*  to whom nothing is closed  */
    assert_true (bg_is_ok (bg_dir_make (closed, 0700, NULL)));
    assert_int_equal (chmod (closed, 0), 0);
    assert_int_equal (chmod (*state, 0711), 0);
    assert_int_equal (is_root ? seteuid (65534) : 0, 0);
    bg_result result = bg_home_look (&home, closed, &err);
    assert_int_equal (is_root ? seteuid (0) : 0, 0);
    assert_int_equal (chmod (closed, 0700), 0);
    assert_int_equal (result.code, BG_IO);
    assert_non_null (strstr (err.message, "cannot look into"));
}

static void test_system_home (void **state)
{
    (void) state;
    bg_home home = {0};
    assert_true (bg_is_ok (bg_home_init (&home, NULL, NULL)));
    assert_true (home.is_system);
    BG_AUTO_CHAR conf = bg_home_path (&home, BG_HOME_CONF, "node.yaml");
    BG_AUTO_CHAR exec = bg_home_path (&home, BG_HOME_EXEC, NULL);
    assert_string_equal (conf, "/etc/bugle/node.yaml");
    assert_string_equal (exec, "/var/lib/bugle/exec");
    bg_home_fini (&home);
}

/*  The system's directories at another place.  */
static bg_home system_below (const char *dir)
{
    return (bg_home){
        bg_path_join (dir, "lib"), bg_path_join (dir, "run"), bg_path_join (dir, "etc"), true};
}

static void test_parts_share_directories_only_under_home (void **state)
{
    bg_home home = system_below (*state);
    BG_AUTO_CHAR core = bg_home_path (&home, BG_HOME_RUN_CORE, "core.sock");
    BG_AUTO_CHAR front = bg_home_path (&home, BG_HOME_FRONT, NULL);
    assert_non_null (strstr (core, "/run/core/core.sock"));
    assert_non_null (strstr (front, "/lib/front"));
    home.is_system = false;
    BG_AUTO_CHAR own_core = bg_home_path (&home, BG_HOME_RUN_CORE, "core.sock");
    BG_AUTO_CHAR own_front = bg_home_path (&home, BG_HOME_FRONT, NULL);
    assert_non_null (strstr (own_core, "/run/core.sock"));
    assert_non_null (strstr (own_front, "/lib/broker"));
    bg_home_fini (&home);
}

static void test_directories_of_the_system_are_not_made (void **state)
{
    bg_home home = system_below (*state);
    bg_error err = {0};
    uid_t user = 0;
    gid_t group = 0;
    assert_int_equal (bg_home_ensure (&home, BG_HOME_NODE, &err).code, BG_NOT_FOUND);
    assert_non_null (strstr (err.hint, "install the package"));
    assert_int_equal (
        bg_home_account (&home, BG_HOME_NODE, &user, &group, &err).code, BG_NOT_FOUND);
    assert_false (bg_path_exists (home.state));
    bg_home_fini (&home);
}

static void test_a_part_of_the_system_runs_as_its_owner (void **state)
{
    bg_home home = system_below (*state);
    BG_AUTO_CHAR dir = bg_home_path (&home, BG_HOME_NODE, NULL);
    bg_error err = {0};
    uid_t user = 0;
    gid_t group = 0;
    assert_true (bg_is_ok (bg_dir_make (dir, 0700, NULL)));
    assert_true (bg_is_ok (bg_home_ensure (&home, BG_HOME_NODE, &err)));
    assert_true (bg_is_ok (bg_home_account (&home, BG_HOME_NODE, &user, &group, &err)));
    assert_int_equal (user, geteuid ());
    assert_int_equal (chmod (dir, 0750), 0);
    assert_int_equal (bg_home_ensure (&home, BG_HOME_NODE, &err).code, BG_FOREIGN_FILE);
    if (geteuid () != 0) {
        bg_home_fini (&home);
        return; /*  nobody else's directory can be made  */
    }
    assert_int_equal (chmod (dir, 0700) + chown (dir, 65534, 65534), 0);
    assert_int_equal (bg_home_ensure (&home, BG_HOME_NODE, &err).code, BG_NOT_ALLOWED);
    assert_non_null (strstr (err.hint, "systemctl start"));
    assert_true (bg_is_ok (bg_home_account (&home, BG_HOME_NODE, &user, &group, &err)));
    assert_int_equal (user, 65534);
    assert_int_equal (group, 65534);
    bg_home_fini (&home);
}

static void test_root_makes_files_as_their_owner (void **state)
{
    BG_AUTO_CHAR dir = bg_path_join (*state, "theirs");
    BG_AUTO_CHAR path = bg_path_join (dir, "file");
    bg_owner before = {0};
    bg_error err = {0};
    struct stat info;
    assert_true (bg_is_ok (bg_owner_enter (geteuid (), getegid (), &before, &err)));
    assert_false (before.is_switched);
    bg_owner_leave (&before);
    if (geteuid () != 0) {
        assert_int_equal (bg_owner_enter (0, 0, &before, &err).code, BG_NOT_ALLOWED);
        return;
    }
    assert_true (bg_is_ok (bg_dir_make (dir, 0700, NULL)));
    assert_int_equal (chown (dir, 65534, 65534) + chmod (*state, 0711), 0);
    assert_true (bg_is_ok (bg_owner_enter (65534, 65534, &before, &err)));
    bg_result made = bg_file_create (path, bg_slice_str ("x"), &err);
    bg_owner_leave (&before);
    assert_true (bg_is_ok (made));
    assert_int_equal (stat (path, &info), 0);
    assert_int_equal (info.st_uid, 65534);
    assert_int_equal (info.st_gid, 65534);
    assert_int_equal (geteuid (), 0);
    assert_int_equal (getegid (), 0);
}

static void test_keyfile_round_trip (void **state)
{
    static const bg_key_type types[] = {BG_KEY_ED25519, BG_KEY_CURVE25519};
    for (size_t i = 0; i < 2; i++) {
        BG_AUTO_CHAR path = bg_path_join (*state, i ? "curve" : "sign");
        bg_keypair made, read;
        bool is_new = false;
        bg_error err = {0};
        assert_true (
            bg_is_ok (bg_keyfile_ensure (path, types[i], "made for a test", &made, &is_new, &err)));
        assert_true (is_new);
        assert_int_equal (mode_of (path), 0600);
        assert_true (bg_is_ok (bg_keyfile_ensure (path, types[i], "other", &read, &is_new, &err)));
        assert_false (is_new);
        assert_true (bg_key_equal (&made.public_key, &read.public_key));
        assert_memory_equal (made.secret, read.secret, sizeof made.secret);
        assert_string_equal (read.comment, "made for a test");
        assert_int_equal (bg_keyfile_write (path, &made, NULL, &err).code, BG_EXISTS);
        assert_int_equal (bg_keyfile_read (path, types[!i], &read, &err).code, BG_FOREIGN_FILE);
        bg_keypair_fini (&made);
        bg_keypair_fini (&read);
        assert_int_equal (made.type, 0);
    }
}

/*  The key pair of RFC 7748 section 6.1 (Alice) and test 1 of RFC 8032 section 7.1.  */
static void test_known_pairs (void **state)
{
    static const struct {
        bg_key_type type;
        const char *secret, *public_key;
    } rows[] = {
        {BG_KEY_CURVE25519, "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
            "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"},
        {BG_KEY_ED25519, "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"},
    };
    (void) state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        BG_AUTO_BUF secret = {0};
        BG_AUTO_BUF expected = {0};
        bg_keypair pair;
        assert_true (bg_is_ok (bg_hex_decode (bg_slice_str (rows[i].secret), &secret, NULL)));
        assert_true (bg_is_ok (bg_hex_decode (bg_slice_str (rows[i].public_key), &expected, NULL)));
        bg_keypair_from_secret (&pair, rows[i].type, secret.data);
        assert_memory_equal (pair.public_key.bytes, expected.data, BG_KEY_BYTES);
        bg_keypair_fini (&pair);
    }
}

static void write_text (const char *path, const char *text)
{
    assert_true (bg_is_ok (bg_file_replace (path, bg_slice_str (text), 0600, NULL)));
}

static void test_keyfile_refuses_foreign_files (void **state)
{
#define PUBLIC "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
#define HEAD   "bugle-key 1\ntype: ed25519\n"
    static const struct {
        const char *text;
        bg_code code;
        const char *says;
    } rows[] = {
        {"", BG_FOREIGN_FILE, "first line"},
        {"-----BEGIN OPENSSH PRIVATE KEY-----\n", BG_FOREIGN_FILE, "first line"},
        {"bugle-key 2\n", BG_TOO_NEW, "format"},
        {HEAD, BG_FOREIGN_FILE, "missing"},
        {HEAD "type: ed25519\n", BG_FOREIGN_FILE, "twice"},
        {HEAD "purpose: x\n", BG_FOREIGN_FILE, "does not belong"},
        {HEAD "public: " PUBLIC "\nkdf: argon2id\nsecret: " PUBLIC "\n", BG_TOO_NEW, "passphrase"},
        {HEAD "public: short\nkdf: none\nsecret: " PUBLIC "\n", BG_FOREIGN_FILE, "public key"},
        {HEAD "public: " PUBLIC "\nkdf: none\nsecret: short\n", BG_FOREIGN_FILE, "secret key"},
        {HEAD "public: " PUBLIC "\nkdf: none\nsecret: " PUBLIC "\n", BG_FOREIGN_FILE, "together"},
    };
    BG_AUTO_CHAR path = bg_path_join (*state, "key");
    bg_keypair pair = {0};
    bg_error err = {0};
    assert_int_equal (bg_keyfile_read (path, BG_KEY_ED25519, &pair, &err).code, BG_NOT_FOUND);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        write_text (path, rows[i].text);
        assert_int_equal (bg_keyfile_read (path, BG_KEY_ED25519, &pair, &err).code, rows[i].code);
        assert_non_null (strstr (err.message, path));
        assert_non_null (strstr (err.message, rows[i].says));
        assert_int_equal (pair.type, 0);
    }
    BG_AUTO_BUF large = {0};
    memset (bg_buf_reserve (&large, 10000), 'x', 10000);
    large.size = 10000;
    assert_true (bg_is_ok (bg_file_replace (path, bg_buf_slice (&large), 0600, NULL)));
    assert_int_equal (bg_keyfile_read (path, BG_KEY_ED25519, &pair, &err).code, BG_FOREIGN_FILE);
}

static void test_keyfile_refuses_open_permissions (void **state)
{
    BG_AUTO_CHAR path = bg_path_join (*state, "key");
    bg_keypair pair = {0};
    bg_error err = {0};
    assert_true (bg_is_ok (bg_keyfile_ensure (path, BG_KEY_ED25519, NULL, &pair, NULL, &err)));
    assert_int_equal (chmod (path, 0644), 0);
    assert_int_equal (bg_keyfile_read (path, BG_KEY_ED25519, &pair, &err).code, BG_FOREIGN_FILE);
    assert_non_null (strstr (err.hint, "chmod go="));
    bg_keypair_fini (&pair);
}

int main (void)
{
    if (bg_failed (bg_crypto_init (NULL)))
        return 1;
    const struct CMUnitTest tests[] = {
#define WITH_DIR(name) cmocka_unit_test_setup_teardown (name, temp_dir_setup, temp_dir_teardown)
        WITH_DIR (test_replace_keeps_old_or_new),
        WITH_DIR (test_replace_of_directory_leaves_nothing),
        WITH_DIR (test_create_is_exclusive),
        WITH_DIR (test_read_takes_all),
        cmocka_unit_test (test_read_of_unknown_size),
        WITH_DIR (test_read_refuses),
        cmocka_unit_test (test_full_device),
        cmocka_unit_test (test_paths),
        WITH_DIR (test_dir_make),
        WITH_DIR (test_private),
        WITH_DIR (test_disk_free),
        WITH_DIR (test_lock_refuses_and_names_the_holder),
        WITH_DIR (test_lock_dies_with_its_process),
        WITH_DIR (test_lock_waits_for_a_holder_that_is_ending),
        WITH_DIR (test_home_is_made_private),
        WITH_DIR (test_home_refuses_open_directories),
        WITH_DIR (test_home_that_is_closed_is_not_taken_for_absent),
        cmocka_unit_test (test_system_home),
        WITH_DIR (test_parts_share_directories_only_under_home),
        WITH_DIR (test_directories_of_the_system_are_not_made),
        WITH_DIR (test_a_part_of_the_system_runs_as_its_owner),
        WITH_DIR (test_root_makes_files_as_their_owner),
        WITH_DIR (test_keyfile_round_trip),
        cmocka_unit_test (test_known_pairs),
        WITH_DIR (test_keyfile_refuses_foreign_files),
        WITH_DIR (test_keyfile_refuses_open_permissions),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
