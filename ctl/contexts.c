/*  contexts.yaml: read whole, checked whole, written whole.

        current: plant
        contexts:
          - name: plant
            home: /srv/bugle            # or endpoint: tcp://broker.example.org:7414
            broker_key: <Z85, 40 characters>
            authority: <64 hex digits>
*/
#include "ctl/config_private.h"

#include "common/base/nearest.h"
#include "common/job/names.h"
#include "common/sys/file.h"
#include "common/sys/yaml.h"
#include "ctl/output.h"

#include <stdlib.h>
#include <unistd.h>

#define FILE_NAME    "contexts.yaml"
#define CONTEXTS_MAX 1000
#define HASH_BYTES   32

static const char *const file_keys[] = {"current", "contexts"};
static const char *const context_keys[] = {"name", "home", "endpoint", "broker_key", "authority"};

/*  ---- reading ---- */

static char *text_of (
    const bg_yaml_file *file, const bg_yaml *map, const char *key, bool is_required, bg_diag *diag)
{
    const bg_yaml *node = bg_yaml_get (map, key);
    if (node == NULL || node->kind != BG_YAML_SCALAR || node->text.size == 0) {
        if (is_required || node != NULL)
            bg_yaml_error (file, node != NULL ? node : map, diag, NULL, "%s must be a text", key);
        return NULL;
    }
    return bg_slice_dup (node->text);
}

static void read_hash (const bg_yaml_file *file, const bg_yaml *map, uint8_t *hash, bg_diag *diag)
{
    BG_AUTO_CHAR text = text_of (file, map, "authority", true, diag);
    BG_AUTO_BUF bytes = {0};
    if (text == NULL)
        return;
    if (bg_failed (bg_hex_decode (bg_slice_str (text), &bytes, NULL)) || bytes.size != HASH_BYTES)
        bg_yaml_error (
            file, bg_yaml_get (map, "authority"), diag, NULL, "authority must be 64 hex digits");
    else
        memcpy (hash, bytes.data, HASH_BYTES);
}

static void read_key (const bg_yaml_file *file, const bg_yaml *map, bg_key *key, bg_diag *diag)
{
    BG_AUTO_CHAR text = text_of (file, map, "broker_key", true, diag);
    bg_error why = {0};
    if (text != NULL && bg_failed (bg_key_parse (bg_slice_str (text), key, &why)))
        bg_yaml_error (file, bg_yaml_get (map, "broker_key"), diag, NULL, "%s", why.message);
}

static void read_context (
    const bg_yaml_file *file, const bg_yaml *map, ctl_context *context, bg_diag *diag)
{
    if (map->kind != BG_YAML_MAP) {
        bg_yaml_error (
            file, map, diag, NULL, "a context must be a map, not %s", bg_yaml_kind_text (map));
        return;
    }
    (void) bg_yaml_check_keys (
        file, map, context_keys, sizeof context_keys / sizeof context_keys[0], diag);
    context->name = text_of (file, map, "name", true, diag);
    context->home = text_of (file, map, "home", false, diag);
    context->endpoint = text_of (file, map, "endpoint", false, diag);
    if ((context->home == NULL) == (context->endpoint == NULL))
        bg_yaml_error (file, map, diag, NULL, "a context has either a home or an endpoint");
    read_key (file, map, &context->broker_key, diag);
    read_hash (file, map, context->authority_hash, diag);
}

static void read_file (ctl_config *self, const bg_yaml_file *file, bg_diag *diag)
{
    const bg_yaml *top = bg_yaml_documents (file) > 0 ? bg_yaml_document (file, 0) : NULL;
    if (top == NULL)
        return;
    if (top->kind != BG_YAML_MAP) {
        bg_yaml_error (
            file, top, diag, NULL, "the file must be a map, not %s", bg_yaml_kind_text (top));
        return;
    }
    (void) bg_yaml_check_keys (file, top, file_keys, sizeof file_keys / sizeof file_keys[0], diag);
    if (!bg_yaml_is_absent (bg_yaml_get (top, "current")))
        self->current = text_of (file, top, "current", false, diag);
    const bg_yaml *list = bg_yaml_get (top, "contexts");
    if (bg_yaml_is_absent (list))
        return;
    if (list->kind != BG_YAML_LIST || list->count > CONTEXTS_MAX) {
        bg_yaml_error (
            file, list, diag, NULL, "contexts must be a list of at most %d", CONTEXTS_MAX);
        return;
    }
    self->contexts = bg_alloc ((list->count + 1) * sizeof *self->contexts);
    self->count = list->count;
    for (size_t i = 0; i < list->count; i++)
        read_context (file, list->items[i], &self->contexts[i], diag);
}

