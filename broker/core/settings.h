/*  The settings of the running broker: settings.def as rows, and their values as texts.

    A value is an int64_t: microseconds of a DURATION, a count, 0 or 1, a log level. In the store stands value + 1 under
    "set.WORD", so that 0 there means that nobody has set it and the default of the running version counts.
*/
#ifndef BUGLE_BROKER_CORE_SETTINGS_H
#define BUGLE_BROKER_CORE_SETTINGS_H

#include "common/base/slice.h"

typedef enum {
    BROKER_SETTING_DURATION,
    BROKER_SETTING_NUMBER,
    BROKER_SETTING_SWITCH,
    BROKER_SETTING_LEVEL
} broker_setting_kind;

#define BROKER_SETTING(ID, word, KIND, min, max, fallback, text) BROKER_SET_##ID,
typedef enum {
#include "broker/core/settings.def"
    BROKER_SETTING_COUNT
} broker_setting;
#undef BROKER_SETTING

typedef struct {
    const char *word;
    broker_setting_kind kind;
    int64_t min, max, fallback; /*  durations in microseconds  */
    const char *text;
} broker_setting_row;

extern const broker_setting_row broker_setting_rows[BROKER_SETTING_COUNT];

/*  By its word; BG_NOT_FOUND with the nearest one as hint.  */
bg_result broker_setting_find (bg_slice word, broker_setting *setting, bg_error *err) BG_CHECKED;
/*  BG_INVALID with what it takes.  */
bg_result broker_setting_parse (
    broker_setting setting, bg_slice text, int64_t *value, bg_error *err) BG_CHECKED;

#define BROKER_SETTING_TEXT 48
typedef struct {
    char text[BROKER_SETTING_TEXT];
} broker_setting_string;
broker_setting_string broker_setting_print (broker_setting setting, int64_t value);

#endif
