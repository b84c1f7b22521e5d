/*  ustar headers (POSIX.1-1988) and gzip members (RFC 1952) with stored deflate blocks (RFC 1951, 3.2.4).  */
#include "ctl/tar.h"

#include <stdio.h>
#include <string.h>

#define BLOCK      512
#define STORED_MAX 65535

static void pad (bg_buf *bytes, size_t to)
{
    while (bytes->size % to != 0)
        bg_buf_append_byte (bytes, 0);
}

void ctl_tar_add (ctl_tar *self, const char *name, bg_slice content)
{
    char header[BLOCK] = {0};
    unsigned sum = 0;
    bg_assert (strlen (name) < 100);
    (void) snprintf (header, 100, "%s", name);
    (void) snprintf (header + 100, 8, "%07o", 0600);
    (void) snprintf (header + 108, 8, "%07o", 0);
    (void) snprintf (header + 116, 8, "%07o", 0);
    (void) snprintf (header + 124, 12, "%011llo", (unsigned long long) content.size);
    (void) snprintf (header + 136, 12, "%011llo", (unsigned long long) self->time_s);
    memset (header + 148, ' ', 8);
    header[156] = '0';
    memcpy (header + 257, "ustar", 6);
    memcpy (header + 263, "00", 2);
    for (size_t i = 0; i < sizeof header; i++)
        sum += (unsigned char) header[i];
    (void) snprintf (header + 148, 8, "%06o", sum);
    bg_buf_append (&self->bytes, header, sizeof header);
    bg_buf_append_slice (&self->bytes, content);
    pad (&self->bytes, BLOCK);
}

static uint32_t crc32_of (bg_slice bytes)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < bytes.size; i++) {
        crc ^= bytes.data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (0xedb88320u & (0u - (crc & 1u)));
    }
    return ~crc;
}

static void append_le (bg_buf *out, uint32_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        bg_buf_append_byte (out, (uint8_t) (value >> (8 * i)));
}

void ctl_tar_end (ctl_tar *self, bg_buf *out)
{
    static const uint8_t head[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255};
    const char zeros[2 * BLOCK] = {0};
    bg_buf_append (&self->bytes, zeros, sizeof zeros);
    const bg_slice tar = bg_buf_slice (&self->bytes);
    bg_buf_append (out, head, sizeof head);
    for (size_t at = 0; at < tar.size;) {
        const size_t left = tar.size - at;
        const size_t size = left < STORED_MAX ? left : STORED_MAX;
        bg_buf_append_byte (out, size == left); /*  the last block  */
        append_le (out, (uint32_t) size, 2);
        append_le (out, ~(uint32_t) size, 2);
        bg_buf_append (out, tar.data + at, size);
        at += size;
    }
    append_le (out, crc32_of (tar), 4);
    append_le (out, (uint32_t) tar.size, 4);
}

void ctl_tar_fini (ctl_tar *self)
{
    bg_buf_fini (&self->bytes);
}
