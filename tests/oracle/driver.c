/*  Answers questions about schedules, for the oracles beside it to compare with what they find themselves.

    Reads lines, writes one line each:
        zone NAME PATH           ->  ok | refused SENTENCE       PATH - is UTC without a file
        schedule KEY=VALUE...    ->  ok | refused SENTENCE       numbers; cron=EXPRESSION comes last
        calendars                ->  ok: those that were given are forgotten
        calendar WORD LIST...    ->  ok | refused SENTENCE       WORD except or within; local:FROM:UNTIL, utc:FROM:UNTIL,
                                                                 horizon:SECONDS. For the schedules after it
        window FROM UNTIL MAX    ->  SECONDS:PASS:SHIFTED:OPEN of each occurrence from FROM to just before UNTIL
        next AFTER_US            ->  NEXT_US | none
        open AT                  ->  1 | 0
*/
#include "common/job/schedule.h"
#include "unit/zone_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SECOND_US     INT64_C (1000000)
#define LINE_MAX_SIZE 65536
#define CALENDARS_MAX 8

typedef struct {
    job_calendar view;
    bg_buf local, utc;
} kept_calendar;

typedef struct {
    job_zone *zone;
    job_schedule schedule;
    bool is_usable;
    kept_calendar calendars[CALENDARS_MAX];
    const job_calendar *views[CALENDARS_MAX];
    size_t count, except_count;
} driver;

static void answer_zone (driver *self, const char *name, const char *path)
{
    BG_AUTO_BUF bytes = {0};
    bg_error err = {0};
    self->is_usable = false;
    job_zone_destroy (&self->zone);
    if (strcmp (path, "-") == 0)
        self->zone = job_zone_fixed_utc ();
    else if (zone_file_read (path, &bytes))
        self->zone = job_zone_load (name, bg_buf_slice (&bytes), &err);
    printf (self->zone ? "ok\n" : "refused %s\n", err.message);
}

static void drop_calendars (driver *self)
{
    for (size_t i = 0; i < self->count; i++) {
        bg_buf_fini (&self->calendars[i].local);
        bg_buf_fini (&self->calendars[i].utc);
    }
    self->count = self->except_count = 0;
}

static void forget_calendars (driver *self)
{
    drop_calendars (self);
    printf ("ok\n");
}

static void read_ranges (kept_calendar *self, char *words)
{
    char *rest = NULL;
    self->view.horizon_us = INT64_MAX;
    for (char *word = strtok_r (words, " ", &rest); word; word = strtok_r (NULL, " ", &rest)) {
        job_calendar_range range = {0};
        int64_t horizon = 0;
        if (sscanf (word, "local:%" SCNd64 ":%" SCNd64, &range.from, &range.until) == 2)
            job_calendar_range_append (&self->local, range);
        else if (sscanf (word, "utc:%" SCNd64 ":%" SCNd64, &range.from, &range.until) == 2)
            job_calendar_range_append (&self->utc, range);
        else if (sscanf (word, "horizon:%" SCNd64, &horizon) == 1)
            self->view.horizon_us = horizon * SECOND_US;
    }
    self->view.local_ranges = bg_buf_slice (&self->local);
    self->view.utc_ranges = bg_buf_slice (&self->utc);
}

/*  Those that exclude have to be given before those that allow.  */
static void answer_calendar (driver *self, char *words)
{
    bg_error err = {0};
    bool is_except = strncmp (words, "except", 6) == 0;
    bg_assert (self->count < CALENDARS_MAX);
    kept_calendar *next = &self->calendars[self->count];
    *next = (kept_calendar){.view.name = bg_slice_str ("c")};
    read_ranges (next, strchr (words, ' ') ? strchr (words, ' ') + 1 : words + 6);
    self->views[self->count++] = &next->view;
    self->except_count += is_except;
    bool is_fine = bg_is_ok (job_calendar_check (&next->view, &err));
    printf (is_fine ? "ok\n" : "refused %s\n", err.message);
}

