/*  Tokens: a scanner that stops at each `$(`, and a table of macros.

    Check and expansion are the same walk, so that they cannot disagree about what a token is.
*/
#include "common/job/tokens.h"

#include "common/base/nearest.h"

#define MACRO_PREFIX "ESCAPE_"

typedef enum {
    MACRO_NONE,
    MACRO_SQUOTE,
    MACRO_DQUOTE,
    MACRO_RBRACKET,
    MACRO_SHELL,
    MACRO_COUNT
} macro;

static const char *const macro_names[MACRO_COUNT] = {
    [MACRO_NONE] = "ESCAPE_NONE",
    [MACRO_SQUOTE] = "ESCAPE_SQUOTE",
    [MACRO_DQUOTE] = "ESCAPE_DQUOTE",
    [MACRO_RBRACKET] = "ESCAPE_RBRACKET",
    [MACRO_SHELL] = "ESCAPE_SHELL",
};

static const char *const token_names[JOB_TOKEN_COUNT] = {
#define JOB_TOKEN(name, text) #name,
    JOB_TOKENS (JOB_TOKEN)
#undef JOB_TOKEN
};

static const char *const token_texts[JOB_TOKEN_COUNT] = {
#define JOB_TOKEN(name, text) text,
    JOB_TOKENS (JOB_TOKEN)
#undef JOB_TOKEN
};

const char *job_token_name (job_token token)
{
    bg_assert (token < JOB_TOKEN_COUNT);
    return token_names[token];
}

const char *job_token_text (job_token token)
{
    bg_assert (token < JOB_TOKEN_COUNT);
    return token_texts[token];
}

