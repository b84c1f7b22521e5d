/*  Counts and shares: see share.h.  */
#include "ctl/share.h"

#include <ctype.h>

#define DIGITS_MAX 7

static bg_result refuse (const char *option, const char *text, bg_error *err)
{
    bg_ignore (bg_fail (err, BG_USAGE,
        "%s '%.40s' is neither a number of targets nor a share of them", option, text));
    return bg_hint (err, "write it as 10 or as 5%%");
}

bg_result ctl_share (const char *option, const char *text, size_t of, size_t *count, bg_error *err)
{
    size_t value = 0;
    size_t digits = 0;
    while (isdigit ((unsigned char) text[digits]) && digits < DIGITS_MAX)
        value = value * 10 + (size_t) (text[digits++] - '0');
    const bool is_share = digits > 0 && text[digits] == '%' && text[digits + 1] == 0;
    if (digits == 0 || value == 0 || (text[digits] != 0 && !is_share) || (is_share && value > 100))
        return refuse (option, text, err);
    *count = is_share ? (of * value + 99) / 100 : value;
    if (*count == 0)
        *count = 1;
    return bg_ok ();
}
