/*  The table of settings and the texts of their values. What a setting does is decided where it is read.  */
#include "broker/core/settings.h"

#include "common/base/nearest.h"
#include "common/base/now.h"
#include "common/job/duration.h"

#include <stdio.h>
#include <string.h>

#define UNIT_DURATION BG_SEC (1)
#define UNIT_NUMBER   1
#define UNIT_SWITCH   1
#define UNIT_LEVEL    1

#define BROKER_SETTING(ID, word_, KIND, min_, max_, fallback_, text_)                              \
    [BROKER_SET_##ID] = {.word = word_,                                                            \
        .kind = BROKER_SETTING_##KIND,                                                             \
        .min = (min_) *UNIT_##KIND,                                                                \
        .max = (max_) *UNIT_##KIND,                                                                \
        .fallback = (fallback_) *UNIT_##KIND,                                                      \
        .text = text_},
const broker_setting_row broker_setting_rows[BROKER_SETTING_COUNT] = {
#include "broker/core/settings.def"
};
#undef BROKER_SETTING

#define LEVEL_FIRST 3
static const char *const levels[] = {"error", "warning", "notice", "info", "debug"};
#define LEVELS (sizeof levels / sizeof levels[0])

bg_result broker_setting_find (bg_slice word, broker_setting *setting, bg_error *err)
{
    const char *words[BROKER_SETTING_COUNT];
    for (int i = 0; i < BROKER_SETTING_COUNT; i++) {
        words[i] = broker_setting_rows[i].word;
        if (bg_slice_equal (word, bg_slice_str (words[i]))) {
            *setting = (broker_setting) i;
            return bg_ok ();
        }
    }
    const char *nearest = bg_nearest (word, words, BROKER_SETTING_COUNT);
    bg_ignore (bg_fail (err, BG_NOT_FOUND, "there is no setting '%.*s'", BG_SLICE_ARG (word)));
    if (nearest)
        return bg_hint (err, "did you mean %s?", nearest);
    return bg_hint (err, "see: bugle broker set");
}

static bg_result parse_number (bg_slice text, int64_t *value)
{
    int64_t number = 0;
    if (text.size == 0 || text.size > 9)
        return (bg_result){BG_INVALID};
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return (bg_result){BG_INVALID};
        number = number * 10 + (text.data[i] - '0');
    }
    *value = number;
    return bg_ok ();
}

static bg_result parse_word (bg_slice text, const char *const *words, size_t count, int64_t *value)
{
    for (size_t i = 0; i < count; i++)
        if (bg_slice_equal (text, bg_slice_str (words[i]))) {
            *value = (int64_t) i;
            return bg_ok ();
        }
    return (bg_result){BG_INVALID};
}

static bg_result refuse (broker_setting setting, bg_slice text, bg_error *err)
{
    const broker_setting_row *row = &broker_setting_rows[setting];
    bg_ignore (bg_fail (err, BG_INVALID, "%s cannot be '%.*s'", row->word, BG_SLICE_ARG (text)));
    switch (row->kind) {
    case BROKER_SETTING_DURATION:
    case BROKER_SETTING_NUMBER:
        return bg_hint (err, "%s from %s to %s, or default",
            row->kind == BROKER_SETTING_NUMBER ? "a number" : "a duration",
            broker_setting_print (setting, row->min).text,
            broker_setting_print (setting, row->max).text);
    case BROKER_SETTING_SWITCH:
        return bg_hint (err, "on, off or default");
    case BROKER_SETTING_LEVEL:
        break;
    }
    return bg_hint (err, "error, warning, notice, info, debug or default");
}

bg_result broker_setting_parse (
    broker_setting setting, bg_slice text, int64_t *value, bg_error *err)
{
    static const char *const switch_words[] = {"off", "on"};
    const broker_setting_row *row = &broker_setting_rows[setting];
    bg_result result = {BG_INVALID};
    int64_t parsed = 0;
    switch (row->kind) {
    case BROKER_SETTING_DURATION:
        result = job_duration_parse (text, false, &parsed, NULL);
        break;
    case BROKER_SETTING_NUMBER:
        result = parse_number (text, &parsed);
        break;
    case BROKER_SETTING_SWITCH:
        result = parse_word (text, switch_words, 2, &parsed);
        break;
    case BROKER_SETTING_LEVEL:
        result = parse_word (text, levels, LEVELS, &parsed);
        parsed += LEVEL_FIRST;
        break;
    }
    if (bg_failed (result) || parsed < row->min || parsed > row->max)
        return refuse (setting, text, err);
    *value = parsed;
    return bg_ok ();
}

broker_setting_string broker_setting_print (broker_setting setting, int64_t value)
{
    broker_setting_string out;
    switch (broker_setting_rows[setting].kind) {
    case BROKER_SETTING_DURATION:
        snprintf (out.text, sizeof out.text, "%s", job_duration_text (value).text);
        break;
    case BROKER_SETTING_NUMBER:
        snprintf (out.text, sizeof out.text, "%lld", (long long) value);
        break;
    case BROKER_SETTING_SWITCH:
        snprintf (out.text, sizeof out.text, "%s", value ? "on" : "off");
        break;
    case BROKER_SETTING_LEVEL:
        snprintf (out.text, sizeof out.text, "%s",
            value >= LEVEL_FIRST && value < LEVEL_FIRST + (int64_t) LEVELS
                ? levels[value - LEVEL_FIRST]
                : "as configured");
        break;
    }
    return out;
}
