# GmSSL 3.1.1 with its command line tool: TLCP as somebody else wrote it (ECC-SM2-SM4-CBC-SM3 only).
make_peer() {
    cp -r "$SOURCE/gmssl" tree
    # The published crate leaves out the directories that these loops compile.
    sed -i '/^\tenable_testing()/,/^\tinstall(TARGETS gmssl-bin/{/^\tinstall(TARGETS gmssl-bin/!d}' tree/CMakeLists.txt
    # Its server would listen on every address of the machine.
    sed -i 's/= INADDR_ANY;/= htonl(INADDR_LOOPBACK);/' tree/tools/tlcp_server.c
    mkdir build
    (cd build && cmake ../tree -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF && make -j"$JOBS" gmssl-bin)
    install -D -s build/bin/gmssl "$OUT/bin/gmssl"
}
