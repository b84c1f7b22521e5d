/*  Results and errors.

    A function that can fail returns bg_result, a struct of its own so that it cannot be mixed with counts, and
    takes a bg_error that collects the code, errno and one human sentence (what and why) with a hint (what to do).
    Codes live in codes.def; the class of a code decides about retry, protocol error and exit code, nobody parses
    text. The error object lives on the caller's stack; NULL is allowed when only the code matters.

        bg_error err = {0};
        BG_TRY (bg_file_read (path, 4096, &text, &err));        // returns the failure to our own caller
        return bg_fail (&err, BG_INVALID, "port %d is out of range", port);
*/
#ifndef BUGLE_BASE_ERR_H
#define BUGLE_BASE_ERR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
#define BG_CODE(name, number, word, class, exit, text) BG_##name = number,
#include "common/base/codes.def"
#undef BG_CODE
} bg_code;

typedef enum {
    BG_CLASS_OK,
    BG_CLASS_RETRY,
    BG_CLASS_REFUSE,
    BG_CLASS_FAULT,
    BG_CLASS_FATAL
} bg_class;

typedef struct {
    bg_code code;
} bg_result;

#define BG_CHECKED           __attribute__ ((warn_unused_result))
#define BG_PRINTF(at, first) __attribute__ ((__format__ (__printf__, at, first)))

#define BG_ERROR_MESSAGE_MAX 512
#define BG_ERROR_HINT_MAX    256

typedef struct {
    bg_code code;
    int sys_errno;                      /*  0 when the operating system was not involved  */
    char message[BG_ERROR_MESSAGE_MAX]; /*  what and why; empty when code is BG_OK  */
    char hint[BG_ERROR_HINT_MAX];       /*  what to do; may be empty  */
} bg_error;

static inline bg_result bg_ok (void)
{
    return (bg_result){BG_OK};
}

static inline bool bg_is_ok (bg_result result)
{
    return result.code == BG_OK;
}

static inline bool bg_failed (bg_result result)
{
    return result.code != BG_OK;
}

/*  Fills err (may be NULL) and returns the failure. code must not be BG_OK.  */
bg_result bg_fail (bg_error *err, bg_code code, const char *format, ...) BG_PRINTF (3, 4);
/*  The same with the current errno and its text appended to the sentence.  */
bg_result bg_fail_errno (bg_error *err, bg_code code, const char *format, ...) BG_PRINTF (3, 4);
/*  Adds or replaces the hint; returns the failure that err holds, so that it can stand in a return.  */
bg_result bg_hint (bg_error *err, const char *format, ...) BG_PRINTF (2, 3);
/*  Puts "prefix: " before the sentence that err already holds; returns its failure.  */
bg_result bg_prefix (bg_error *err, const char *format, ...) BG_PRINTF (2, 3);

const char *bg_code_word (bg_code code);
const char *bg_code_text (bg_code code);
bg_class bg_code_class (bg_code code);
int bg_code_exit (bg_code code);
/*  The code of a stable word; BG_INVALID when no code has it.  */
bg_code bg_code_from_word (const char *word, size_t size);

#define BG_TRY(expression)                                                                         \
    do {                                                                                           \
        bg_result bg_try_result_ = (expression);                                                   \
        if (bg_failed (bg_try_result_))                                                            \
            return bg_try_result_;                                                                 \
    } while (0)

/*  For calls whose failure truly does not matter; say why beside it.  */
static inline void bg_ignore (bg_result result)
{
    (void) result;
}

/*  Invariants of our own. They stay on in release builds; a failure aborts with the place.  */
#define bg_assert(condition)                                                                       \
    ((condition) ? (void) 0 : bg_assert_failed (#condition, __FILE__, __LINE__))
_Noreturn void bg_assert_failed (const char *condition, const char *file, int line);

#endif
