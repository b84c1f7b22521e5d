/*  Values of options: one function per kind, chosen by a table.  */
#include "ctl/option_value.h"

#include "common/base/nearest.h"
#include "common/job/duration.h"
#include "ctl/times.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHOICES_MAX 16

typedef struct {
    const ctl_option *option;
    const char *text;
    int64_t now_us;
    bool looks_ahead;
} given;

bool ctl_choice_has (const char *choices, const char *word)
{
    size_t length = strlen (word);
    for (const char *at = choices; *at != '\0';) {
        size_t size = strcspn (at, "|");
        if (size == length && memcmp (at, word, size) == 0)
            return true;
        at += size + (at[size] == '|');
    }
    return false;
}

static bg_result set_text (ctl_value *self, const given *from, bg_error *err)
{
    if (from->text[0] == '\0')
        return bg_fail (err, BG_USAGE, "--%s needs a value, not an empty text", from->option->word);
    self->text = from->text;
    return bg_ok ();
}

static bg_result set_list (ctl_value *self, const given *from, bg_error *err)
{
    BG_TRY (set_text (self, from, err));
    self->items = bg_realloc (self->items, (self->count + 1) * sizeof *self->items);
    self->items[self->count++] = from->text;
    return bg_ok ();
}

static bg_result set_number (ctl_value *self, const given *from, bg_error *err)
{
    char *end = NULL;
    errno = 0;
    long long number = strtoll (from->text, &end, 10);
    if (from->text[0] < '0' || from->text[0] > '9' || *end != '\0' || errno != 0 ||
        number < from->option->min || number > from->option->max)
        return bg_fail (err, BG_USAGE,
            "--%s takes a number from %" PRId64 " to %" PRId64 ", not '%s'", from->option->word,
            from->option->min, from->option->max, from->text);
    self->number = number;
    return bg_ok ();
}

static bg_result set_duration (ctl_value *self, const given *from, bg_error *err)
{
    int64_t us = 0;
    bg_error why = {0};
    if (bg_failed (job_duration_parse (bg_slice_str (from->text), true, &us, &why)))
        return bg_fail (err, BG_USAGE, "--%s takes a duration as 90s, 5m, 2h or 7d: %s",
            from->option->word, why.message);
    if (us < from->option->min * 1000000 || us > from->option->max * 1000000) {
        job_duration_string low = job_duration_text (from->option->min * 1000000);
        job_duration_string high = job_duration_text (from->option->max * 1000000);
        return bg_fail (err, BG_USAGE, "--%s takes a duration from %s to %s, not '%s'",
            from->option->word, low.text, high.text, from->text);
    }
    self->number = us;
    return bg_ok ();
}

static bg_result set_time (ctl_value *self, const given *from, bg_error *err)
{
    bg_error why = {0};
    bg_slice text = bg_slice_str (from->text);
    bg_result result = from->looks_ahead
                           ? ctl_times_parse_ahead (text, from->now_us, &self->number, &why)
                           : ctl_times_parse (text, from->now_us, &self->number, &why);
    if (bg_failed (result)) {
        bg_ignore (bg_fail (err, BG_USAGE, "--%s: %s", from->option->word, why.message));
        return why.hint[0] != '\0' ? bg_hint (err, "%s", why.hint) : (bg_result){BG_USAGE};
    }
    return bg_ok ();
}

static bg_result set_choice (ctl_value *self, const given *from, bg_error *err)
{
    (void) self;
    if (ctl_choice_has (from->option->arg, from->text))
        return bg_ok ();
    char words[256];
    const char *list[CHOICES_MAX];
    size_t count = 0;
    (void) snprintf (words, sizeof words, "%s", from->option->arg);
    for (char *save = NULL, *word = strtok_r (words, "|", &save);
         word != NULL && count < CHOICES_MAX; word = strtok_r (NULL, "|", &save))
        list[count++] = word;
    const char *near = bg_nearest (bg_slice_str (from->text), list, count);
    bg_result result = bg_fail (err, BG_USAGE, "--%s takes one of %s, not '%s'", from->option->word,
        from->option->arg, from->text);
    return near != NULL ? bg_hint (err, "did you mean %s?", near) : result;
}

static bg_result set_maybe_duration (ctl_value *self, const given *from, bg_error *err)
{
    if (from->text)
        return set_duration (self, from, err);
    self->number = INT64_MAX;
    return bg_ok ();
}

bg_result ctl_value_set (ctl_value *self, const ctl_option *option, const char *text,
    int64_t now_us, bool looks_ahead, bg_error *err)
{
    static bg_result (*const setters[]) (ctl_value *, const given *, bg_error *) = {
        [CTL_FLAG] = NULL,
        [CTL_TEXT] = set_text,
        [CTL_LIST] = set_list,
        [CTL_NUMBER] = set_number,
        [CTL_DURATION] = set_duration,
        [CTL_MAYBE_DURATION] = set_maybe_duration,
        [CTL_TIME] = set_time,
        [CTL_CHOICE] = set_choice,
    };
    const given from = {option, text, now_us, looks_ahead};
    if (setters[option->kind] != NULL)
        BG_TRY (setters[option->kind](self, &from, err));
    self->text = text;
    self->is_given = true;
    return bg_ok ();
}

void ctl_value_fini (ctl_value *self)
{
    free (self->items);
    *self = (ctl_value){0};
}

bg_result ctl_value_refuse (bg_error *err, const char *option, const char *text)
{
    if (err == NULL)
        return (bg_result){BG_USAGE};
    err->code = BG_USAGE;
    return text != NULL ? bg_prefix (err, "%s '%s'", option, text) : bg_prefix (err, "%s", option);
}
