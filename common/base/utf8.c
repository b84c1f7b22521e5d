/*  UTF-8 checks. One decoder serves them all; runs of plain ASCII, which is what most texts are, are passed over eight
    bytes at a time before it.  */
#include "common/base/utf8.h"

#define DECODE_FAILED UINT32_MAX

typedef struct {
    uint8_t mask;   /*  of the bits that tell the form  */
    uint8_t value;  /*  of those bits  */
    uint8_t size;   /*  bytes in all  */
    uint32_t least; /*  smallest code point that needs this form  */
} utf8_form;

static const utf8_form forms[] = {
    {0x80, 0x00, 1, 0x0},
    {0xe0, 0xc0, 2, 0x80},
    {0xf0, 0xe0, 3, 0x800},
    {0xf8, 0xf0, 4, 0x10000},
};

/*  The code point at *at, which is moved behind it; DECODE_FAILED when the bytes are not
 * well-formed.  */
static uint32_t decode (bg_slice text, size_t *at)
{
    uint8_t lead = text.data[*at];
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        const utf8_form *form = &forms[i];
        if ((lead & form->mask) != form->value)
            continue;
        if (text.size - *at < form->size)
            return DECODE_FAILED;
        uint32_t point = lead & (uint8_t) ~form->mask;
        for (size_t k = 1; k < form->size; k++) {
            uint8_t byte = text.data[*at + k];
            if ((byte & 0xc0) != 0x80)
                return DECODE_FAILED;
            point = point << 6 | (byte & 0x3f);
        }
        bool is_surrogate = point >= 0xd800 && point <= 0xdfff;
        if (point < form->least || point > 0x10ffff || is_surrogate)
            return DECODE_FAILED;
        *at += form->size;
        return point;
    }
    return DECODE_FAILED;
}

#define EACH_BYTE(byte) (UINT64_C (0x0101010101010101) * (byte))

/*  Where the next byte may be that is not a printable character of ASCII: everything before it is. At most seven
    printable ones follow it.  */
static size_t skip_plain (bg_slice text, size_t at)
{
    while (text.size - at >= sizeof (uint64_t)) {
        uint64_t word;
        memcpy (&word, text.data + at, sizeof word);
        /*  The high bit of a byte: it is above 0x7f, below 0x20, or 0x7f. (A borrow can only raise a bit too many.)  */
        const uint64_t odd = word | (word - EACH_BYTE (0x20)) | (word + EACH_BYTE (0x01));
        if (odd & EACH_BYTE (0x80))
            break;
        at += sizeof word;
    }
    return at;
}

bool bg_utf8_valid (bg_slice text)
{
    for (size_t at = skip_plain (text, 0); at < text.size; at = skip_plain (text, at)) {
        if (text.data[at] < 0x80)
            at++;
        else if (decode (text, &at) == DECODE_FAILED)
            return false;
    }
    return true;
}

size_t bg_utf8_length (bg_slice text)
{
    size_t length = 0;
    for (size_t i = 0; i < text.size; i++)
        length += (text.data[i] & 0xc0) != 0x80;
    return length;
}

static bool is_control (uint32_t point)
{
    static const struct {
        uint32_t first;
        uint32_t last;
    } ranges[] = {
        {0x00, 0x1f},
        {0x7f, 0x9f},
        {0x200e, 0x200f},
        {0x2028, 0x202e},
        {0x2066, 0x2069},
        {0xfeff, 0xfeff},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        if (point >= ranges[i].first && point <= ranges[i].last)
            return true;
    }
    return false;
}

bool bg_has_control (bg_slice text, bool allow_newline_tab)
{
    for (size_t at = skip_plain (text, 0); at < text.size; at = skip_plain (text, at)) {
        if (text.data[at] >= 0x20 && text.data[at] < 0x7f) {
            at++;
            continue;
        }
        uint32_t point = decode (text, &at);
        if (point == DECODE_FAILED)
            return true;
        if (allow_newline_tab && (point == '\n' || point == '\t'))
            continue;
        if (is_control (point))
            return true;
    }
    return false;
}