static int by_name (const void *a, const void *b)
{
    const ctl_context *left = a, *right = b;
    return strcmp (left->name, right->name);
}

static void forget (ctl_config *self)
{
    for (size_t i = 0; i < self->count; i++)
        ctl_context_fini (&self->contexts[i]);
    free (self->contexts);
    free (self->current);
    self->contexts = NULL;
    self->current = NULL;
    self->count = 0;
}

static bg_result read_all (ctl_config *self, const char *path, bg_error *err)
{
    bg_yaml_file *file = NULL;
    bg_diag *diag = bg_diag_create ();
    bg_result result = bg_yaml_load (path, false, &file, diag, err);
    if (bg_is_ok (result)) {
        read_file (self, file, diag);
        result = bg_diag_result (diag, NULL);
    }
    if (result.code == BG_INVALID && bg_diag_kept (diag) > 0) {
        bg_diag_item item = bg_diag_get (diag, 0);
        result = bg_fail (
            err, BG_FOREIGN_FILE, "%s, line %u: %s", path, (unsigned) item.line, item.message);
        result = bg_hint (err, "correct the file, or move it away and make the contexts again");
    }
    bg_yaml_destroy (&file);
    bg_diag_destroy (&diag);
    if (bg_failed (result))
        forget (self);
    else if (self->count > 0)
        qsort (self->contexts, self->count, sizeof *self->contexts, by_name);
    return result;
}

static bg_result ensure_loaded (ctl_config *self, bg_error *err)
{
    if (self->is_loaded)
        return bg_ok ();
    BG_AUTO_CHAR path = bg_path_join (self->dir, FILE_NAME);
    bg_owner before;
    BG_TRY (ctl_config_enter (self, &before, err));
    bg_error why = {0};
    bg_result result = read_all (self, path, &why);
    ctl_config_leave (&before);
    if (bg_failed (result) && result.code != BG_NOT_FOUND) {
        if (err != NULL)
            *err = why;
        return result;
    }
    self->is_loaded = true;
    return bg_ok ();
}

/*  ---- writing ---- */

static json_t *context_json (const ctl_context *context)
{
    char hash[2 * HASH_BYTES + 1];
    bg_hex_encode (bg_slice_of (context->authority_hash, HASH_BYTES), hash);
    json_t *object = json_object ();
    json_object_set_new (object, "name", json_string (context->name));
    if (context->home != NULL)
        json_object_set_new (object, "home", json_string (context->home));
    else
        json_object_set_new (object, "endpoint", json_string (context->endpoint));
    json_object_set_new (
        object, "broker_key", json_string (bg_key_text (&context->broker_key).text));
    json_object_set_new (object, "authority", json_string (hash));
    return object;
}

static bg_result write_all (const ctl_config *self, bg_error *err)
{
    json_t *top = json_object ();
    json_t *list = json_array ();
    if (self->current != NULL)
        json_object_set_new (top, "current", json_string (self->current));
    for (size_t i = 0; i < self->count; i++)
        json_array_append_new (list, context_json (&self->contexts[i]));
    json_object_set_new (top, "contexts", list);
    BG_AUTO_BUF text = {0};
    bg_buf_append_str (
        &text, "# Brokers that bugle knows. Written by bugle init and bugle context.\n");
    ctl_yaml_write (top, &text);
    json_decref (top);

    BG_AUTO_CHAR path = bg_path_join (self->dir, FILE_NAME);
    bg_owner before;
    BG_TRY (ctl_config_enter (self, &before, err));
    bg_result result = ctl_config_make_dir (self, err);
    if (bg_is_ok (result))
        result = bg_file_replace (path, bg_buf_slice (&text), 0600, err);
    ctl_config_leave (&before);
    return result;
}

/*  ---- asking and changing ---- */

bg_result ctl_contexts_all (
    ctl_config *self, const ctl_context **contexts, size_t *count, bg_error *err)
{
    BG_TRY (ensure_loaded (self, err));
    *contexts = self->contexts;
    *count = self->count;
    return bg_ok ();
}

