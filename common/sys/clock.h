/*  Clocks of the machine, for the shells only: the cores get their time inside events.

    UTC is for what people and other machines see and may jump; mono does not jump but stands still
   in suspend; boot counts through suspend. Nothing in the environment can shift them.
*/
#ifndef BUGLE_SYS_CLOCK_H
#define BUGLE_SYS_CLOCK_H

#include "common/base/id.h"

/*  CLOCK_REALTIME, microseconds UTC since 1970.  */
int64_t bg_clock_utc_us (void);
/*  CLOCK_MONOTONIC, microseconds since an arbitrary start.  */
int64_t bg_clock_mono_us (void);
/*  CLOCK_BOOTTIME, microseconds since boot, suspend included.  */
int64_t bg_clock_boot_us (void);
/*  The kernel's id of this boot (/proc/sys/kernel/random/boot_id). BG_IO when it cannot be read. */
bg_result bg_boot_id (bg_id *id, bg_error *err) BG_CHECKED;

#define BG_TIME_TEXT 24 /*  2026-03-01T12:00:00.000Z  */
typedef struct {
    char text[BG_TIME_TEXT + 12]; /*  room for years that no clock should show  */
} bg_time_string;

/*  RFC 3339 in UTC with milliseconds, to be used as a value: bg_clock_text (now).text.  */
bg_time_string bg_clock_text (int64_t utc_us);

#endif
