//! Declarations of the Tongsuo functions that openssl-sys does not know.