static void set_field (job_schedule *self, const char *key, int64_t value)
{
    const struct {
        const char *key;
        uint32_t *field;
    } fields[] = {
        {"interval", &self->interval},
        {"relative", &self->relative},
        {"factor", &self->factor},
        {"repeat", &self->repeat_s},
        {"time", &self->time_s},
        {"end", &self->end_s},
        {"start_date", &self->start_date},
        {"end_date", &self->end_date},
        {"anchor", &self->anchor_date},
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (strcmp (key, fields[i].key) == 0)
            *fields[i].field = (uint32_t) value;
    }
    if (strcmp (key, "kind") == 0)
        self->kind = (job_schedule_kind) value;
    if (strcmp (key, "gap") == 0)
        self->gap = (job_gap) value;
    if (strcmp (key, "fold") == 0)
        self->fold = (job_fold) value;
    if (strcmp (key, "every_us") == 0)
        self->every_us = value;
}

static void answer_schedule (driver *self, char *words)
{
    bg_error err = {0};
    bg_result result = bg_ok ();
    self->schedule = (job_schedule){.zone = self->zone};
    char *cron = strstr (words, "cron=");
    if (cron) {
        result = job_cron_parse (bg_slice_str (cron + 5), &self->schedule.cron, &err, NULL);
        *cron = 0;
    }
    char *rest = NULL;
    for (char *word = strtok_r (words, " ", &rest); word; word = strtok_r (NULL, " ", &rest)) {
        char *equals = strchr (word, '=');
        bg_assert (equals != NULL);
        *equals = 0;
        set_field (&self->schedule, word, strtoll (equals + 1, NULL, 10));
    }
    self->schedule.calendars = self->views;
    self->schedule.except_count = self->except_count;
    self->schedule.within_count = self->count - self->except_count;
    if (bg_is_ok (result))
        result = job_schedule_check (&self->schedule, &err);
    self->is_usable = bg_is_ok (result);
    printf (self->is_usable ? "ok\n" : "refused %s\n", err.message);
}

static void answer_window (const driver *self, int64_t from, int64_t until, long max)
{
    int64_t at_us = from * SECOND_US - 1;
    int fold = 0;
    for (long i = 0; i < max && job_schedule_next (&self->schedule, at_us, &at_us, &fold) &&
                     at_us < until * SECOND_US;
         i++) {
        job_schedule_mark mark = job_schedule_marks (&self->schedule, at_us);
        bg_assert ((fold == 1) == (mark.fold == 2) || self->schedule.kind == JOB_SCHEDULE_EVERY);
        bool is_open = job_schedule_is_open (&self->schedule, at_us, NULL);
        bg_assert (is_open == (mark.kept_out == NULL));
        printf ("%s%" PRId64 ":%d:%d:%d", i == 0 ? "" : " ", at_us / SECOND_US, mark.fold,
            mark.is_shifted, is_open);
    }
    printf ("\n");
}

static void answer_next (const driver *self, int64_t after_us)
{
    int64_t next_us = 0;
    if (job_schedule_next (&self->schedule, after_us, &next_us, NULL))
        printf ("%" PRId64 "\n", next_us);
    else
        printf ("none\n");
}

static void answer_line (driver *self, char *line)
{
    char name[128];
    char path[512];
    int64_t from = 0;
    int64_t until = 0;
    long max = 0;
    if (sscanf (line, "zone %127s %511s", name, path) == 2)
        answer_zone (self, name, path);
    else if (strncmp (line, "calendars", 9) == 0)
        forget_calendars (self);
    else if (strncmp (line, "calendar ", 9) == 0)
        answer_calendar (self, line + 9);
    else if (strncmp (line, "schedule ", 9) == 0)
        answer_schedule (self, line + 9);
    else if (self->is_usable &&
             sscanf (line, "window %" SCNd64 " %" SCNd64 " %ld", &from, &until, &max) == 3)
        answer_window (self, from, until, max);
    else if (self->is_usable && sscanf (line, "next %" SCNd64, &from) == 1)
        answer_next (self, from);
    else if (self->is_usable && sscanf (line, "open %" SCNd64, &from) == 1)
        printf ("%d\n", job_schedule_is_open (&self->schedule, from * SECOND_US, NULL));
    else
        printf ("?\n");
}

int main (void)
{
    static char line[LINE_MAX_SIZE];
    driver self = {0};
    while (fgets (line, sizeof line, stdin)) {
        line[strcspn (line, "\n")] = 0;
        answer_line (&self, line);
        fflush (stdout);
    }
    drop_calendars (&self);
    job_zone_destroy (&self.zone);
    return 0;
}
