/*  The YAML subset: see yaml.h. libyaml turns bytes into events with places; this makes the tree
   and refuses what is outside the subset. What can be skipped is skipped after it was told (tags,
   anchors, duplicates), so that a person sees all mistakes at once; a syntax error, too deep and
   too many end the reading.

    Recursion is bounded by BG_YAML_LEVELS. The level is checked before libyaml goes deeper, because
   its own cost grows with the square of open brackets.  */
#include "common/sys/yaml.h"

#include "common/base/arena.h"
#include "common/base/nearest.h"
#include "common/base/utf8.h"
#include "common/sys/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

struct bg_yaml_file {
    bg_arena arena;
    const char *name;
    bg_slice source;
    bg_yaml **documents;
    size_t count;
};

typedef struct {
    bg_yaml_file *file;
    bg_diag *diag;
    yaml_parser_t parser;
    bool is_over; /*  nothing more can be read  */
} reader;

/*  Growing list of nodes; ends in the arena.  */
typedef struct {
    bg_yaml **nodes;
    size_t count, capacity;
} node_list;

static void list_add (node_list *self, bg_yaml *node)
{
    if (self->count == self->capacity) {
        self->capacity = self->capacity ? self->capacity * 2 : 8;
        self->nodes = bg_realloc (self->nodes, self->capacity * sizeof *self->nodes);
    }
    self->nodes[self->count++] = node;
}

static bg_yaml **list_finish (node_list *self, bg_arena *arena)
{
    bg_yaml **nodes = NULL;
    if (self->count > 0) {
        nodes = bg_arena_array (arena, bg_yaml *, self->count);
        memcpy (nodes, self->nodes, self->count * sizeof *nodes);
    }
    free (self->nodes);
    return nodes;
}

static void complain (reader *self, yaml_mark_t mark, const char *text)
{
    bg_diag_place place = {
        self->file->name, self->file->source, (uint32_t) mark.line + 1, (uint32_t) mark.column + 1};
    bg_diag_add (self->diag, &place, NULL, "%s", text);
}

static void give_up (reader *self, yaml_mark_t mark, const char *text)
{
    complain (self, mark, text);
    self->is_over = true;
}

/*  Line and column of a byte of the source.  */
static yaml_mark_t mark_of (bg_slice source, size_t offset)
{
    yaml_mark_t mark = {.index = offset};
    size_t line_start = 0;
    for (size_t i = 0; i < offset && i < source.size; i++) {
        if (source.data[i] == '\n') {
            mark.line++;
            line_start = i + 1;
        }
    }
    for (size_t i = line_start; i < offset && i < source.size; i++)
        mark.column += (source.data[i] & 0xc0) != 0x80;
    return mark;
}

static bool is_tab_at (bg_slice source, yaml_mark_t mark)
{
    size_t line = 0, i = 0;
    for (; i < source.size && line < mark.line; i++)
        line += source.data[i] == '\n';
    for (size_t column = 0; i < source.size && source.data[i] != '\n'; i++) {
        if (column == mark.column)
            return source.data[i] == '\t';
        column += (source.data[i] & 0xc0) != 0x80;
    }
    return false;
}

/*  What libyaml says, with the place where a person has to look.  */
static void syntax_error (reader *self)
{
    const yaml_parser_t *parser = &self->parser;
    yaml_mark_t mark = parser->problem_mark;
    const char *problem = parser->problem ? parser->problem : "it cannot be read";
    if (parser->error == YAML_READER_ERROR)
        mark = mark_of (self->file->source, parser->problem_offset);
    bool is_open_end = strstr (problem, "end of stream") && parser->context;
    if (is_open_end)
        mark = parser->context_mark;
    if (parser->error == YAML_SCANNER_ERROR && is_tab_at (self->file->source, mark)) {
        give_up (self, mark, "a tab cannot be used here; indent with spaces");
        return;
    }
    char text[256];
    bool is_elsewhere = parser->context && !is_open_end && parser->context_mark.line != mark.line;
    if (is_elsewhere)
        (void) snprintf (text, sizeof text, "not valid YAML: %s %s that begins in line %zu",
            problem, parser->context, parser->context_mark.line + 1);
    else
        (void) snprintf (text, sizeof text, "not valid YAML: %s%s%s", problem,
            parser->context ? " " : "", parser->context ? parser->context : "");
    give_up (self, mark, text);
}

static bool next_event (reader *self, yaml_event_t *event)
{
    if (self->is_over)
        return false;
    if (yaml_parser_parse (&self->parser, event))
        return true;
    syntax_error (self);
    return false;
}

