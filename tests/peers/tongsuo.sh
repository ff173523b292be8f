# Tongsuo 8.5.0 with its command line tool. The flags are those of tls/openssl-src, minus `no-apps`: what the proxy
# links and what it is tested against then differ in who drives the library, not in how it was compiled.
make_peer() {
    configure_and_make "$SOURCE/tongsuo" apps/openssl tongsuo \
        linux-"$(uname -m)" no-shared no-module no-dso no-engine no-autoload-config no-legacy no-ssl3 no-comp no-zlib \
        no-tests enable-ntls enable-ec_sm2p_64_gcc_128
}