bg_result job_variable_name_valid (bg_slice name, bg_error *err)
{
    bool is_valid = name.size > 0 && name.size <= JOB_VARIABLE_NAME_MAX &&
                    !(name.data[0] >= '0' && name.data[0] <= '9');
    for (size_t i = 0; is_valid && i < name.size; i++) {
        uint8_t c = name.data[i];
        is_valid =
            (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    }
    if (is_valid)
        return bg_ok ();
    bg_ignore (bg_fail (err, BG_INVALID, "\"%.*s\" cannot name a variable", BG_SLICE_ARG (name)));
    return bg_hint (err,
        "use letters, digits and '_', not a digit first, and at most %d characters",
        JOB_VARIABLE_NAME_MAX);
}

static int find_word (bg_slice word, const char *const *words, int count)
{
    for (int i = 0; i < count; i++) {
        if (bg_slice_is (word, words[i]))
            return i;
    }
    return -1;
}

/*  One token found in a text.  */
typedef struct {
    size_t start; /*  of `$`  */
    size_t end;   /*  behind the last parenthesis  */
    macro escape;
    job_token token;   /*  JOB_TOKEN_COUNT: a variable  */
    bg_slice variable; /*  its name  */
} found_token;

/*  The name behind VAR_; false when the word is no such thing.  */
static bool is_variable (bg_slice word, bg_slice *name)
{
    const size_t prefix = sizeof JOB_VARIABLE_PREFIX - 1;
    if (word.size < prefix || memcmp (word.data, JOB_VARIABLE_PREFIX, prefix) != 0)
        return false;
    *name = bg_slice_of (word.data + prefix, word.size - prefix);
    return true;
}

/*  The longest run of letters, digits, `_` and `-` from at on.  */
static bg_slice word_at (bg_slice text, size_t at)
{
    size_t end = at;
    while (end < text.size) {
        uint8_t c = text.data[end];
        bool is_part = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                       c == '_' || c == '-';
        if (!is_part)
            break;
        end++;
    }
    return bg_slice_of (text.data + at, end - at);
}

static bool has_byte (bg_slice text, size_t at, char byte)
{
    return at < text.size && text.data[at] == (uint8_t) byte;
}

static bg_result refuse_macro (bg_slice word, bg_error *err)
{
    bg_ignore (bg_fail (err, BG_INVALID, "unknown macro \"%.*s\" in a token", BG_SLICE_ARG (word)));
    const char *nearest = bg_nearest (word, macro_names, MACRO_COUNT);
    if (nearest)
        return bg_hint (err, "did you mean \"%s\"?", nearest);
    return bg_hint (err,
        "the macros are ESCAPE_NONE, ESCAPE_SQUOTE, ESCAPE_DQUOTE, ESCAPE_RBRACKET "
        "and ESCAPE_SHELL");
}

static bg_result refuse_name (bg_slice word, bg_error *err)
{
    bg_ignore (bg_fail (err, BG_INVALID, "unknown token \"%.*s\"", BG_SLICE_ARG (word)));
    const char *nearest = bg_nearest (word, token_names, JOB_TOKEN_COUNT);
    if (nearest)
        return bg_hint (err, "did you mean \"%s\"?", nearest);
    BG_AUTO_BUF known = {0};
    for (int i = 0; i < JOB_TOKEN_COUNT; i++)
        bg_buf_printf (&known, "%s, ", token_names[i]);
    return bg_hint (
        err, "the tokens are %sand VAR_ with the name of a variable", bg_buf_cstr (&known));
}

/*  Reads what stands at `$(`. is_token is false when it belongs to the shell.  */
static bg_result read_token (bg_slice text, found_token *found, bool *is_token, bg_error *err)
{
    bg_slice word = word_at (text, found->start + 2);
    size_t at = found->start + 2 + word.size;
    const size_t prefix = sizeof MACRO_PREFIX - 1;

    *is_token = false;
    bg_slice variable = {0};
    if (has_byte (text, at, ')') &&
        (find_word (word, token_names, JOB_TOKEN_COUNT) >= 0 || is_variable (word, &variable))) {
        bg_ignore (bg_fail (
            err, BG_INVALID, "the token $(%.*s) has no escape macro", BG_SLICE_ARG (word)));
        return bg_hint (err,
            "write $(ESCAPE_SHELL(%.*s)), or use the environment variable BUGLE_%.*s",
            BG_SLICE_ARG (word), BG_SLICE_ARG (word));
    }
    if (word.size < prefix || memcmp (word.data, MACRO_PREFIX, prefix) != 0)
        return bg_ok ();

    int escape = find_word (word, macro_names, MACRO_COUNT);
    if (escape < 0)
        return refuse_macro (word, err);
    bg_slice name = {0};
    if (has_byte (text, at, '(')) {
        name = word_at (text, at + 1);
        at += 1 + name.size;
    }
    int token = find_word (name, token_names, JOB_TOKEN_COUNT);
    if (token < 0 && is_variable (name, &variable)) {
        token = JOB_TOKEN_COUNT;
        BG_TRY (job_variable_name_valid (variable, err));
    }
    if (name.size > 0 && token < 0)
        return refuse_name (name, err);
    if (name.size == 0 || !has_byte (text, at, ')') || !has_byte (text, at + 1, ')')) {
        bg_ignore (bg_fail (err, BG_INVALID, "a token is not complete"));
        return bg_hint (err, "write $(%s(%.*s))", macro_names[escape],
            name.size ? (int) name.size : 7, name.size ? (const char *) name.data : "JOBNAME");
    }
    found->escape = (macro) escape;
    found->token = (job_token) token;
    found->variable = variable;
    found->end = at + 2;
    *is_token = true;
    return bg_ok ();
}

/*  The next token from `from` on; is_found is false when there is none.  */
static bg_result next_token (
    bg_slice text, size_t from, found_token *found, bool *is_found, bg_error *err)
{
    *is_found = false;
    for (size_t at = from; at + 1 < text.size; at++) {
        if (text.data[at] != '$' || text.data[at + 1] != '(')
            continue;
        found->start = at;
        BG_TRY (read_token (text, found, is_found, err));
        if (*is_found)
            return bg_ok ();
    }
    return bg_ok ();
}

bg_result job_tokens_check (bg_slice text, bg_error *err, size_t *offset)
{
    found_token found = {0};
    bool is_found = true;
    while (is_found) {
        bg_result result = next_token (text, found.end, &found, &is_found, err);
        if (bg_failed (result)) {
            if (offset)
                *offset = found.start;
            return result;
        }
    }
    return bg_ok ();
}

static void append_doubled (bg_buf *out, bg_slice value, char sign)
{
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] == (uint8_t) sign)
            bg_buf_append_byte (out, (uint8_t) sign);
        bg_buf_append_byte (out, value.data[i]);
    }
}

