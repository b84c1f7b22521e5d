/*  Schedules: when does it run next.

    An interval schedule says every so many seconds of elapsed time, counted from 1970-01-01
    00:00:00 UTC, whatever any wall clock shows. All others say times of a zone's wall clock: cron,
    and the forms by date of SQL Server Agent (once, every N days, weekdays of every N weeks, a day
    of every N months, "the second Tuesday" of every N months), each with one time of the day or
    with repeats between two times of the day. Two forms are events, not times: the start of the
    node, and its processors having become idle; these have no next occurrence.

    When the clocks change, a cron schedule follows one of two rules, chosen by its hours (Vixie
    cron does alike):

    - Every hour fits (`*`, or a set that amounts to it): the schedule is a repetition and runs in
      elapsed time. Both passes of a fold run, nothing is made up for a gap: `30 * * * *` is every
      sixty minutes throughout.
    - Certain hours: the schedule means those times of the day. `gap` says what becomes of a time
      that does not exist, `fold` which pass of a time that exists twice counts. By default a
      nonexistent time runs at the first instant after the gap, once however many fall into it,
      and a repeated time in its first pass only.

    Forms by date follow the second rule with their time of the day. Repeats within a day run in
    elapsed time from the opening instant while before the closing instant:

    - The opening is time_s of the date. In a gap: at its end (edge), later by its length (shift),
      or (skip) at the first of its repeats on the wall clock that exists, if that is before the
      close. In a fold: the first pass (first, both) or the second.
    - The close is end_s of the same date, or of the next when that is not after time_s; 0 and
      86,400 are the end of the day. In a gap: at its end. In a fold: the first pass (first), else
      the second.
    - The opening itself always counts, also when a gap has swallowed all of the window.
    - The run belongs to the date on which its window opened: so do start_date and end_date count.

    start_date and end_date bound every form, both included: of forms by the wall clock the date
    that was asked for (a time that a gap moves into the next day keeps its own), of intervals and
    events the date that the wall clock shows at the instant.

    `interval` and `factor` above 1 are counted from the anchor, forwards and backwards alike; what
    must not run before it has a start_date. Weeks start on Sunday, and week 0 is the one that holds
    the first matching weekday on or after the anchor; months are counted from the anchor's.

    Occurrences are nominal: before any splay, and whether a calendar lets them run is asked
    separately (job_schedule_is_open).

    Pure: a function of the schedule, its zone and a time. Times are microseconds UTC.
*/
#ifndef BUGLE_JOB_SCHEDULE_H
#define BUGLE_JOB_SCHEDULE_H

#include "common/job/calendar.h"
#include "common/job/cron.h"
#include "common/job/zone.h"

#define JOB_EVERY_MIN_US INT64_C (1000000)
#define JOB_EVERY_MAX_US (INT64_C (366) * 86400 * 1000000)
/*  The first date that a schedule may name (the Agent's, reference 7.2); the last is 9999-12-31.  */
#define JOB_SCHEDULE_DATE_MIN 19900101
#define JOB_REPEAT_MIN_S      10
#define JOB_REPEAT_MAX_S      86400
#define JOB_INTERVAL_DAYS_MAX 1000
#define JOB_FACTOR_MAX        1000

/*  As on the wire (WIRE_SCHEDULE_*).  */
typedef enum {
    JOB_SCHEDULE_CRON = 1,
    JOB_SCHEDULE_EVERY = 2,
    JOB_SCHEDULE_ONCE = 3,
    JOB_SCHEDULE_DAILY = 4,
    JOB_SCHEDULE_WEEKLY = 5,
    JOB_SCHEDULE_MONTHLY = 6,
    JOB_SCHEDULE_RELATIVE = 7,
    JOB_SCHEDULE_NODE_START = 8,
    JOB_SCHEDULE_IDLE = 9,
} job_schedule_kind;

/*  `interval` of JOB_SCHEDULE_RELATIVE; 1 to 7 are Sunday to Saturday.  */
enum { JOB_RELATIVE_DAY = 8, JOB_RELATIVE_WEEKDAY = 9, JOB_RELATIVE_WEEKEND_DAY = 10 };
/*  `relative`; 1, 2, 4 and 8 are first to fourth.  */
enum { JOB_RELATIVE_LAST = 16 };

typedef enum {
    JOB_GAP_EDGE = 0,  /*  at the first instant after the gap  */
    JOB_GAP_SHIFT = 1, /*  later by the length of the gap  */
    JOB_GAP_SKIP = 2,  /*  not at all  */
} job_gap;

