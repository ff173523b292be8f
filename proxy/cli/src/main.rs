//! The one binary, `jadegate`.

fn main() {}
