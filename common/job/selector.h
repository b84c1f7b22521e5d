/*  Selectors: which labels a target must have.

        role=db            the label is there with this value
        env!=test          not this value; also true when the label is not there
        zone in (a,b)      one of these values
        zone notin (a,b)   none of these; also true when the label is not there
        gpu                the label is there
        !gpu               it is not

    A comma between terms means and. Blanks may stand between words. Keys and values are 1 to 63
    characters of [A-Za-z0-9][A-Za-z0-9._/-]*, compared byte by byte. An empty selector is an error:
    it would mean everything, and everything has a word of its own.
*/
#ifndef BUGLE_JOB_SELECTOR_H
#define BUGLE_JOB_SELECTOR_H

#include "common/base/slice.h"

#define JOB_LABEL_MAX           63
#define JOB_SELECTOR_TERMS_MAX  64
#define JOB_SELECTOR_VALUES_MAX 64 /*  in one pair of parentheses  */
#define JOB_SELECTOR_TEXT_MAX   8192

typedef struct {
    bg_slice key;
    bg_slice value;
} job_label;

typedef struct job_selector job_selector;

/*  Keys that begin with it ask for facts: what a machine says of itself. They are never labels.  */
#define JOB_FACT_PREFIX "fact."

bool job_label_is_fact (bg_slice key);
/*  BG_INVALID: key or value is no label word, or the key is that of a fact.  */
bg_result job_label_valid (bg_slice key, bg_slice value, bg_error *err) BG_CHECKED;
/*  True for what a label's key or value may be.  */
bool job_label_word_valid (bg_slice word);
/*  Reads a selector; it keeps a copy of the text. On failure (BG_INVALID, BG_TOO_LARGE) offset (may
    be NULL) is the byte in the text, from 0, at which a caret belongs.  */
bg_result job_selector_parse (
    bg_slice text, job_selector **selector, bg_error *err, size_t *offset) BG_CHECKED;
/*  True when a term of it asks for a fact.  */
bool job_selector_asks_facts (const job_selector *self);
/*  BG_INVALID when the text asks for facts: a standing choice goes by signed labels only. A text that is no selector is
    left to others.  */
bg_result job_selector_without_facts (bg_slice text, bg_error *err) BG_CHECKED;
void job_selector_destroy (job_selector **self_p);
/*  True when all terms hold for the labels, of which no two have the same key.  */
bool job_selector_match (const job_selector *self, const job_label *labels, size_t count);

#endif
