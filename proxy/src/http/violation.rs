//! What makes a request head or a chunked body unacceptable, each with a stable name.

use http::StatusCode;

/// A breach of HTTP/1 syntax or framing. Every one of them is something that two parsers may read differently, which
/// is what request smuggling lives on, or a bound that was passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Violation {
    /// A line feed without a carriage return before it.
    #[error("line feed without carriage return")]
    BareLf,
    /// A carriage return without a line feed after it.
    #[error("carriage return without line feed")]
    BareCr,
    /// A zero byte.
    #[error("zero byte")]
    Nul,
    /// Another control character.
    #[error("control character")]
    ControlCharacter,
    /// A header line that begins with white space (`obs-fold`).
    #[error("folded header line")]
    ObsFold,
    /// White space between a header name and its colon.
    #[error("white space before the colon of a header")]
    SpaceBeforeColon,
    /// A header line without a name.
    #[error("header without a name")]
    EmptyHeaderName,
    /// A byte that no header name may have.
    #[error("invalid character in a header name")]
    HeaderName,
    /// A method that is empty, too long or no token.
    #[error("invalid method")]
    Method,
    /// A request target that is empty or has a byte outside visible ASCII.
    #[error("invalid request target")]
    Target,
    /// What stands where `HTTP/1.0` or `HTTP/1.1` must.
    #[error("invalid protocol version")]
    Version,
    /// A well-formed version that is not ours.
    #[error("unsupported protocol version")]
    UnsupportedVersion,
    /// `Content-Length` and `Transfer-Encoding` in one message.
    #[error("both Content-Length and Transfer-Encoding")]
    LengthAndTransferEncoding,
    /// More than one `Content-Length`, equal or not, as fields or as a list.
    #[error("more than one Content-Length")]
    SeveralContentLengths,
    /// A `Content-Length` that is not a plain decimal number within 63 bits.
    #[error("invalid Content-Length")]
    ContentLength,
    /// More than one `Transfer-Encoding` field.
    #[error("more than one Transfer-Encoding")]
    SeveralTransferEncodings,
    /// A `Transfer-Encoding` that is not exactly `chunked`.
    #[error("Transfer-Encoding other than chunked")]
    TransferEncoding,
    /// `Transfer-Encoding` in HTTP/1.0.
    #[error("Transfer-Encoding in HTTP/1.0")]
    TransferEncodingInHttp10,
    /// A chunk size that is empty, signed, prefixed, padded, too large or otherwise no plain hexadecimal number.
    #[error("invalid chunk size")]
    ChunkSize,
    /// Chunk extensions beyond the bound.
    #[error("chunk extensions too long")]
    ChunkExtension,
    /// A chunk that does not end with CRLF.
    #[error("chunk does not end with CRLF")]
    ChunkEnd,
    /// A trailer that would change the framing or the routing of the message.
    #[error("forbidden trailer field")]
    TrailerField,
    /// A head, or a trailer section, above the bound in bytes.
    #[error("request head too large")]
    HeadTooLarge,
    /// More header fields than the bound.
    #[error("too many header fields")]
    TooManyHeaders,
    /// A request target above the bound.
    #[error("request target too long")]
    TargetTooLong,
    /// Bytes that stand where a request line must.
    #[error("request line missing")]
    EmptyLines,
}

impl Violation {
    /// The name used in logs, metrics and tests.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::BareLf => "bare_lf",
            Self::BareCr => "bare_cr",
            Self::Nul => "nul",
            Self::ControlCharacter => "control_character",
            Self::ObsFold => "obs_fold",
            Self::SpaceBeforeColon => "space_before_colon",
            Self::EmptyHeaderName => "empty_header_name",
            Self::HeaderName => "header_name",
            Self::Method => "method",
            Self::Target => "target",
            Self::Version => "version",
            Self::UnsupportedVersion => "unsupported_version",
            Self::LengthAndTransferEncoding => "length_and_transfer_encoding",
            Self::SeveralContentLengths => "several_content_lengths",
            Self::ContentLength => "content_length",
            Self::SeveralTransferEncodings => "several_transfer_encodings",
            Self::TransferEncoding => "transfer_encoding",
            Self::TransferEncodingInHttp10 => "transfer_encoding_in_http10",
            Self::ChunkSize => "chunk_size",
            Self::ChunkExtension => "chunk_extension",
            Self::ChunkEnd => "chunk_end",
            Self::TrailerField => "trailer_field",
            Self::HeadTooLarge => "head_too_large",
            Self::TooManyHeaders => "too_many_headers",
            Self::TargetTooLong => "target_too_long",
            Self::EmptyLines => "empty_lines",
        }
    }

    /// The status of the answer.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::HeadTooLarge | Self::TooManyHeaders => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::TargetTooLong => StatusCode::URI_TOO_LONG,
            Self::UnsupportedVersion => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}
