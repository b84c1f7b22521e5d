# The libraries, under uniform names. All are Debian 12 packages; msgpack-c changed its pkg-config name with
# version 6, so both are tried.

find_package (PkgConfig REQUIRED)
find_package (Threads REQUIRED)
pkg_check_modules (ZMQ REQUIRED IMPORTED_TARGET libzmq>=4.3.4)
pkg_check_modules (CZMQ REQUIRED IMPORTED_TARGET libczmq>=4.2)
pkg_check_modules (SODIUM REQUIRED IMPORTED_TARGET libsodium>=1.0.18)
pkg_search_module (MSGPACK REQUIRED IMPORTED_TARGET msgpack-c msgpack)
pkg_check_modules (SQLITE REQUIRED IMPORTED_TARGET sqlite3>=3.40)
pkg_check_modules (SYSTEMD REQUIRED IMPORTED_TARGET libsystemd>=250)
pkg_check_modules (YAML REQUIRED IMPORTED_TARGET yaml-0.1)
pkg_check_modules (JANSSON REQUIRED IMPORTED_TARGET jansson>=2.13)
pkg_check_modules (ICAL REQUIRED IMPORTED_TARGET libical>=3.0)
pkg_check_modules (SMARTCOLS REQUIRED IMPORTED_TARGET smartcols)
find_path (UTHASH_INCLUDE uthash.h REQUIRED)
