/*  Where a context's broker is now: its endpoint, or what its home on this machine says.  */
#include "broker/home/home.h"
#include "ctl/identity.h"

bg_result ctl_context_endpoint (const ctl_context *context, bg_buf *out, bg_error *err)
{
    if (context->home == NULL) {
        bg_buf_append_str (out, context->endpoint);
        return bg_ok ();
    }
    broker_contact contact;
    bg_error why = {0};
    bg_result result = broker_contact_read (context->home, &contact, &why);
    if (bg_is_ok (result) && !bg_key_equal (&contact.broker_key, &context->broker_key)) {
        bg_ignore (bg_fail (err, BG_BAD_SIGNATURE,
            "the broker in %s is not the one of context %s: its key is another", context->home,
            context->name));
        return bg_hint (err, "it was made anew; forget the old one with: bugle context remove %s",
            context->name);
    }
    if (bg_is_ok (result)) {
        bg_buf_append_str (out, contact.endpoint[BROKER_OPS]);
        return bg_ok ();
    }
    if (result.code == BG_NOT_FOUND) {
        bg_ignore (bg_fail (
            err, BG_UNREACHABLE, "the broker in %s has not been started yet", context->home));
        return bg_hint (err, "start it with: bugle-broker --home %s", context->home);
    }
    if (err != NULL)
        *err = why;
    return result;
}
