//! A development certificate authority: everything that a first try, an example or a test needs, in memory or in a
//! directory. Not for production: keys are not protected beyond file permissions, and nothing is recorded.

mod der;
pub mod mint;