typedef enum {
    JOB_FOLD_FIRST = 0,
    JOB_FOLD_SECOND = 1,
    JOB_FOLD_BOTH = 2,
} job_fold;

/*  All zero but for the kind and what it needs is a schedule without dates, repeats and calendars,
    in UTC.  */
typedef struct {
    job_schedule_kind kind;
    job_cron cron;        /*  of JOB_SCHEDULE_CRON  */
    const job_zone *zone; /*  borrowed; NULL is UTC  */
    job_gap gap;
    job_fold fold;
    int64_t every_us; /*  of JOB_SCHEDULE_EVERY, JOB_EVERY_MIN_US to JOB_EVERY_MAX_US  */
    /*  Of the forms by date.  */
    uint32_t interval; /*  DAILY: days, 1 to 1000; WEEKLY: mask, Sunday 1 to Saturday 64; MONTHLY:
                           day 1 to 31 (a month without it is left out); RELATIVE: 1 to 10  */
    uint32_t relative; /*  RELATIVE: 1, 2, 4, 8 or 16  */
    uint32_t factor;   /*  every so many weeks or months, up to 1000; 0 is 1  */
    uint32_t repeat_s; /*  0: one run, at time_s; else 10 to 86,400  */
    uint32_t time_s;   /*  0 to 86,399, of the day  */
    uint32_t end_s;    /*  of repeats, not included; 0 is the end of the day  */
    /*  YYYYMMDD, 0 is none. Without anchor_date the anchor is start_date.  */
    uint32_t start_date;
    uint32_t end_date;
    uint32_t anchor_date;
    /*  except_count calendars that exclude, then within_count that allow: one owned block of
        borrowed calendars; NULL for none. See job_schedule_fini.  */
    const job_calendar **calendars;
    size_t except_count;
    size_t within_count;
} job_schedule;

/*  Releases the block of calendars. A schedule without any need not be released.  */
void job_schedule_fini (job_schedule *self);

/*  BG_INVALID when kind, policies, numbers or dates are outside what is allowed, when the form has
    nothing to count from, or when no occurrence can ever be ("it never happens"): for schedules
    from outside, before anything below is asked. It asks in the schedule's zone, so a time that
    only this zone leaves out never happens either.  */
bg_result job_schedule_check (const job_schedule *self, bg_error *err) BG_CHECKED;

/*  True of forms that wait for something to happen (NODE_START, IDLE).  */
bool job_schedule_is_event (const job_schedule *self);

/*  The first occurrence strictly after a time. fold (may be NULL) is 1 when it stands in the second
    pass of local times that exist twice, else 0; of intervals always 0. False when there is none
    within 400 years, before the end of the year 9999 or up to end_date, and for events. The search
    is bounded.  */
bool job_schedule_next (const job_schedule *self, int64_t after_us, int64_t *next_us, int *fold);
/*  The occurrences from from_us to just before to_us, ascending, at most max of them; returns how
 * many.  */
size_t job_schedule_window (
    const job_schedule *self, int64_t from_us, int64_t to_us, int64_t *out, size_t max);
/*  At most so many occurrences lie in any 3,600 seconds, in whatever zone when the schedule has
    none; an upper bound for limits of starts, not always reached. 1 of events.  */
uint32_t job_schedule_densest_hour (const job_schedule *self);

/*  Whether the wall clock shows a date from start_date to end_date at an instant: to be asked when
    an event happens.  */
bool job_schedule_is_dated (const job_schedule *self, int64_t at_us);
/*  Whether the calendars let an occurrence run: false when its nominal instant lies in a range of
    an excluding calendar, or when there are allowing ones and it lies in none. why (may be NULL) is
    the calendar that keeps it out, the first of several; untouched otherwise.  */
bool job_schedule_is_open (const job_schedule *self, int64_t at_us, const job_calendar **why);

/*  What a preview says about an occurrence.  */
typedef struct {
    bool is_shifted;       /*  what was asked for does not exist: a gap moved it here  */
    int64_t asked_local_s; /*  of a shifted one: the (first) local time asked for; seconds
                                      since 1970-01-01 00:00:00 of the wall clock  */
    int fold;              /*  0: its local time exists once; 1, 2: the first, second pass  */
    int32_t offset_s;      /*  seconds east of UTC  */
    const job_calendar *kept_out; /*  the calendar that keeps it out; NULL: none  */
} job_schedule_mark;

/*  at_us is an occurrence (of an event: any instant).  */
job_schedule_mark job_schedule_marks (const job_schedule *self, int64_t at_us);

#endif