static bg_yaml *new_node (reader *self, bg_yaml_kind kind, const yaml_event_t *event)
{
    bg_yaml *node = bg_arena_alloc (&self->file->arena, sizeof *node);
    node->kind = kind;
    node->line = (uint32_t) event->start_mark.line + 1;
    node->column = (uint32_t) event->start_mark.column + 1;
    return node;
}

static void refuse_extras (
    reader *self, const yaml_event_t *event, const yaml_char_t *anchor, const yaml_char_t *tag)
{
    if (anchor)
        complain (self, event->start_mark, "anchors (&name) are not allowed; write the value out");
    if (tag)
        complain (self, event->start_mark, "tags (!name) are not allowed");
}

static bg_yaml *scalar_node (reader *self, const yaml_event_t *event)
{
    bg_yaml *node = new_node (self, BG_YAML_SCALAR, event);
    yaml_scalar_style_t style = event->data.scalar.style;
    refuse_extras (self, event, event->data.scalar.anchor, event->data.scalar.tag);
    bg_slice text = bg_slice_of (event->data.scalar.value, event->data.scalar.length);
    if (text.size > 0 && memchr (text.data, 0, text.size))
        complain (self, event->start_mark, "a text must not contain the character NUL");
    node->text.data = (const uint8_t *) bg_arena_str (&self->file->arena, text);
    node->text.size = text.size;
    node->is_plain = style == YAML_PLAIN_SCALAR_STYLE;
    node->is_block = style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE;
    node->is_multiline = event->end_mark.line != event->start_mark.line;
    return node;
}

static bg_yaml *read_node (reader *self, yaml_event_t *event, int level);

static bool too_many (reader *self, size_t count, yaml_mark_t mark)
{
    if (count < BG_YAML_ITEMS)
        return false;
    give_up (self, mark, "more than 4096 items in one list or map");
    return true;
}

static bg_yaml *list_node (reader *self, const yaml_event_t *start, int level)
{
    bg_yaml *node = new_node (self, BG_YAML_LIST, start);
    refuse_extras (self, start, start->data.sequence_start.anchor, start->data.sequence_start.tag);
    node_list items = {0};
    yaml_event_t event;
    while (next_event (self, &event)) {
        if (event.type == YAML_SEQUENCE_END_EVENT) {
            yaml_event_delete (&event);
            break;
        }
        if (!too_many (self, items.count, event.start_mark))
            list_add (&items, read_node (self, &event, level + 1));
        yaml_event_delete (&event);
    }
    node->count = items.count;
    node->items = list_finish (&items, &self->file->arena);
    return node;
}

static const bg_yaml *find_key (const node_list *keys, bg_slice text)
{
    for (size_t i = 0; i < keys->count; i++) {
        if (bg_slice_equal (keys->nodes[i]->text, text))
            return keys->nodes[i];
    }
    return NULL;
}

/*  False when the pair has to be left out.  */
static bool check_key (reader *self, const node_list *keys, const bg_yaml *key, yaml_mark_t mark)
{
    if (key->kind != BG_YAML_SCALAR) {
        complain (self, mark, "a key must be a word, not a list or map");
        return false;
    }
    const bg_yaml *first = find_key (keys, key->text);
    if (!first)
        return true;
    char text[160];
    (void) snprintf (text, sizeof text, "the key \"%.60s\" is there twice, first in line %u",
        (const char *) key->text.data, first->line);
    complain (self, mark, text);
    return false;
}

static bg_yaml *map_node (reader *self, const yaml_event_t *start, int level)
{
    bg_yaml *node = new_node (self, BG_YAML_MAP, start);
    refuse_extras (self, start, start->data.mapping_start.anchor, start->data.mapping_start.tag);
    node_list keys = {0}, values = {0};
    yaml_event_t event;
    while (next_event (self, &event)) {
        if (event.type == YAML_MAPPING_END_EVENT) {
            yaml_event_delete (&event);
            break;
        }
        yaml_mark_t mark = event.start_mark;
        bg_yaml *key = NULL;
        if (!too_many (self, keys.count, mark))
            key = read_node (self, &event, level + 1);
        yaml_event_delete (&event);
        if (!key || !next_event (self, &event))
            break;
        bg_yaml *value = read_node (self, &event, level + 1);
        yaml_event_delete (&event);
        if (check_key (self, &keys, key, mark)) {
            list_add (&keys, key);
            list_add (&values, value);
        }
    }
    node->count = keys.count;
    node->keys = list_finish (&keys, &self->file->arena);
    node->items = list_finish (&values, &self->file->arena);
    return node;
}

