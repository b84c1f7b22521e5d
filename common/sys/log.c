/*  The log: see log.h. Lines are built in a buffer of fixed size on the stack and written at once;
   nothing here allocates per line, nothing fails.

    JSON takes the pairs out of the formatted text again: key=word or key="quoted". What is not a
   pair is collected under "text". The same text therefore reads in both forms, and call sites have
   one format.  */
#include "common/sys/log.h"

#include "common/base/utf8.h"
#include "common/sys/clock.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_MAX_BYTES 2048
#define EVENT_SLOTS                                                                                \
    64 /*  distinct event words with a limit of their own; the rest share the last  */

typedef struct {
    const char *event; /*  word of the caller, a string constant  */
    int64_t window_us; /*  start of its window  */
    uint32_t written;
    uint32_t suppressed;
} slot;

struct bg_log {
    const char *part;
    int fd;
    bg_log_format format;
    bg_log_level level;
    bool is_journal; /*  stderr goes to the journal, which has its own time  */
    slot slots[EVENT_SLOTS];
    size_t slot_count;
    uint64_t lost; /*  lines that could not be written, not told yet  */
};

typedef struct {
    char bytes[LINE_MAX_BYTES];
    size_t size;
} line;

static const char *const level_words[] = {[BG_LOG_ERROR] = "error",
    [BG_LOG_WARNING] = "warning",
    [BG_LOG_NOTICE] = "notice",
    [BG_LOG_INFO] = "info",
    [BG_LOG_DEBUG] = "debug"};
#define LEVELS       (sizeof level_words / sizeof level_words[0])
#define SYSLOG_ERROR 3 /*  syslog counts error as 3, ours from 0 on, in the same order  */

/*  systemd sets JOURNAL_STREAM to "device:inode" of the stream it gave us; the variable is
 * inherited, so compare.  */
