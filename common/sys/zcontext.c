/*  The process's ZeroMQ context. Not a place for sockets. CZMQ holds the context, so there is no
    state here.  */
#include "common/sys/zcontext.h"

#include "common/sys/random.h"

#include <czmq.h>

bg_result bg_zcontext_open (const bg_zcontext_options *options, bg_error *err)
{
    BG_TRY (bg_crypto_init (err));
    if (!zmq_has ("curve")) {
        bg_fail (err, BG_IO, "this libzmq was built without CURVE encryption");
        return bg_hint (err, "install the distribution's libzmq5 package");
    }
    bg_random_seed_libc ();
    if (!zsys_init ())
        return bg_fail_errno (err, BG_IO, "cannot start ZeroMQ");
    zsys_handler_set (NULL);
    zsys_set_linger (0);
    zsys_set_io_threads (options && options->io_threads ? options->io_threads : 1);
    zsys_set_max_sockets (
        options && options->max_sockets ? options->max_sockets : BG_ZCONTEXT_SOCKETS);
    return bg_ok ();
}

void bg_zcontext_close (void)
{
    zsys_shutdown ();
}
