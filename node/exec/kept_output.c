/*  Kept output: see kept_output.h. What is read is what somebody may be writing: a count that is
    behind the bytes is taken for the bytes.  */
#include "node/exec/kept_output.h"

#include "common/sys/file.h"
#include "node/exec/run_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC      "bgout 1\n"
#define MAGIC_SIZE 8
#define PART_MAX   131072
#define STEPS_MAX  64

/*  ---- names and writing ----  */

kept_output_name kept_output_name_of (const char *run, size_t step)
{
    kept_output_name name;
    (void) snprintf (name.text, sizeof name.text, "%.32s.%zu.out", run, step);
    return name;
}

bool kept_output_is_name (const char *name)
{
    size_t size = strlen (name);
    return size >= 4 && strcmp (name + size - 4, ".out") == 0;
}

bg_result kept_output_begin (int fd)
{
    uint8_t header[KEPT_OUTPUT_HEADER_BYTES] = MAGIC;
    return bg_fd_write (fd, "kept output", bg_slice_of (header, sizeof header), NULL);
}

void kept_output_total (int fd, uint64_t total)
{
    uint8_t bytes[8];
    bg_write_u64 (bytes, total);
    ssize_t ignored = pwrite (fd, bytes, sizeof bytes, MAGIC_SIZE);
    (void) ignored; /*  a count that is behind is taken for what is there  */
}

/*  ---- what the run's file says ----  */

typedef struct {
    const wire_plan *plan;
    const wire_step_result *steps[STEPS_MAX + 1]; /*  newest record of each  */
    size_t newest;                                /*  step of the last record  */
    uint64_t state;
    bool has_file;
    bool is_over;
} told;

static void take_record (told *self, const wire_header *header, const void *value)
{
    if (header->kind == WIRE_RECORD_PLAN)
        self->plan = value;
    if (header->kind == WIRE_RECORD_END) {
        self->is_over = true;
        self->state = ((const wire_record_end *) value)->state;
    }
    if (header->kind != WIRE_RECORD_STEP)
        return;
    const wire_step_result *step = &((const wire_record_step *) value)->result;
    if (step->step < 1 || step->step > STEPS_MAX)
        return;
    self->steps[step->step] = step;
    self->newest = (size_t) step->step;
}

static told look (const char *dir, bg_id run, bg_arena *arena)
{
    told self = {0};
    run_file file;
    run_file_look (dir, run, arena, &file);
    self.has_file = file.count > 0;
    for (size_t i = 0; i < file.count; i++) {
        wire_header header;
        void *value = NULL;
        if (bg_is_ok (wire_inner_decode (file.records[i], arena, &header, &value, NULL)))
            take_record (&self, &header, value);
    }
    /*  Taken over by the node, or its supervisor died: nothing more will come.  */
    self.is_over = self.is_over || !file.is_alive;
    return self;
}

/*  ---- the kept file ----  */

static int open_kept (const char *dir, bg_id run, size_t step)
{
    kept_output_name name = kept_output_name_of (bg_id_text (run).text, step);
    BG_AUTO_CHAR path = bg_strdup_printf ("%s/%s", dir, name.text);
    return open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
}

/*  What of a piece can be given at once.  */
static size_t piece_of (const wire_exec_output *ask, uint64_t left)
{
    size_t limit = ask->limit ? (size_t) ask->limit : PART_MAX;
    return left < limit ? (size_t) left : limit;
}

static bool read_kept (
    int fd, const wire_exec_output *ask, bg_arena *arena, wire_exec_output_part *part)
{
    uint8_t header[KEPT_OUTPUT_HEADER_BYTES];
    struct stat state;
    if (pread (fd, header, sizeof header, 0) != (ssize_t) sizeof header ||
        memcmp (header, MAGIC, MAGIC_SIZE) != 0 || fstat (fd, &state) < 0)
        return false;
    uint64_t kept = (uint64_t) state.st_size - KEPT_OUTPUT_HEADER_BYTES;
    uint64_t total = bg_read_u64 (header + MAGIC_SIZE);
    part->total = total > kept ? total : kept;
    part->lost = part->total - kept;
    part->offset = ask->offset < kept ? ask->offset : kept;
    size_t size = piece_of (ask, kept - part->offset);
    uint8_t *bytes = bg_arena_alloc (arena, size + 1);
    ssize_t got = pread (fd, bytes, size, (off_t) (KEPT_OUTPUT_HEADER_BYTES + part->offset));
    part->bytes = bg_slice_of (bytes, got > 0 ? (size_t) got : 0);
    return true;
}

