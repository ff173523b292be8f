//! Wipes what libcrypto leaves on the stack.
//!
//! Its curve arithmetic expands a private number into arrays of its frames and does not clear all of them. On a thread
//! that then rests (a blocking-pool thread after loading a key) such a frame would survive the key itself.

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
