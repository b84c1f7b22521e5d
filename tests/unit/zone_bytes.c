/*  Zone files of tests: see zone_bytes.h.  */
#include "tests/unit/zone_bytes.h"

void zone_bytes_of_offset (int32_t offset, bg_buf *out)
{
    static const uint32_t counts[6] = {0, 0, 0, 0, 1, 4}; /*  one type, four letters  */
    for (int block = 0; block < 2; block++) {
        bg_buf_append (out, "TZif2", 5);
        bg_buf_append (out, (const char[15]){0}, 15);
        for (size_t i = 0; i < 6; i++)
            bg_buf_append_u32 (out, counts[i]);
        bg_buf_append_u32 (out, (uint32_t) offset);
        bg_buf_append (out, "\0\0XXX\0", 6);
    }
    bg_buf_append_str (out, "\n\n");
}
