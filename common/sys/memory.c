/*  Giving memory back: the heap's free ends, clean pages of files and the unused part of the stack.

    Not here: anything that was written. A segment that may be written, or that the dynamic linker had to write to
    (DT_TEXTREL), is left alone, since dropping its pages would undo the relocations.

    Invariant: no byte that the process can read changes.  */
#include "common/sys/memory.h"

#include <link.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

/*  Linkers make two to four that cannot be written; of more than this the rest is kept.  */
#define SEGMENTS_MAX 8

/*  What the calls from here need is far less than the first; the kernel makes a stack of 132 KiB to begin with.  */
#define STACK_KEPT      ((uintptr_t) 8192)
#define STACK_FORGOTTEN ((uintptr_t) 131072)

static bool was_text_relocated (const struct dl_phdr_info *object)
{
    for (size_t i = 0; i < object->dlpi_phnum; i++) {
        if (object->dlpi_phdr[i].p_type != PT_DYNAMIC)
            continue;
        const ElfW (Dyn) *row =
            (const ElfW (Dyn) *) (object->dlpi_addr + object->dlpi_phdr[i].p_vaddr);
        for (; row->d_tag != DT_NULL; row++)
            if (row->d_tag == DT_TEXTREL ||
                (row->d_tag == DT_FLAGS && (row->d_un.d_val & DF_TEXTREL)))
                return true;
    }
    return false;
}

/*  Whole pages only, and only those of the segment itself: its neighbours may be written.  */
static void forget_segment (uintptr_t base, const ElfW (Phdr) * segment, uintptr_t page)
{
    const uintptr_t begin = base + segment->p_vaddr;
    const uintptr_t first = begin & ~(page - 1);
    const uintptr_t end = (begin + segment->p_memsz) & ~(page - 1);
    if (end > first)
        (void) madvise ((void *) first, end - first, MADV_DONTNEED);
}

/*  The headers lie in a segment that is forgotten, too: looking at them in between would bring it back.  */
static int forget_object (struct dl_phdr_info *object, size_t size, void *arg)
{
    (void) size;
    const uintptr_t page = *(const uintptr_t *) arg;
    const uintptr_t base = object->dlpi_addr;
    ElfW (Phdr) segments[SEGMENTS_MAX];
    size_t count = 0;
    const bool is_kernels = strncmp (object->dlpi_name, "linux-vdso", 10) == 0;
    if (is_kernels || was_text_relocated (object))
        return 0;
    for (size_t i = 0; i < object->dlpi_phnum && count < SEGMENTS_MAX; i++)
        if (object->dlpi_phdr[i].p_type == PT_LOAD && !(object->dlpi_phdr[i].p_flags & PF_W))
            segments[count++] = object->dlpi_phdr[i];
    for (size_t i = 0; i < count; i++)
        forget_segment (base, &segments[i], page);
    return 0;
}

/*  What the deepest calls of the start left below the stack's end. Only of the process's first thread: below its stack
    the kernel keeps a gap of 128 MiB and more free of mappings, below another's may lie anything.  */
static void forget_stack (uintptr_t page)
{
    if (gettid () != getpid ())
        return;
    const uintptr_t end = ((uintptr_t) __builtin_frame_address (0) & ~(page - 1)) - STACK_KEPT;
    (void) madvise ((void *) (end - STACK_FORGOTTEN), STACK_FORGOTTEN, MADV_DONTNEED);
}

void bg_memory_give_back (void)
{
    uintptr_t page = (uintptr_t) sysconf (_SC_PAGESIZE);
    (void) malloc_trim (0);
    (void) dl_iterate_phdr (forget_object, &page);
    forget_stack (page);
}