/*  Never NULL; after give_up() the node may be half filled and nobody looks at it.  */
static bg_yaml *read_node (reader *self, yaml_event_t *event, int level)
{
    bool is_container =
        event->type == YAML_SEQUENCE_START_EVENT || event->type == YAML_MAPPING_START_EVENT;
    if (is_container && level > BG_YAML_LEVELS)
        give_up (self, event->start_mark, "nested more than 16 levels deep");
    else if (event->type == YAML_SEQUENCE_START_EVENT)
        return list_node (self, event, level);
    else if (event->type == YAML_MAPPING_START_EVENT)
        return map_node (self, event, level);
    else if (event->type == YAML_SCALAR_EVENT)
        return scalar_node (self, event);
    else
        complain (self, event->start_mark, "aliases (*name) are not allowed; write the value out");
    bg_yaml *node = new_node (self, BG_YAML_SCALAR, event);
    node->text = bg_slice_str ("");
    node->is_plain = true;
    return node;
}

static bool is_directive (const yaml_event_t *event)
{
    return event->data.document_start.version_directive ||
           event->data.document_start.tag_directives.start !=
               event->data.document_start.tag_directives.end;
}

static void read_documents (reader *self, bool many)
{
    node_list documents = {0};
    yaml_event_t event;
    while (next_event (self, &event)) {
        yaml_event_type_t type = event.type;
        yaml_mark_t mark = event.start_mark;
        bool has_directive = type == YAML_DOCUMENT_START_EVENT && is_directive (&event);
        yaml_event_delete (&event);
        if (type == YAML_STREAM_END_EVENT)
            break;
        if (type != YAML_DOCUMENT_START_EVENT)
            continue;
        if (has_directive)
            complain (self, mark, "directives (%NAME) are not allowed");
        if (documents.count == 1 && !many) {
            give_up (self, mark, "only one document (---) is allowed in this file");
            break;
        }
        if (too_many (self, documents.count, mark) || !next_event (self, &event))
            break;
        list_add (&documents, read_node (self, &event, 1));
        yaml_event_delete (&event);
    }
    self->file->count = documents.count;
    self->file->documents = list_finish (&documents, &self->file->arena);
}

/*  Offset of the first byte that is not UTF-8.  */
static size_t first_invalid (bg_slice source)
{
    size_t i = 0;
    while (i < source.size) {
        size_t size = source.data[i] < 0x80   ? 1
                      : source.data[i] < 0xe0 ? 2
                      : source.data[i] < 0xf0 ? 3
                                              : 4;
        if (size > source.size - i || !bg_utf8_valid (bg_slice_of (source.data + i, size)))
            break;
        i += size;
    }
    return i;
}

bg_result bg_yaml_parse (
    const char *name, bg_slice source, bool many, bg_yaml_file **file, bg_diag *diag, bg_error *err)
{
    size_t before = bg_diag_count (diag);
    bg_yaml_file *made = bg_alloc (sizeof *made);
    made->name = bg_arena_str (&made->arena, bg_slice_str (name));
    reader self = {.file = made, .diag = diag};
    if (source.size > BG_YAML_BYTES) {
        bg_diag_place place = {.file = name};
        bg_diag_add (diag, &place, NULL, "larger than 1 MiB");
    } else if (!bg_utf8_valid (source)) {
        made->source = bg_arena_copy (&made->arena, source);
        complain (&self, mark_of (source, first_invalid (source)), "not valid UTF-8");
    } else {
        made->source = bg_arena_copy (&made->arena, source);
        bg_assert (yaml_parser_initialize (&self.parser));
        /*  Set, because libyaml would also take UTF-16 by its byte order mark.  */
        yaml_parser_set_encoding (&self.parser, YAML_UTF8_ENCODING);
        const uint8_t *bytes = made->source.data ? made->source.data : (const uint8_t *) "";
        yaml_parser_set_input_string (&self.parser, bytes, made->source.size);
        read_documents (&self, many);
        yaml_parser_delete (&self.parser);
    }
    if (bg_diag_count (diag) > before) {
        bg_yaml_destroy (&made);
        return bg_diag_result (diag, err);
    }
    *file = made;
    return bg_ok ();
}

bg_result bg_yaml_load (
    const char *path, bool many, bg_yaml_file **file, bg_diag *diag, bg_error *err)
{
    BG_AUTO_BUF text = {0};
    bool is_stdin = strcmp (path, "-") == 0;
    if (is_stdin)
        BG_TRY (bg_fd_read (0, "standard input", BG_YAML_BYTES, &text, err));
    else
        BG_TRY (bg_file_read (path, BG_YAML_BYTES, &text, err));
    return bg_yaml_parse (is_stdin ? "stdin" : path, bg_buf_slice (&text), many, file, diag, err);
}

