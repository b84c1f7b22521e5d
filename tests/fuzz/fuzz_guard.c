/*  Any bytes as a frame: what the guard accepts, msgpack-c reads completely; and the canonical guard accepts nothing
    that the plain one refuses.
*/
#include "proto/guard.h"

#include <msgpack.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    static const wire_guard_limits plain = {
        .bytes = 1 << 18, .depth = 8, .items = 65536, .members = 1024, .shortest = false};
    static const wire_guard_limits canonical = {
        .bytes = 1 << 18, .depth = 8, .items = 65536, .members = 1024, .shortest = true};
    bg_error err = {0};
    bg_slice bytes = bg_slice_of (data, size);
    bg_result accepted = wire_guard (bytes, &plain, &err);
    if (bg_failed (accepted)) {
        if (err.message[0] == 0 || bg_is_ok (wire_guard (bytes, &canonical, NULL)))
            abort ();
        return 0;
    }
    msgpack_unpacked parsed;
    msgpack_unpacked_init (&parsed);
    size_t end = 0;
    bool is_whole =
        msgpack_unpack_next (&parsed, (const char *) data, size, &end) == MSGPACK_UNPACK_SUCCESS;
    msgpack_unpacked_destroy (&parsed);
    if (!is_whole || end != size)
        abort ();
    return 0;
}
