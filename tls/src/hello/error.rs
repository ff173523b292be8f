//! Where and how a ClientHello is malformed.

/// A ClientHello that cannot be read: what, where, how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} {problem} (at byte {offset} of the {part})")]
pub struct HelloError {
    /// The field or extension, in the words of the standard.
    pub what: &'static str,
    /// What is wrong with it.
    pub problem: Problem,
    /// Where it begins.
    pub offset: usize,
    /// What the offset counts in.
    pub part: Part,
}

/// What an offset of a [`HelloError`] counts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All bytes received on the connection.
    Stream,
    /// The body of the ClientHello.
    Hello,
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Stream => "stream",
            Self::Hello => "hello",
        })
    }
}

/// What is wrong with a part of a ClientHello.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Its length, or a list inside it, runs past the end of what holds it.
    #[error("is cut off")]
    CutOff,
    /// Bytes are left over after it.
    #[error("has bytes left over")]
    LeftOver,
    /// It may not be empty.
    #[error("is empty")]
    Empty,
    /// It comes a second time.
    #[error("comes twice")]
    Twice,
    /// It is longer, or has more entries, than is taken here.
    #[error("is too long")]
    TooLong,
    /// Its value is not a legal one.
    #[error("has an illegal value")]
    Illegal,
    /// It belongs somewhere else: another message, or another place in this one.
    #[error("is out of place")]
    OutOfPlace,
}
