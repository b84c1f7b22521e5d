/*  Text as troff wants it, in the old man macros, and pages of Markdown turned into it.

    The subset of Markdown is that of docs/: headings, paragraphs, lists with dashes, tables, fenced blocks, `code` and
    links. Notes for tools (<!-- ... -->) are left out.
*/
#ifndef BUGLE_DOCS_ROFF_H
#define BUGLE_DOCS_ROFF_H

#include "common/base/slice.h"

/*  Plain text: nothing in it is a command of troff.  */
void roff_text (bg_slice text, bg_buf *out);
void roff_str (const char *text, bg_buf *out);
/*  A line of text; `code` becomes bold.  */
void roff_line (bg_slice text, bg_buf *out);
/*  .SH or .SS with a title.  */
void roff_heading (const char *macro, bg_slice title, bg_buf *out);
/*  Lines shown as they are.  */
void roff_block (bg_slice lines, bg_buf *out);
/*  A whole page; its title (#) is left out, ## becomes .SH, ### .SS.  */
void roff_markdown (bg_slice page, bg_buf *out);

#endif
