/*  Facts of the machine: see facts.h. Not here: what anybody does with them. A fact is what the machine says of itself;
    nothing that has to be trusted hangs on it.

    Invariant: every fact that is given out is a pair of label words.  */
#include "node/shell/facts.h"

#include "common/job/selector.h"
#include "common/sys/file.h"

#include <stdlib.h>
#include <sys/utsname.h>
#include <unistd.h>

#define OS_RELEASE_MAX (64 * 1024)
#define MIB            (1024 * 1024)

typedef struct {
    bg_arena *arena;
    wire_pair *facts;
    size_t count;
} collection;

static bool is_word_start (uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_word_part (uint8_t c)
{
    return is_word_start (c) || c == '.' || c == '_' || c == '/' || c == '-';
}

/*  A value as a label word: cut, other characters replaced; nothing when no word is left.  */
static void add (collection *self, const char *key, bg_slice value)
{
    while (value.size > 0 && !is_word_start (value.data[0]))
        value = bg_slice_of (value.data + 1, value.size - 1);
    if (value.size == 0 || self->count == NODE_FACTS_MAX)
        return;
    const size_t size = value.size < JOB_LABEL_MAX ? value.size : JOB_LABEL_MAX;
    uint8_t *word = bg_arena_alloc (self->arena, size);
    for (size_t i = 0; i < size; i++)
        word[i] = is_word_part (value.data[i]) ? value.data[i] : '-';
    self->facts[self->count++] =
        (wire_pair){.key = bg_slice_str (key), .value = bg_slice_of (word, size)};
}

static void add_number (collection *self, const char *key, long long value)
{
    if (value > 0)
        add (self, key, bg_arena_printf (self->arena, "%lld", value));
}

/*  The value of KEY= in the form of os-release(5), without its quotes; empty when it is not there.  */
static bg_slice find_value (bg_slice text, const char *key)
{
    const size_t key_size = strlen (key);
    for (size_t at = 0; at < text.size;) {
        size_t end = at;
        while (end < text.size && text.data[end] != '\n')
            end++;
        bg_slice line = bg_slice_of (text.data + at, end - at);
        at = end + 1;
        if (line.size <= key_size || memcmp (line.data, key, key_size) != 0 ||
            line.data[key_size] != '=')
            continue;
        bg_slice value = bg_slice_of (line.data + key_size + 1, line.size - key_size - 1);
        const uint8_t quote = value.size >= 2 ? value.data[0] : 0;
        if ((quote == '"' || quote == '\'') && value.data[value.size - 1] == quote)
            value = bg_slice_of (value.data + 1, value.size - 2);
        return value;
    }
    return (bg_slice){0};
}

static void add_system (collection *self, const char *os_release)
{
    BG_AUTO_BUF text = {0};
    if (bg_failed (bg_file_read (os_release, OS_RELEASE_MAX, &text, NULL)))
        return;
    add (self, "os", find_value (bg_buf_slice (&text), "ID"));
    add (self, "os.version", find_value (bg_buf_slice (&text), "VERSION_ID"));
}

static void add_machine (collection *self)
{
    struct utsname name;
    if (uname (&name) == 0) {
        add (self, "arch", bg_slice_str (name.machine));
        add (self, "kernel", bg_slice_str (name.release));
    }
    add_number (self, "cores", sysconf (_SC_NPROCESSORS_ONLN));
    const long pages = sysconf (_SC_PHYS_PAGES);
    const long page = sysconf (_SC_PAGESIZE);
    if (pages > 0 && page > 0)
        add_number (self, "memory_mb", (long long) pages * page / MIB);
}

size_t node_facts_read (const char *os_release, const char *zone, const char *version,
    bg_arena *arena, wire_pair *facts)
{
    collection self = {.arena = arena, .facts = facts};
    add_system (&self, os_release);
    add_machine (&self);
    add (&self, "zone", bg_slice_str (zone));
    add (&self, "bugle", bg_slice_str (version));
    return self.count;
}