/*  Steps without a file: what the report will say.  */
static void read_result (const wire_step_result *step, const wire_exec_output *ask, bg_arena *arena,
    wire_exec_output_part *part)
{
    size_t there = step->head.size + step->tail.size;
    bool is_whole = there >= step->output_bytes;
    size_t first = is_whole ? there : step->head.size;
    uint8_t *bytes = bg_arena_alloc (arena, there + 1);
    if (step->head.size)
        memcpy (bytes, step->head.data, step->head.size);
    if (step->tail.size)
        memcpy (bytes + step->head.size, step->tail.data, step->tail.size);
    part->total = step->output_bytes;
    part->lost = is_whole ? 0 : step->output_bytes - there;
    part->offset = ask->offset < first ? ask->offset : first;
    part->bytes = bg_slice_of (bytes + part->offset, piece_of (ask, first - part->offset));
}

/*  Behind the last byte that is kept comes the tail of the result, so that a step which said too much ends before the next
    one begins. A result of another attempt than the file's has nothing to say here.  */
static void add_tail (
    const wire_step_result *step, const wire_exec_output *ask, wire_exec_output_part *part)
{
    if (part->bytes.size > 0 || step->output_bytes != part->total ||
        step->tail.size > part->total || ask->offset >= part->total || part->offset >= part->total)
        return;
    uint64_t tail_at = part->total - step->tail.size;
    uint64_t from = ask->offset > part->offset ? ask->offset : part->offset;
    from = from > tail_at ? from : tail_at;
    if (from >= part->total)
        return;
    part->offset = from;
    part->bytes =
        bg_slice_of (step->tail.data + (from - tail_at), piece_of (ask, part->total - from));
}

/*  ---- asking ----  */

/*  A step that has a file and no record is going on; else the last one that was recorded, else the
    first.  */
static size_t newest_step (const char *dir, bg_id run, const told *file)
{
    for (size_t step = STEPS_MAX; step > 0; step--) {
        if (file->steps[step] || (file->plan && step > file->plan->steps_count))
            continue;
        BG_AUTO_FD fd = open_kept (dir, run, step);
        if (fd >= 0)
            return step;
    }
    return file->newest ? file->newest : 1;
}

static void name_step (const told *file, wire_exec_output_part *part)
{
    if (file->plan && part->step <= file->plan->steps_count)
        part->step_name = file->plan->steps[part->step - 1].name;
}

static void not_there (wire_exec_output_part *part, const char *why)
{
    part->code = bg_slice_str (bg_code_word (BG_NOT_FOUND));
    part->message = bg_slice_str (why);
}

void kept_output_read (
    const char *dir, const wire_exec_output *ask, bg_arena *arena, wire_exec_output_part *part)
{
    told file = look (dir, ask->run, arena);
    *part = (wire_exec_output_part){.code = bg_slice_str (bg_code_word (BG_OK)),
        .step = ask->step ? ask->step : newest_step (dir, ask->run, &file),
        .run_state = file.state};
    const wire_step_result *record = part->step <= STEPS_MAX ? file.steps[part->step] : NULL;
    part->done = file.is_over || record;
    name_step (&file, part);
    BG_AUTO_FD fd = open_kept (dir, ask->run, (size_t) part->step);
    const bool has_kept = fd >= 0 && read_kept (fd, ask, arena, part);
    if (!has_kept && record)
        read_result (record, ask, arena, part);
    if (record)
        add_tail (record, ask, part);
    else if (has_kept)
        return;
    else if (!file.has_file)
        not_there (part, "nothing is kept here of this step's output");
    else if (file.is_over || !file.plan || part->step > file.plan->steps_count)
        not_there (part, "the run has not come to this step");
}
