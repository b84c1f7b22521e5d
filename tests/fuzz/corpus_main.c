/*  Runs a fuzz target over the files of directories without libFuzzer: each file as it is, cut at some places, and with
    single bits turned. What a fuzzer would find by itself is not looked for here; that what it once found stays found,
    is.
*/
#include "common/base/slice.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

#define FILE_BYTES_MAX (1 << 20)
#define VARIANTS_MAX   400 /*  cuts, and turned bits, of one file  */

/*  In memory of exactly its size, so that a sanitizer sees every byte too far.  */
static void run_exact (const uint8_t *data, size_t size)
{
    uint8_t *exact = malloc (size ? size : 1);
    if (!exact)
        abort ();
    if (size)
        memcpy (exact, data, size);
    (void) LLVMFuzzerTestOneInput (exact, size);
    free (exact);
}

static void run_variants (uint8_t *data, size_t size)
{
    run_exact (data, size);
    size_t stride = size / VARIANTS_MAX + 1;
    for (size_t at = 0; at < size; at += stride) {
        run_exact (data, at);
        for (unsigned bit = 0; bit < 8; bit++) {
            data[at] ^= (uint8_t) (1U << bit);
            run_exact (data, size);
            data[at] ^= (uint8_t) (1U << bit);
        }
    }
}

static bool run_file (const char *path)
{
    FILE *file = fopen (path, "rb");
    uint8_t *data = bg_alloc (FILE_BYTES_MAX);
    size_t size = file ? fread (data, 1, FILE_BYTES_MAX, file) : 0;
    bool failed = !file || ferror (file);
    if (file)
        (void) fclose (file);
    if (failed)
        (void) fprintf (stderr, "%s: cannot be read: %s\n", path, strerror (errno));
    else
        run_variants (data, size);
    free (data);
    return !failed;
}

static size_t run_directory (const char *path)
{
    DIR *directory = opendir (path);
    size_t files = 0;
    if (!directory)
        return 0;
    for (const struct dirent *entry = readdir (directory); entry; entry = readdir (directory)) {
        BG_AUTO_CHAR name = bg_strdup_printf ("%s/%s", path, entry->d_name);
        if (entry->d_name[0] != '.')
            files += run_file (name);
    }
    (void) closedir (directory);
    return files;
}

int main (int argc, char **argv)
{
    size_t files = 0;
    for (int i = 1; i < argc; i++)
        files += run_directory (argv[i]);
    printf ("%zu files\n", files);
    if (files > 0)
        return 0;
    (void) fprintf (stderr, "no files: make_corpus writes them\n");
    return 1;
}
