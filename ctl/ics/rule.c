/*  Rules: see rule.h. What is written into the rule for libical is built here from what was understood, so nothing that was
    not looked at reaches it.  */
#include "ctl/ics/rule.h"

#include "common/job/civil.h"

#include <libical/ical.h>
#include <stdio.h>
#include <stdlib.h>

#define RULE_TEXT_MAX 1024
#define VALUES_MAX    64
#define INTERVAL_MAX  999
#define FROM_END      32 /*  month_days: bit of the last day but n - 1 is this plus n  */

static const char *const weekdays[] = {"MO", "TU", "WE", "TH", "FR", "SA", "SU"};
static const char *const freqs[] = {"DAILY", "WEEKLY", "MONTHLY", "YEARLY"};
typedef enum { DAILY, WEEKLY, MONTHLY, YEARLY, FREQS } freq_id;

typedef struct {
    int number; /*  of BYDAY: which such day; else the value  */
    int weekday;
} item;

typedef struct {
    item items[VALUES_MAX];
    size_t count;
} list;

/*  A rule being read.  */
typedef struct {
    freq_id freq;
    int interval;
    int week_start;
    list by_day, by_month, by_month_day, by_set_pos;
    bg_slice until;
    bool has_count;
    int64_t count;
} parts;

static bool take_number (bg_slice *rest, int *number)
{
    bool is_negative = rest->size > 0 && rest->data[0] == '-';
    size_t at = is_negative || (rest->size > 0 && rest->data[0] == '+');
    size_t begin = at;
    int value = 0;
    for (; at < rest->size && rest->data[at] >= '0' && rest->data[at] <= '9'; at++) {
        if (at - begin >= 3)
            return false;
        value = value * 10 + (rest->data[at] - '0');
    }
    if (at == begin)
        return false;
    *number = is_negative ? -value : value;
    *rest = bg_slice_of (rest->data + at, rest->size - at);
    return true;
}

static int find_word (bg_slice word, const char *const *words, int count)
{
    for (int i = 0; i < count; i++) {
        if (bg_slice_is (word, words[i]))
            return i;
    }
    return -1;
}

static bool cut (bg_slice *rest, char at, bg_slice *part)
{
    if (rest->size == 0)
        return false;
    const uint8_t *end = memchr (rest->data, at, rest->size);
    size_t size = end ? (size_t) (end - rest->data) : rest->size;
    *part = bg_slice_of (rest->data, size);
    size_t used = end ? size + 1 : size;
    *rest = bg_slice_of (rest->data + used, rest->size - used);
    return true;
}

static bool read_list (bg_slice text, bool are_days, int least, int most, list *out)
{
    bg_slice one;
    if (out->count > 0 || text.size == 0 || text.data[text.size - 1] == ',')
        return false;
    while (cut (&text, ',', &one)) {
        if (out->count == VALUES_MAX)
            return false;
        item *next = &out->items[out->count++];
        bool has_number = take_number (&one, &next->number);
        int size = next->number < 0 ? -next->number : next->number;
        if ((has_number || !are_days) &&
            (size < least || size > most || (!are_days && one.size > 0)))
            return false;
        next->weekday = are_days ? find_word (one, weekdays, 7) : 0;
        if (next->weekday < 0)
            return false;
    }
    return true;
}

static bool read_freq (parts *self, bg_slice value)
{
    int found = find_word (value, freqs, FREQS);
    self->freq = found < 0 ? FREQS : (freq_id) found;
    return found >= 0;
}

static bool read_interval (parts *self, bg_slice value)
{
    return self->interval == 0 && take_number (&value, &self->interval) && value.size == 0 &&
           self->interval >= 1 && self->interval <= INTERVAL_MAX;
}

static bool read_count (parts *self, bg_slice value)
{
    if (self->has_count || value.size == 0 || value.size > 12)
        return false;
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] < '0' || value.data[i] > '9')
            return false;
        self->count = self->count * 10 + (value.data[i] - '0');
    }
    self->has_count = true;
    return self->count > 0;
}

static bool read_until (parts *self, bg_slice value)
{
    bool is_first = self->until.size == 0;
    self->until = value;
    return is_first && value.size > 0;
}

static bool read_week_start (parts *self, bg_slice value)
{
    self->week_start = find_word (value, weekdays, 7);
    return self->week_start >= 0;
}

