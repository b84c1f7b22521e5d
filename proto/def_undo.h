/*  For use right after messages.def and inner.def: takes back every macro of their form, so that the next expansion
    begins with none. No include guard on purpose.  */
#undef WIRE_STRUCT
#undef WIRE_U
#undef WIRE_I
#undef WIRE_BOOL
#undef WIRE_ID
#undef WIRE_KEY
#undef WIRE_FIX
#undef WIRE_BIN
#undef WIRE_STR
#undef WIRE_TEXT
#undef WIRE_OBJ
#undef WIRE_LIST
#undef WIRE_STRS
#undef WIRE_UINTS
#undef WIRE_END
#undef WIRE_KIND
#undef WIRE_TYPE
