//! Jadegate and other people's implementations, each in both roles. Needs the peers that `tests/peers/build` makes.

#[path = "interop/between_peers.rs"]
mod between_peers;
#[path = "interop/go.rs"]
mod go;
#[path = "interop/grid.rs"]
mod grid;
