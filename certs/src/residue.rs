//! Wipes what libcrypto leaves on the stack.
//!
//! Its curve arithmetic copies a private number into an array of its frame (`g_secret` in `ecp_sm2p256.c` and
//! `ecp_nistp256.c`) and does not clear it. On a thread that then rests (a blocking-pool thread after loading a key) such
//! a frame would survive the key itself.

/// More than the deepest of libcrypto's curve and RSA frames.
const DEPTH: usize = 64 << 10;

/// Runs `work`, then overwrites the stack below this frame, where the frames of `work` were.
pub(crate) fn without_residue<T>(work: impl FnOnce() -> T) -> T {
    #[inline(never)]
    fn overwrite() {
        let mut area = [0u8; DEPTH];
        std::hint::black_box(&mut area);
    }
    // Not inlined either: its frame would be this one, which is not overwritten.
    #[inline(never)]
    fn framed<T>(work: impl FnOnce() -> T) -> T {
        work()
    }
    let result = framed(work);
    overwrite();
    result
}