static bool goes_to_journal (int fd)
{
    const char *text = getenv ("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat info;
    return text && sscanf (text, "%llu:%llu", &device, &inode) == 2 && fstat (fd, &info) == 0 &&
           info.st_dev == device && info.st_ino == inode;
}

bg_log *bg_log_create (const char *part, int fd, bg_log_format format)
{
    bg_log *self = bg_alloc (sizeof *self);
    self->part = part;
    self->fd = fd;
    self->format = format;
    self->level = BG_LOG_INFO;
    self->is_journal = goes_to_journal (fd);
    return self;
}

void bg_log_set_level (bg_log *self, bg_log_level level)
{
    if (self)
        self->level = level;
}

bg_result bg_log_parse_level (const char *word, bg_log_level *level, bg_error *err)
{
    for (size_t i = 0; i < LEVELS; i++) {
        if (strcmp (level_words[i], word) == 0) {
            *level = (bg_log_level) i;
            return bg_ok ();
        }
    }
    return bg_fail (
        err, BG_INVALID, "log level \"%s\" is none of error, warning, notice, info, debug", word);
}

bool bg_log_wants (const bg_log *self, bg_log_level level)
{
    return self && level <= self->level;
}

/*  Keeps room for the line end and, in JSON, for closing quote and brace.  */
#define LINE_ROOM (LINE_MAX_BYTES - 4)

static void put_bytes (line *out, const char *bytes, size_t size)
{
    size_t room = LINE_ROOM - out->size;
    if (size > room)
        size = room;
    memcpy (out->bytes + out->size, bytes, size);
    out->size += size;
}

static void put (line *out, const char *text)
{
    put_bytes (out, text, strlen (text));
}

/*  Size of the harmless character at text; 0 when it is not UTF-8 or could steer a terminal.  */
static size_t clean_size (const uint8_t *text, size_t left)
{
    size_t size = text[0] < 0x80 ? 1 : text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : 4;
    if (size > left)
        return 0;
    bg_slice one = bg_slice_of (text, size);
    return bg_utf8_valid (one) && !bg_has_control (one, false) ? size : 0;
}

/*  Plain text with everything a terminal could act on taken out.  */
static void put_clean (line *out, const char *text, size_t size)
{
    for (size_t i = 0; i < size;) {
        const uint8_t *at = (const uint8_t *) text + i;
        size_t step = clean_size (at, size - i);
        if (step == 0)
            put (out, "?");
        else if (step <= LINE_ROOM - out->size)
            put_bytes (out, text + i, step);
        i += step ? step : 1;
    }
}

static void put_json (line *out, const char *text, size_t size)
{
    put (out, "\"");
    for (size_t i = 0; i < size;) {
        const uint8_t *at = (const uint8_t *) text + i;
        size_t step = clean_size (at, size - i);
        /*  The longest thing put below is two bytes and the closing quote must still fit.  */
        if (out->size + 8 > LINE_ROOM)
            break;
        if (step == 0)
            put (out, "?");
        else if (step == 1 && (*at == '"' || *at == '\\')) {
            put (out, "\\");
            put_bytes (out, text + i, 1);
        } else
            put_bytes (out, text + i, step);
        i += step ? step : 1;
    }
    put (out, "\"");
}

/*  True when text starts with key= ; *size is the key's length.  */
static bool starts_pair (const char *text, size_t *size)
{
    size_t i = 0;
    while ((text[i] >= 'a' && text[i] <= 'z') || (i > 0 && (text[i] == '_' || text[i] == '-')) ||
           (i > 0 && text[i] >= '0' && text[i] <= '9'))
        i++;
    *size = i;
    return i > 0 && text[i] == '=';
}

/*  Undoes the quoting of bg_log_value(); returns how much of text the value takes.  */
static size_t unquote (const char *text, char *value, size_t *size)
{
    size_t i = 0, used = 0;
    if (text[0] != '"') {
        while (text[i] && text[i] != ' ')
            value[used++] = text[i++];
        *size = used;
        return i;
    }
    for (i = 1; text[i] && text[i] != '"'; i++) {
        bool is_escape = text[i] == '\\' && (text[i + 1] == '"' || text[i + 1] == '\\');
        if (is_escape)
            i++;
        value[used++] = text[i];
    }
    *size = used;
    return text[i] ? i + 1 : i;
}

static void put_json_pairs (line *out, const char *text)
{
    char value[LINE_MAX_BYTES];
    char rest[LINE_MAX_BYTES];
    size_t rest_size = 0;
    while (*text) {
        size_t key_size = 0, size = 0;
        if (starts_pair (text, &key_size)) {
            size_t used = unquote (text + key_size + 1, value, &size);
            /*  All or nothing: half a pair would break the line for every reader.  */
            if (out->size + key_size + 2 * size + 16 < LINE_ROOM) {
                put (out, ",");
                put_json (out, text, key_size);
                put (out, ":");
                put_json (out, value, size);
            }
            text += key_size + 1 + used;
        } else {
            size_t word = strcspn (text, " ");
            if (rest_size > 0)
                rest[rest_size++] = ' ';
            memcpy (rest + rest_size, text, word);
            rest_size += word;
            text += word;
        }
        text += strspn (text, " ");
    }
    if (rest_size > 0 && out->size + 32 < LINE_ROOM) {
        put (out, ",\"text\":");
        put_json (out, rest, rest_size);
    }
}

/*  A reader that has stopped reading must not stop the service: what does not fit now is lost. A pipe
    counts as writable only when a whole line fits into it.  */
static bool put_out (bg_log *self, const line *out)
{
    struct pollfd item = {.fd = self->fd, .events = POLLOUT};
    return poll (&item, 1, 0) == 1 && write (self->fd, out->bytes, out->size) >= 0;
}

static void write_line (bg_log *self, bg_log_level level, const char *event, const char *text);

/*  Tells that lines were lost, as soon as there is room again.  */
static bool tell_lost (bg_log *self)
{
    uint64_t lost = self->lost;
    if (lost == 0)
        return true;
    char text[64];
    (void) snprintf (text, sizeof text, "lines=%llu", (unsigned long long) lost);
    self->lost = 0;
    write_line (self, BG_LOG_WARNING, "log-lost", text);
    if (self->lost == 0)
        return true;
    self->lost = lost;
    return false;
}

static void write_line (bg_log *self, bg_log_level level, const char *event, const char *text)
{
    line out = {.size = 0};
    bg_time_string now = bg_clock_text (bg_clock_utc_us ());
    const char *word = level_words[level];
    if (self->format == BG_LOG_JSON) {
        char head[256];
        (void) snprintf (head, sizeof head,
            "{\"time\":\"%s\",\"level\":\"%s\",\"part\":\"%s\",\"event\":\"%s\"", now.text, word,
            self->part, event);
        put (&out, head);
        put_json_pairs (&out, text);
        out.bytes[out.size++] = '}';
    } else {
        char head[256];
        if (self->is_journal)
            (void) snprintf (head, sizeof head, "<%d>%s %s%s", (int) level + SYSLOG_ERROR,
                self->part, event, text[0] ? " " : "");
        else
            (void) snprintf (head, sizeof head, "%s %s %s %s%s", now.text, word, self->part, event,
                text[0] ? " " : "");
        put (&out, head);
        put_clean (&out, text, strlen (text));
    }
    out.bytes[out.size++] = '\n';
    if (!tell_lost (self) || !put_out (self, &out))
        self->lost++;
}

static slot *find_slot (bg_log *self, const char *event)
{
    for (size_t i = 0; i < self->slot_count; i++) {
        if (self->slots[i].event == event || strcmp (self->slots[i].event, event) == 0)
            return &self->slots[i];
    }
    if (self->slot_count == EVENT_SLOTS)
        return &self->slots[EVENT_SLOTS - 1];
    slot *fresh = &self->slots[self->slot_count++];
    fresh->event = event;
    return fresh;
}

/*  Ends a window: tells what it kept back.  */
static void close_window (bg_log *self, slot *which)
{
    if (which->suppressed > 0) {
        char text[64];
        (void) snprintf (text, sizeof text, "suppressed=%u", which->suppressed);
        write_line (self, BG_LOG_NOTICE, which->event, text);
    }
    which->written = 0;
    which->suppressed = 0;
}

static bool may_write (bg_log *self, const char *event)
{
    slot *which = find_slot (self, event);
    int64_t now_us = bg_clock_mono_us ();
    if (which->written == 0 || now_us - which->window_us >= BG_LOG_WINDOW_US) {
        close_window (self, which);
        which->window_us = now_us;
    }
    if (which->written >= BG_LOG_BURST) {
        which->suppressed++;
        return false;
    }
    which->written++;
    return true;
}

void bg_log_event (bg_log *self, bg_log_level level, const char *event, const char *format, ...)
{
    if (!bg_log_wants (self, level) || !may_write (self, event))
        return;
    char text[LINE_MAX_BYTES];
    va_list args;
    va_start (args, format);
    (void) vsnprintf (text, sizeof text, format, args);
    va_end (args);
    write_line (self, level, event, text);
}

void bg_log_failure (bg_log *self, bg_log_level level, const char *event, const bg_error *err,
    const char *format, ...)
{
    if (!bg_log_wants (self, level) || !may_write (self, event))
        return;
    char text[LINE_MAX_BYTES];
    va_list args;
    va_start (args, format);
    (void) vsnprintf (text, sizeof text, format, args);
    va_end (args);
    size_t used = strlen (text);
    (void) snprintf (text + used, sizeof text - used, "%scode=%s reason=%s%s%s", used ? " " : "",
        bg_code_word (err->code), bg_log_cstr (err->message).text, err->hint[0] ? " hint=" : "",
        err->hint[0] ? bg_log_cstr (err->hint).text : "");
    write_line (self, level, event, text);
}

void bg_log_tick (bg_log *self)
{
    if (!self)
        return;
    int64_t now_us = bg_clock_mono_us ();
    for (size_t i = 0; i < self->slot_count; i++) {
        if (now_us - self->slots[i].window_us >= BG_LOG_WINDOW_US)
            close_window (self, &self->slots[i]);
    }
}

void bg_log_destroy (bg_log **self_p)
{
    bg_log *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->slot_count; i++)
        close_window (self, &self->slots[i]);
    free (self);
    *self_p = NULL;
}

bg_log_string bg_log_value (bg_slice value)
{
    bg_log_string out;
    size_t used = 1, limit = 200;
    bool must_quote = value.size == 0;
    out.text[0] = '"';
    for (size_t i = 0; i < value.size;) {
        size_t step = clean_size (value.data + i, value.size - i);
        uint8_t byte = value.data[i];
        bool is_special = byte == '"' || byte == '\\';
        must_quote = must_quote || step != 1 || is_special || byte == ' ' || byte == '=';
        if (used + 4 > limit) {
            must_quote = true;
            memcpy (out.text + used, "...", 3);
            used += 3;
            break;
        }
        if (step == 0)
            used += (size_t) snprintf (out.text + used, 5, "\\x%02x", byte);
        else {
            if (is_special)
                out.text[used++] = '\\';
            memcpy (out.text + used, value.data + i, step);
            used += step;
        }
        i += step ? step : 1;
    }
    if (!must_quote) {
        memmove (out.text, out.text + 1, used - 1);
        out.text[used - 1] = 0;
        return out;
    }
    out.text[used++] = '"';
    out.text[used] = 0;
    return out;
}

bg_log_string bg_log_cstr (const char *value)
{
    return bg_log_value (bg_slice_str (value));
}
