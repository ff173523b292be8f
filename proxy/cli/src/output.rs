//! Standard output of commands that print a result.

use std::io::{self, Write as _};

/// Writes `text` and a newline. A reader that has seen enough is no error.
pub(crate) fn line(text: &str) -> io::Result<()> {
    match writeln!(io::stdout().lock(), "{text}") {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}
