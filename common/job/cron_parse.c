/*  Cron: from text to sets of values. What the sets mean is in cron.c.

    One table describes the fields, one reader walks the text; every refusal names the place.
*/
#include "common/job/cron.h"

#include "common/job/civil.h"

typedef enum {
    FIELD_SECOND,
    FIELD_MINUTE,
    FIELD_HOUR,
    FIELD_DAY,
    FIELD_MONTH,
    FIELD_WEEKDAY
} field_id;
#define FIELD_COUNT 6

typedef struct {
    const char *name;
    int min;
    int max;
    const char
        *words; /*  three letters each, the first is value min; NULL when the field has none  */
} field_form;

static const field_form forms[FIELD_COUNT] = {
    [FIELD_SECOND] = {"second", 0, 59, NULL},
    [FIELD_MINUTE] = {"minute", 0, 59, NULL},
    [FIELD_HOUR] = {"hour", 0, 23, NULL},
    [FIELD_DAY] = {"day of month", 1, 31, NULL},
    [FIELD_MONTH] = {"month", 1, 12, "janfebmaraprmayjunjulaugsepoctnovdec"},
    [FIELD_WEEKDAY] = {"day of week", 0, 7, "sunmontuewedthufrisat"},
};

static const struct {
    const char *word;
    const char *meaning;
} shorthands[] = {
    {"@yearly", "0 0 1 1 *"},
    {"@annually", "0 0 1 1 *"},
    {"@monthly", "0 0 1 * *"},
    {"@weekly", "0 0 * * 0"},
    {"@daily", "0 0 * * *"},
    {"@midnight", "0 0 * * *"},
    {"@hourly", "0 * * * *"},
};

typedef struct {
    bg_slice text;
    size_t at;
    size_t end; /*  of the field being read  */
    field_id id;
    job_cron *cron;
    uint64_t values; /*  of the field so far  */
    bg_error *err;
    size_t *offset;
} reader;

#define REFUSE(in, place, ...)                                                                     \
    (set_offset (in, place), bg_fail ((in)->err, BG_INVALID, "cron: " __VA_ARGS__))

static void set_offset (const reader *in, size_t place)
{
    if (in->offset)
        *in->offset = place;
}

static bool is_blank (uint8_t c)
{
    return c == ' ' || c == '\t';
}

