# OpenSSL 4.0.3 with its command line tool: RFC 8998 as somebody else wrote it.
make_peer() {
    configure_and_make "$SOURCE/openssl" apps/openssl openssl \
        linux-"$(uname -m)" no-shared no-module no-autoload-config no-legacy no-comp no-zlib no-tests no-docs
}