void bg_yaml_destroy (bg_yaml_file **self_p)
{
    bg_yaml_file *self = *self_p;
    if (!self)
        return;
    bg_arena_fini (&self->arena);
    free (self);
    *self_p = NULL;
}

size_t bg_yaml_documents (const bg_yaml_file *self)
{
    return self->count;
}

const bg_yaml *bg_yaml_document (const bg_yaml_file *self, size_t index)
{
    bg_assert (index < self->count);
    return self->documents[index];
}

const char *bg_yaml_name (const bg_yaml_file *self)
{
    return self->name;
}

bg_slice bg_yaml_source (const bg_yaml_file *self)
{
    return self->source;
}

int bg_yaml_find (const bg_yaml *map, const char *key)
{
    if (!map || map->kind != BG_YAML_MAP)
        return -1;
    for (size_t i = 0; i < map->count; i++) {
        if (bg_slice_is (map->keys[i]->text, key))
            return (int) i;
    }
    return -1;
}

const bg_yaml *bg_yaml_get (const bg_yaml *map, const char *key)
{
    int index = bg_yaml_find (map, key);
    return index < 0 ? NULL : map->items[index];
}

bool bg_yaml_is_absent (const bg_yaml *node)
{
    return !node || (node->kind == BG_YAML_SCALAR && node->is_plain && node->text.size == 0);
}

const char *bg_yaml_kind_text (const bg_yaml *node)
{
    if (bg_yaml_is_absent (node))
        return "nothing";
    return node->kind == BG_YAML_SCALAR ? "a text"
           : node->kind == BG_YAML_LIST ? "a list"
                                        : "a map";
}

static void add_at (const bg_yaml_file *self, uint32_t line, uint32_t column, bg_diag *diag,
    const char *nearest, const char *format, va_list args) BG_PRINTF (6, 0);

static void add_at (const bg_yaml_file *self, uint32_t line, uint32_t column, bg_diag *diag,
    const char *nearest, const char *format, va_list args)
{
    char *text = NULL;
    bg_assert (vasprintf (&text, format, args) >= 0);
    bg_diag_place place = {self->name, self->source, line, column};
    bg_diag_add (diag, &place, nearest, "%s", text);
    free (text);
}

void bg_yaml_error (const bg_yaml_file *self, const bg_yaml *node, bg_diag *diag,
    const char *nearest, const char *format, ...)
{
    va_list args;
    va_start (args, format);
    add_at (self, node->line, node->column, diag, nearest, format, args);
    va_end (args);
}

void bg_yaml_error_at (const bg_yaml_file *self, const bg_yaml *node, size_t offset, bg_diag *diag,
    const char *nearest, const char *format, ...)
{
    uint32_t column = node->column;
    if (node->kind == BG_YAML_SCALAR && !node->is_block && !node->is_multiline) {
        size_t size = offset < node->text.size ? offset : node->text.size;
        column += (uint32_t) bg_utf8_length (bg_slice_of (node->text.data, size));
        column += node->is_plain ? 0 : 1; /*  the opening quote  */
    }
    va_list args;
    va_start (args, format);
    add_at (self, node->line, column, diag, nearest, format, args);
    va_end (args);
}

void bg_yaml_warn (
    const bg_yaml_file *self, const bg_yaml *node, bg_diag *diag, const char *format, ...)
{
    va_list args;
    va_start (args, format);
    char *text = NULL;
    bg_assert (vasprintf (&text, format, args) >= 0);
    va_end (args);
    bg_diag_place place = {self->name, self->source, node->line, node->column};
    bg_diag_warn (diag, &place, NULL, "%s", text);
    free (text);
}

size_t bg_yaml_check_keys (const bg_yaml_file *self, const bg_yaml *map, const char *const *words,
    size_t count, bg_diag *diag)
{
    size_t wrong = 0;
    for (size_t i = 0; map->kind == BG_YAML_MAP && i < map->count; i++) {
        const bg_yaml *key = map->keys[i];
        bool is_known = false;
        for (size_t j = 0; j < count && !is_known; j++)
            is_known = bg_slice_is (key->text, words[j]);
        if (is_known)
            continue;
        wrong++;
        bg_yaml_error (self, key, diag, bg_nearest (key->text, words, count), "unknown key \"%s\"",
            (const char *) key->text.data);
    }
    return wrong;
}