static void append_shell_word (bg_buf *out, bg_slice value)
{
    bg_buf_append_byte (out, '\'');
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] == '\'')
            bg_buf_append_str (out, "'\\''");
        else
            bg_buf_append_byte (out, value.data[i]);
    }
    bg_buf_append_byte (out, '\'');
}

static void append_escaped (bg_buf *out, macro escape, bg_slice value)
{
    switch (escape) {
    case MACRO_SQUOTE:
        append_doubled (out, value, '\'');
        return;
    case MACRO_DQUOTE:
        append_doubled (out, value, '"');
        return;
    case MACRO_RBRACKET:
        append_doubled (out, value, ']');
        return;
    case MACRO_SHELL:
        append_shell_word (out, value);
        return;
    case MACRO_NONE:
    case MACRO_COUNT:
        break;
    }
    bg_buf_append_slice (out, value);
}

/*  What a token stands for.  */
static bg_result value_of (
    const found_token *found, const job_token_values *values, bg_slice *value, bg_error *err)
{
    if (found->token < JOB_TOKEN_COUNT) {
        *value = values->values[found->token];
        return bg_ok ();
    }
    for (size_t i = 0; i < values->variable_count; i++) {
        if (bg_slice_equal (values->variables[i].name, found->variable)) {
            *value = values->variables[i].value;
            return bg_ok ();
        }
    }
    bg_slice target = values->values[JOB_TOKEN_TARGET];
    if (target.size == 0)
        target = bg_slice_str ("TARGET");
    bg_ignore (bg_fail (
        err, BG_NOT_FOUND, "the target has no variable \"%.*s\"", BG_SLICE_ARG (found->variable)));
    return bg_hint (err, "set it: bugle target variable %.*s %.*s=VALUE", BG_SLICE_ARG (target),
        BG_SLICE_ARG (found->variable));
}

static bg_result expand (bg_slice text, const job_token_values *values, bg_buf *out, bg_error *err)
{
    size_t done = 0;
    for (;;) {
        found_token found = {0};
        bg_slice value = {0};
        bool is_found;
        BG_TRY (next_token (text, done, &found, &is_found, err));
        if (!is_found)
            break;
        BG_TRY (value_of (&found, values, &value, err));
        bg_buf_append (out, text.data + done, found.start - done);
        append_escaped (out, found.escape, value);
        done = found.end;
    }
    bg_buf_append (out, text.data + done, text.size - done);
    return bg_ok ();
}

bg_result job_tokens_expand (
    bg_slice text, const job_token_values *values, bg_buf *out, bg_error *err)
{
    const size_t before = out->size;
    bg_result result = expand (text, values, out, err);
    if (bg_failed (result))
        out->size = before;
    return result;
}

void job_tokens_environment (
    const job_token_values *values, bg_arena *arena, bg_slice pairs[JOB_TOKEN_COUNT])
{
    for (size_t i = 0; i < JOB_TOKEN_COUNT; i++)
        pairs[i] = bg_arena_printf (
            arena, "BUGLE_%s=%.*s", token_names[i], BG_SLICE_ARG (values->values[i]));
}

void job_tokens_variables (const job_token_values *values, bg_arena *arena, bg_slice *pairs)
{
    for (size_t i = 0; i < values->variable_count; i++)
        pairs[i] = bg_arena_printf (arena, "BUGLE_" JOB_VARIABLE_PREFIX "%.*s=%.*s",
            BG_SLICE_ARG (values->variables[i].name), BG_SLICE_ARG (values->variables[i].value));
}
