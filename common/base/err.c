/*  Results and errors: see err.h. No output, no allocation; the only state is the caller's error object.  */
#include "common/base/err.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    bg_code code;
    const char *word;
    bg_class class;
    int exit_code;
    const char *text;
} code_row;

static const code_row code_table[] = {
#define BG_CODE(name, number, word, class, exit, text)                                             \
    {BG_##name, word, BG_CLASS_##class, exit, text},
#include "common/base/codes.def"
#undef BG_CODE
};

static const code_row *find_code (bg_code code)
{
    for (size_t i = 0; i < sizeof code_table / sizeof code_table[0]; i++) {
        if (code_table[i].code == code)
            return &code_table[i];
    }
    return NULL;
}

const char *bg_code_word (bg_code code)
{
    const code_row *row = find_code (code);
    return row ? row->word : "unknown";
}

const char *bg_code_text (bg_code code)
{
    const code_row *row = find_code (code);
    return row ? row->text : "unknown code";
}

bg_class bg_code_class (bg_code code)
{
    const code_row *row = find_code (code);
    return row ? row->class : BG_CLASS_FAULT;
}

int bg_code_exit (bg_code code)
{
    const code_row *row = find_code (code);
    return row ? row->exit_code : 1;
}

bg_code bg_code_from_word (const char *word, size_t size)
{
    for (size_t i = 0; i < sizeof code_table / sizeof code_table[0]; i++) {
        if (strlen (code_table[i].word) == size && memcmp (code_table[i].word, word, size) == 0)
            return code_table[i].code;
    }
    return BG_INVALID;
}

static void set_message (
    bg_error *err, bg_code code, int sys_errno, const char *format, va_list args) BG_PRINTF (4, 0);

static void set_message (
    bg_error *err, bg_code code, int sys_errno, const char *format, va_list args)
{
    err->code = code;
    err->sys_errno = sys_errno;
    err->hint[0] = 0;
    (void) vsnprintf (err->message, sizeof err->message, format, args);
    if (sys_errno != 0) {
        size_t used = strlen (err->message);
        char reason[128];
        const char *text = strerror_r (sys_errno, reason, sizeof reason);
        (void) snprintf (err->message + used, sizeof err->message - used, ": %s", text);
    }
}

bg_result bg_fail (bg_error *err, bg_code code, const char *format, ...)
{
    bg_assert (code != BG_OK);
    if (err) {
        va_list args;
        va_start (args, format);
        set_message (err, code, 0, format, args);
        va_end (args);
    }
    return (bg_result){code};
}

bg_result bg_fail_errno (bg_error *err, bg_code code, const char *format, ...)
{
    int saved = errno;
    bg_assert (code != BG_OK);
    if (err) {
        va_list args;
        va_start (args, format);
        set_message (err, code, saved, format, args);
        va_end (args);
    }
    errno = saved;
    return (bg_result){code};
}

bg_result bg_hint (bg_error *err, const char *format, ...)
{
    if (!err)
        return (bg_result){BG_INVALID};
    bg_assert (err->code != BG_OK);
    va_list args;
    va_start (args, format);
    (void) vsnprintf (err->hint, sizeof err->hint, format, args);
    va_end (args);
    return (bg_result){err->code};
}

bg_result bg_prefix (bg_error *err, const char *format, ...)
{
    if (!err)
        return (bg_result){BG_INVALID};
    char old[BG_ERROR_MESSAGE_MAX];
    (void) snprintf (old, sizeof old, "%s", err->message);
    va_list args;
    va_start (args, format);
    (void) vsnprintf (err->message, sizeof err->message, format, args);
    va_end (args);
    size_t used = strlen (err->message);
    (void) snprintf (err->message + used, sizeof err->message - used, ": %s", old);
    return (bg_result){err->code};
}

_Noreturn void bg_assert_failed (const char *condition, const char *file, int line)
{
    (void) fprintf (stderr, "assertion failed: %s (%s:%d)\n", condition, file, line);
    abort ();
}
