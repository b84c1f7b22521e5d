/*  Clocks: see clock.h. Thin calls of clock_gettime(), which cannot fail for these clocks on Linux.
 */
#include "common/sys/clock.h"

#include "common/sys/file.h"

#include <stdio.h>
#include <time.h>

#define BOOT_ID_PATH "/proc/sys/kernel/random/boot_id"

static int64_t read_us (clockid_t clock)
{
    struct timespec now;
    bg_assert (clock_gettime (clock, &now) == 0);
    return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t bg_clock_utc_us (void)
{
    return read_us (CLOCK_REALTIME);
}

int64_t bg_clock_mono_us (void)
{
    return read_us (CLOCK_MONOTONIC);
}

int64_t bg_clock_boot_us (void)
{
    return read_us (CLOCK_BOOTTIME);
}

bg_result bg_boot_id (bg_id *id, bg_error *err)
{
    BG_AUTO_BUF text = {0};
    BG_TRY (bg_file_read (BOOT_ID_PATH, 256, &text, err));
    char hex[2 * BG_ID_BYTES + 1];
    size_t count = 0;
    for (size_t i = 0; i < text.size && count < 2 * BG_ID_BYTES; i++) {
        if (text.data[i] != '-' && text.data[i] != '\n')
            hex[count++] = (char) text.data[i];
    }
    BG_AUTO_BUF bytes = {0};
    if (bg_failed (bg_hex_decode (bg_slice_of (hex, count), &bytes, NULL)) ||
        bytes.size != BG_ID_BYTES)
        return bg_fail (err, BG_IO, "%s does not hold a boot id", BOOT_ID_PATH);
    memcpy (id->bytes, bytes.data, BG_ID_BYTES);
    return bg_ok ();
}

bg_time_string bg_clock_text (int64_t utc_us)
{
    bg_time_string out;
    int64_t seconds = utc_us / 1000000, rest = utc_us % 1000000;
    if (rest < 0) {
        rest += 1000000;
        seconds--;
    }
    time_t when = (time_t) seconds;
    struct tm parts;
    if (!gmtime_r (&when, &parts)) {
        (void) snprintf (out.text, sizeof out.text, "invalid");
        return out;
    }
    size_t used = strftime (out.text, sizeof out.text, "%Y-%m-%dT%H:%M:%S", &parts);
    (void) snprintf (out.text + used, sizeof out.text - used, ".%03dZ", (int) (rest / 1000));
    return out;
}
