//! Breaches of HTTP/2 that end a connection, by name: floods, which the frame guard stops, and what the library refuses, which
//! is told from the last frame that it writes.

/// What of the client's ended the connection: a flood that was stopped here, or what the library refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Breach {
    Continuation,
    EmptyData,
    Ping,
    Priority,
    Reset,
    Settings,
    Unknown,
    WindowUpdate,
    /// A header block that is no HPACK.
    Compression,
    /// More resets, or more that has to be reset, than the library bears.
    Excess,
    FlowControl,
    FrameSize,
    Protocol,
    StreamClosed,
    /// Any other code that the library has for it.
    Refused,
}

impl Breach {
    /// The name used in logs and metrics.
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::Continuation => "h2_continuation_flood",
            Self::EmptyData => "h2_empty_data_flood",
            Self::Ping => "h2_ping_flood",
            Self::Priority => "h2_priority_flood",
            Self::Reset => "h2_reset_flood",
            Self::Settings => "h2_settings_flood",
            Self::Unknown => "h2_unknown_frame_flood",
            Self::WindowUpdate => "h2_window_update_flood",
            Self::Compression => "h2_compression_error",
            Self::Excess => "h2_excess",
            Self::FlowControl => "h2_flow_control_error",
            Self::FrameSize => "h2_frame_size_error",
            Self::Protocol => "h2_protocol_error",
            Self::StreamClosed => "h2_stream_closed",
            Self::Refused => "h2_refused",
        }
    }

    /// What a GOAWAY with this code says of the client (RFC 9113 §7); `None` = nothing.
    pub(super) const fn of_code(code: u32) -> Option<Self> {
        Some(match code {
            // An orderly end, and a defect of our own.
            0 | 2 => return None,
            1 => Self::Protocol,
            3 => Self::FlowControl,
            5 => Self::StreamClosed,
            6 => Self::FrameSize,
            9 => Self::Compression,
            11 => Self::Excess,
            _ => Self::Refused,
        })
    }
}

/// Most of what was written last that is kept: a GOAWAY with the debugging words that the library adds.
const TAIL: usize = 64;

/// The end of what was written.
#[derive(Debug)]
pub(super) struct Tail {
    bytes: [u8; TAIL],
    length: usize,
}

impl Tail {
    pub(super) const fn new() -> Self {
        Self { bytes: [0; TAIL], length: 0 }
    }

    pub(super) fn push(&mut self, written: &[u8]) {
        let written = &written[written.len().saturating_sub(TAIL)..];
        let kept = self.length.min(TAIL - written.len());
        self.bytes.copy_within(self.length - kept..self.length, 0);
        self.length = kept + written.len();
        self.bytes[kept..self.length].copy_from_slice(written);
    }

    /// The code of the GOAWAY that this ends with.
    pub(super) fn goaway(&self) -> Option<u32> {
        const GOAWAY: u8 = 7;
        let written = &self.bytes[..self.length];
        (0..self.length).find_map(|start| {
            let [high, middle, low, GOAWAY, _, 0, 0, 0, 0, payload @ ..] = &written[start..] else { return None };
            let length = usize::from(*high) << 16 | usize::from(*middle) << 8 | usize::from(*low);
            let code = payload.get(4..8).filter(|_| payload.len() == length)?;
            code.try_into().ok().map(u32::from_be_bytes)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goaway(code: u32, debug: &[u8]) -> Vec<u8> {
        let length = u8::try_from(8 + debug.len()).unwrap();
        [&[0, 0, length, 7, 0, 0, 0, 0, 0, 0, 0, 0, 1], &code.to_be_bytes()[..], debug].concat()
    }

    #[test]
    fn a_goaway_is_found_at_the_end_of_what_was_written_however_it_was_cut() {
        for debug in [&b""[..], b"too_many_internal_resets"] {
            let written = [vec![0x55; 300], goaway(11, debug)].concat();
            for size in [1, 7, 64, 65, 1000] {
                let mut tail = Tail::new();
                written.chunks(size).for_each(|piece| tail.push(piece));
                assert_eq!(tail.goaway(), Some(11), "pieces of {size}");
                // Something behind it: it was not the last word.
                tail.push(b"x");
                assert_eq!(tail.goaway(), None, "pieces of {size}");
            }
        }
        assert_eq!(Tail::new().goaway(), None);
    }

    #[test]
    fn an_orderly_end_is_no_breach() {
        assert_eq!([0, 2].map(Breach::of_code), [None, None]);
        assert_eq!([1, 11, 99].map(Breach::of_code), [Breach::Protocol, Breach::Excess, Breach::Refused].map(Some));
    }
}
