/*  The time of one event. Pure code never asks a clock: the shell reads the clocks once per batch and passes them in.
    utc_us may jump; mono_us never goes back but stops in suspend; boot_us (CLOCK_BOOTTIME) goes on in suspend.  */
#ifndef BUGLE_BASE_NOW_H
#define BUGLE_BASE_NOW_H

#include <stdint.h>

typedef struct {
    int64_t utc_us;
    int64_t mono_us;
    int64_t boot_us;
} bg_now;

#define BG_MS(n)   ((int64_t) (n) *1000)
#define BG_SEC(n)  ((int64_t) (n) *1000000)
#define BG_MIN(n)  ((int64_t) (n) *60000000)
#define BG_HOUR(n) ((int64_t) (n) *3600000000)
#define BG_DAY(n)  ((int64_t) (n) *86400000000)

#endif
