/*  Selectors: one reader, one list of terms, no tree: there is only "and".  */
#include "common/job/selector.h"

#include <stdlib.h>
#include <string.h>

typedef enum { TERM_IN, TERM_NOT_IN, TERM_HAS, TERM_HAS_NOT } term_kind;

typedef struct {
    term_kind kind; /*  k=v is TERM_IN with one value  */
    bg_slice key;
    size_t first_value; /*  in values of the selector  */
    size_t value_count;
} selector_term;

struct job_selector {
    char *text; /*  what the slices point into  */
    selector_term *terms;
    size_t term_count;
    bg_slice *values;
    size_t value_count;
};

typedef struct {
    bg_slice text;
    size_t at;
    job_selector *selector;
    bg_error *err;
    size_t *offset;
} reader;

#define REFUSE(in, place, ...)                                                                     \
    (set_offset (in, place), bg_fail ((in)->err, BG_INVALID, "selector: " __VA_ARGS__))

static void set_offset (const reader *in, size_t place)
{
    if (in->offset)
        *in->offset = place;
}

static bool is_word_start (int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_word_part (int c)
{
    return is_word_start (c) || c == '.' || c == '_' || c == '/' || c == '-';
}

bool job_label_word_valid (bg_slice word)
{
    if (word.size == 0 || word.size > JOB_LABEL_MAX || !is_word_start (word.data[0]))
        return false;
    for (size_t i = 1; i < word.size; i++) {
        if (!is_word_part (word.data[i]))
            return false;
    }
    return true;
}

bool job_label_is_fact (bg_slice key)
{
    const size_t size = strlen (JOB_FACT_PREFIX);
    return key.size >= size && memcmp (key.data, JOB_FACT_PREFIX, size) == 0;
}

bg_result job_label_valid (bg_slice key, bg_slice value, bg_error *err)
{
    if (!job_label_word_valid (key) || !job_label_word_valid (value)) {
        bg_ignore (bg_fail (err, BG_INVALID, "\"%.*s=%.*s\" cannot be a label", BG_SLICE_ARG (key),
            BG_SLICE_ARG (value)));
        return bg_hint (err,
            "key and value are 1 to %d letters, digits and . _ / -, and begin with "
            "a letter or a digit",
            JOB_LABEL_MAX);
    }
    if (!job_label_is_fact (key))
        return bg_ok ();
    bg_ignore (bg_fail (err, BG_INVALID,
        "\"%.*s\" cannot be a label: keys that begin with " JOB_FACT_PREFIX
        " are facts, which the target reports itself",
        BG_SLICE_ARG (key)));
    return bg_hint (err, "choose another key");
}

static int peek (const reader *in)
{
    return in->at < in->text.size ? in->text.data[in->at] : -1;
}

static void skip_blanks (reader *in)
{
    while (peek (in) == ' ' || peek (in) == '\t')
        in->at++;
}

/*  Takes a sign and the blanks behind it.  */
static bool accept (reader *in, char sign)
{
    if (peek (in) != sign)
        return false;
    in->at++;
    skip_blanks (in);
    return true;
}

/*  Takes a word and the blanks behind it.  */
static bg_result read_word (reader *in, const char *what, bg_slice *word)
{
    size_t start = in->at;
    while (is_word_part (peek (in)))
        in->at++;
    bg_slice found = bg_slice_of (in->text.data + start, in->at - start);
    if (found.size == 0)
        return REFUSE (in, start, "a %s is missing here", what);
    if (found.size > JOB_LABEL_MAX)
        return REFUSE (in, start, "a %s has at most %d characters", what, JOB_LABEL_MAX);
    if (!is_word_start (found.data[0]))
        return REFUSE (in, start, "a %s begins with a letter or a digit", what);
    skip_blanks (in);
    *word = found;
    return bg_ok ();
}

static bg_result add_value (reader *in, selector_term *term)
{
    job_selector *selector = in->selector;
    size_t start = in->at;
    bg_slice word = {0};
    BG_TRY (read_word (in, "value", &word));
    if (term->value_count == JOB_SELECTOR_VALUES_MAX)
        return REFUSE (in, start, "there are more than %d values", JOB_SELECTOR_VALUES_MAX);
    selector->values =
        bg_realloc (selector->values, (selector->value_count + 1) * sizeof *selector->values);
    selector->values[selector->value_count++] = word;
    term->value_count++;
    return bg_ok ();
}

static bg_result read_set (reader *in, selector_term *term)
{
    if (!accept (in, '('))
        return REFUSE (in, in->at, "'(' is expected before the values");
    do {
        BG_TRY (add_value (in, term));
    } while (accept (in, ','));
    if (!accept (in, ')'))
        return REFUSE (in, in->at, "',' or ')' is expected after the value");
    return bg_ok ();
}

/*  What follows a key that may have values.  */
static bg_result read_condition (reader *in, selector_term *term)
{
    if (accept (in, '=')) {
        if (peek (in) == '=') {
            bg_ignore (REFUSE (in, in->at, "one '=' is enough"));
            return bg_hint (in->err, "write key=value");
        }
        return add_value (in, term);
    }
    if (peek (in) == '!') {
        in->at++;
        if (!accept (in, '='))
            return REFUSE (in, in->at, "'=' is expected after '!'");
        term->kind = TERM_NOT_IN;
        return add_value (in, term);
    }
    size_t start = in->at;
    bg_slice word = {0};
    BG_TRY (read_word (in, "condition", &word));
    bool is_in = bg_slice_is (word, "in");
    if (!is_in && !bg_slice_is (word, "notin")) {
        bg_ignore (REFUSE (in, start, "after a key comes =, !=, in, notin or a comma"));
        return bg_hint (in->err, "examples: role=db, env!=test, zone in (a,b), !gpu");
    }
    term->kind = is_in ? TERM_IN : TERM_NOT_IN;
    return read_set (in, term);
}

static bool is_term_end (const reader *in)
{
    return peek (in) == -1 || peek (in) == ',';
}

static bg_result read_term (reader *in)
{
    job_selector *selector = in->selector;
    selector_term term = {.first_value = selector->value_count};
    size_t start = in->at;
    bool is_negated = accept (in, '!');
    BG_TRY (read_word (in, "key", &term.key));
    if (is_negated)
        term.kind = TERM_HAS_NOT;
    else if (is_term_end (in))
        term.kind = TERM_HAS;
    else
        BG_TRY (read_condition (in, &term));
    if (!is_term_end (in))
        return REFUSE (in, in->at, "a comma or the end is expected here");
    if (selector->term_count == JOB_SELECTOR_TERMS_MAX)
        return REFUSE (in, start, "there are more than %d terms", JOB_SELECTOR_TERMS_MAX);
    selector->terms[selector->term_count++] = term;
    return bg_ok ();
}

static bg_result read_terms (reader *in)
{
    skip_blanks (in);
    if (peek (in) == -1) {
        bg_ignore (REFUSE (in, 0, "it is empty"));
        return bg_hint (in->err, "say all when all targets are meant");
    }
    do {
        BG_TRY (read_term (in));
    } while (accept (in, ','));
    return bg_ok ();
}

bg_result job_selector_parse (bg_slice text, job_selector **selector, bg_error *err, size_t *offset)
{
    reader in = {.err = err, .offset = offset};
    set_offset (&in, 0);
    if (text.size > JOB_SELECTOR_TEXT_MAX)
        return bg_fail (
            err, BG_TOO_LARGE, "selector: it has more than %d bytes", JOB_SELECTOR_TEXT_MAX);
    job_selector *self = bg_alloc (sizeof *self);
    self->text = bg_slice_dup (text);
    self->terms = bg_alloc (JOB_SELECTOR_TERMS_MAX * sizeof *self->terms);
    in.text = bg_slice_of (self->text, text.size);
    in.selector = self;
    bg_result result = read_terms (&in);
    if (bg_failed (result)) {
        job_selector_destroy (&self);
        return result;
    }
    self->terms = bg_realloc (self->terms, self->term_count * sizeof *self->terms);
    *selector = self;
    return bg_ok ();
}

void job_selector_destroy (job_selector **self_p)
{
    job_selector *self = *self_p;
    if (!self)
        return;
    free (self->text);
    free (self->terms);
    free (self->values);
    free (self);
    *self_p = NULL;
}

static bool is_listed (const job_selector *self, const selector_term *term, bg_slice value)
{
    for (size_t i = 0; i < term->value_count; i++) {
        if (bg_slice_equal (self->values[term->first_value + i], value))
            return true;
    }
    return false;
}

static bool term_holds (const job_selector *self, const selector_term *term, const job_label *label)
{
    switch (term->kind) {
    case TERM_IN:
        return label && is_listed (self, term, label->value);
    case TERM_NOT_IN:
        return !label || !is_listed (self, term, label->value);
    case TERM_HAS:
        return label != NULL;
    case TERM_HAS_NOT:
        return label == NULL;
    }
    return false;
}

bool job_selector_match (const job_selector *self, const job_label *labels, size_t count)
{
    for (size_t i = 0; i < self->term_count; i++) {
        const selector_term *term = &self->terms[i];
        const job_label *found = NULL;
        for (size_t k = 0; k < count && !found; k++) {
            if (bg_slice_equal (labels[k].key, term->key))
                found = &labels[k];
        }
        if (!term_holds (self, term, found))
            return false;
    }
    return true;
}

bool job_selector_asks_facts (const job_selector *self)
{
    for (size_t i = 0; i < self->term_count; i++) {
        if (job_label_is_fact (self->terms[i].key))
            return true;
    }
    return false;
}

bg_result job_selector_without_facts (bg_slice text, bg_error *err)
{
    job_selector *selector = NULL;
    if (bg_failed (job_selector_parse (text, &selector, NULL, NULL)))
        return bg_ok ();
    const bool asks = job_selector_asks_facts (selector);
    job_selector_destroy (&selector);
    if (!asks)
        return bg_ok ();
    bg_ignore (bg_fail (err, BG_INVALID,
        "labels: facts (" JOB_FACT_PREFIX
        "...) cannot say whom a job is for: they are what a machine says of itself, and "
        "only signed labels choose for good"));
    return bg_hint (err,
        "set a label (bugle target label), or choose by facts at the moment of the "
        "command: bugle run -l, bugle job start -l");
}
