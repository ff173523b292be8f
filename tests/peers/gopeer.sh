# The Go peers in one binary: gmtls (TLCP), gRPC over HTTP/2, and a client that floods with raw HTTP/2 frames.
make_peer() {
    (cd "$PEERS/go" && GOFLAGS='-mod=readonly -trimpath' CGO_ENABLED=0 go build -o "$OUT/bin/gopeer" .)
}
