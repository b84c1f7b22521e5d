/*  Cron expressions: which local dates and times, without zones.

    Five fields, or six with the seconds first:

        second 0-59   minute 0-59   hour 0-23
        day of month 1-31   month 1-12, jan-dec   day of week 0-7, sun-sat

    A field is a list, separated by commas, of values, ranges a-b and ranges with steps a-b/n, or it
    is `*` or `*` with a step alone. Day of week 0 and 7 are both Sunday. More, in the day fields:

        ?      the same as *, in one of the two day fields
        L      the last day of the month; L-n: n days before it; LW: its last Monday to Friday
        nW     the Monday to Friday nearest to day n, in the same month; none without a day n
        nL     (day of week) the last such day of the month, friL or 5L
        n#k    (day of week) the k-th such day of the month, 1 to 5

    And @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly.

    Days: when both day fields are restricted, a day that fits either one is taken; else both must
    fit. A field that begins with `*` or is `?` is not restricted, also with a step (as in Vixie
    cron).

    What is unusual is refused instead of guessed: a step on a single value, ranges that run
    backwards, L alone in the day of week, steps longer than the field, years, and expressions that
    never happen, such as February 30.
*/
#ifndef BUGLE_JOB_CRON_H
#define BUGLE_JOB_CRON_H

#include "common/base/slice.h"

#define JOB_CRON_TEXT_MAX 256
/*  Occurrences are looked for until the end of this year.  */
#define JOB_CRON_YEAR_MAX 9999

/*  Sets of values as bits: bit n is value n.  */
typedef struct {
    uint64_t seconds;
    uint64_t minutes;
    uint32_t hours;
    uint32_t days;            /*  of the month, 1 to 31  */
    uint32_t days_from_end;   /*  bit n: L-n, bit 0: L  */
    uint32_t days_near;       /*  bit n: nW  */
    uint16_t months;          /*  1 to 12  */
    uint8_t weekdays;         /*  0 Sunday to 6  */
    uint8_t last_weekdays;    /*  nL  */
    uint8_t nth_weekdays[7];  /*  of each weekday, bit k: #k  */
    bool is_last_workday;     /*  LW  */
    bool is_month_restricted; /*  the day of month is  */
    bool is_week_restricted;  /*  the day of week is  */
} job_cron;

/*  Reads an expression of at most 256 bytes. BG_INVALID or BG_TOO_LARGE otherwise, and offset (may
    be NULL) is the byte in the text, from 0, at which a caret belongs.  */
bg_result job_cron_parse (bg_slice text, job_cron *cron, bg_error *err, size_t *offset) BG_CHECKED;
/*  The days of a month that fit, bit d for day d. The month field counts too.  */
uint32_t job_cron_days (const job_cron *self, int year, int month);
/*  True when every hour of the day fits.  */
bool job_cron_is_every_hour (const job_cron *self);
/*  The first fitting local time strictly after the given one, in seconds since 1970-01-01 00:00:00
    local. False when there is none before the end of the year 9999.  */
bool job_cron_next (const job_cron *self, int64_t after_seconds, int64_t *next_seconds);

#endif
