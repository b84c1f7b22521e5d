/*  For use right before messages.def or inner.def: every macro of their form that was not defined expands to nothing.
    No include guard on purpose. def_undo.h takes all of them back.  */
#ifndef WIRE_STRUCT
#define WIRE_STRUCT(s)
#endif
#ifndef WIRE_U
#define WIRE_U(s, n, name, max, req, since)
#endif
#ifndef WIRE_I
#define WIRE_I(s, n, name, req, since)
#endif
#ifndef WIRE_BOOL
#define WIRE_BOOL(s, n, name, since)
#endif
#ifndef WIRE_ID
#define WIRE_ID(s, n, name, req, since)
#endif
#ifndef WIRE_KEY
#define WIRE_KEY(s, n, name, req, since)
#endif
#ifndef WIRE_FIX
#define WIRE_FIX(s, n, name, bytes, req, since)
#endif
#ifndef WIRE_BIN
#define WIRE_BIN(s, n, name, max, req, since)
#endif
#ifndef WIRE_STR
#define WIRE_STR(s, n, name, max, req, since)
#endif
#ifndef WIRE_TEXT
#define WIRE_TEXT(s, n, name, max, req, since)
#endif
#ifndef WIRE_OBJ
#define WIRE_OBJ(s, n, name, type, req, since)
#endif
#ifndef WIRE_LIST
#define WIRE_LIST(s, n, name, type, max, since)
#endif
#ifndef WIRE_STRS
#define WIRE_STRS(s, n, name, max_count, max_bytes, since)
#endif
#ifndef WIRE_UINTS
#define WIRE_UINTS(s, n, name, max_count, since)
#endif
#ifndef WIRE_END
#define WIRE_END(s)
#endif
#ifndef WIRE_KIND
#define WIRE_KIND(NAME, number, type, sender, channel, text)
#endif
#ifndef WIRE_TYPE
#define WIRE_TYPE(NAME, number, word, type, text)
#endif
