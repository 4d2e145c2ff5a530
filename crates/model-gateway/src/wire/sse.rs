//! The data of server-sent events, out of pieces of any size.
//! (<https://html.spec.whatwg.org/multipage/server-sent-events.html>)

/// The longest event that is read. A longer one passes unread.
const MAX_EVENT: usize = 8 << 20;

/// What is left of an event that has not ended.
#[derive(Debug, Default)]
pub(super) struct Events {
    line: Vec<u8>,
    data: Vec<u8>,
    too_long: bool,
}

impl Events {
    /// Reads a piece, and calls `each` with the data of every event that ends in it.
    pub(super) fn feed(&mut self, mut piece: &[u8], mut each: impl FnMut(&[u8])) {
        while let Some(end) = piece.iter().position(|byte| *byte == b'\n') {
            self.keep(&piece[..end]);
            piece = &piece[end + 1..];
            self.line_ended(&mut each);
        }
        self.keep(piece);
    }

    /// Whether an event was not read because of its length.
    pub(super) fn missed_one(&self) -> bool {
        self.too_long
    }

    /// An event at the end of a stream that no blank line closes.
    pub(super) fn end(&mut self, mut each: impl FnMut(&[u8])) {
        self.line_ended(&mut each);
        self.line_ended(&mut each);
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.line.len() + bytes.len() > MAX_EVENT {
            self.too_long = true;
            self.line.clear();
        } else {
            self.line.extend_from_slice(bytes);
        }
    }

    fn line_ended(&mut self, each: &mut impl FnMut(&[u8])) {
        let line = self.line.strip_suffix(b"\r").unwrap_or(&self.line);
        if line.is_empty() {
            if !self.data.is_empty() {
                each(&self.data);
                self.data.clear();
            }
        } else if let Some(data) = line.strip_prefix(b"data:") {
            if self.data.len() + data.len() > MAX_EVENT {
                self.too_long = true;
                self.data.clear();
            } else {
                self.data.extend_from_slice(data.strip_prefix(b" ").unwrap_or(data));
            }
        }
        self.line.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_out_of_pieces_of_any_size() {
        let stream = b"event: a\r\ndata: {\"x\":1}\r\n\r\n: ping\n\ndata:{\"y\":\ndata: 2}\n\ndata: end";
        for size in 1..stream.len() {
            let (mut events, mut seen) = (Events::default(), Vec::new());
            for piece in stream.chunks(size) {
                events.feed(piece, |data| seen.push(String::from_utf8_lossy(data).into_owned()));
            }
            events.end(|data| seen.push(String::from_utf8_lossy(data).into_owned()));
            assert_eq!(seen, [r#"{"x":1}"#, r#"{"y":2}"#, "end"], "{size}");
        }
    }

    #[test]
    fn an_endless_line_takes_no_memory() {
        let mut events = Events::default();
        for _ in 0..64 {
            events.feed(&vec![b'x'; 1 << 20], |_| {});
        }
        assert!(events.line.len() <= MAX_EVENT && events.missed_one());
    }
}
