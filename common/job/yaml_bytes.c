/*  Base64 (RFC 4648, section 4) for what a job file cannot say as text.  */
#include "common/job/yaml_read.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void job_base64_encode (bg_slice bytes, bg_buf *out)
{
    for (size_t i = 0; i < bytes.size; i += 3) {
        const size_t left = bytes.size - i;
        uint32_t group = (uint32_t) bytes.data[i] << 16;
        group |= left > 1 ? (uint32_t) bytes.data[i + 1] << 8 : 0;
        group |= left > 2 ? bytes.data[i + 2] : 0;
        bg_buf_append_byte (out, (uint8_t) alphabet[group >> 18]);
        bg_buf_append_byte (out, (uint8_t) alphabet[group >> 12 & 63]);
        bg_buf_append_byte (out, left > 1 ? (uint8_t) alphabet[group >> 6 & 63] : '=');
        bg_buf_append_byte (out, left > 2 ? (uint8_t) alphabet[group & 63] : '=');
    }
}

bool job_base64_decode (bg_slice text, bg_buf *bytes)
{
    uint32_t group = 0;
    size_t count = 0, padding = 0;
    for (size_t i = 0; i < text.size; i++) {
        const uint8_t c = text.data[i];
        if (c == ' ' || c == '\n')
            continue;
        const char *found = c ? strchr (alphabet, c) : NULL;
        if (c == '=')
            padding++;
        else if (!found || padding > 0)
            return false;
        group = group << 6 | (uint32_t) (found ? found - alphabet : 0);
        if (++count % 4 != 0)
            continue;
        for (size_t j = 0; j + padding < 3; j++)
            bg_buf_append_byte (bytes, (uint8_t) (group >> (16 - 8 * j)));
        if (padding > 2 || (group & ((UINT32_C (1) << (8 * padding)) - 1)) != 0)
            return false;
        group = 0;
    }
    return count % 4 == 0;
}
