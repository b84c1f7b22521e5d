/*  Output: its options and what is said on stderr. Lists and objects are in list.c.  */
#include "ctl/output_private.h"

#include <stdlib.h>
#include <string.h>

static const char *const form_words[] = {
    [CTL_FORM_TABLE] = "table",
    [CTL_FORM_WIDE] = "wide",
    [CTL_FORM_JSON] = "json",
    [CTL_FORM_JSONL] = "jsonl",
    [CTL_FORM_YAML] = "yaml",
    [CTL_FORM_NAME] = "name",
};

ctl_output *ctl_output_create (const ctl_output_options *options)
{
    ctl_output *self = bg_alloc (sizeof *self);
    self->options = *options;
    return self;
}

void ctl_output_destroy (ctl_output **self_p)
{
    ctl_output *self = *self_p;
    if (self == NULL)
        return;
    json_decref (self->rows);
    free (self);
    *self_p = NULL;
}

const ctl_output_options *ctl_output_get (const ctl_output *self)
{
    return &self->options;
}

bool ctl_is_human (const ctl_output *self)
{
    return self->options.form == CTL_FORM_TABLE || self->options.form == CTL_FORM_WIDE;
}

bool ctl_form_parse (const char *word, ctl_form *form)
{
    for (size_t i = 0; i < sizeof form_words / sizeof form_words[0]; i++) {
        if (strcmp (form_words[i], word) == 0) {
            *form = (ctl_form) i;
            return true;
        }
    }
    return false;
}

/*  One line, or several, cleaned, with prefix before the first.  */
static void BG_PRINTF (3, 0)
    say (const ctl_output *self, const char *prefix, const char *format, va_list args)
{
    char *text = NULL;
    if (vasprintf (&text, format, args) < 0)
        return;
    BG_AUTO_BUF clean = {0};
    ctl_clean (bg_slice_str (text), true, &clean);
    (void) fflush (self->options.data);
    (void) fprintf (self->options.talk, "%s%s\n", prefix, bg_buf_cstr (&clean));
    free (text);
}

void ctl_note (ctl_output *self, const char *format, ...)
{
    if (self->options.is_quiet)
        return;
    va_list args;
    va_start (args, format);
    say (self, "", format, args);
    va_end (args);
}

void ctl_detail (ctl_output *self, const char *format, ...)
{
    if (!self->options.is_verbose || self->options.is_quiet)
        return;
    va_list args;
    va_start (args, format);
    say (self, "", format, args);
    va_end (args);
}

void ctl_warn (ctl_output *self, const char *format, ...)
{
    va_list args;
    va_start (args, format);
    say (self, "warning: ", format, args);
    va_end (args);
}

/*  Continuation lines stand under the sentence.  */
static void print_indented (FILE *to, const char *first, const char *next, const char *text)
{
    BG_AUTO_BUF clean = {0};
    ctl_clean (bg_slice_str (text), true, &clean);
    const char *prefix = first;
    for (const char *at = bg_buf_cstr (&clean); *at != '\0';) {
        size_t size = strcspn (at, "\n");
        (void) fprintf (to, "%s%.*s\n", prefix, (int) size, at);
        prefix = next;
        at += size + (at[size] == '\n');
    }
}

void ctl_print_error (ctl_output *self, const bg_error *err)
{
    (void) fflush (self->options.data);
    const char *message = err->message[0] != '\0' ? err->message : bg_code_text (err->code);
    print_indented (self->options.talk, "error: ", "       ", message);
    if (err->hint[0] != '\0')
        print_indented (self->options.talk, "       ", "       ", err->hint);
    if (self->options.is_verbose && !self->options.is_quiet && err->code != BG_OK)
        (void) fprintf (self->options.talk, "       reason: %s (bugle explain %s)\n",
            bg_code_word (err->code), bg_code_word (err->code));
}

void ctl_print (ctl_output *self, const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start (args, format);
    int size = vasprintf (&text, format, args);
    va_end (args);
    if (size >= 0)
        ctl_print_slice (self, bg_slice_str (text));
    free (text);
}

void ctl_print_slice (ctl_output *self, bg_slice text)
{
    BG_AUTO_BUF clean = {0};
    ctl_clean (text, true, &clean);
    (void) fwrite (clean.data, 1, clean.size, self->options.data);
}