bg_result ctl_contexts_current (ctl_config *self, const char **name, bg_error *err)
{
    BG_TRY (ensure_loaded (self, err));
    *name = self->current;
    return bg_ok ();
}

static bg_result not_found (const ctl_config *self, const char *name, bg_error *err)
{
    const char **names = bg_alloc ((self->count + 1) * sizeof *names);
    for (size_t i = 0; i < self->count; i++)
        names[i] = self->contexts[i].name;
    const char *near = bg_nearest (bg_slice_str (name), names, self->count);
    bg_result result =
        bg_fail (err, BG_NOT_FOUND, "there is no context '%s' in %s", name, self->dir);
    if (near != NULL)
        result = bg_hint (err, "did you mean %s?", near);
    else
        result = bg_hint (err, "see: bugle context list");
    free (names);
    return result;
}

static size_t index_of (const ctl_config *self, const char *name)
{
    size_t i = 0;
    while (i < self->count && strcmp (self->contexts[i].name, name) != 0)
        i++;
    return i;
}

bg_result ctl_contexts_find (
    ctl_config *self, const char *name, const ctl_context **context, bg_error *err)
{
    BG_TRY (ensure_loaded (self, err));
    if (name == NULL)
        name = self->current;
    if (name == NULL) {
        bg_ignore (bg_fail (err, BG_NOT_FOUND,
            self->count == 0 ? "no broker is known here: %s has no context"
                             : "no context is the current one in %s",
            self->dir));
        return self->count == 0 ? bg_hint (err, "make a broker with: bugle init --home DIR, or "
                                                "name one with: bugle context add")
                                : bg_hint (err, "choose one with: bugle context use NAME");
    }
    size_t at = index_of (self, name);
    if (at == self->count)
        return not_found (self, name, err);
    *context = &self->contexts[at];
    return bg_ok ();
}

static void copy_context (const ctl_context *from, ctl_context *to)
{
    *to = *from;
    to->name = bg_strdup (from->name);
    to->endpoint = from->endpoint != NULL ? bg_strdup (from->endpoint) : NULL;
    to->home = from->home != NULL ? bg_strdup (from->home) : NULL;
}

static void set_current (ctl_config *self, const char *name)
{
    char *copy = name != NULL ? bg_strdup (name) : NULL;
    free (self->current);
    self->current = copy;
}

bg_result ctl_contexts_put (
    ctl_config *self, const ctl_context *context, bool *is_replaced, bg_error *err)
{
    BG_TRY (job_broker_name_valid (bg_slice_str (context->name), err));
    BG_TRY (ensure_loaded (self, err));
    size_t at = index_of (self, context->name);
    bool is_there = at < self->count;
    if (!is_there && self->count >= CONTEXTS_MAX)
        return bg_fail (err, BG_TOO_LARGE, "there are %d contexts already", CONTEXTS_MAX);
    ctl_context copy;
    copy_context (context, &copy);
    if (is_there) {
        ctl_context_fini (&self->contexts[at]);
    } else {
        self->contexts = bg_realloc (self->contexts, (self->count + 1) * sizeof *self->contexts);
        self->count++;
    }
    self->contexts[at] = copy;
    set_current (self, copy.name);
    qsort (self->contexts, self->count, sizeof *self->contexts, by_name);
    if (is_replaced != NULL)
        *is_replaced = is_there;
    return write_all (self, err);
}

bg_result ctl_contexts_switch (ctl_config *self, const char *name, bg_error *err)
{
    const ctl_context *context = NULL;
    BG_TRY (ctl_contexts_find (self, name, &context, err));
    set_current (self, context->name);
    return write_all (self, err);
}

bg_result ctl_contexts_drop (ctl_config *self, const char *name, bg_error *err)
{
    const ctl_context *context = NULL;
    BG_TRY (ctl_contexts_find (self, name, &context, err));
    size_t at = index_of (self, name);
    if (self->current != NULL && strcmp (self->current, name) == 0)
        set_current (self, NULL);
    ctl_context_fini (&self->contexts[at]);
    memmove (&self->contexts[at], &self->contexts[at + 1],
        (self->count - at - 1) * sizeof *self->contexts);
    self->count--;
    return write_all (self, err);
}
