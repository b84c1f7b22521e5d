/*  Sizes: see size.h.  */
#include "common/job/size.h"

void job_size_text (uint64_t bytes, bg_buf *out)
{
    static const char *const units[] = {"", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    while (unit + 1 < sizeof units / sizeof units[0] && bytes >= 1024 && bytes % 1024 == 0) {
        bytes /= 1024;
        unit++;
    }
    bg_buf_printf (out, "%llu%s", (unsigned long long) bytes, units[unit]);
}