static bool read_by_day (parts *self, bg_slice value)
{
    return read_list (value, true, 1, 53, &self->by_day);
}

static bool read_by_month (parts *self, bg_slice value)
{
    return read_list (value, false, 1, 12, &self->by_month);
}

static bool read_by_month_day (parts *self, bg_slice value)
{
    return read_list (value, false, 1, 31, &self->by_month_day);
}

static bool read_by_set_pos (parts *self, bg_slice value)
{
    return read_list (value, false, 1, 366, &self->by_set_pos);
}

static const struct {
    const char *name;
    bool (*read) (parts *self, bg_slice value);
} readers[] = {
    {"FREQ", read_freq},
    {"INTERVAL", read_interval},
    {"COUNT", read_count},
    {"UNTIL", read_until},
    {"WKST", read_week_start},
    {"BYDAY", read_by_day},
    {"BYMONTH", read_by_month},
    {"BYMONTHDAY", read_by_month_day},
    {"BYSETPOS", read_by_set_pos},
};

static bg_result read_part (parts *self, bg_slice part, bg_arena *arena, bg_error *err)
{
    bg_slice value = part;
    bg_slice name = {0};
    (void) cut (&value, '=', &name);
    for (size_t i = 0; i < sizeof readers / sizeof readers[0]; i++) {
        if (!bg_slice_is (name, readers[i].name))
            continue;
        if (readers[i].read (self, value))
            return bg_ok ();
        return bg_fail (err, BG_INVALID, "'%s' is not taken%s", ctl_ics_quote (arena, part),
            i == 0 ? ": only DAILY, WEEKLY, MONTHLY and YEARLY are" : "");
    }
    return bg_fail (
        err, BG_INVALID, "the part %s of a rule is not taken", ctl_ics_quote (arena, name));
}

static bool has_negative (const list *self)
{
    for (size_t i = 0; i < self->count; i++) {
        if (self->items[i].number < 0)
            return true;
    }
    return false;
}

static bool has_number (const list *self)
{
    for (size_t i = 0; i < self->count; i++) {
        if (self->items[i].number != 0)
            return true;
    }
    return false;
}

/*  What libical gets wrong, or RFC 5545 does not allow. NULL: nothing.  */
static const char *outside (const parts *self)
{
    bool is_short = self->freq == DAILY || self->freq == WEEKLY;
    if (self->has_count && self->until.size > 0)
        return "a rule has COUNT or UNTIL, not both";
    if (is_short && has_number (&self->by_day))
        return "BYDAY has numbers only in MONTHLY and YEARLY";
    if (self->freq == MONTHLY || self->by_month.count > 0) {
        for (size_t i = 0; i < self->by_day.count; i++) {
            if (abs (self->by_day.items[i].number) > 5)
                return "there are at most five such days in a month";
        }
    }
    if (has_negative (&self->by_month))
        return "BYMONTH is 1 to 12";
    if (self->by_month_day.count > 0 && self->freq == WEEKLY)
        return "BYMONTHDAY does not go with WEEKLY";
    if (self->by_month_day.count > 0 && self->freq == YEARLY && self->by_month.count == 0)
        return "BYMONTHDAY without BYMONTH is not taken in YEARLY; use MONTHLY";
    if (self->freq == DAILY && has_negative (&self->by_month_day))
        return "BYMONTHDAY from the end of the month is not taken in DAILY; use MONTHLY";
    if (self->by_set_pos.count > 0 && (is_short || self->by_month_day.count > 0))
        return "BYSETPOS is taken only with MONTHLY and YEARLY, and without BYMONTHDAY";
    return NULL;
}

static void write_list (bg_buf *out, const char *name, const list *self, bool are_days, int turn)
{
    for (size_t i = 0; i < self->count; i++) {
        bg_buf_printf (out, i == 0 ? ";%s=" : ",", name);
        if (!are_days || self->items[i].number != 0)
            bg_buf_printf (out, "%d", self->items[i].number);
        if (are_days)
            bg_buf_append_str (out, weekdays[(self->items[i].weekday + 7 - turn) % 7]);
    }
}

