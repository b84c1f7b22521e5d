/*  UTF-8 (RFC 3629): validity, length in characters, control characters.

    Text of others becomes names, arguments and lines on a terminal; it is checked here once, before
    anything else looks at it. No normalisation is done: two spellings of an accented letter are two
    texts.
*/
#ifndef BUGLE_BASE_UTF8_H
#define BUGLE_BASE_UTF8_H

#include "common/base/slice.h"

/*  True for well-formed UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF. Empty is
 * valid.  */
bool bg_utf8_valid (bg_slice text);
/*  Characters (code points) of valid UTF-8; in anything else the bytes that do not continue a
 * character.  */
size_t bg_utf8_length (bg_slice text);
/*  True when the valid UTF-8 holds a character that steers instead of shows: U+0000 to U+001F,
    U+007F to U+009F, the line and paragraph separators U+2028 and U+2029, the byte order mark
    U+FEFF, and the direction controls U+200E, U+200F, U+202A to U+202E and U+2066 to U+2069, with
    which a line can be made to read as another. Newline and tab count only when allow_newline_tab
    is false.  */
bool bg_has_control (bg_slice text, bool allow_newline_tab);

#endif
