/*  Content lines of iCalendar (RFC 5545, 3.1): unfolded, taken apart, each with the number of its line in the file.

    Only form is looked at. Lines may end in CRLF or LF. Names of properties and parameters come out in capitals.
*/
#ifndef BUGLE_CTL_ICS_LINES_H
#define BUGLE_CTL_ICS_LINES_H

#include "common/base/arena.h"

#define CTL_ICS_PARAMS_MAX 32

typedef struct {
    bg_slice name;
    bg_slice
        value; /*  without quotes; of several values as they stand, commas and quotes included  */
} ctl_ics_param;

typedef struct {
    uint32_t line; /*  from 1, where the content line begins  */
    bg_slice name;
    bg_slice value;
    ctl_ics_param params[CTL_ICS_PARAMS_MAX];
    size_t param_count;
} ctl_ics_line;

/*  What is wrong with a file, by line; at most CTL_ICS_REFUSALS_MAX are kept, all are counted.  */
#define CTL_ICS_REFUSALS_MAX 20
typedef struct {
    uint32_t line;
    bg_slice text; /*  one line of printable UTF-8  */
} ctl_ics_refusal;

typedef struct {
    ctl_ics_refusal items[CTL_ICS_REFUSALS_MAX];
    size_t count;
    bg_arena *arena;
} ctl_ics_refusals;

void ctl_ics_refuse (ctl_ics_refusals *self, uint32_t line, const char *format, ...)
    BG_PRINTF (3, 4);
/*  The beginning of a text of others, fit to be quoted in a sentence. Lives in the arena.  */
const char *ctl_ics_quote (bg_arena *arena, bg_slice text);

typedef struct {
    bg_slice text;
    size_t at;
    uint32_t line; /*  of the next  */
    bg_arena *arena;
    ctl_ics_refusals *refusals;
} ctl_ics_reader;

/*  The text is borrowed; a byte order mark at its start is passed over.  */
ctl_ics_reader ctl_ics_reader_on (bg_slice text, bg_arena *arena, ctl_ics_refusals *refusals);
/*  The next content line; false at the end. Lines that cannot be taken apart are refused and passed over. What it points
    to lives in the arena.  */
bool ctl_ics_read_line (ctl_ics_reader *self, ctl_ics_line *line);
/*  The value of a parameter, empty when it is not there.  */
bg_slice ctl_ics_param_of (const ctl_ics_line *line, const char *name);

#endif