static int lower (int c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

static int peek (const reader *in)
{
    return in->at < in->end ? lower (in->text.data[in->at]) : -1;
}

static bool accept (reader *in, char wanted)
{
    if (peek (in) != wanted)
        return false;
    in->at++;
    return true;
}

static bool is_digit (int c)
{
    return c >= '0' && c <= '9';
}

static bool is_at_item_end (const reader *in)
{
    return in->at == in->end || in->text.data[in->at] == ',';
}

/*  A number of at most four digits; more cannot be right and would overflow.  */
static bg_result read_number (reader *in, const char *what, int min, int max, int *number)
{
    size_t start = in->at;
    int value = 0;
    while (is_digit (peek (in)) && in->at - start < 4)
        value = value * 10 + (in->text.data[in->at++] - '0');
    if (in->at == start)
        return REFUSE (in, start, "a number is expected for the %s", what);
    if (value < min || value > max)
        return REFUSE (in, start, "the %s %d is outside %d to %d", what, value, min, max);
    *number = value;
    return bg_ok ();
}

/*  The value of the three letters at this place; -1 when they are no name of this field.  */
static int match_word (const reader *in)
{
    const field_form *form = &forms[in->id];
    if (!form->words || in->end - in->at < 3)
        return -1;
    for (int i = 0; form->words[i * 3]; i++) {
        int same = 0;
        while (
            same < 3 && lower (in->text.data[in->at + (size_t) same]) == form->words[i * 3 + same])
            same++;
        if (same == 3)
            return form->min + i;
    }
    return -1;
}

/*  The character at this place fits nothing. Only plain ASCII is repeated in the sentence.  */
static bg_result refuse_character (reader *in)
{
    const field_form *form = &forms[in->id];
    int c = in->text.data[in->at];
    bg_result result =
        c > ' ' && c < 127
            ? REFUSE (in, in->at, "'%c' is not understood here in the %s", c, form->name)
            : REFUSE (in, in->at, "a character that is not plain ASCII is not understood in the %s",
                  form->name);
    if (form->words)
        return bg_hint (in->err, "names are the first three letters, such as %.3s", form->words);
    return result;
}

static bg_result read_value (reader *in, int *value)
{
    const field_form *form = &forms[in->id];
    int word = match_word (in);
    if (word >= 0) {
        in->at += 3;
        *value = word;
        return bg_ok ();
    }
    if (is_digit (peek (in)))
        return read_number (in, form->name, form->min, form->max, value);
    if (is_at_item_end (in))
        return REFUSE (in, in->at, "a value is missing in the %s", form->name);
    return refuse_character (in);
}

static bg_result read_step (reader *in, int *step)
{
    const field_form *form = &forms[in->id];
    size_t start = in->at;
    BG_TRY (read_number (in, "step", 0, 9999, step));
    int span = in->id == FIELD_WEEKDAY ? 6 : form->max - form->min;
    if (*step < 1 || *step > span)
        return REFUSE (
            in, start, "the step %d of the %s is outside 1 to %d", *step, form->name, span);
    return bg_ok ();
}

static void add_range (reader *in, int low, int high, int step)
{
    for (int value = low; value <= high; value += step) {
        bool is_sunday = in->id == FIELD_WEEKDAY && value == 7;
        in->values |= UINT64_C (1) << (is_sunday ? 0 : value);
    }
}

/*  a-b and a-b/n, a being read.  */
static bg_result read_range (reader *in, size_t start, int low)
{
    const field_form *form = &forms[in->id];
    int high = 0;
    int step = 1;
    BG_TRY (read_value (in, &high));
    if (in->id == FIELD_WEEKDAY) {
        /*  Sunday opens the week as 0 and closes it as 7.  */
        if (high == 0 && low > 0)
            high = 7;
        if (low == 7 && high < 7)
            low = 0;
    }
    if (high < low) {
        bg_ignore (
            REFUSE (in, start, "the range %d-%d of the %s runs backwards", low, high, form->name));
        int last = in->id == FIELD_WEEKDAY ? 6 : form->max;
        return bg_hint (in->err, "write the two ranges %d-%d,%d-%d", low, last, form->min, high);
    }
    if (accept (in, '/'))
        BG_TRY (read_step (in, &step));
    add_range (in, low, high, step);
    return bg_ok ();
}

/*  What may follow a weekday: L or #k. Sets *is_taken.  */
static bg_result read_weekday_tail (reader *in, int weekday, bool *is_taken)
{
    *is_taken = true;
    if (accept (in, 'l')) {
        in->cron->last_weekdays |= (uint8_t) (1 << weekday % 7);
        return bg_ok ();
    }
    if (accept (in, '#')) {
        int k = 0;
        BG_TRY (read_number (in, "count after #", 1, 5, &k));
        in->cron->nth_weekdays[weekday % 7] |= (uint8_t) (1 << k);
        return bg_ok ();
    }
    *is_taken = false;
    return bg_ok ();
}

/*  L, L-n and LW of the day of month, the L being read.  */
static bg_result read_last_day (reader *in)
{
    int before = 0;
    if (accept (in, 'w')) {
        in->cron->is_last_workday = true;
        return bg_ok ();
    }
    if (accept (in, '-'))
        BG_TRY (read_number (in, "days before the last", 1, 30, &before));
    in->cron->days_from_end |= UINT32_C (1) << before;
    return bg_ok ();
}

static bg_result read_value_item (reader *in)
{
    size_t start = in->at;
    int value = 0;
    bool is_taken = false;
    BG_TRY (read_value (in, &value));
    if (accept (in, '-'))
        return read_range (in, start, value);
    if (in->id == FIELD_WEEKDAY) {
        BG_TRY (read_weekday_tail (in, value, &is_taken));
    } else if (in->id == FIELD_DAY && accept (in, 'w')) {
        in->cron->days_near |= UINT32_C (1) << value;
        is_taken = true;
    }
    if (peek (in) == '/') {
        bg_ignore (
            REFUSE (in, in->at, "a step needs a range before it, not the single value %d", value));
        return bg_hint (in->err, "write %d-%d/n", value, forms[in->id].max);
    }
    if (!is_taken)
        add_range (in, value, value, 1);
    return bg_ok ();
}

static bg_result read_item (reader *in)
{
    size_t start = in->at;
    int first = peek (in);
    if (first == 'l' && in->id == FIELD_DAY) {
        in->at++;
        BG_TRY (read_last_day (in));
    } else if (first == 'l' && in->id == FIELD_WEEKDAY) {
        bg_ignore (REFUSE (in, start, "L alone does not say which day of the week"));
        return bg_hint (
            in->err, "write 5L for the last Friday of the month, or 6 for every Saturday");
    } else {
        BG_TRY (read_value_item (in));
    }
    return is_at_item_end (in) ? bg_ok () : refuse_character (in);
}

/*  `*`, `*` with a step, `?`: alone in their field.  */
static bg_result read_star (reader *in)
{
    const field_form *form = &forms[in->id];
    int step = 1;
    bool is_day_field = in->id == FIELD_DAY || in->id == FIELD_WEEKDAY;
    if (peek (in) == '?' && !is_day_field)
        return REFUSE (
            in, in->at, "? is for the day of month or the day of week, not for the %s", form->name);
    bool is_star = peek (in) == '*';
    in->at++;
    if (is_star && accept (in, '/'))
        BG_TRY (read_step (in, &step));
    if (in->at < in->end)
        return REFUSE (in, in->at, "%s stands alone in its field", is_star ? "*" : "?");
    add_range (in, form->min, in->id == FIELD_WEEKDAY ? 6 : form->max, step);
    return bg_ok ();
}

static void store_field (const reader *in, bool is_restricted)
{
    job_cron *cron = in->cron;
    switch (in->id) {
    case FIELD_SECOND:
        cron->seconds = in->values;
        break;
    case FIELD_MINUTE:
        cron->minutes = in->values;
        break;
    case FIELD_HOUR:
        cron->hours = (uint32_t) in->values;
        break;
    case FIELD_DAY:
        cron->days = (uint32_t) in->values;
        cron->is_month_restricted = is_restricted;
        break;
    case FIELD_MONTH:
        cron->months = (uint16_t) in->values;
        break;
    case FIELD_WEEKDAY:
        cron->weekdays = (uint8_t) in->values;
        cron->is_week_restricted = is_restricted;
        break;
    }
}

static bg_result read_field (reader *in)
{
    bool is_restricted = peek (in) != '*' && peek (in) != '?';
    in->values = 0;
    if (!is_restricted) {
        BG_TRY (read_star (in));
    } else {
        do {
            BG_TRY (read_item (in));
        } while (accept (in, ','));
    }
    store_field (in, is_restricted);
    return bg_ok ();
}

/*  Where the fields begin and end; returns how many there are, maybe more than FIELD_COUNT.  */
static size_t split (bg_slice text, size_t starts[FIELD_COUNT], size_t ends[FIELD_COUNT])
{
    size_t count = 0;
    for (size_t at = 0; at < text.size;) {
        if (is_blank (text.data[at])) {
            at++;
            continue;
        }
        size_t start = at;
        while (at < text.size && !is_blank (text.data[at]))
            at++;
        if (count < FIELD_COUNT) {
            starts[count] = start;
            ends[count] = at;
        }
        count++;
    }
    return count;
}

/*  Every calendar there is: the year begins on one of seven weekdays and is leap or not. The years
    2000 to 2399 have all fourteen, within 40 years of one another.  */
static bool happens (const job_cron *cron)
{
    for (int year = 2000; year < 2000 + 40; year++) {
        for (int month = 1; month <= 12; month++) {
            if (job_cron_days (cron, year, month) != 0)
                return true;
        }
    }
    return false;
}

static bg_result read_fields (reader *in)
{
    size_t starts[FIELD_COUNT] = {0};
    size_t ends[FIELD_COUNT] = {0};
    size_t count = split (in->text, starts, ends);
    if (count < 5 || count > FIELD_COUNT) {
        bg_ignore (REFUSE (in, 0, "%zu field%s instead of 5, or 6 with seconds first", count,
            count == 1 ? "" : "s"));
        return bg_hint (
            in->err, "the fields are minute, hour, day of month, month, day of week: 30 2 * * 1-5");
    }
    size_t skipped = FIELD_COUNT - count;
    in->cron->seconds = 1;
    for (size_t i = 0; i < count; i++) {
        in->id = (field_id) (i + skipped);
        in->at = starts[i];
        in->end = ends[i];
        BG_TRY (read_field (in));
    }
    if (in->text.data[starts[count - 1]] == '?' && in->text.data[starts[count - 3]] == '?')
        return REFUSE (in, starts[count - 1], "? may stand in one of the two day fields only");
    if (!happens (in->cron)) {
        bg_ignore (REFUSE (in, starts[count - 3], "this never happens: no month has such a day"));
        return bg_hint (in->err, "L is the last day of every month");
    }
    return bg_ok ();
}

static bg_slice trim (bg_slice text)
{
    while (text.size > 0 && is_blank (text.data[text.size - 1]))
        text.size--;
    return text;
}

static bg_result read_shorthand (reader *in)
{
    size_t start = 0;
    while (is_blank (in->text.data[start]))
        start++;
    bg_slice word = trim (bg_slice_of (in->text.data + start, in->text.size - start));
    for (size_t i = 0; i < sizeof shorthands / sizeof shorthands[0]; i++) {
        if (bg_slice_is (word, shorthands[i].word)) {
            in->text = bg_slice_str (shorthands[i].meaning);
            return read_fields (in);
        }
    }
    bg_ignore (REFUSE (in, start, "this @ word is not known"));
    return bg_hint (in->err, "known are @yearly, @monthly, @weekly, @daily, @hourly");
}

bg_result job_cron_parse (bg_slice text, job_cron *cron, bg_error *err, size_t *offset)
{
    job_cron parsed = {0};
    reader in = {.text = text, .cron = &parsed, .err = err, .offset = offset};
    set_offset (&in, 0);
    if (text.size > JOB_CRON_TEXT_MAX)
        return bg_fail (
            err, BG_TOO_LARGE, "cron: %zu bytes are more than %d", text.size, JOB_CRON_TEXT_MAX);
    bool has_shorthand = false;
    for (size_t i = 0;
         i < text.size && !has_shorthand && (is_blank (text.data[i]) || text.data[i] == '@'); i++)
        has_shorthand = text.data[i] == '@';
    BG_TRY (has_shorthand ? read_shorthand (&in) : read_fields (&in));
    *cron = parsed;
    return bg_ok ();
}
