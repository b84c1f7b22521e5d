# Warnings, hardening and sanitizers, as one interface target that every layer links privately.
# Assertions stay on in every build type: NDEBUG is never defined.

foreach (type RELEASE RELWITHDEBINFO MINSIZEREL)
    string (REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_${type} "${CMAKE_C_FLAGS_${type}}")
endforeach ()

add_library (bugle_flags INTERFACE)
target_include_directories (bugle_flags INTERFACE "${PROJECT_SOURCE_DIR}" "${PROJECT_BINARY_DIR}/gen")
target_compile_definitions (bugle_flags INTERFACE _GNU_SOURCE BUGLE_VERSION="${PROJECT_VERSION}")
target_compile_options (bugle_flags INTERFACE
    -Wall -Wextra -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes -Wmissing-prototypes
    -Wold-style-definition -Wundef -Wvla -Wcast-qual -Wwrite-strings -Wformat=2 -Wimplicit-fallthrough
    -Wpointer-arith -Wdouble-promotion -fno-common -fno-strict-aliasing)

if (BUGLE_WERROR)
    target_compile_options (bugle_flags INTERFACE -Werror)
endif ()

if (BUGLE_HARDENING)
    target_compile_options (bugle_flags INTERFACE
        -fstack-protector-strong -fstack-clash-protection -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
    if (CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|amd64")
        target_compile_options (bugle_flags INTERFACE -fcf-protection=full)
    endif ()
    target_link_options (bugle_flags INTERFACE -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -pie)
endif ()

if (BUGLE_SANITIZE)
    target_compile_options (bugle_flags INTERFACE
        -fsanitize=${BUGLE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options (bugle_flags INTERFACE -fsanitize=${BUGLE_SANITIZE})
endif ()

if (BUGLE_FUZZ) # the edges that libFuzzer counts are in the layers, not in the targets
    target_compile_options (bugle_flags INTERFACE -fsanitize=fuzzer-no-link)
endif ()

if (BUGLE_COVERAGE)
    target_compile_options (bugle_flags INTERFACE --coverage -O0)
    target_link_options (bugle_flags INTERFACE --coverage)
endif ()

# bugle_layer (NAME SOURCES ... MAY_USE ...): one layer of the architecture, a static archive.
# MAY_USE lists everything it may see: other layers and library targets.
function (bugle_layer name)
    cmake_parse_arguments (L "" "" "SOURCES;MAY_USE" ${ARGN})
    add_library (${name} STATIC ${L_SOURCES})
    target_link_libraries (${name} PUBLIC ${L_MAY_USE} PRIVATE bugle_flags)
endfunction ()

# bugle_program (NAME SOURCES ... MAY_USE ...): an installed program.
function (bugle_program name)
    cmake_parse_arguments (P "" "" "SOURCES;MAY_USE" ${ARGN})
    add_executable (${name} ${P_SOURCES})
    target_link_libraries (${name} PRIVATE ${P_MAY_USE} bugle_flags)
    install (TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endfunction ()