static bg_slice write_rule (const parts *self, bg_arena *arena)
{
    BG_AUTO_BUF out = {0};
    bool is_weekly = self->freq == WEEKLY;
    bg_buf_printf (
        &out, "FREQ=%s;INTERVAL=%d", freqs[self->freq], self->interval > 0 ? self->interval : 1);
    write_list (&out, "BYDAY", &self->by_day, true, is_weekly ? self->week_start : 0);
    if (!is_weekly)
        write_list (&out, "BYMONTH", &self->by_month, false, 0);
    write_list (&out, "BYMONTHDAY", &self->by_month_day, false, 0);
    write_list (&out, "BYSETPOS", &self->by_set_pos, false, 0);
    return bg_arena_copy (arena, bg_slice_str (bg_buf_cstr (&out)));
}

bg_result ctl_ics_rule_read (
    bg_slice text, const job_zone *utc, bg_arena *arena, ctl_ics_rule *rule, bg_error *err)
{
    parts read = {.freq = FREQS};
    bg_slice part;
    if (text.size > RULE_TEXT_MAX)
        return bg_fail (err, BG_INVALID, "the rule is longer than %d bytes", RULE_TEXT_MAX);
    for (bg_slice rest = text; cut (&rest, ';', &part);)
        BG_TRY (read_part (&read, part, arena, err));
    if (read.freq == FREQS)
        return bg_fail (err, BG_INVALID, "the rule has no FREQ");
    const char *why = outside (&read);
    if (why)
        return bg_fail (err, BG_INVALID, "%s", why);
    *rule = (ctl_ics_rule){.text = write_rule (&read, arena), .is_weekly = read.freq == WEEKLY};
    rule->turn_days = rule->is_weekly ? read.week_start : 0;
    rule->count = read.count;
    for (size_t i = 0; i < read.by_month.count; i++)
        rule->months |= 1u << read.by_month.items[i].number;
    for (size_t i = 0; i < read.by_month_day.count; i++) {
        int day = read.by_month_day.items[i].number;
        rule->month_days |= UINT64_C (1) << (day > 0 ? day : FROM_END - day);
    }
    rule->has_until = read.until.size > 0;
    if (rule->has_until)
        BG_TRY (ctl_ics_time_read (read.until, NULL, utc, &rule->until, err));
    return bg_ok ();
}

/*  Whether BYMONTH and BYMONTHDAY allow a date: with these impossible libical searches for seconds.  */
static bool may_be (const ctl_ics_rule *rule, int64_t days)
{
    job_civil date = job_date_from_days (days);
    int from_end = job_days_in_month (date.year, date.month) - date.day + 1;
    bool month_fits = rule->months == 0 || (rule->months >> date.month & 1) != 0;
    uint64_t here = UINT64_C (1) << date.day | UINT64_C (1) << (FROM_END + from_end);
    return month_fits && (rule->month_days == 0 || (rule->month_days & here) != 0);
}

static struct icaltimetype ical_date (int64_t days)
{
    job_civil date = job_date_from_days (days);
    struct icaltimetype out = {.is_date = 1};
    out.year = date.year;
    out.month = date.month;
    out.day = date.day;
    return out;
}

bg_result ctl_ics_rule_expand (const ctl_ics_rule *rule, int64_t first_days, int64_t end_days,
    ctl_ics_each *each, void *ctx, bg_error *err)
{
    static const char *const not_first =
        "DTSTART is no date of the rule itself; begin on one that is";
    if (!may_be (rule, first_days))
        return bg_fail (err, BG_INVALID, "%s", not_first);
    struct icalrecurrencetype recur =
        icalrecurrencetype_from_string ((const char *) rule->text.data);
    icalrecur_iterator *dates =
        recur.freq == ICAL_NO_RECURRENCE
            ? NULL
            : icalrecur_iterator_new (recur, ical_date (first_days - rule->turn_days));
    if (!dates)
        return bg_fail (err, BG_INVALID, "the rule is not understood by libical");
    bg_result result = bg_ok ();
    bool is_first = true;
    for (bool goes_on = true; goes_on;) {
        struct icaltimetype date = icalrecur_iterator_next (dates);
        if (icaltime_is_null_time (date))
            break;
        int64_t days = job_days_from_date (date.year, date.month, date.day) + rule->turn_days;
        if (is_first && days != first_days)
            result = bg_fail (err, BG_INVALID, "%s", not_first);
        is_first = false;
        goes_on =
            bg_is_ok (result) && days < end_days && (!may_be (rule, days) || each (ctx, days));
    }
    if (is_first)
        result = bg_fail (err, BG_INVALID, "%s", not_first);
    icalrecur_iterator_free (dates);
    return result;
}
